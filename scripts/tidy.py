#!/usr/bin/python3
"""The house rules that no compiler checks; run as the ordinary test `tidy`.

  scripts/tidy.py [ROOT [BUILD]]     one line per fault, exit 1 if there is any
  scripts/tidy.py --rfcs             every RFC section that the code cites, with its files
"""

import json
import os
import pathlib
import re
import sys

import tidy_functions
import tidy_includes

CODE_FOLDERS = ("proto", "dataplane", "control", "tools", "tests")
FILE_LINES_MAX = 800
FUNCTION_LINES_MAX = 70
TEST_FUNCTION_LINES_MAX = 100  # a test's table of rows is data, not logic
# Longer than the rule, each with its reason: {path: why}.
LONG_FILES = {}

BANNED_WORDS = {"manager", "managers", "helper", "helpers", "util", "utils", "common", "misc", "base", "data", "info",
                "processor", "wrapper"}
BANNED_ALONE = {"handler", "context"}
# A node's context is rte_graph's own word for it; the type lives in the node's namespace.
CONTEXT_ALLOWED = ("dataplane/nodes/", "dataplane/graph/")

TYPE = re.compile(r"^\s*(?:template\s*<.*>\s*)?(?:class|struct|union|enum(?:\s+class|\s+struct)?)\s+"
                  r"(?:alignas\([^)]*\)\s+|\[\[\w+\]\]\s+)*(\w+)\s*(?:final\s*)?(?:[:{]|$)|^\s*using\s+(\w+)\s*=", re.M)
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
SLEEP = re.compile(r"\b(sleep_for|sleep_until|usleep|nanosleep|sleep|rte_delay_\w+|absl::SleepFor)\s*\(")
CLOCK = re.compile(r"\b(system_clock|steady_clock|high_resolution_clock)::now\s*\(|\babsl::Now\s*\(|\bclock_gettime\s*\(")
CLOCK_ALLOWED = ("control/io/", "control/main.cc", "dataplane/eal/", "dataplane/main.cc", "tools/", "tests/bench/",
                 "tests/system/", "tests/lib/")
TODO = re.compile(r"\b(TODO|FIXME|XXX)\b(?!\(#\d+\))")
RFC = re.compile(r"\bRFC (\d{3,5})(?:,? sections? (\d[\d.]*(?:(?:, | and )\d[\d.]*)*))?")
LEFTOVER = re.compile(r"\.\./shared\b|/work/(main|wt|shared|brief)\b|<<<<<<< |>>>>>>> ")


def words(name):
    return [word.lower() for part in name.split("_") for word in WORD.findall(part)]


def name_fault(name):
    found = words(name)
    bad = [word for word in found if word in BANNED_WORDS]
    if bad:
        return f"'{name}': '{bad[0]}' says nothing; name what it does"
    if len(found) == 1 and found[0] in BANNED_ALONE:
        return f"'{name}' alone says nothing; name what it handles or holds"
    return None


def line_of(text, at):
    return text.count("\n", 0, at) + 1


def name_faults(path, text):
    stem = path.rsplit("/", 1)[-1].split(".")[0]
    for part in path.split("/")[:-1] + [stem]:
        if name_fault(part):
            yield 1, name_fault(part)
    for match in TYPE.finditer(tidy_functions.code_only(text)):
        name = match.group(1) or match.group(2)
        if name == "Context" and path.startswith(CONTEXT_ALLOWED):
            continue
        if name_fault(name):
            yield line_of(text, match.start(match.lastindex)), name_fault(name)


def size_faults(path, text):
    lines = text.count("\n")
    if lines > FILE_LINES_MAX and path not in LONG_FILES:
        yield 1, f"{lines} lines; {FILE_LINES_MAX} is the limit"
    in_test = path.endswith("_test.cc") or path.startswith("tests/")
    limit = TEST_FUNCTION_LINES_MAX if in_test else FUNCTION_LINES_MAX
    for first, count, header in tidy_functions.functions(text):
        if count > limit:
            yield first, f"function of {count} lines; {limit} is the limit: {header[:60]}"


def time_faults(path, text):
    code = tidy_functions.code_only(text)
    if path.endswith("_test.cc") or path.startswith("tests/"):
        if not path.startswith(("tests/bench/", "tests/system/")):
            for match in SLEEP.finditer(code):
                yield line_of(code, match.start()), f"{match.group(1)} in a test: wait for the event instead"
    elif not path.startswith(CLOCK_ALLOWED):
        for match in CLOCK.finditer(code):
            yield line_of(code, match.start()), "time is an argument; only control/io and dataplane/eal read a clock"


