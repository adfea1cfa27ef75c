"""Loss of carrier: a next-hop group moves its flows, the API says why, and all comes back."""
import dataclasses

from scapy.all import IP, UDP

from lab.case import CONTOSO, WireTest, peer_mac, wait_until, with_static_neighbors
from lab.deadline import DeadlineExceeded
from lab.gateway import connection

# A second way out, on the other port.
BACKUP = dataclasses.replace(CONTOSO.outside, connection="backup", port="port1", vlan=103, gateway4="16.0.0.5/24",
                             gateway6="2001:db8:16::5/64", peer4="16.0.0.1", peer6="2001:db8:16::1", routes=())
SPREAD = "30.0.0.0/24"
FLOWS = 64


def contoso_with_backup():
    tenant = with_static_neighbors(CONTOSO)
    backup = connection(BACKUP)
    backup["l3"]["static_neighbors"] = [{"address": address, "mac": peer_mac(BACKUP)} for address in (BACKUP.peer4, BACKUP.peer6)]
    backup["routes"] = [{"prefix": SPREAD, "next_hops": [{"address": CONTOSO.outside.peer4, "weight": 3}, {"address": BACKUP.peer4}]}]
    tenant["spec"]["connections"].append(backup)
    return tenant


class Links(WireTest):
    tenants = [contoso_with_backup()]

    def spread(self):
        """Sends FLOWS flows; returns how many left over the first way out and over the backup."""
        for wire in self.bench.wires.values():
            wire.forget()
        leg = CONTOSO.inside
        for flow in range(FLOWS):
            self.wire(leg).send(self.toward_gateway(leg) / (IP(src=leg.host4, dst="30.0.0.9") / UDP(sport=1024 + flow, dport=53)))

        def counts():
            return tuple(len(self.wire(way).pending(lambda f, v=way.vlan: UDP in f and f.vlan == v))
                         for way in (CONTOSO.outside, BACKUP))
        try:
            wait_until("all flows are out", lambda: sum(counts()) >= FLOWS, 1)
        except DeadlineExceeded:  # (some were lost while a link went; the caller asks again)
            pass
        return counts()

    @staticmethod
    def is_spread(first, backup):
        """Three to one, as far as so few flows tell."""
        return first + backup == FLOWS and first > 2 * backup > 0

    def link(self, port, state):
        self.bench.gateway.run("ip", "link", "set", port, state)

    def test_flows_move_and_come_back(self):
        """Flows are spread by weight, leave a port without carrier, and return with it"""
        first, backup = self.spread()
        self.assertTrue(self.is_spread(first, backup), (first, backup))

        self.link("port0", "down")
        wait_until("all flows use the backup", lambda: self.spread() == (0, FLOWS), 10)
        port = self.sluice.json("get", "ports", "port0")["ports"][0]
        self.assertFalse(port["link_up"])
        wait_until("the connection says why", lambda: "carrier" in self.sluice.text("get", "connections", "contoso/datacenter"), 5)
        self.assertEqual(self.sluice.ctl("doctor", check=False).returncode, 7)

        self.link("port0", "up")
        seen = []
        try:
            wait_until("flows are spread again", lambda: seen.append(self.spread()) or self.is_spread(*seen[-1]), 10)
        except DeadlineExceeded as late:
            self.fail(f"{late}: before {(first, backup)}, since {seen[:3]} … {seen[-3:]}\n"
                      f"{self.sluice.text('route', 'lookup', CONTOSO.name, '30.0.0.9')}")
        wait_until("the connection is up again",
                   lambda: "connected" in self.sluice.text("get", "connections", "contoso/datacenter").replace("disconnected", ""), 5)
