"""Two sites of two tenants behind one GRE router, told apart by the key: the base of tests about GRE tunnels. The test plays
the underlay's router, the site's router and everybody behind."""
from scapy.all import GRE, IP, Dot1Q, Ether, IPv6

from .case import CONTOSO, FABRIKAM, TENANTS, with_static_neighbors
from .underlay import OURS, ROUTER_MAC, UNDERLAY_VLAN, UnderlayTest

SITE = "198.51.100.2"
KEYS = {CONTOSO.name: 1001, FABRIKAM.name: 1002}


def tenant_with_site(tenant):
    """Its inside leg on a VLAN, its outside leg through the tunnel."""
    wanted = with_static_neighbors(tenant)
    inside, _ = wanted["spec"]["connections"]
    wanted["spec"]["connections"] = [inside, {
        "name": "site", "addresses": ["10.40.0.1/30"],
        "gre": {"local_endpoint": {"public_address": OURS}, "remote_address": SITE, "key": KEYS[tenant.name]},
        "routes": [{"prefix": "18.0.0.0/24", "next_hops": [{"connection": "site"}]},
                   {"prefix": "2001:db8:18::/64", "next_hops": [{"connection": "site"}]}]}]
    return wanted


class GreSites(UnderlayTest):
    underlay_port = "port0"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        try:
            cls.put_gateway()
            cls.sluice.apply([tenant_with_site(tenant) for tenant in TENANTS], "--wait")
        except BaseException:
            cls.bench.keep_files = True
            raise

    def setUp(self):
        super().setUp()
        self.until("both tunnels are up", lambda: self.states() == ["CONNECTION_STATE_CONNECTED"] * 2)

    def site_status(self, tenant):
        status = self.sluice.json("get", "tenant", tenant.name)["status"]
        return next(each for each in status["connections"] if each["name"] == "site")

    def states(self):
        return [self.site_status(tenant)["state"] for tenant in TENANTS]

    def from_site(self, tenant, packet):
        """Sends what the site's router sends."""
        proto = 0x86dd if IPv6 in packet else 0x0800
        self.underlay.send(Ether(src=ROUTER_MAC, dst=self.port_mac[self.underlay_port]) / Dot1Q(vlan=UNDERLAY_VLAN)
                           / IP(src=SITE, dst=OURS) / GRE(key_present=1, key=KEYS[tenant.name], proto=proto) / packet)

    def at_site(self, tenant, wanted):
        """What the site's router got with the tenant's key."""
        return self.underlay.pending(lambda f: GRE in f and f[GRE].key == KEYS[tenant.name] and wanted(f))