def text_faults(path, text):
    for match in TODO.finditer(text):
        yield line_of(text, match.start()), f"{match.group(1)} without an issue number: write TODO(#12)"
    for match in LEFTOVER.finditer(text):
        yield line_of(text, match.start()), f"leftover '{match.group().strip()}'"
    if not text.startswith("//"):
        yield 1, "a file opens with one to three lines saying why it exists"


def citations(text):
    """[(position, rfc, section or None)]; `RFC 1812 sections 4.2 and 5.3` cites two."""
    # A citation may run over a line end of a comment.
    flat = re.sub(r"\n[ \t]*(//|#|\*)?", lambda m: " " * len(m.group()), text)
    flat = re.sub(r"(?<=\S) +(?=\S)", lambda m: " " + "\0" * (len(m.group()) - 1), flat)
    places = [i for i, char in enumerate(flat) if char != "\0"]
    for match in RFC.finditer(flat.replace("\0", "")):
        sections = re.findall(r"\d[\d.]*", match.group(2) or "") or [None]
        for section in sections:
            yield places[match.start()], int(match.group(1)), section and section.rstrip(".")


def standards_rows(text):
    """{rfc: {section}} of docs/standards.md; rows are | RFC 791 | 3.2, 4.1 | … |."""
    rows = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        match = re.match(r"RFC (\d+)", cells[1]) if len(cells) > 3 else None
        if match:
            rows.setdefault(int(match.group(1)), set()).update(re.findall(r"\d[\d.]*", cells[2]))
    return rows


def listed(rows, rfc, section):
    if rfc not in rows:
        return False
    if section is None:
        return True
    parts = section.split(".")
    return any(".".join(parts[:i]) in rows[rfc] for i in range(1, len(parts) + 1))


def rfc_faults(rows, text):
    for at, rfc, section in citations(text):
        if not listed(rows, rfc, section):
            where = f" section {section}" if section else ""
            yield line_of(text, at), f"RFC {rfc}{where} is not in docs/standards.md"


def compiled_sources(root, build):
    """Absolute paths of everything meson compiles, or None without a build configured since the last change."""
    targets = pathlib.Path(build) / "meson-info/intro-targets.json"
    listings = [root / "meson.build", *(path for folder in CODE_FOLDERS for path in (root / folder).rglob("meson.build"))]
    if not targets.is_file() or any(path.stat().st_mtime > targets.stat().st_mtime for path in listings):
        print("scripts/tidy.py: no current build, so that sources are not looked for in meson.build", file=sys.stderr)
        return None
    # Of files that are compiled together meson tells the generated ones that include them.
    return {os.path.realpath(os.path.join(build, part)) for target in json.loads(targets.read_text())
            for group in target["target_sources"] for source in group.get("sources", []) + group.get("generated_sources", [])
            for part in parts_of(source)}


def parts_of(source):
    """The file, or the files that meson's unity file includes."""
    path = pathlib.Path(source)
    if "-unity" not in path.name or not path.is_file():
        return [source]
    return re.findall(r'^#include ?[<"]([^>"]+)[>"]', path.read_text(), re.MULTILINE)


def source_files(root):
    for folder in CODE_FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".cc", ".h"):
                yield path


def main(arguments):
    root = pathlib.Path(arguments[0] if arguments else pathlib.Path(__file__).parent.parent).resolve()
    build = arguments[1] if len(arguments) > 1 else root / "build"
    rows = standards_rows((root / "docs/standards.md").read_text())
    compiled = compiled_sources(root, build)
    fault_count = 0
    for file in source_files(root):
        path, text = str(file.relative_to(root)), file.read_text()
        faults = [*tidy_includes.faults(path, text), *name_faults(path, text), *size_faults(path, text),
                  *time_faults(path, text), *text_faults(path, text), *rfc_faults(rows, text)]
        if file.suffix == ".cc" and compiled is not None and os.path.realpath(file) not in compiled:
            faults.append((1, "listed in no meson.build"))
        for line, message in sorted(faults):
            print(f"{path}:{line}: {message}")
        fault_count += len(faults)
    if fault_count:
        print(f"scripts/tidy.py: {fault_count} faults", file=sys.stderr)
    return 1 if fault_count else 0


def print_rfcs():
    root = pathlib.Path(__file__).parent.parent.resolve()
    cited = {}
    for file in source_files(root):
        for _, rfc, section in citations(file.read_text()):
            parts = tuple(int(part) for part in section.split(".")) if section else ()
            cited.setdefault((rfc, parts), set()).add(str(file.relative_to(root)))
    for (rfc, parts), files in sorted(cited.items()):
        print(f"RFC {rfc}\t{'.'.join(map(str, parts)) or '-'}\t{' '.join(sorted(files))}")


if __name__ == "__main__":
    if sys.argv[1:] == ["--rfcs"]:
        print_rfcs()
    else:
        sys.exit(main(sys.argv[1:]))
