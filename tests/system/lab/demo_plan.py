"""The addressing plan of the demo. Connection 1 of the classic layer 3 forwarding example with its real inside leg, and a
branch office beside it; given to two tenants with exactly the same numbers, so that only VLAN, VNI or VSID, and GRE key
tell them apart.

    virtual machine 10.0.0.10 [virtual network 10.0.0.0/16, VXLAN or NVGRE] 10.0.1.6 -- gateway
    gateway -- 15.0.0.5 [L3 VLAN] 15.0.0.1 -- outside host 18.0.0.10 (route 18.0.0.0/24)
    gateway -- 172.16.0.1 [GRE with key] 172.16.0.2 -- branch host 19.0.0.10 (route 19.0.0.0/24)

The provider network, VLAN 30, carries both kinds of tunnel: hypervisors and the branch's router are Open vSwitches.
"""
from dataclasses import dataclass

from .tenants import CONTOSO as L3_CONTOSO
from .tenants import FABRIKAM as L3_FABRIKAM
from .tenants import Leg


@dataclass(frozen=True)
class Underlay:
    """The gateway's interface in the provider network."""
    name: str
    port: str
    vlan: int
    gateway4: str
    mtu: int = 1500

    @property
    def address4(self):
        return self.gateway4.split("/")[0]


UNDERLAY = Underlay("provider", "port1", 30, "198.51.100.1/24")


@dataclass(frozen=True)
class FarEnd:
    """Who speaks tunnels with the gateway: a hypervisor, or a branch's router."""
    name: str
    provider4: str

    @property
    def address4(self):
        return self.provider4.split("/")[0]


VXLAN_HOST = FarEnd("hypervisor1", "198.51.100.11/24")
NVGRE_HOST = FarEnd("hypervisor2", "198.51.100.12/24")
BRANCH = FarEnd("branch", "198.51.100.21/24")


@dataclass(frozen=True)
class TunnelLeg:
    """A virtual network's subnet with one virtual machine (`encapsulation` VXLAN or NVGRE), or a GRE connection."""
    connection: str
    encapsulation: str
    key: int  # VNI, VSID or GRE key
    far_end: FarEnd
    gateway4: str
    gateway6: str
    own4: str  # of the host on the link, with the length of its subnet
    own6: str
    host4: str  # the address that sends and answers
    host6: str
    mtu: int  # what the outer headers leave of the underlay's
    routes: tuple = ()

    @property
    def is_overlay(self):
        return self.encapsulation != "GRE"


@dataclass(frozen=True)
class DemoTenant:
    name: str
    inside: TunnelLeg
    outside: Leg
    branch: TunnelLeg
    secret4: str  # an address behind `outside` that no other tenant has
    secret6: str

    @property
    def legs(self):
        return (self.inside, self.outside, self.branch)


def _inside(encapsulation, key, far_end, mtu):
    return TunnelLeg("inside", encapsulation, key, far_end, "10.0.1.6/16", "2001:db8:10:1::6/48", "10.0.0.10/16",
                     "2001:db8:10::10/48", "10.0.0.10", "2001:db8:10::10", mtu)


def _branch(key):
    return TunnelLeg("branch", "GRE", key, BRANCH, "172.16.0.1/30", "2001:db8:172::1/64", "172.16.0.2/30",
                     "2001:db8:172::2/64", "19.0.0.10", "2001:db8:19::10", 1500 - 28, ("19.0.0.0/24", "2001:db8:19::/64"))


# Outer IPv4, UDP, VXLAN and inner Ethernet header are 50 bytes; NVGRE has 8 bytes of GRE in place of UDP and VXLAN.
CONTOSO = DemoTenant("contoso", _inside("VXLAN", 5001, VXLAN_HOST, 1500 - 50), L3_CONTOSO.outside, _branch(101),
                     L3_CONTOSO.secret4, L3_CONTOSO.secret6)
FABRIKAM = DemoTenant("fabrikam", _inside("NVGRE", 6001, NVGRE_HOST, 1500 - 42), L3_FABRIKAM.outside, _branch(102),
                      L3_FABRIKAM.secret4, L3_FABRIKAM.secret6)
DEMO_TENANTS = (CONTOSO, FABRIKAM)
