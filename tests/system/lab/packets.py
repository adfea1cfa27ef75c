"""Frames as they are on the switch's ports: captured by tcpdump, judged by scapy and tshark."""
import logging
import os
import signal

from .deadline import wait_until
from .processes import run

logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.all import rdpcap  # noqa: E402  (scapy warns while it is imported)


class Capture:
    """Everything on one device between start and stop."""

    def __init__(self, space, device, bpf=""):
        self.path = os.path.join(space.directory, f"{space.name}-{device}-{id(self):x}.pcap")
        # -U: complete after every packet; --immediate-mode: no waiting for a full buffer.
        self.process = space.spawn("tcpdump", "tcpdump", "-i", device, "-U", "--immediate-mode", "-s", 0, "-w", self.path,
                                   *([bpf] if bpf else []))
        wait_until("tcpdump listens", lambda: "listening on" in self.process.log())

    def wait_for(self, what, found, seconds=5.0):
        """Packets, as soon as found(packets) is true."""
        def look():
            packets = self._read()
            return packets if found(packets) else None
        return wait_until(what, look, seconds, interval=0.05)

    def stop(self):
        self.process.signal(signal.SIGINT)
        self.process.wait()
        return self._read()

    def _read(self):
        if not os.path.exists(self.path) or os.path.getsize(self.path) <= 24:
            return []
        try:
            return list(rdpcap(self.path))
        except EOFError:
            return []


def complaints(path):
    """What tshark calls malformed or wrong in a capture: one line each."""
    # Payloads of tests are no DNS, whatever port they go to.
    argv = ["tshark", "-r", path, "-n", "--disable-protocol", "dns"]
    for option in ("ip.check_checksum", "tcp.check_checksum", "udp.check_checksum"):
        argv += ["-o", f"{option}:TRUE"]
    argv += ["-Y", "_ws.malformed || ip.checksum.status == 0 || tcp.checksum.status == 0 || "
             "udp.checksum.status == 0 || icmp.checksum.status == 0 || icmpv6.checksum.status == 0"]
    return [line for line in run(argv).stdout.splitlines() if line.strip()]


def matching(path, display_filter):
    """How many frames of a capture a tshark filter finds."""
    return len(run(["tshark", "-r", path, "-n", "-Y", display_filter]).stdout.splitlines())
