"""ICMP that the gateway itself sends: type, code, source, MTU, quote, checksum."""
from scapy.all import (ICMP, IP, UDP, ICMPv6DestUnreach, ICMPv6EchoReply, ICMPv6EchoRequest, ICMPv6PacketTooBig,
                       ICMPv6TimeExceeded, IPv6, Raw)

from lab.case import CONTOSO, FABRIKAM, TENANTS, WireTest

NOWHERE4, NOWHERE6 = "203.0.113.9", "2001:db8:ffff::9"


def v4(leg, destination, **fields):
    return IP(bytes(IP(src=leg.host4, dst=destination, id=99, **fields) / UDP(sport=5000, dport=33434) / Raw(b"x" * 64)))


def v6(leg, destination, **fields):
    return IPv6(bytes(IPv6(src=leg.host6, dst=destination, **fields) / UDP(sport=5000, dport=33434) / Raw(b"x" * 64)))


class IcmpErrors(WireTest):
    def error4(self, leg, packet, kind, code):
        """The error comes from our address on the leg and quotes the packet as it was sent."""
        got = self.answer(leg, packet, f"ICMP {kind}/{code} about {packet.summary()}",
                          lambda f: ICMP in f and f[ICMP].type == kind and f[ICMP].code == code)
        self.assertEqual(got[IP].src, leg.gateway4.split("/")[0])
        self.assertEqual(got[IP].dst, packet.src)
        quote = bytes(got[ICMP])[8:8 + len(packet)]
        self.assertGreaterEqual(len(quote), 28, "RFC 1812: at least the header and eight octets")
        self.assertEqual(quote, bytes(packet)[:len(quote)])
        self.assertEqual((got.src, got.dst), (self.from_gateway(leg).src, self.from_gateway(leg).dst))
        return got

    def error6(self, leg, packet, layer, code):
        got = self.answer(leg, packet, f"{layer.__name__}/{code} about {packet.summary()}",
                          lambda f: layer in f and f[layer].code == code)
        self.assertEqual(got[IPv6].src, leg.gateway6.split("/")[0])
        self.assertEqual(got[IPv6].dst, packet.src)
        self.assertLessEqual(len(bytes(got[IPv6])), 1280)
        quote = bytes(got[layer])[8:8 + len(packet)]
        self.assertEqual(quote, bytes(packet)[:len(quote)])
        return got

    def test_time_exceeded(self):
        """TTL 1 and 0 are answered with time exceeded that quotes the packet as sent"""
        for tenant in TENANTS:
            leg, target = tenant.inside, tenant.outside
            self.error4(leg, v4(leg, target.host4, ttl=1), 11, 0)
            self.error4(leg, v4(leg, target.host4, ttl=0), 11, 0)
            self.error6(leg, v6(leg, target.host6, hlim=1), ICMPv6TimeExceeded, 0)

    def test_no_route(self):
        """A destination without a route is answered with network unreachable / no route"""
        before = self.drops(CONTOSO)
        self.error4(CONTOSO.inside, v4(CONTOSO.inside, NOWHERE4), 3, 0)
        self.error6(CONTOSO.inside, v6(CONTOSO.inside, NOWHERE6), ICMPv6DestUnreach, 0)
        self.wait_for_drop(before, "no_route", CONTOSO, 2)

    def test_nobody_listens(self):
        """UDP to an address of ours is answered with port unreachable"""
        leg = CONTOSO.outside
        before = self.drops(CONTOSO)
        self.error4(leg, v4(leg, leg.gateway4.split("/")[0]), 3, 3)
        self.error6(leg, v6(leg, leg.gateway6.split("/")[0]), ICMPv6DestUnreach, 4)
        self.wait_for_drop(before, "port_unreachable", CONTOSO, 2)

    def test_too_big(self):
        """A packet above the link's MTU is answered with that MTU"""
        leg, target = FABRIKAM.inside, FABRIKAM.outside
        before = self.drops(FABRIKAM)
        for size in (1401, 1500):
            packet = IP(bytes(IP(src=leg.host4, dst=target.host4, flags="DF") / UDP() / Raw(bytes(size - 28))))
            got = self.error4(leg, packet, 3, 4)
            self.assertEqual(got[ICMP].nexthopmtu, 1400)
            packet = IPv6(bytes(IPv6(src=leg.host6, dst=target.host6) / UDP() / Raw(bytes(size - 48))))
            got = self.error6(leg, packet, ICMPv6PacketTooBig, 0)
            self.assertEqual(got[ICMPv6PacketTooBig].mtu, 1400)
        self.wait_for_drop(before, "too_big", FABRIKAM, 4)
        fits = IP(bytes(IP(src=leg.host4, dst=target.host4, flags="DF") / UDP() / Raw(bytes(1400 - 28))))
        self.assertEqual(len(self.forward(leg, target, fits)[IP]), 1400)

    def test_fragments_without_df(self):
        """Without DF a packet above the MTU leaves in fragments that fit and add up"""
        leg, target = FABRIKAM.inside, FABRIKAM.outside
        payload = bytes(i % 253 for i in range(1472))
        packet = IP(bytes(IP(src=leg.host4, dst=target.host4, id=321) / UDP(sport=1, dport=2) / Raw(payload)))
        self.wire(leg).send(self.toward_gateway(leg) / packet)
        first = self.wire(target).receive("first fragment", lambda f: IP in f and f[IP].frag == 0 and f[IP].flags.MF)
        last = self.wire(target).receive("last fragment", lambda f: IP in f and f[IP].frag > 0)
        self.assertFalse(last[IP].flags.MF)
        self.assertEqual({first[IP].id, last[IP].id}, {321})
        self.assertEqual({first[IP].ttl, last[IP].ttl}, {63})
        self.assertLessEqual(max(first[IP].len, last[IP].len), 1400)
        head = bytes(first[IP])[20:first[IP].len]
        tail = bytes(last[IP])[20:last[IP].len]
        self.assertEqual(len(head), last[IP].frag * 8)
        self.assertEqual(head + tail, bytes(packet)[20:])

    def test_silence_where_errors_are_forbidden(self):
        """No error about ICMP errors, later fragments, multicast, or a broken source"""
        leg = CONTOSO.inside
        inner = IP(src=NOWHERE4, dst=leg.host4) / UDP()
        inner6 = IPv6(src=NOWHERE6, dst=leg.host6) / UDP()
        forbidden = (IP(src=leg.host4, dst=NOWHERE4) / ICMP(type=3, code=1) / inner,
                     IP(src=leg.host4, dst=NOWHERE4, frag=100) / Raw(bytes(64)),
                     IP(src="127.0.0.1", dst=NOWHERE4) / UDP(),
                     IP(src="0.0.0.0", dst=NOWHERE4) / UDP(),
                     IP(src="224.0.0.5", dst=NOWHERE4) / UDP(),
                     IPv6(src=leg.host6, dst=NOWHERE6) / ICMPv6DestUnreach() / inner6,
                     IPv6(src="ff02::1", dst=NOWHERE6) / UDP(),
                     IPv6(src="::", dst=NOWHERE6) / UDP())
        for packet in forbidden:
            self.wire(leg).send(self.toward_gateway(leg) / packet)
        # The error about this one comes last; whatever came before it came for the others.
        self.error4(leg, v4(leg, NOWHERE4), 3, 0)
        strays = self.wire(leg).pending(lambda f: ICMP in f or ICMPv6DestUnreach in f)
        self.assertEqual([frame.summary() for frame in strays], [])


