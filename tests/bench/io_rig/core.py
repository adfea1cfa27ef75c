"""The worker core and its memory: huge pages, priorities, and the yardstick that tells a slow moment of
the machine from slow code."""
import os
import subprocess

HUGE_PAGES = "/sys/kernel/mm/hugepages/hugepages-2048kB/"
MAIN_CORE, WORKER_CORE = 0, 1


class HugePages:
    """Free huge pages for as long as the object is open, given back at the end. Without root, or where the
    memory is too scattered, `there` is false and everybody runs without."""

    def __init__(self, mib):
        self.there = False
        self._taken = 0
        self._wanted = mib // 2

    @staticmethod
    def _read(name):
        with open(HUGE_PAGES + name, encoding="ascii") as file:
            return int(file.read())

    @staticmethod
    def _write(pages):
        with open(HUGE_PAGES + "nr_hugepages", "w", encoding="ascii") as file:
            file.write(str(pages))

    def __enter__(self):
        try:
            before = self._read("nr_hugepages")
            missing = self._wanted - self._read("free_hugepages")
            if missing > 0:
                self._write(before + missing)
                self._taken = self._read("nr_hugepages") - before
            self.there = self._read("free_hugepages") >= self._wanted
        except OSError:
            self.there = False
        return self

    def __exit__(self, *error):
        if self._taken:
            self._write(self._read("nr_hugepages") - self._taken)


def undisturbed(thread):
    """Nobody but the kernel takes the core from `thread` while it runs. Needs root; without it, windows in
    which somebody did are recognised and left out."""
    try:
        os.sched_setscheduler(thread, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(1))
    except PermissionError:
        pass


class Yardstick:
    """The program of that name on the worker core, asked between the windows."""

    def __init__(self, program):
        self._popen = subprocess.Popen([program, str(WORKER_CORE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       text=True)
        self.tsc_hz = float(self._popen.stdout.readline())
        undisturbed(self._popen.pid)

    def measure(self):
        """Cycles per packet of the fixed work."""
        self._popen.stdin.write("\n")
        self._popen.stdin.flush()
        return float(self._popen.stdout.readline())

    def close(self):
        self._popen.stdin.close()
        self._popen.wait(5)
