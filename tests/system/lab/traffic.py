"""What hosts send through the gateway, and what they measured."""
import json
import os
import re
import signal
from dataclasses import dataclass

from .deadline import wait_until


@dataclass(frozen=True)
class PingResult:
    sent: int
    received: int
    average_ms: float
    output: str

    @property
    def words(self):
        return f"{self.received}/{self.sent} replies" + (f", {self.average_ms:.2f} ms" if self.received else "")


def ping(space, address, count=5, interval=0.05, timeout_s=2, options=()):
    done = space.run("ping", "-n", "-c", count, "-i", interval, "-W", timeout_s, *options, address, check=False)
    sent, received = map(int, re.search(r"(\d+) packets transmitted, (\d+) received", done.stdout).groups())
    average = re.search(r"= [\d.]+/([\d.]+)/", done.stdout)
    return PingResult(sent, received, float(average.group(1)) if average else 0.0, done.stdout)


class PingStream:
    """Pings until stopped; knows which were not answered and how long the longest silence was."""

    def __init__(self, space, address, interval=0.01):
        self.path = os.path.join(space.directory, f"ping-{space.name}-{address}.txt".replace(":", "_"))
        self._out = open(self.path, "wb")
        self.process = space.spawn("ping", "ping", "-n", "-D", "-i", interval, address, stdout=self._out)

    def replies(self):
        """[(sequence number, receive time)]; duplicates count once."""
        with open(self.path, encoding="ascii", errors="replace") as file:
            found = re.findall(r"\[([\d.]+)\] \d+ bytes from .* icmp_seq=(\d+)", file.read())
        return sorted({int(sequence): float(time) for time, sequence in found}.items())

    def stop(self):
        """Returns (answered, lost, longest gap in seconds). The last ones may still be on their way
        and do not count: only numbers below the last answered one can be lost."""
        self.process.signal(signal.SIGINT)
        self.process.wait()
        self._out.close()
        replies = self.replies()
        if not replies:
            return 0, 0, float("inf")
        lost = replies[-1][0] - replies[0][0] + 1 - len(replies)
        times = [time for _, time in replies]
        gap = max((later - earlier for earlier, later in zip(times, times[1:])), default=0.0)
        return len(replies), lost, gap


def iperf3(client, server, address, seconds=3, options=()):
    """Mbit/s that arrived. The server serves one test and ends."""
    serving = server.spawn("iperf3", "iperf3", "--server", "--one-off", "--bind", address, "--forceflush")
    wait_until("iperf3 listens", lambda: address in server.run("ss", "-Hltn", "sport", "=", ":5201").stdout)
    done = client.run("iperf3", "--client", address, "--time", seconds, "--json", *options, check=False,
                      timeout=seconds + 30)
    serving.stop()
    report = json.loads(done.stdout)
    if "error" in report:
        raise RuntimeError(f"iperf3 {address}: {report['error']}")
    received = report["end"].get("sum_received") or report["end"]["sum"]
    return received["bits_per_second"] / 1e6


def traceroute(space, address):
    """Addresses that answered, in order; '*' where nobody did."""
    family = "-6" if ":" in address else "-4"
    done = space.run("traceroute", family, "-n", "-q", 1, "-w", 1, "-m", 8, address)
    return [line.split()[1] for line in done.stdout.splitlines()[1:]]


def path_mtu(space, address, size):
    """Sends one packet of `size` bytes that must not be fragmented; returns what the kernel learned
    about the path, or None when it learned nothing."""
    space.run("ip", "route", "flush", "cache", check=False)
    headers = 48 if ":" in address else 28
    answer = ping(space, address, count=2, interval=0.2, timeout_s=1, options=("-M", "do", "-s", size - headers))
    learned = re.search(r"mtu (\d+)", space.run("ip", "route", "get", address).stdout)
    return (int(learned.group(1)) if learned else None), answer.output
