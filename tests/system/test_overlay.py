"""Virtual networks of two tenants with the same addresses behind one host of the underlay: only the VNI tells them apart.
The test plays the underlay's router, the hypervisor host with its virtual machines, and the sites on VLANs."""
import json
import pathlib

from scapy.all import ARP, ICMP, IP, UDP, VXLAN, Dot1Q, Ether, IPv6, Raw

from lab.case import CONTOSO, FABRIKAM, TENANTS, forwarded, with_static_neighbors
from lab.proofs import all_programmed
from lab.underlay import OURS, ROUTER_MAC, UNDERLAY_VLAN, UnderlayTest

HOST, STRANGER = "198.51.100.2", "198.51.100.3"
VNIS = {CONTOSO.name: 5001, FABRIKAM.name: 6001}
GATEWAY4, GATEWAY6 = "10.0.0.1", "2001:db8:10::1"
VM_MAC = "02:00:5e:00:53:0a"


def gateway_mac(vni):
    """What the gateway answers for its address in a subnet unless the tenant said another."""
    return "02:53:4c:%02x:%02x:%02x" % (vni >> 16, vni >> 8 & 255, vni & 255)


def tenant_with_network(tenant):
    """Its site on a VLAN, its inside leg through the overlay."""
    wanted = with_static_neighbors(tenant)
    _, site = wanted["spec"]["connections"]
    wanted["spec"]["connections"] = [site]
    wanted["spec"]["virtual_networks"] = [{
        "name": "inside", "provider_address": OURS,
        "subnets": [{"name": "web", "prefix": "10.0.0.0/16", "network_id": VNIS[tenant.name], "gateway_address": GATEWAY4,
                     "ipv6_prefix": "2001:db8:10::/64", "ipv6_gateway_address": GATEWAY6}]}]
    return wanted


