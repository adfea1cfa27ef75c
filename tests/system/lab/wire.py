"""The far end of a port: sends any frame, and receives every frame with its VLAN tag. A packet
socket made inside a namespace stays there, so one process holds the wires of all."""
import ctypes
import errno
import os
import socket
import struct
import threading

from .deadline import DeadlineExceeded, wait_until

from scapy.all import Dot1Q, Ether, PcapWriter

ETH_P_ALL = 3
SOL_PACKET, PACKET_AUXDATA, PACKET_IGNORE_OUTGOING = 263, 8, 23
TP_STATUS_VLAN_VALID = 1 << 4
CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _packet_socket(namespace, device):
    """Only this thread enters the namespace."""
    made = []

    def enter():
        descriptor = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
        try:
            if _libc.setns(descriptor, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), f"setns {namespace}")
            made.append(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)))
            made[0].bind((device, ETH_P_ALL))
        finally:
            os.close(descriptor)
    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    return made[0]


class Wire:
    def __init__(self, space, device):
        self.device = device
        self.pcap_path = os.path.join(space.directory, f"wire-{device}.pcap")
        self._pcap = PcapWriter(self.pcap_path, append=os.path.exists(self.pcap_path), sync=True, linktype=1)
        self._socket = _packet_socket(space.name, device)
        self._socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self._socket.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        self._socket.setblocking(False)
        self._waiting = []

    def send(self, *frames):
        for frame in frames:
            raw = bytes(frame)
            self._pcap.write(Ether(raw))
            self._socket.send(raw)

    def _take(self):
        """Everything that has arrived, as raw frames with the tag back in its place."""
        while True:
            try:
                raw, ancillary, _, _ = self._socket.recvmsg(65536, 256)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENETDOWN:  # said once when a link goes down
                    raise
                continue
            for level, kind, content in ancillary:
                if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
                    status, _, _, _, _, tci, tpid = struct.unpack("IIIHHHH", content[:20])
                    if status & TP_STATUS_VLAN_VALID:
                        raw = raw[:12] + struct.pack("!HH", tpid or 0x8100, tci) + raw[12:]
            frame = Ether(raw)
            self._pcap.write(frame)
            self._waiting.append(frame)

    def receive(self, what, wanted, seconds=10.0):
        """The first frame for which wanted(frame) is true; the others are kept."""
        def look():
            self._take()
            for i, frame in enumerate(self._waiting):
                if wanted(frame):
                    return self._waiting.pop(i)
            return None
        try:
            return wait_until(what, look, seconds, interval=0.002)
        except DeadlineExceeded:
            seen = "; ".join(frame.summary() for frame in self._waiting[-5:]) or "nothing"
            raise AssertionError(f"{what}: not on {self.device} within {seconds:g} s; seen: {seen}") from None

    def pending(self, wanted):
        """What has arrived so far and matches."""
        self._take()
        return [frame for frame in self._waiting if wanted(frame)]

    def forget(self):
        self._take()
        self._waiting.clear()

    def close(self):
        self._socket.close()
        self._pcap.close()


def tagged(vlan):
    """A predicate: the frame carries this VLAN."""
    return lambda frame: Dot1Q in frame and frame[Dot1Q].vlan == vlan
