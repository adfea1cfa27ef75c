"""scripts/demo as a newcomer runs it, after its build; and the rig's own test."""
import os
import subprocess
import sys
import tempfile
import unittest

from lab.processes import run

DEMO = os.path.join(os.path.dirname(os.path.realpath(__file__)), "demo.py")


def spaces_of(pid):
    return [line for line in run(["ip", "netns", "list"]).stdout.split() if line.startswith(f"sluice-{pid}-")]


class Demo(unittest.TestCase):
    def run_demos(self, count, *options):
        """Side by side; returns (exit status, output) of each after checking that nothing is left."""
        files = [tempfile.TemporaryFile("w+") for _ in range(count)]
        demos = [subprocess.Popen([sys.executable, DEMO, *options], stdin=subprocess.DEVNULL, stdout=file,
                                  stderr=subprocess.STDOUT) for file in files]
        results = []
        for demo, file in zip(demos, files):
            status = demo.wait(300)
            file.seek(0)
            results.append((status, file.read()))
            file.close()
            self.assertEqual(spaces_of(demo.pid), [], "namespaces were left behind")
        return results

    def test_once(self):
        """demo --once proves everything, cleans up and exits 0"""
        (status, said), = self.run_demos(1, "--once")
        self.assertEqual(status, 0, said)
        self.assertIn(" 0 failed", said)
        self.assertNotIn("FAILED", said)
        print("\n".join("       " + line for line in said.splitlines() if line.startswith("proven")), flush=True)

    def test_two_reference_networks_side_by_side(self):
        """Two networks run side by side, and the rig's checks hold for the Linux kernel in the gateway's place"""
        for status, said in self.run_demos(2, "--reference"):
            self.assertEqual(status, 0, said)
