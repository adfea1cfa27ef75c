"""Two sites of two tenants with the same addresses behind one GRE router: only the key tells them apart. The test plays
the underlay's router, the site's router and everybody behind."""
from scapy.all import GRE, ICMP, IP, UDP, Dot1Q, Ether, IPv6, Raw

from lab.case import CONTOSO, TENANTS, forwarded
from lab.gre_sites import KEYS, SITE, GreSites
from lab.proofs import all_programmed
from lab.underlay import OURS, ROUTER_MAC, UNDERLAY_VLAN

# Nobody has it.
SILENT = "192.0.2.9"


class Gre(GreSites):
    def assert_outer(self, frame):
        self.assertEqual((frame.dst, frame.src, frame[Dot1Q].vlan), (ROUTER_MAC, self.port_mac[self.underlay_port], UNDERLAY_VLAN))
        outer = frame[IP]
        self.assertEqual((outer.src, outer.dst, outer.proto, outer.ttl, str(outer.flags)), (OURS, SITE, 47, 64, "DF"))
        self.assertEqual((frame[GRE].key_present, frame[GRE].chksum_present, frame[GRE].seqnum_present), (1, 0, 0))

    def test_ping_passes_both_ways_and_tenants_do_not_meet(self):
        """Equal pings of two sites reach each tenant's own VLAN, and the answers its own site"""
        for tenant, other in (TENANTS, TENANTS[::-1]):
            inside = tenant.inside
            for request in (IP(src=tenant.outside.host4, dst=inside.host4) / ICMP(id=KEYS[tenant.name]) / Raw(b"ping"),
                            IPv6(src=tenant.outside.host6, dst=inside.host6) / UDP(sport=1, dport=KEYS[tenant.name])):
                with self.subTest(tenant=tenant.name, packet=request.summary()):
                    request = request.__class__(bytes(request))
                    kind = request.__class__
                    self.from_site(tenant, request)
                    got = self.wire(inside).receive("the request", lambda f, v=inside.vlan, p=request: Dot1Q in f and f[Dot1Q].vlan == v
                                                    and p.__class__ in f and f[p.__class__].dst == p.dst)
                    self.assert_frame(got, self.from_gateway(inside) / forwarded(request))
                    answer = kind(bytes(kind(src=request.dst, dst=request.src) / request.payload))
                    self.wire(inside).send(self.toward_gateway(inside) / answer)
                    got = self.until("the answer at the site", lambda k=kind: self.at_site(
                        tenant, lambda f: f[GRE].proto == (0x0800 if k is IP else 0x86dd)))[-1]
                    self.assert_outer(got)
                    self.assertEqual(bytes(got[GRE].payload), bytes(forwarded(answer)))
            self.assert_silent(other.inside)
            self.assertEqual(self.at_site(other, lambda f: True), [])
            self.underlay.forget()

    def test_a_key_of_nobody_is_a_counted_drop(self):
        """GRE with a key that no tunnel has is dropped and counted, for no tenant"""
        before = self.drops()
        stranger = IP(src=SITE, dst=OURS) / GRE(key_present=1, key=4711, proto=0x0800) / IP(src="18.0.0.1", dst="10.0.0.10")
        self.underlay.send(Ether(src=ROUTER_MAC, dst=self.port_mac[self.underlay_port]) / Dot1Q(vlan=UNDERLAY_VLAN) / stranger)
        self.wait_for_drop(before, "tunnel_unknown")

    def test_the_mtu_is_explained(self):
        """The MTU of a tunnel is what the underlay leaves, and describe says why"""
        said = self.sluice.text("describe", "connection", f"{CONTOSO.name}/site")
        self.assertIn("1472: underlay tor-a 1500 - IPv4 20 - GRE 4 - key 4", said)
        self.assertEqual(self.site_status(CONTOSO)["mtu"], 1472)

    def test_statistics_count_inner_packets(self):
        """A tunnel counts the inner packets of both directions, the underlay the outer ones"""
        before = self.site_status(CONTOSO).get("statistics", {})
        request = IP(bytes(IP(src=CONTOSO.outside.host4, dst=CONTOSO.inside.host4) / UDP() / Raw(bytes(72))))
        self.from_site(CONTOSO, request)
        self.wire(CONTOSO.inside).receive("the packet", lambda f: UDP in f and f[Dot1Q].vlan == CONTOSO.inside.vlan)

        def counted():
            now = self.site_status(CONTOSO)["statistics"]
            rise = [int(now.get(f"inbound_{what}", 0)) - int(before.get(f"inbound_{what}", 0)) for what in ("packets", "bytes")]
            return rise == [1, len(request)]
        self.until("it is counted", counted, 10)
        underlay = self.sluice.json("get", "gateway")["status"]["underlay_interfaces"][0]
        self.assertEqual((underlay["name"], underlay["mtu"], underlay["state"]), ("tor-a", 1500, "CONNECTION_STATE_CONNECTED"))
        self.assertGreater(int(underlay["statistics"]["inbound_packets"]), 0)

    def test_a_dead_next_hop_takes_the_tunnels_down_with_the_reason(self):
        """When the underlay's next hop does not answer, all tunnels over it are down and say so, until it does"""
        try:
            self.put_gateway(SILENT)
            self.until("both tunnels are down", lambda: self.states() == ["CONNECTION_STATE_DISCONNECTED"] * 2)
            for tenant in TENANTS:
                self.assertEqual(self.site_status(tenant)["error_reason"],
                                 f"no next hop to {SITE} is up: {SILENT} does not answer ARP on underlay interface tor-a")
            self.assertIn("does not answer ARP", self.sluice.ctl("doctor", check=False).stdout)
        finally:
            self.put_gateway()
        self.until("both tunnels are up again", lambda: self.states() == ["CONNECTION_STATE_CONNECTED"] * 2)

    def test_without_a_route_a_tunnel_is_down(self):
        """Without an underlay route to the far end the tunnel is down and says so"""
        try:
            said = self.put_gateway(next_hop=None)
            self.assertIn(f"no underlay route leads to {SITE} of tenants/contoso/connections/site", said)
            self.until("both tunnels are down", lambda: self.states() == ["CONNECTION_STATE_DISCONNECTED"] * 2)
            self.assertEqual(self.site_status(CONTOSO)["error_reason"], f"no underlay route to {SITE}")
        finally:
            self.put_gateway()

    def test_a_restart_of_control_loses_nothing(self):
        """sluice-gateway is killed and started again while packets pass the tunnel both ways: none is lost"""
        inside = CONTOSO.inside
        out = IP(bytes(IP(src=inside.host4, dst=CONTOSO.outside.host4) / UDP(dport=9999)))
        back = IP(bytes(IP(src=CONTOSO.outside.host4, dst=inside.host4) / UDP(dport=9998)))
        outside_got = lambda: len(self.at_site(CONTOSO, lambda f: UDP in f and f[UDP].dport == 9999))
        inside_got = lambda: len(self.wire(inside).pending(lambda f: UDP in f and f[UDP].dport == 9998))
        sent = 0

        def pass_some():
            nonlocal sent
            for _ in range(20):
                self.wire(inside).send(self.toward_gateway(inside) / out)
                self.from_site(CONTOSO, back)
            sent += 20
            self.until("all of them passed", lambda: (outside_got(), inside_got()) >= (sent, sent), 5)
        pass_some()
        self.sluice.crash(self.sluice.control)
        pass_some()
        self.sluice.start_control()

        def converged():
            pass_some()
            return self.sluice.ctl("get", "gateway", check=False).returncode == 0 and \
                self.sluice.json("get", "gateway")["status"].get("dataplane_instance_id") and all_programmed(self.sluice)
        self.until("control has converged", converged)
        pass_some()
        self.assertEqual((outside_got(), inside_got()), (sent, sent))
