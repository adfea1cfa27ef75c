"""The base of system tests: one gateway with bare wires per class, kept on disk when a test fails."""
import unittest

from scapy.all import ICMP, IP, UDP, Dot1Q, Ether, IPv6

from .bench import WireBench
from .deadline import wait_until
from .gateway import tenant_object
from .packets import complaints
from .tenants import CONTOSO, FABRIKAM, TENANTS
from .wire import tagged


def peer_mac(leg):
    """The MAC address of a leg's peer router: ours to play."""
    return f"02:00:00:00:{leg.vlan // 100:02x}:{leg.vlan % 100:02x}"


def with_static_neighbors(tenant):
    """Peers that need no ARP or ND, so that a test sees its own frames only."""
    tenant_json = tenant_object(tenant)
    for leg, connection in zip(tenant.legs, tenant_json["spec"]["connections"]):
        connection["l3"]["static_neighbors"] = [{"address": address, "mac": peer_mac(leg)}
                                                for address in (leg.peer4, leg.peer6)]
    return tenant_json


class WireTest(unittest.TestCase):
    """Contoso and Fabrikam, forwarded between VLANs of two taps; the test plays everybody else."""
    tenants = [with_static_neighbors(tenant) for tenant in TENANTS]
    dataplane_changes = {}
    # What tshark may say about frames that a test made wrong on purpose.
    broken_on_purpose = False

    @classmethod
    def setUpClass(cls):
        cls.bench = WireBench(**cls.dataplane_changes)
        cls.addClassCleanup(cls.bench.close)
        try:
            cls.bench.open()
            cls.sluice = cls.bench.sluice
            if cls.tenants:
                cls.sluice.apply(cls.tenants, "--wait")
            cls.port_mac = {port["name"]: port["mac"] for port in cls.sluice.json("get", "ports")["ports"]}
        except BaseException:
            cls.bench.keep_files = True
            raise

    @classmethod
    def tearDownClass(cls):
        if cls.broken_on_purpose:
            return
        for port, wire in cls.bench.wires.items():
            wrong = complaints(wire.pcap_path)
            if wrong:
                cls.bench.keep_files = True
                raise AssertionError(f"tshark complains about frames on {port}: {wrong[:3]}")

    def setUp(self):
        for wire in self.bench.wires.values():
            wire.forget()

    def wire(self, leg):
        return self.bench.wires[leg.port]

    def toward_gateway(self, leg):
        """The Ethernet and VLAN header of a frame from a leg's peer."""
        return Ether(src=peer_mac(leg), dst=self.port_mac[leg.port]) / Dot1Q(vlan=leg.vlan)

    def from_gateway(self, leg):
        return Ether(src=self.port_mac[leg.port], dst=peer_mac(leg)) / Dot1Q(vlan=leg.vlan)

    def forward(self, source, target, packet):
        """Sends an IP packet at one leg; returns the frame that leaves at another."""
        self.wire(source).send(self.toward_gateway(source) / packet)
        kind = packet.__class__
        return self.wire(target).receive(f"{packet.summary()} on VLAN {target.vlan}",
                                         lambda f: tagged(target.vlan)(f) and kind in f and f[kind].dst == packet.dst)

    def answer(self, leg, packet, what, wanted):
        """Sends an IP packet at a leg; returns the answer that comes back there."""
        self.wire(leg).send(self.toward_gateway(leg) / packet)
        return self.wire(leg).receive(what, lambda frame: tagged(leg.vlan)(frame) and wanted(frame))

    def assert_silent(self, *legs):
        """Nothing but neighbour discovery is on these legs; true at once or not, so ask for something
        else first that can only come later."""
        for leg in legs:
            strays = self.wire(leg).pending(lambda f, v=leg.vlan: tagged(v)(f) and (IP in f or UDP in f or ICMP in f))
            self.assertEqual([frame.summary() for frame in strays], [])

    def assert_frame(self, got, want):
        """Byte by byte, padding of short frames aside; a difference is shown field by field."""
        want = Ether(bytes(want))
        got_bytes = bytes(got)[:len(want)]
        if got_bytes != bytes(want):
            self.fail(f"frame differs\ngot:\n{Ether(got_bytes).show(dump=True)}\nwanted:\n{want.show(dump=True)}")

    def drops(self, tenant=None):
        answer = self.sluice.json("get", "drops", *(["-t", tenant.name] if tenant else []))
        return {drop["reason"]: int(drop["packets"]) for drop in answer.get("drops", [])
                if tenant is not None or not drop["tenant"]}

    def wait_for_drop(self, before, reason, tenant=None, count=1):
        """The reason's counter rose by exactly `count`."""
        old = before.get(reason, 0)
        wait_until(f"drop {reason} counted", lambda: self.drops(tenant).get(reason, 0) >= old + count, 10)
        self.assertEqual(self.drops(tenant).get(reason, 0) - old, count, reason)


def forwarded(packet):
    """An IP packet as the next hop sees it: one hop less, and the checksum made again."""
    out = packet.copy()
    if IPv6 in out:
        out[IPv6].hlim -= 1
        return out
    out[IP].ttl -= 1
    del out[IP].chksum
    return out


__all__ = ["CONTOSO", "FABRIKAM", "TENANTS", "WireTest", "forwarded", "peer_mac", "tagged", "wait_until",
           "with_static_neighbors"]
