"""The demo's network: a topology whose tenants also have hosts behind tunnels. Hypervisors and branch routers stand in the
provider network, each an Open vSwitch in a namespace of its own."""
import os

from .demo_plan import DEMO_TENANTS, UNDERLAY, TunnelLeg
from .switch import TunnelEnd
from .topology import Topology

# In the place of the router that Open vSwitch does not have: GRE carries no MAC address.
ROUTER_MAC = "02:00:00:00:00:01"


class TunnelTopology(Topology):
    def __init__(self, tenants=DEMO_TENANTS, keep_files=False):
        super().__init__(tenants, keep_files)
        self.ends = {}

    def _vlans(self, port):
        return super()._vlans(port) + ([UNDERLAY.vlan] if port == UNDERLAY.port else [])

    def _add_host(self, tor, tenant, leg):
        if not isinstance(leg, TunnelLeg):
            return super()._add_host(tor, tenant, leg)
        end = self._end(tor, leg.far_end)
        host, space, device = self.host(tenant, leg), self.space(leg.far_end.name), f"{tenant.name}-{leg.connection}"
        host.connect("uplink", space, device, leg.mtu)
        self._quiet(space, device)
        gateway4, gateway6 = (address.split("/")[0] for address in (leg.gateway4, leg.gateway6))
        own = [leg.own4, leg.own6]
        if leg.is_overlay:
            {"VXLAN": end.add_vxlan, "NVGRE": end.add_nvgre}[leg.encapsulation](device, UNDERLAY.address4, leg.key)
        else:
            end.add_gre(device, UNDERLAY.address4, leg.key, host.mac("uplink"))
            for gateway in (gateway4, gateway6):
                host.run("ip", "neigh", "add", gateway, "lladdr", ROUTER_MAC, "dev", "uplink")
            own += [f"{leg.host4}/32", f"{leg.host6}/128"]
        self._address(host, own, (gateway4, gateway6), leg)

    def _end(self, tor, far_end):
        if far_end.name not in self.ends:
            space, access = self.space(far_end.name), f"access-{far_end.name[-6:]}"
            space.connect("uplink", tor, access, UNDERLAY.mtu)
            self._quiet(tor, access)
            self._quiet(space, "uplink")
            self.switch.add_access_port(access, UNDERLAY.vlan)
            self.ends[far_end.name] = TunnelEnd(space, os.path.join(self.directory, far_end.name), "uplink",
                                                far_end.provider4, UNDERLAY.mtu)
        return self.ends[far_end.name]

    def wire(self, tenant, leg):
        if isinstance(leg, TunnelLeg):
            return self.space(leg.far_end.name), f"{tenant.name}-{leg.connection}"
        return super().wire(tenant, leg)

    def remove(self):
        for end in self.ends.values():
            end.stop()
        super().remove()
