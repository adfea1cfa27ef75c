"""The addressing plan of the demo: connection 1 of the classic layer 3 forwarding example, given to
two tenants with exactly the same numbers, so that only the VLAN tells them apart.

    inside host 10.0.0.10 -- 10.0.1.1 [gateway subnet 10.0.1.0/24] 10.0.1.6 -- gateway
    gateway -- 15.0.0.5 [L3 VLAN] 15.0.0.1 -- outside host 18.0.0.10 (route 18.0.0.0/24)

The inside leg is an L3 connection on a VLAN of its own until the overlay carries it.
"""
from dataclasses import dataclass


@dataclass(frozen=True)
class Leg:
    """One L3 connection of a tenant, and the host behind it."""
    connection: str
    port: str  # of the gateway
    vlan: int
    gateway4: str  # the gateway's address with its prefix length
    gateway6: str
    peer4: str  # next hop of the routes
    peer6: str
    host4: str  # the host that sends and answers
    host6: str
    routes: tuple  # prefixes behind the peer
    mtu: int = 1500


@dataclass(frozen=True)
class Tenant:
    name: str
    inside: Leg
    outside: Leg
    secret4: str  # an address behind `outside` that no other tenant has
    secret6: str

    @property
    def legs(self):
        return (self.inside, self.outside)


def _inside(vlan):
    return Leg("inside", "port1", vlan, "10.0.1.6/24", "2001:db8:10:1::6/64", "10.0.1.1", "2001:db8:10:1::1",
               "10.0.0.10", "2001:db8:10::10", ("10.0.0.0/16", "2001:db8:10::/64"))


def _outside(vlan, mtu):
    return Leg("datacenter", "port0", vlan, "15.0.0.5/24", "2001:db8:15::5/64", "15.0.0.1", "2001:db8:15::1",
               "18.0.0.10", "2001:db8:18::10", ("18.0.0.0/24", "2001:db8:18::/64"), mtu)


CONTOSO = Tenant("contoso", _inside(102), _outside(101, 1500), "18.0.0.77", "2001:db8:18::77")
# The same addresses; its link to the outside is 1400 bytes wide.
FABRIKAM = Tenant("fabrikam", _inside(202), _outside(201, 1400), "18.0.0.88", "2001:db8:18::88")
TENANTS = (CONTOSO, FABRIKAM)
