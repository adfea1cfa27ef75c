"""The wiring: a switch with VLAN access ports, one namespace per host, and two trunks to the
namespace where the gateway runs. Several topologies run side by side: names carry our pid, and
everything else is private to a temporary directory."""
import itertools
import os
import shutil
import tempfile

from .namespace import Namespace, remove_orphans
from .switch import Switch
from .tenants import TENANTS

_serial = itertools.count()
PORTS = ("port0", "port1")


def next_prefix():
    """Of namespaces: unique on this host as long as we live."""
    remove_orphans()
    return f"sluice-{os.getpid()}-{next(_serial)}"


class Topology:
    """Use as a context manager; leaving it removes every namespace, process and file."""

    def __init__(self, tenants=TENANTS, keep_files=False):
        self.tenants, self.keep_files = tenants, keep_files
        self.prefix = next_prefix()
        self.directory = tempfile.mkdtemp(prefix="sluice-")
        self.spaces, self.switch = {}, None

    def __enter__(self):
        try:
            self._build()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *_):
        self.remove()

    def space(self, name):
        if name not in self.spaces:
            self.spaces[name] = Namespace(f"{self.prefix}-{name}", self.directory)
        return self.spaces[name]

    @property
    def gateway(self):
        return self.space("gateway")

    def host(self, tenant, leg):
        return self.space(f"{tenant.name}-{leg.connection}")

    def _build(self):
        tor = self.space("tor")
        self.switch = Switch(tor, os.path.join(self.directory, "ovs"))
        for port in PORTS:
            self.gateway.connect(port, tor, f"trunk-{port}")
            self._quiet(self.gateway, port)
            self.switch.add_trunk_port(f"trunk-{port}", self._vlans(port))
        for tenant in self.tenants:
            for leg in tenant.legs:
                self._add_host(tor, tenant, leg)

    def _vlans(self, port):
        return [leg.vlan for tenant in self.tenants for leg in tenant.legs if getattr(leg, "port", None) == port]

    def wire(self, tenant, leg):
        """(namespace, device) of the last wire before the leg's host."""
        return self.space("tor"), f"access{leg.vlan}"

    def _add_host(self, tor, tenant, leg):
        host, access = self.host(tenant, leg), f"access{leg.vlan}"
        host.connect("uplink", tor, access, leg.mtu)
        self._quiet(tor, access)
        self.switch.add_access_port(access, leg.vlan)
        own4 = [f"{leg.peer4}/{leg.gateway4.split('/')[1]}", f"{leg.host4}/32"]
        own6 = [f"{leg.peer6}/{leg.gateway6.split('/')[1]}", f"{leg.host6}/128"]
        if leg is tenant.outside:
            own4.append(f"{tenant.secret4}/32")
            own6.append(f"{tenant.secret6}/128")
        self._address(host, own4 + own6, (leg.gateway4.split("/")[0], leg.gateway6.split("/")[0]), leg)

    @staticmethod
    def _address(host, own, gateways, leg):
        for address in own:
            # Usable at once: a route may not name a source that is still tentative.
            host.run("ip", "addr", "add", address, "dev", "uplink", *(["nodad"] if ":" in address else []))
        host.run("ip", "-4", "route", "add", "default", "via", gateways[0], "src", leg.host4)
        host.run("ip", "-6", "route", "add", "default", "via", gateways[1], "src", leg.host6)

    @staticmethod
    def _quiet(space, device):
        """A device that only carries frames of others must not speak itself."""
        space.sysctl(f"net.ipv6.conf.{device}.disable_ipv6", 1)

    def remove(self):
        if self.switch:
            self.switch.stop()
        for space in self.spaces.values():
            space.remove()
        if not self.keep_files:
            shutil.rmtree(self.directory, ignore_errors=True)
