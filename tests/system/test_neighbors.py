"""ARP and neighbour discovery on the wire."""
from scapy.all import (ARP, ICMP, IP, UDP, Ether, ICMPv6DestUnreach, ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6ND_RA, ICMPv6NDOptDstLLAddr, ICMPv6NDOptSrcLLAddr, IPv6, in6_getnsma,
                       in6_getnsmac, inet_pton)
import ipaddress
import socket

from lab.case import CONTOSO, FABRIKAM, TENANTS, WireTest, forwarded, peer_mac, wait_until
from lab.gateway import tenant_object


def solicited_node(address):
    group = in6_getnsma(inet_pton(socket.AF_INET6, address))
    return socket.inet_ntop(socket.AF_INET6, group), in6_getnsmac(group)


def solicitation(leg, target):
    group, mac = solicited_node(target)
    return IPv6(src=leg.peer6, dst=group, hlim=255) / ICMPv6ND_NS(tgt=target) / ICMPv6NDOptSrcLLAddr(lladdr=peer_mac(leg)), mac


class Neighbors(WireTest):
    tenants = [tenant_object(tenant) for tenant in TENANTS]

    def who_has(self, leg, address):
        head = self.toward_gateway(leg)
        head.dst = "ff:ff:ff:ff:ff:ff"
        self.wire(leg).send(head / ARP(op=1, hwsrc=peer_mac(leg), psrc=leg.peer4, pdst=address))

    def test_arp_for_our_address_is_answered(self):
        """ARP for our address is answered on that VLAN, by the port's MAC address"""
        for tenant in TENANTS:
            for leg in tenant.legs:
                ours = leg.gateway4.split("/")[0]
                self.who_has(leg, ours)
                got = self.wire(leg).receive(f"ARP reply for {ours} on VLAN {leg.vlan}",
                                             lambda f, v=leg.vlan: ARP in f and f[ARP].op == 2 and f.vlan == v)
                self.assertEqual((got[ARP].hwsrc, got[ARP].psrc), (self.port_mac[leg.port], ours))
                self.assertEqual((got[ARP].hwdst, got[ARP].pdst), (peer_mac(leg), leg.peer4))
                self.assertEqual(got.dst, peer_mac(leg))

    def test_arp_for_others_is_not_answered(self):
        """ARP for an address that is not ours on that VLAN stays unanswered: no proxy"""
        leg = CONTOSO.inside
        for address in (CONTOSO.outside.gateway4.split("/")[0], leg.host4, "10.0.1.77"):
            self.who_has(leg, address)
        self.who_has(leg, leg.gateway4.split("/")[0])
        self.wire(leg).receive("the reply to the last request", lambda f: ARP in f and f[ARP].op == 2)
        strays = self.wire(leg).pending(lambda f: ARP in f and f[ARP].op == 2)
        self.assertEqual([frame.summary() for frame in strays], [])

    def test_nd_for_our_address_is_answered(self):
        """A solicitation of our address is answered with a solicited advertisement, hop limit 255"""
        for tenant in TENANTS:
            for leg in tenant.legs:
                ours = leg.gateway6.split("/")[0]
                packet, mac = solicitation(leg, ours)
                head = self.toward_gateway(leg)
                head.dst = mac
                self.wire(leg).send(head / packet)
                got = self.wire(leg).receive(f"advertisement of {ours} on VLAN {leg.vlan}",
                                             lambda f, v=leg.vlan: ICMPv6ND_NA in f and f.vlan == v and f[ICMPv6ND_NA].S == 1)
                self.assertEqual((got[IPv6].src, got[IPv6].dst, got[IPv6].hlim), (ours, leg.peer6, 255))
                self.assertEqual(got[ICMPv6ND_NA].tgt, ours)
                self.assertEqual(got[ICMPv6NDOptDstLLAddr].lladdr, self.port_mac[leg.port])

    def test_nd_from_a_source_behind_the_peer_is_answered(self):
        """A solicitation whose source is of another prefix, as Linux sends it, is answered to its sender"""
        for tenant in TENANTS:
            leg = tenant.inside
            ours = leg.gateway6.split("/")[0]
            packet, mac = solicitation(leg, ours)
            packet[IPv6].src = leg.host6
            head = self.toward_gateway(leg)
            head.dst = mac
            self.wire(leg).send(head / packet)
            got = self.wire(leg).receive(f"advertisement of {ours} for {leg.host6} on VLAN {leg.vlan}",
                                         lambda f, v=leg.vlan, h=leg.host6: ICMPv6ND_NA in f and f.vlan == v and f[IPv6].dst == h)
            self.assertEqual((got.dst, got[ICMPv6ND_NA].tgt, got[ICMPv6ND_NA].S), (peer_mac(leg), ours, 1))

    def test_nd_from_afar_is_ignored(self):
        """A solicitation whose hop limit is not 255 came through a router and is ignored"""
        leg = CONTOSO.inside
        ours = leg.gateway6.split("/")[0]
        packet, mac = solicitation(leg, ours)
        packet[IPv6].hlim = 254
        head = self.toward_gateway(leg)
        head.dst = mac
        self.wire(leg).send(head / packet)
        self.test_nd_for_our_address_is_answered()
        self.assertEqual(self.wire(leg).pending(lambda f: ICMPv6ND_NA in f and f.vlan == leg.vlan and f[ICMPv6ND_NA].S == 1), [])

    def resolve4(self, leg):
        request = self.wire(leg).receive(f"ARP request for {leg.peer4}",
                                         lambda f: ARP in f and f[ARP].op == 1 and f.vlan == leg.vlan and f[ARP].pdst == leg.peer4)
        self.assertEqual((request[ARP].hwsrc, request[ARP].psrc), (self.port_mac[leg.port], leg.gateway4.split("/")[0]))
        self.wire(leg).send(self.toward_gateway(leg) / ARP(op=2, hwsrc=peer_mac(leg), psrc=leg.peer4,
                                                          hwdst=request[ARP].hwsrc, pdst=request[ARP].psrc))

    def test_a_packet_waits_for_arp(self):
        """A packet to an unresolved next hop is held, asked for by ARP, and sent after the answer"""
        leg, target = FABRIKAM.inside, FABRIKAM.outside
        packet = IP(bytes(IP(src=leg.host4, dst=target.host4) / UDP() / b"held"))
        self.wire(leg).send(self.toward_gateway(leg) / packet)
        self.resolve4(target)
        got = self.wire(target).receive("the held packet", lambda f: UDP in f)
        self.assert_frame(got, self.from_gateway(target) / forwarded(packet))
        found = [n for n in self.sluice.json("get", "neighbors", "-t", FABRIKAM.name)["neighbors"] if n["address"] == target.peer4]
        self.assertEqual([(n["mac"], n["connection"]) for n in found], [(peer_mac(target), target.connection)])

    def test_a_packet_waits_for_nd(self):
        """A packet to an unresolved IPv6 next hop is held, solicited at its group, and sent after the answer"""
        leg, target = FABRIKAM.inside, FABRIKAM.outside
        packet = IPv6(bytes(IPv6(src=leg.host6, dst=target.host6) / UDP() / b"held"))
        self.wire(leg).send(self.toward_gateway(leg) / packet)
        group, mac = solicited_node(target.peer6)
        asked = self.wire(target).receive(f"solicitation of {target.peer6}",
                                          lambda f: ICMPv6ND_NS in f and f.vlan == target.vlan and f[ICMPv6ND_NS].tgt == target.peer6)
        self.assertEqual((asked.dst, asked[IPv6].dst, asked[IPv6].hlim), (mac, group, 255))
        self.wire(target).send(self.toward_gateway(target) / IPv6(src=target.peer6, dst=asked[IPv6].src, hlim=255) /
                               ICMPv6ND_NA(tgt=target.peer6, S=1, O=1, R=1) / ICMPv6NDOptDstLLAddr(lladdr=peer_mac(target)))
        got = self.wire(target).receive("the held packet", lambda f: UDP in f)
        self.assert_frame(got, self.from_gateway(target) / forwarded(packet))

    def test_answers_go_on_while_control_is_down(self):
        """ARP, ND and echo are answered while sluice-gateway is dead"""
        self.sluice.crash(self.sluice.control)
        try:
            self.test_arp_for_our_address_is_answered()
            self.test_nd_for_our_address_is_answered()
        finally:
            self.sluice.start_control()
            self.sluice.wait_for_api()
            self.sluice.wait_for_dataplane()

    def test_a_new_address_is_announced(self):
        """A new address is announced by gratuitous ARP and unsolicited advertisement, and by no router advertisement"""
        new4, new6 = "15.0.0.6/24", "2001:db8:15::6/64"
        changed = tenant_object(CONTOSO)
        changed["spec"]["connections"][1]["addresses"] += [new4, new6]
        leg = CONTOSO.outside
        self.sluice.apply(changed, "--wait")
        self.wire(leg).receive("gratuitous ARP", lambda f: ARP in f and f.vlan == leg.vlan and
                               f[ARP].psrc == f[ARP].pdst == new4.split("/")[0] and f.dst == "ff:ff:ff:ff:ff:ff")
        self.wire(leg).receive("unsolicited advertisement", lambda f: ICMPv6ND_NA in f and f.vlan == leg.vlan and
                               f[ICMPv6ND_NA].tgt == new6.split("/")[0] and f[ICMPv6ND_NA].S == 0)
        self.assertEqual(self.wire(leg).pending(lambda f: ICMPv6ND_RA in f), [])
        self.sluice.apply(tenant_object(CONTOSO), "--wait")


