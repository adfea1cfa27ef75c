"""Path MTU discovery by tunnels: a router of the underlay, which the test plays, says what its next link takes."""
from scapy.all import GRE, ICMP, IP, UDP, Raw

from lab.case import CONTOSO, FABRIKAM, TENANTS
from lab.gre_sites import KEYS, SITE, GreSites
from lab.underlay import OURS


class PathMtu(GreSites):
    def discover(self, tenant, size, link):
        """What path MTU discovery of a host inside ends at, while a link of the underlay takes `link` bytes: it sends what
        must not be cut, and believes the gateway. Also the frame that reached the site, and all that the gateway said."""
        inside, said = tenant.inside, []
        for number in range(1, 9):
            probe = IP(bytes(IP(src=inside.host4, dst=tenant.outside.host4, flags="DF", id=number)
                             / UDP(sport=number, dport=7777) / Raw(bytes(size - 28))))
            self.wire(inside).send(self.toward_gateway(inside) / probe)

            def outcome():
                if self.refuse_larger(link):
                    return "lost"
                return self.at_site(tenant, lambda f: UDP in f and f[UDP].sport == number) \
                    or self.wire(inside).pending(lambda f: ICMP in f and f[ICMP].type == 3)
            came = self.until(f"something comes of {size} bytes", outcome, 10)
            if came == "lost":  # the host sends it again
                self.until("the gateway learned of it", lambda: self.site_status(tenant)["mtu"] < size, 10)
                continue
            if GRE in came[0]:
                return size, came[0], said
            error = self.wire(inside).receive("it", lambda f, it=came[0]: f is it)
            self.assertEqual((error[IP].src, error[IP].dst, error[ICMP].code),
                             (inside.gateway4.split("/")[0], inside.host4, 4))
            size = error[ICMP].nexthopmtu
            said.append(size)
        self.fail(f"no end of discovery: {said}")

    def test_path_mtu_discovery_ends_at_what_the_underlay_passes(self):
        """With a link of 1400 bytes in the underlay a host inside learns 1372, describe says why for all tunnels to the site,
        and what others say of other packets changes nothing"""
        def quote(key=KEYS[CONTOSO.name], **fields):
            return bytes(IP(**{"src": OURS, "dst": SITE, "flags": "DF", "len": 1500, "proto": 47, **fields})
                         / GRE(key_present=1, key=key, proto=0x0800))
        before = self.drops()
        # Of one class with what follows, so that it comes first.
        self.say_too_large(quote(key=4711), 1300)
        self.say_too_large(quote(dst="198.51.100.99"), 1300)
        self.say_too_large(quote(src="192.0.2.6"), 1300)
        self.say_too_large(quote(), 575)
        self.wait_for_drop(before, "icmp_unwanted")

        size, frame, said = self.discover(CONTOSO, 1472, link=1400)
        self.assertEqual((size, said), (1372, [1372]))
        self.assertEqual((frame[IP].len, str(frame[IP].flags)), (1400, "DF"))
        for tenant in TENANTS:
            self.assertEqual(self.site_status(tenant)["mtu"], 1372)
            self.assertRegex(self.sluice.text("describe", "connection", f"{tenant.name}/site"),
                             f"1372: path MTU 1400 to {SITE} learned at " r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ - IPv4 20 - GRE 4 - key 4\n")
        # What may be cut, is, before it enters the tunnel.
        inside = FABRIKAM.inside
        large = IP(bytes(IP(src=inside.host4, dst=FABRIKAM.outside.host4, id=7) / UDP(dport=7778) / Raw(bytes(1444))))
        self.wire(inside).send(self.toward_gateway(inside) / large)
        pieces = self.until("both pieces came", lambda: len(found := self.at_site(FABRIKAM, lambda f: True)) == 2 and found, 10)
        self.assertEqual(sum(len(piece[GRE].payload) - 20 for piece in pieces), 1452)
        self.assertLessEqual(max(piece[IP].len for piece in pieces), 1400)
