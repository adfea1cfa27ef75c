"""What must not be forwarded is dropped under its name, counted once, and nothing comes out."""
from scapy.all import ARP, IP, UDP, Dot1Q, Ether, ICMPv6ND_NA, ICMPv6ND_NS, IPv6, Raw

from lab.case import CONTOSO, TENANTS, WireTest


def broken(packet, at, value):
    """The packet's bytes with one of them changed."""
    raw = bytearray(bytes(packet))
    raw[at] = value
    return Raw(bytes(raw))


class Drops(WireTest):
    broken_on_purpose = True

    def test_every_reason_is_counted_once_for_the_tenant(self):
        """Malformed and forbidden packets are counted once under the tenant and their reason"""
        leg, target = CONTOSO.inside, CONTOSO.outside
        four, six = IP(src=leg.host4, dst=target.host4) / UDP(), IPv6(src=leg.host6, dst=target.host6) / UDP()
        rows = (
            ("ip_version", broken(four, 0, 0x65)),
            ("ip_header_length", broken(four, 0, 0x44)),
            ("ip_total_length", IP(src=leg.host4, dst=target.host4, len=1000) / UDP()),
            ("ip_checksum", IP(src=leg.host4, dst=target.host4, chksum=0xdead) / UDP()),
            ("martian_source", IP(src="127.0.0.1", dst=target.host4) / UDP()),
            ("martian_source", IPv6(src="::1", dst=target.host6) / UDP()),
            ("martian_destination", IP(src=leg.host4, dst="127.0.0.1") / UDP()),
            ("spoofed_own_address", IP(src=leg.gateway4.split("/")[0], dst=target.host4) / UDP()),
            ("spoofed_own_address", IP(src=target.gateway4.split("/")[0], dst=target.host4) / UDP()),
            ("multicast", IP(src=leg.host4, dst="239.1.2.3") / UDP()),
            ("ip_total_length", IPv6(src=leg.host6, dst=target.host6, plen=1000) / UDP()),
            ("link_local", IPv6(src="fe80::1", dst=target.host6) / UDP()),
            ("fragment_malformed", IP(src=leg.host4, dst=leg.gateway4.split("/")[0], flags="MF") / UDP() / bytes(63)),
        )
        self.assertTrue(four and six)
        for reason, packet in rows:
            with self.subTest(reason=reason, packet=packet.summary()):
                before = self.drops(CONTOSO)
                head = self.toward_gateway(leg)
                head[Dot1Q].type = 0x86dd if IPv6 in packet else 0x0800
                self.wire(leg).send(head / packet)
                self.wait_for_drop(before, reason, CONTOSO)
        self.assert_silent(*(other for tenant in TENANTS for other in tenant.legs if other is not leg))

    def test_arp_and_nd_of_which_nothing_comes_are_counted(self):
        """ARP and ND that are malformed, about others or unasked are drops of the tenant, too"""
        leg = CONTOSO.inside
        head = self.toward_gateway(leg)
        ours4, ours6 = leg.gateway4.split("/")[0], leg.gateway6.split("/")[0]
        stranger = leg.peer6[:-1] + "77"
        rows = (
            ("neighbor_not_for_us", ARP(op=1, hwsrc=head.src, psrc=ours4[:-1] + "78", pdst=leg.host4)),
            ("neighbor_unasked", ARP(op=2, hwsrc=head.src, psrc=ours4[:-1] + "77", hwdst=head.dst, pdst=ours4)),
            ("neighbor_malformed", ARP(op=1, hwlen=5, hwsrc=head.src, psrc=leg.peer4, pdst=ours4)),
            ("neighbor_not_for_us", IPv6(src=leg.peer6, dst=ours6, hlim=255) / ICMPv6ND_NS(tgt=stranger)),
            ("neighbor_unasked", IPv6(src=stranger, dst=ours6, hlim=255) / ICMPv6ND_NA(tgt=stranger)),
        )
        for reason, packet in rows:
            with self.subTest(reason=reason, packet=packet.summary()):
                before = self.drops(CONTOSO)
                self.wire(leg).send(head / packet)
                self.wait_for_drop(before, reason, CONTOSO)

    def test_frames_of_no_tenant_are_counted_apart(self):
        """Unknown VLANs, foreign MAC addresses and strange types are counted under no tenant or theirs"""
        leg, target = CONTOSO.inside, CONTOSO.outside
        packet = IP(src=leg.host4, dst=target.host4) / UDP()
        head = self.toward_gateway(leg)
        before = self.drops()
        self.wire(leg).send(Ether(src=head.src, dst=head.dst) / Dot1Q(vlan=999) / packet)
        self.wait_for_drop(before, "unknown_vlan")
        # A VLAN is one port's: the outside one does not exist at the inside port.
        before = self.drops()
        self.wire(leg).send(Ether(src=head.src, dst=head.dst) / Dot1Q(vlan=target.vlan) / packet)
        self.wait_for_drop(before, "unknown_vlan")
        before = self.drops()
        self.wire(leg).send(Ether(src=head.src, dst=head.dst) / packet)
        self.wait_for_drop(before, "unknown_vlan")

        before = self.drops(CONTOSO)
        self.wire(leg).send(Ether(src=head.src, dst="02:99:99:99:99:99") / Dot1Q(vlan=leg.vlan) / packet)
        self.wait_for_drop(before, "not_our_mac", CONTOSO)
        before = self.drops(CONTOSO)
        self.wire(leg).send(head / Dot1Q(vlan=5) / packet)
        self.wait_for_drop(before, "unknown_ether_type", CONTOSO)
        self.assert_silent(*(other for tenant in TENANTS for other in tenant.legs))