class Overlay(UnderlayTest):
    underlay_port = "port1"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        try:
            cls.put_gateway()
            cls.sluice.apply([tenant_with_network(tenant) for tenant in TENANTS], "--wait")
            for tenant in TENANTS:
                cls.map_machines(tenant, 1)
        except BaseException:
            cls.bench.keep_files = True
            raise

    @classmethod
    def map_machines(cls, tenant, version, host=HOST):
        mappings = {"mappings": [{"prefix": address, "provider_address": host, "mac": VM_MAC}
                                 for address in (tenant.inside.host4, tenant.inside.host6)]}
        path = pathlib.Path(cls.bench.directory, "mappings.json")
        path.write_text(json.dumps(mappings))
        return cls.sluice.text("mapping", "replace", f"{tenant.name}/inside", "-f", str(path), "--version", str(version))

    def setUp(self):
        super().setUp()
        self.until("the hosts are reachable", lambda: all(
            any(each["type"] == "HostsReachable" and each["status"] == "CONDITION_STATUS_TRUE"
                for each in self.status(tenant).get("conditions", [])) for tenant in TENANTS))

    def status(self, tenant):
        return self.sluice.json("get", "tenant", tenant.name)["status"]["virtual_networks"][0]

    def from_host(self, tenant, frame, host=HOST):
        """Sends an Ethernet frame of a virtual machine as its host wraps it."""
        self.underlay.send(Ether(src=ROUTER_MAC, dst=self.port_mac[self.underlay_port]) / Dot1Q(vlan=UNDERLAY_VLAN)
                           / IP(src=host, dst=OURS) / UDP(sport=50000, dport=4789, chksum=0) / VXLAN(vni=VNIS[tenant.name])
                           / frame)

    def to_gateway(self, tenant):
        return Ether(src=VM_MAC, dst=gateway_mac(VNIS[tenant.name]))

    def at_host(self, tenant, wanted=lambda inner: True):
        """Inner frames that the host got with the tenant's VNI."""
        return [frame for frame in self.underlay.pending(lambda f: VXLAN in f and f[VXLAN].vni == VNIS[tenant.name])
                if wanted(frame[VXLAN].payload)]

    def test_ping_passes_both_ways_and_tenants_do_not_meet(self):
        """Equal pings from virtual machines of two tenants reach each tenant's own site, and the answers its own VNI"""
        for tenant, other in (TENANTS, TENANTS[::-1]):
            site = tenant.outside
            for request in (IP(src=tenant.inside.host4, dst=site.host4) / ICMP(id=tenant.outside.vlan) / Raw(b"ping"),
                            IPv6(src=tenant.inside.host6, dst=site.host6) / UDP(sport=1, dport=tenant.outside.vlan)):
                with self.subTest(tenant=tenant.name, packet=request.summary()):
                    request = request.__class__(bytes(request))
                    kind = request.__class__
                    self.from_host(tenant, self.to_gateway(tenant) / request)
                    got = self.wire(site).receive("the request", lambda f, v=site.vlan, k=kind, p=request: Dot1Q in f
                                                  and f[Dot1Q].vlan == v and k in f and f[k].dst == p.dst)
                    self.assert_frame(got, self.from_gateway(site) / forwarded(request))
                    answer = kind(bytes(kind(src=request.dst, dst=request.src) / request.payload))
                    self.wire(site).send(self.toward_gateway(site) / answer)
                    got = self.until("the answer at the host", lambda k=kind: self.at_host(tenant, lambda i: k in i))[-1]
                    outer = got[IP]
                    self.assertEqual((outer.src, outer.dst, outer.ttl, got[UDP].dport), (OURS, HOST, 64, 4789))
                    inner = got[VXLAN].payload
                    self.assertEqual((inner.dst, inner.src), (VM_MAC, gateway_mac(VNIS[tenant.name])))
                    self.assertEqual(bytes(inner.payload), bytes(forwarded(answer)))
            self.assert_silent(other.outside)
            self.assertEqual(self.at_host(other), [])
            self.underlay.forget()

    def test_a_spoofed_provider_address_is_a_counted_drop(self):
        """A frame with a tenant's VNI from an address that is no host of it is dropped and counted as the tenant's"""
        before = self.drops(CONTOSO)
        self.from_host(CONTOSO, self.to_gateway(CONTOSO) / IP(src=CONTOSO.inside.host4, dst=CONTOSO.outside.host4) / UDP(), STRANGER)
        self.wait_for_drop(before, "tunnel_not_a_host", CONTOSO)
        self.assert_silent(CONTOSO.outside)

    def test_arp_for_the_gateway_is_answered(self):
        """A virtual machine that asks for the gateway's address gets its MAC, through the overlay"""
        for tenant in TENANTS:
            self.from_host(tenant, Ether(src=VM_MAC, dst="ff:ff:ff:ff:ff:ff")
                           / ARP(op=1, hwsrc=VM_MAC, psrc=tenant.inside.host4, pdst=GATEWAY4))
            got = self.until("the answer", lambda t=tenant: self.at_host(t, lambda i: ARP in i))[-1][VXLAN].payload
            self.assertEqual((got[ARP].op, got[ARP].hwsrc, got[ARP].psrc, got.dst),
                             (2, gateway_mac(VNIS[tenant.name]), GATEWAY4, VM_MAC))

    def test_an_address_without_a_mapping_is_a_named_drop(self):
        """What is in a subnet and has no mapping is dropped for the tenant, and lookup says so"""
        before = self.drops(CONTOSO)
        site = CONTOSO.outside
        self.wire(site).send(self.toward_gateway(site) / IP(src=site.host4, dst="10.0.99.99") / UDP())
        self.wait_for_drop(before, "blackhole", CONTOSO)
        self.assertIn("drop", self.sluice.text("route", "lookup", CONTOSO.name, "10.0.99.99"))

    def test_a_machine_that_moves_is_followed_and_seen(self):
        """A replace moves a virtual machine to another host; status, list and counters tell"""
        site = CONTOSO.outside
        try:
            self.assertIn("2 mappings (0 added, 2 changed, 0 removed)", self.map_machines(CONTOSO, 5, STRANGER))
            self.until("it is in force", lambda: all_programmed(self.sluice))
            before = int(self.status(CONTOSO).get("statistics", {}).get("outbound_packets", 0))
            self.wire(site).send(self.toward_gateway(site) / IP(src=site.host4, dst=CONTOSO.inside.host4) / UDP())
            got = self.until("the packet at the new host", lambda: self.at_host(CONTOSO, lambda i: UDP in i))[-1]
            self.assertEqual(got[IP].dst, STRANGER)
            self.until("it is counted", lambda: int(self.status(CONTOSO)["statistics"]["outbound_packets"]) == before + 1)
            self.assertIn(STRANGER, self.sluice.text("mapping", "list", f"{CONTOSO.name}/inside"))
            said = self.sluice.text("describe", "virtual-network", f"{CONTOSO.name}/inside")
            self.assertIn("1450 (underlay tor-a 1500 - IPv4 20 - UDP 8 - VXLAN 8 - inner Ethernet 14)", said)
            self.assertIn("2 to 1 hosts, version 5", said)
        finally:
            self.map_machines(CONTOSO, 6)

    def test_a_restart_of_control_loses_nothing(self):
        """sluice-gateway is killed and started again while packets pass the overlay both ways: none is lost"""
        site = CONTOSO.outside
        out = IP(bytes(IP(src=CONTOSO.inside.host4, dst=site.host4) / UDP(dport=9999)))
        back = IP(bytes(IP(src=site.host4, dst=CONTOSO.inside.host4) / UDP(dport=9998)))
        site_got = lambda: len(self.wire(site).pending(lambda f: UDP in f and f[UDP].dport == 9999))
        host_got = lambda: len(self.at_host(CONTOSO, lambda i: UDP in i and i[UDP].dport == 9998))
        sent = 0

        def pass_some():
            nonlocal sent
            for _ in range(20):
                self.wire(site).send(self.toward_gateway(site) / back)
                self.from_host(CONTOSO, self.to_gateway(CONTOSO) / out)
            sent += 20
            self.until("all of them passed", lambda: (site_got(), host_got()) >= (sent, sent), 5)
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
        self.assertEqual((site_got(), host_got()), (sent, sent))