class SilentHosts(WireTest):
    """Peers are static, so that answers leave at once; the hosts on the inside link say nothing."""

    def error_about(self, packet, layer, code):
        """What comes back to the sender on the outside, whose quotation is the packet as it was held: with its hop counted."""
        source = CONTOSO.outside
        got = self.answer(source, packet, f"{layer.__name__} code {code}", lambda f: layer in f and f[layer].code == code)
        self.assertEqual((got.src, got.dst), (self.port_mac[source.port], peer_mac(source)))
        quote = bytes(got[layer])[8:8 + len(packet)]
        self.assertEqual(quote, bytes(forwarded(packet)))
        return got

    def test_a_silent_host_ends_in_host_unreachable(self):
        """A host that answers no ARP is asked three times, then its packets are answered with host unreachable"""
        leg, source, absent = CONTOSO.inside, CONTOSO.outside, "10.0.1.200"
        before = self.drops(CONTOSO)
        got = self.error_about(IP(bytes(IP(src=source.host4, dst=absent) / UDP() / b"lost")), ICMP, 1)
        self.assertEqual((got[ICMP].type, got[IP].src, got[IP].dst), (3, source.gateway4.split("/")[0], source.host4))
        asked = self.wire(leg).pending(lambda f: ARP in f and f[ARP].op == 1 and f[ARP].pdst == absent)
        self.assertEqual(len(asked), 3)
        self.wait_for_drop(before, "neighbor_unresolved", CONTOSO)

    def test_a_silent_host_ends_in_address_unreachable(self):
        """The same for neighbour discovery, with code 3 of ICMPv6"""
        leg, source = CONTOSO.inside, CONTOSO.outside
        absent = str(ipaddress.ip_interface(leg.gateway6).network[0x200])
        before = self.drops(CONTOSO)
        got = self.error_about(IPv6(bytes(IPv6(src=source.host6, dst=absent) / UDP() / b"lost")), ICMPv6DestUnreach, 3)
        self.assertEqual((got[IPv6].src, got[IPv6].dst), (source.gateway6.split("/")[0], source.host6))
        asked = self.wire(leg).pending(lambda f: ICMPv6ND_NS in f and f[ICMPv6ND_NS].tgt == absent)
        self.assertEqual(len(asked), 3)
        self.wait_for_drop(before, "neighbor_unresolved", CONTOSO)
