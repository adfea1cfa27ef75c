"""The packets of the whole-process rows, as pcap files: 64-byte UDP frames of many flows, tagged with
their tenant's VLAN for us, untagged and otherwise the same for l3fwd."""
import random
import struct
from dataclasses import dataclass

# What net_pcap answers as the address of the first port of a process.
RECEIVER_MAC = bytes.fromhex("027063617000")
SENDER_MAC = bytes.fromhex("020000000001")
FRAME_BYTES = 64
TENANTS = 100
# Behind every tenant's second connection: the same ten sites, each a /16.
SITES = tuple(f"10.{site}.0.0/16" for site in range(1, 11))


@dataclass(frozen=True)
class Flow:
    vlan: int
    source: int  # IPv4 address
    destination: int
    source_port: int
    destination_port: int


def flows(count, seed=99):
    """`count` flows, no two alike, over all tenants and sites in random order."""
    rng = random.Random(seed)
    found = set()
    while len(found) < count:
        found.add(Flow(1 + rng.randrange(TENANTS), 0x0A000000 | rng.randrange(1 << 16),
                       0x0A000000 | (1 + rng.randrange(len(SITES))) << 16 | rng.randrange(1 << 16),
                       rng.randrange(1024, 65536), rng.randrange(1024, 65536)))
    return rng.sample(sorted(found, key=lambda flow: (flow.vlan, flow.source, flow.destination, flow.source_port)),
                      count)


def checksum(header):
    """RFC 1071."""
    total = sum(struct.unpack(f"!{len(header) // 2}H", header))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def frame(flow, tagged):
    l2 = RECEIVER_MAC + SENDER_MAC + (struct.pack("!HH", 0x8100, flow.vlan) if tagged else b"") + b"\x08\x00"
    ip_bytes = FRAME_BYTES - len(l2)
    ip = struct.pack("!BBHHHBBHII", 0x45, 0, ip_bytes, 0, 0, 64, 17, 0, flow.source, flow.destination)
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    udp = struct.pack("!HHHH", flow.source_port, flow.destination_port, ip_bytes - 20, 0)
    return (l2 + ip + udp).ljust(FRAME_BYTES, b"\0")


def write_pcap(path, frames):
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for one in frames:
            file.write(struct.pack("<IIII", 0, 0, len(one), len(one)) + one)
