"""Frames that are forwarded, byte by byte on both wires."""
from scapy.all import (ICMP, IP, UDP, Dot1AD, Dot1Q, Ether, ICMPv6EchoRequest, IPOption_NOP, IPOption_RR, IPv6,
                       IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, PadN, Raw)

from lab.case import CONTOSO, TENANTS, WireTest, forwarded

SIZES = (0, 1, 18, 63, 512, 1343)


def pairs():
    """Every tenant in both directions."""
    for tenant in TENANTS:
        yield tenant.inside, tenant.outside
        yield tenant.outside, tenant.inside


class Forwarding(WireTest):
    def test_ipv4_leaves_on_its_own_vlan_with_one_hop_less(self):
        """IPv4: own VLAN, both MACs, TTL less one, checksum right, payload untouched"""
        for source, target in pairs():
            for size in SIZES:
                packet = IP(src=source.host4, dst=target.host4, ttl=64, id=size, tos=0xb8) / UDP(sport=1000, dport=2000)
                packet = IP(bytes(packet / Raw(bytes(i % 251 for i in range(size)))))
                with self.subTest(source=source.connection, vlan=target.vlan, size=size):
                    got = self.forward(source, target, packet)
                    self.assert_frame(got, self.from_gateway(target) / forwarded(packet))

    def test_ipv6_leaves_on_its_own_vlan_with_one_hop_less(self):
        """IPv6: own VLAN, both MACs, hop limit less one, payload untouched"""
        for source, target in pairs():
            for size in SIZES[:-1]:
                packet = IPv6(src=source.host6, dst=target.host6, hlim=64, tc=0x28, fl=0x12345) / UDP(sport=7, dport=9)
                packet = IPv6(bytes(packet / Raw(bytes(size))))
                with self.subTest(source=source.connection, vlan=target.vlan, size=size):
                    got = self.forward(source, target, packet)
                    self.assert_frame(got, self.from_gateway(target) / forwarded(packet))

    def test_full_frames_pass(self):
        """1500-byte packets pass a 1500-byte link"""
        source, target = CONTOSO.inside, CONTOSO.outside
        four = IP(bytes(IP(src=source.host4, dst=target.host4, flags="DF") / UDP() / Raw(bytes(1472))))
        six = IPv6(bytes(IPv6(src=source.host6, dst=target.host6) / UDP() / Raw(bytes(1452))))
        for packet in (four, six):
            self.assertEqual(len(packet), 1500)
            self.assert_frame(self.forward(source, target, packet), self.from_gateway(target) / forwarded(packet))

    def test_ipv4_options_are_forwarded(self):
        """IPv4 options are carried along unchanged"""
        source, target = CONTOSO.inside, CONTOSO.outside
        for options in ([IPOption_NOP()] * 4, [IPOption_RR(pointer=4, routers=["0.0.0.0"])]):
            packet = IP(bytes(IP(src=source.host4, dst=target.host4, options=options) / UDP() / b"options"))
            self.assert_frame(self.forward(source, target, packet), self.from_gateway(target) / forwarded(packet))

    def test_ipv6_extension_headers_are_forwarded(self):
        """IPv6 extension headers are carried along unchanged"""
        source, target = CONTOSO.inside, CONTOSO.outside
        chains = (IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(4))]),
                  IPv6ExtHdrHopByHop(options=[PadN(optdata=bytes(4))]) / IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(4))]),
                  IPv6ExtHdrFragment(id=77, m=1, offset=0))
        for chain in chains:
            packet = IPv6(bytes(IPv6(src=source.host6, dst=target.host6) / chain / UDP() / bytes(64)))
            with self.subTest(chain=chain.summary()):
                self.assert_frame(self.forward(source, target, packet), self.from_gateway(target) / forwarded(packet))

    def test_an_outer_tag_of_802_1ad_is_accepted(self):
        """An 802.1ad tag selects the subinterface like an 802.1Q tag"""
        source, target = CONTOSO.inside, CONTOSO.outside
        packet = IP(bytes(IP(src=source.host4, dst=target.host4) / UDP() / b"service tag"))
        head = self.toward_gateway(source)
        self.wire(source).send(Ether(src=head.src, dst=head.dst, type=0x88a8) / Dot1AD(vlan=source.vlan, type=0x0800) / packet)
        got = self.wire(target).receive("the packet", lambda f: UDP in f and f[Dot1Q].vlan == target.vlan)
        self.assert_frame(got, self.from_gateway(target) / forwarded(packet))

    def test_priority_bits_do_not_select_another_vlan(self):
        """The priority of the tag is no part of the VLAN"""
        source, target = CONTOSO.inside, CONTOSO.outside
        packet = IP(bytes(IP(src=source.host4, dst=target.host4) / UDP() / b"prio"))
        head = self.toward_gateway(source)
        self.wire(source).send(Ether(src=head.src, dst=head.dst) / Dot1Q(vlan=source.vlan, prio=5) / packet)
        got = self.wire(target).receive("the packet", lambda f: UDP in f and f[Dot1Q].vlan == target.vlan)
        self.assertEqual(bytes(got[IP])[:len(packet)], bytes(forwarded(packet)))

    def test_fragments_are_forwarded_as_they_are(self):
        """Fragments that fit pass as they are, in order, not reassembled"""
        source, target = CONTOSO.inside, CONTOSO.outside
        datagram = IP(src=source.host4, dst=target.host4, id=4711) / UDP() / Raw(bytes(2000))
        raw = bytes(IP(bytes(datagram))[IP].payload)
        fragments = [IP(bytes(IP(src=source.host4, dst=target.host4, id=4711, proto=17, frag=at // 8,
                                 flags="MF" if at + 800 < len(raw) else 0) / Raw(raw[at:at + 800])))
                     for at in range(0, len(raw), 800)]
        for fragment in fragments:
            got = self.forward(source, target, fragment)
            self.assert_frame(got, self.from_gateway(target) / forwarded(fragment))

    def test_errors_of_the_tenant_pass(self):
        """ICMP errors between hosts of a tenant are forwarded like anything else"""
        source, target = CONTOSO.inside, CONTOSO.outside
        inner = IP(src=target.host4, dst=source.host4) / UDP()
        packet = IP(bytes(IP(src=source.host4, dst=target.host4) / ICMP(type=3, code=3) / inner))
        self.assert_frame(self.forward(source, target, packet), self.from_gateway(target) / forwarded(packet))

    def test_tenants_with_equal_addresses_do_not_meet(self):
        """Equal packets of two tenants leave on two VLANs, each on its own and nowhere else"""
        for tenant, other in (TENANTS, TENANTS[::-1]):
            packet = IP(bytes(IP(src=tenant.inside.host4, dst=tenant.outside.host4) / UDP(dport=tenant.inside.vlan)))
            echo = IPv6(bytes(IPv6(src=tenant.inside.host6, dst=tenant.outside.host6) / ICMPv6EchoRequest(id=tenant.inside.vlan)))
            for sent in (packet, echo):
                self.assert_frame(self.forward(tenant.inside, tenant.outside, sent),
                                  self.from_gateway(tenant.outside) / forwarded(sent))
            self.assert_silent(*other.legs)
