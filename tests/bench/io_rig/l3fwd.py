#!/usr/bin/python3
"""Builds DPDK's l3fwd from the examples of Debian's dpdk-doc, as its Makefile does, with three changes:

* no receive offloads asked for: no virtual port has those that it insists on;
* the size of the mempool and of its per-core cache as given, so that every program has the same.

  l3fwd.py EXAMPLES OUTPUT MBUFS CACHE
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile


def replace_once(text, pattern, replacement, path):
    changed, count = re.subn(pattern, replacement, text)
    if count != 1:
        raise SystemExit(f"l3fwd.py: {path}: {pattern!r} found {count} times; not the l3fwd of DPDK 22.11")
    return changed


def edit(path, changes):
    text = path.read_text()
    for pattern, replacement in changes:
        text = replace_once(text, pattern, replacement, path)
    path.write_text(text)


def build(examples, output, mbufs, cache):
    with tempfile.TemporaryDirectory() as scratch:
        sources = pathlib.Path(scratch) / "l3fwd"
        shutil.copytree(pathlib.Path(examples) / "l3fwd", sources)
        shutil.copytree(pathlib.Path(examples) / "common", pathlib.Path(scratch) / "common")
        edit(sources / "main.c", [(r"\.offloads = RTE_ETH_RX_OFFLOAD_CHECKSUM,", ".offloads = 0,"),
                                  (r"\(unsigned\)8192\)", f"(unsigned){mbufs})")])
        edit(sources / "l3fwd.h", [(r"#define MEMPOOL_CACHE_SIZE 256", f"#define MEMPOOL_CACHE_SIZE {cache}")])
        done = subprocess.run(["make", "-C", sources, "shared"], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"l3fwd.py: l3fwd does not build: {done.stderr[-2000:]}")
        shutil.copy(sources / "build/l3fwd-shared", output)


if __name__ == "__main__":
    build(*sys.argv[1:])
