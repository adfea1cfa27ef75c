"""Child processes that cannot outlive the rig: each one is known by pid, logs into the private
directory, and gets SIGKILL from the kernel when the rig itself is killed."""
import ctypes
import os
import signal
import subprocess

from .deadline import wait_until

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def _die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.setpgid(0, 0)  # Ctrl-C reaches the rig only, which then ends its children in order


class Process:
    def __init__(self, name, argv, log_path, stdout=None):
        self.name, self.argv, self.log_path = name, argv, log_path
        self._log = open(log_path, "ab")
        self.popen = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=stdout or self._log,
                                      stderr=self._log, preexec_fn=_die_with_parent)

    @property
    def pid(self):
        return self.popen.pid

    def alive(self):
        return self.popen.poll() is None

    def signal(self, number):
        if self.alive():
            self.popen.send_signal(number)

    def wait(self, seconds=10.0):
        return self.popen.wait(seconds)

    def stop(self, seconds=5.0):
        """SIGTERM, then SIGKILL at the deadline. Returns the exit status."""
        self.signal(signal.SIGTERM)
        try:
            status = self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            status = self.popen.wait()
        self._log.close()
        return status

    def kill(self):
        self.signal(signal.SIGKILL)
        return self.popen.wait()

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def wait_for_exit(self, seconds):
        return wait_until(f"{self.name} ends", lambda: not self.alive(), seconds)


def run(argv, check=True, timeout=60.0, **options):
    """Runs to the end and returns the completed process with text output; a failure names the command."""
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout,
                          check=False, **options)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: exit {done.returncode}: {(done.stderr or done.stdout).strip()}")
    return done
