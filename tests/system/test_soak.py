"""Minutes of traffic while configuration never rests: nothing leaks and no undisturbed tenant loses a packet.
SOAK_SECONDS (300 when not said); part of `scripts/test long`."""
import os
import time

from scapy.all import IP, UDP, IPv6

from lab.case import TENANTS, WireTest, wait_until
from lab.deadline import DeadlineExceeded
from lab.gateway import tenant_object
from lab.tenants import Leg, Tenant

SECONDS = float(os.environ.get("SOAK_SECONDS", "300"))
BATCH = 20
# Both processes fill their caches first; what grows by more afterwards is a leak.
WARM_UP_ROUNDS, GROWTH_KIB_MAX = 10, 16 * 1024


def passing(number):
    """A tenant that comes and goes; its numbers are the same each time, so that they are used again."""
    vlan = 300 + 2 * number
    inside = Leg("inside", "port1", vlan, "10.0.1.6/24", "2001:db8:10:1::6/64", "10.0.1.1", "2001:db8:10:1::1",
                 "10.0.0.10", "2001:db8:10::10", tuple(f"10.{net}.0.0/16" for net in range(50 + 10 * number)))
    outside = Leg("datacenter", "port0", vlan + 1, "15.0.0.5/24", "2001:db8:15::5/64", "15.0.0.1", "2001:db8:15::1",
                  "18.0.0.10", "2001:db8:18::10", ("18.0.0.0/24", "2001:db8:18::/64"))
    return Tenant(f"passing{number}", inside, outside, "18.0.0.99", "2001:db8:18::99")


PASSING = [passing(number) for number in range(3)]


def resident_kib(process):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


class Soak(WireTest):
    def send_and_count(self):
        """A batch through every undisturbed tenant in both families: all of it arrives."""
        for tenant in TENANTS:
            leg, target = tenant.inside, tenant.outside
            packets = [IP(src=leg.host4, dst=target.host4) / UDP(dport=9999), IPv6(src=leg.host6, dst=target.host6) / UDP(dport=9999)]
            self.wire(leg).send(*[self.toward_gateway(leg) / packet for packet in packets for _ in range(BATCH)])
        for tenant in TENANTS:
            vlan, wire = tenant.outside.vlan, self.wire(tenant.outside)
            arrived = lambda w=wire, v=vlan: len(w.pending(lambda f: UDP in f and f[UDP].dport == 9999 and f.vlan == v))
            wait_until(f"all packets of {tenant.name} arrived", lambda: arrived() >= 2 * BATCH, 5)
            self.assertEqual(arrived(), 2 * BATCH)
        for wire in self.bench.wires.values():
            wire.forget()

    def fills(self):
        """How many objects each table holds; not what lags behind, and not the trie's memory."""
        fills = self.sluice.json("get", "gateway")["status"]["fills"]
        return {fill["name"]: fill.get("used", 0) for fill in fills if fill["name"] not in ("fib_mib", "pending_removals")}

    def disturb(self, round_number):
        """Tenants come, get packets for hosts that never answer, and go."""
        tenant = PASSING[round_number % len(PASSING)]
        self.sluice.apply(tenant_object(tenant), "--wait")
        leg = tenant.inside
        self.wire(leg).send(*[self.toward_gateway(leg) / (IP(src=leg.host4, dst=f"15.0.0.{host}") / UDP()) for host in range(10, 40)])
        self.send_and_count()
        self.sluice.ctl("delete", "tenant", tenant.name)

    def test_nothing_leaks_and_nobody_else_notices(self):
        """Tenants come and go: no packet of the others is lost, memory stays, and all numbers are free again"""
        end = time.monotonic() + SECONDS
        processes = (self.sluice.dataplane, self.sluice.control)
        rounds, settled, fills = 0, None, self.fills()
        while time.monotonic() < end or rounds <= 2 * WARM_UP_ROUNDS:
            self.disturb(rounds)
            rounds += 1
            if rounds == WARM_UP_ROUNDS:
                settled = [resident_kib(process) for process in processes]
        for process, before in zip(processes, settled):
            self.assertLess(resident_kib(process) - before, GROWTH_KIB_MAX, f"{process.name} grew in {rounds} rounds")
        self.assertEqual({tenant["name"] for tenant in self.sluice.json("get", "tenants")["tenants"]},
                         {tenant.name for tenant in TENANTS})
        try:
            wait_until("tables hold as much as at first", lambda: self.fills() == fills, 30, interval=0.5)
        except DeadlineExceeded:
            self.assertEqual(self.fills(), fills)
        self.send_and_count()
        drops = {reason for tenant in TENANTS for reason in self.drops(tenant)}
        self.assertEqual(drops, set())
