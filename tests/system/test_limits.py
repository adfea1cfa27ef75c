"""What a connection is allowed: rates in both directions, and sources that its routes lead back to."""
import time

from scapy.all import IP, UDP, Raw

from lab.case import CONTOSO, WireTest, forwarded, wait_until, with_static_neighbors
from lab.deadline import DeadlineExceeded

KBPS = 800
PACKET_BYTES, PACKETS = 1000, 200
BURST_BYTES = 15000  # the least, and more than 50 ms of the rate


class RefusedByTheDataplane(WireTest):
    """A dataplane with room for one address, and a tenant that wants four."""
    tenants = []
    dataplane_changes = {"limits": {"addresses": 1}}

    def test_what_was_refused_is_not_called_programmed(self):
        """Objects that the dataplane refuses fail `apply --wait` and show everywhere"""
        path = self.sluice._write("two.json", with_static_neighbors(CONTOSO))
        done = self.sluice.ctl("apply", "-f", path, "--wait", check=False)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertIn("limit addresses", done.stderr)
        tenant = self.sluice.json("get", "tenants")["tenants"][0]
        self.assertEqual(int(tenant["status"].get("observed_generation", 0)), 0)
        states = {each["state"] for each in tenant["status"]["connections"]}
        self.assertIn("CONNECTION_STATE_DISCONNECTED", states)
        self.assertEqual(self.sluice.json("get", "gateway")["status"]["health"], "HEALTH_DEGRADED")
        doctor = self.sluice.ctl("doctor", check=False)
        self.assertEqual(doctor.returncode, 7)
        self.assertNotRegex(doctor.stdout, r"gateway .*all is well")
        self.assertRegex(self.sluice.control.log(), r"warning tenant contoso: programmed with \d+ refused")


class Limits(WireTest):
    def change(self, change):
        tenant = with_static_neighbors(CONTOSO)
        change(tenant["spec"]["connections"])
        self.sluice.apply(tenant, "--wait")
        self.addCleanup(self.sluice.apply, self.tenants[0], "--wait")

    def burst(self, source, target):
        """Sends PACKETS as fast as it can; returns a function that counts those that passed."""
        packet = IP(src=source.host4, dst=target.host4) / UDP(sport=4000, dport=4001) / Raw(bytes(PACKET_BYTES - 28))
        self.wire(source).send(*[bytes(self.toward_gateway(source) / packet)] * PACKETS)
        return lambda: len(self.wire(target).pending(lambda f: UDP in f and f.vlan == target.vlan))

    def check_rate(self, reason, statistic):
        before = self.drops(CONTOSO).get(reason, 0)
        started = time.monotonic()
        passed = self.burst(CONTOSO.inside, CONTOSO.outside)
        meanwhile = (time.monotonic() - started) * KBPS * 1000 / 8
        dropped = lambda: self.drops(CONTOSO).get(reason, 0) - before
        try:
            wait_until("every packet is accounted for", lambda: passed() + dropped() >= PACKETS, 5)
        except DeadlineExceeded:
            self.fail(f"{PACKETS} sent, {passed()} passed, {dropped()} dropped; {self.drops(CONTOSO)}")
        self.assertEqual(passed() + dropped(), PACKETS)
        self.assertGreaterEqual(passed() * PACKET_BYTES, BURST_BYTES - PACKET_BYTES)
        self.assertLess(passed() * PACKET_BYTES, BURST_BYTES + meanwhile + 30 * PACKET_BYTES)
        views = self.sluice.json("get", "connections", "-t", CONTOSO.name)["connections"]
        self.assertGreater(sum(int(view["status"]["statistics"][statistic]) for view in views), 0)

    def test_inbound_rate(self):
        """Above the inbound rate a connection's packets are dropped and counted, below it they pass"""
        self.change(lambda connections: connections[0].update(inbound_kbps=str(KBPS)))
        self.check_rate("policed_in", "inbound_packets_rate_limited")

    def test_outbound_rate(self):
        """Above the outbound rate a connection's packets are dropped and counted, below it they pass"""
        self.change(lambda connections: connections[1].update(outbound_kbps=str(KBPS)))
        self.check_rate("policed_out", "outbound_packets_rate_limited")

    def test_strict_reverse_path(self):
        """With the strict check a source that is not routed back there is dropped, without it forwarded"""
        leg, target = CONTOSO.inside, CONTOSO.outside
        stranger = IP(bytes(IP(src="198.51.100.1", dst=target.host4) / UDP()))
        self.assert_frame(self.forward(leg, target, stranger), self.from_gateway(target) / forwarded(stranger))
        self.change(lambda connections: connections[0]["l3"].update(strict_reverse_path=True))
        before = self.drops(CONTOSO)
        self.wire(leg).send(self.toward_gateway(leg) / stranger)
        self.wait_for_drop(before, "urpf", CONTOSO)
        known = IP(bytes(IP(src=leg.host4, dst=target.host4) / UDP()))
        self.assert_frame(self.forward(leg, target, known), self.from_gateway(target) / forwarded(known))

    def test_a_disabled_connection(self):
        """A disabled connection neither receives nor sends, and says that it is disabled"""
        leg, target = CONTOSO.inside, CONTOSO.outside
        self.change(lambda connections: connections[1].update(enabled=False))
        state = self.sluice.json("get", "connections", f"{CONTOSO.name}/{target.connection}")["connections"][0]["status"]["state"]
        self.assertEqual(state, "CONNECTION_STATE_DISABLED")
        self.wire(leg).send(self.toward_gateway(leg) / (IP(src=leg.host4, dst=target.host4) / UDP()))
        self.wire(target).send(self.toward_gateway(target) / (IP(src=target.host4, dst=leg.host4) / UDP()))
        wait_until("both are dropped", lambda: sum(self.drops(CONTOSO).values()) + sum(self.drops().values()) >= 2, 5)
        self.assertEqual(self.wire(target).pending(lambda f: UDP in f and IP in f and f[IP].src == leg.host4 and f.vlan == target.vlan), [])
        self.assertEqual(self.wire(leg).pending(lambda f: UDP in f and f.vlan == leg.vlan and f[IP].src == target.host4), [])
