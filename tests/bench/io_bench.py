#!/usr/bin/python3
"""What our whole process needs beyond the bare reading and writing of packets, beside DPDK's l3fwd:
rows l3.net_of_io.* and l3.l3fwd.*, one JSON object per line.

  io_bench.py --build DIRECTORY [--only GLOB] [--rounds N] [--nodes]

All programs have the same ports (an endless pcap file, a sink), mbufs and cache, run on the worker core
in turn, and are measured in TSC cycles of that core per packet sent. `value` is scaled to a quiet yardstick
and the median of the windows in which it was quiet; `raw` is the median of all windows as the clock said.
A program that forwards less than 99.9 % of what it receives fails the run. As root it takes huge pages and
the core for itself; else it does without.
"""
import argparse
import contextlib
import fnmatch
import json
import os
import signal
import sys
import tempfile

TESTS = os.path.realpath(os.path.join(os.path.dirname(__file__), ".."))
sys.path[:0] = [os.path.join(TESTS, "system"), os.path.join(TESTS, "bench")]

from io_rig import forwarders, traffic, windows  # noqa: E402
from io_rig.core import HugePages, Yardstick, undisturbed  # noqa: E402

ROWS = ("l3.net_of_io.{}", "l3.total.{}", "l3.l3fwd.total.{}", "l3.l3fwd.net.{}", "l3.io.{}")


def row(name, found, setting, huge, **more):
    print(json.dumps({"name": name, "value": round(found.value, 1), "unit": "cycles/packet", "burst": 32,
                      "mbufs": setting.mbufs, "mbuf_cache": setting.cache, "flows": setting.flows,
                      "raw": round(found.raw, 1), "windows": found.windows, "quiet_windows": found.quiet_windows,
                      "huge_pages": huge, **more}), flush=True)


def report(measured, setting, huge, nodes):
    quietest = windows.quietest_of(measured)
    io, ours, theirs = measured["io"], measured["sluice"], measured["l3fwd"]
    row(f"l3.io.{setting.name}", windows.total(io, quietest), setting, huge)
    row(f"l3.total.{setting.name}", windows.total(ours, quietest), setting, huge, **nodes)
    row(f"l3.l3fwd.total.{setting.name}", windows.total(theirs, quietest), setting, huge)
    reference = windows.net(theirs, io, quietest)
    row(f"l3.l3fwd.net.{setting.name}", reference, setting, huge)
    row(f"l3.net_of_io.{setting.name}", windows.net(ours, io, quietest), setting, huge,
        reference=round(reference.value, 1))


def run(setting, options, yardstick):
    flows = traffic.flows(setting.flows)
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="sluice-bench-"))
        huge = stack.enter_context(HugePages(3 * setting.mib + forwarders.L3FWD_TABLES_MIB + 32)).there
        tagged, untagged = (os.path.join(directory, name) for name in ("tagged.pcap", "untagged.pcap"))
        traffic.write_pcap(tagged, (traffic.frame(flow, True) for flow in flows))
        traffic.write_pcap(untagged, (traffic.frame(flow, False) for flow in flows))
        started = {}

        def start(name, make, *arguments):
            one = started[name] = make(setting, *arguments)
            stack.callback(one.close)
            one.settle()
            one.hold()
        start("sluice", forwarders.Sluice, tagged, huge, directory)
        start("io", forwarders.testpmd, tagged, huge, directory)
        start("l3fwd", forwarders.l3fwd, untagged, huge, directory,
              os.path.join(options.build, f"tests/bench/l3fwd-{setting.name}"))
        undisturbed(0)  # only now: the start of the programs takes seconds
        measured = windows.measure(started, yardstick, options.rounds)
        nodes = {}
        if options.nodes:
            with started["sluice"].running():
                nodes["nodes"] = started["sluice"].nodes()
        report(measured, setting, huge, nodes)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, help="meson's build directory")
    parser.add_argument("--only", metavar="GLOB", default="*", help="only the settings that have a matching row")
    parser.add_argument("--rounds", type=int, default=32)
    parser.add_argument("--nodes", action="store_true", help="sampled cycles per packet of our nodes, too")
    options = parser.parse_args()
    wanted = [setting for setting in (forwarders.HOT, forwarders.COLD)
              if any(fnmatch.fnmatch(name.format(setting.name), options.only) for name in ROWS)]
    if not wanted:
        return
    # Huge pages and children are given back on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    yardstick = Yardstick(os.path.join(options.build, "tests/bench/yardstick_meter"))
    for setting in wanted:
        run(setting, options, yardstick)
    yardstick.close()


if __name__ == "__main__":
    main()
