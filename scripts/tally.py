#!/usr/bin/python3
"""Adds up meson's test logs and prints the closing line of scripts/test.

A Catch2 program counts as many tests as it has test cases, a system test what its last
line says, any other program one.
No test at all is a failure: silence must not look like success.
"""

import json
import pathlib
import re
import sys

ALL_PASSED = re.compile(r"^All tests passed \(.* in (\d+) test cases?\)", re.M)
SOME_FAILED = re.compile(r"^test cases: *\d+ \|(.*)$", re.M)
COUNTED = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", re.M)
PASSED = ("OK", "EXPECTEDFAIL")
SKIPPED = ("SKIP", "IGNORED")


def count(test):
    """(passed, failed, skipped) of one line of a log."""
    if test["result"] in SKIPPED:
        return 0, 0, 1
    output = test.get("stdout") or ""
    if counted := COUNTED.findall(output):
        passed, failed, skipped = map(int, counted[-1])
        return passed, failed if test["result"] in PASSED else max(failed, 1), skipped
    if test["result"] in PASSED:
        return sum(int(n) for n in ALL_PASSED.findall(output)) or 1, 0, 0
    passed = failed = 0
    for summary in SOME_FAILED.findall(output):
        cases = {word: int(n) for n, word in re.findall(r"(\d+) (passed|failed)", summary)}
        passed += cases.get("passed", 0)
        failed += cases.get("failed", 0)
    return passed, max(failed, 1), 0


def tally(lines):
    sums = [0, 0, 0]
    failures = []
    for line in lines:
        test = json.loads(line)
        numbers = count(test)
        sums = [a + b for a, b in zip(sums, numbers)]
        if numbers[1]:
            failures.append(test["name"])
    return sums, failures


def main():
    lines = [line for log in sorted(pathlib.Path(sys.argv[1]).glob("*.json"))
             for line in log.read_text(errors="replace").splitlines() if line.strip()]
    (passed, failed, skipped), failures = tally(lines)
    if not lines:
        failed = 1
        failures.append("no test ran")
    for name in failures:
        print(f"failed: {name}")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