class Echo(WireTest):
    def test_echo(self):
        """Echo requests to our addresses are answered with the same identifier, sequence and data"""
        for tenant in TENANTS:
            for leg in tenant.legs:
                ours4, ours6 = (address.split("/")[0] for address in (leg.gateway4, leg.gateway6))
                request = IP(bytes(IP(src=leg.peer4, dst=ours4) / ICMP(id=7, seq=leg.vlan) / Raw(b"echo" * 50)))
                got = self.answer(leg, request, f"echo reply of {ours4}", lambda f: ICMP in f and f[ICMP].type == 0)
                self.assertEqual((got[IP].src, got[IP].dst), (ours4, leg.peer4))
                self.assertEqual(bytes(got[ICMP])[4:208], bytes(request[ICMP])[4:208])
                request = IPv6(bytes(IPv6(src=leg.peer6, dst=ours6) / ICMPv6EchoRequest(id=7, seq=leg.vlan, data=b"e" * 99)))
                got = self.answer(leg, request, f"echo reply of {ours6}", lambda f: ICMPv6EchoReply in f)
                self.assertEqual((got[IPv6].src, got[IPv6].dst), (ours6, leg.peer6))
                self.assertEqual(bytes(got[ICMPv6EchoReply])[4:107], bytes(request[ICMPv6EchoRequest])[4:107])

    def test_echo_across_the_gateway(self):
        """Our address on the other leg answers a host of the same tenant, and of no other"""
        leg, far = CONTOSO.inside, CONTOSO.outside
        request = IP(src=leg.host4, dst=far.gateway4.split("/")[0]) / ICMP(id=1, seq=1)
        got = self.answer(leg, request, "echo reply", lambda f: ICMP in f and f[ICMP].type == 0)
        self.assertEqual(got[IP].src, far.gateway4.split("/")[0])
        self.assert_silent(*FABRIKAM.legs)
