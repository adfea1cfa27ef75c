"""The two daemons in the gateway's namespace, with private sockets, state and file prefix, and
sluicectl beside them. The rig plays the service manager: it starts, kills and restarts them."""
import ipaddress
import json
import os
import signal

from .deadline import wait_until
from .processes import run
from .topology import PORTS

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "../../.."))
BUILD = os.environ.get("SLUICE_BUILD", os.path.join(ROOT, "build"))
DATAPLANE = os.path.join(BUILD, "dataplane/sluice-dataplane")
GATEWAY = os.path.join(BUILD, "control/sluice-gateway")
SLUICECTL = os.path.join(BUILD, "tools/sluicectl/sluicectl")


class CommandFailed(Exception):
    def __init__(self, done):
        super().__init__(f"{' '.join(done.args[-6:])}: exit {done.returncode}: {done.stderr.strip()}")
        self.done = done


def connection(leg):
    """One leg as the API says it."""
    routes = [{"prefix": prefix, "next_hops": [{"address": leg.peer6 if ":" in prefix else leg.peer4}]}
              for prefix in leg.routes]
    return {"name": leg.connection, "l3": {"port": leg.port, "vlan": leg.vlan},
            "addresses": [leg.gateway4, leg.gateway6], "peer_addresses": [leg.peer4, leg.peer6],
            "routes": routes, "mtu": leg.mtu}


def gre_connection(leg, underlay):
    routes = [{"prefix": prefix, "next_hops": [{"address": (leg.own6 if ":" in prefix else leg.own4).split("/")[0]}]}
              for prefix in leg.routes]
    return {"name": leg.connection,
            "gre": {"key": leg.key, "local_endpoint": {"public_address": underlay.address4},
                    "remote_address": leg.far_end.address4},
            "addresses": [leg.gateway4, leg.gateway6], "peer_addresses": [own.split("/")[0] for own in (leg.own4, leg.own6)],
            "routes": routes}


def virtual_network(leg, underlay):
    def network(text):
        return str(ipaddress.ip_interface(text).network)
    return {"name": leg.connection, "encapsulation": f"OVERLAY_ENCAPSULATION_{leg.encapsulation}", "provider_address": underlay.address4,
            "subnets": [{"name": "default", "network_id": leg.key, "prefix": network(leg.gateway4),
                         "gateway_address": leg.gateway4.split("/")[0], "ipv6_prefix": network(leg.gateway6),
                         "ipv6_gateway_address": leg.gateway6.split("/")[0]}]}


def tenant_object(tenant, underlay=None):
    spec = {"labels": {"demo": "yes"}, "connections": []}
    for leg in tenant.legs:
        if not hasattr(leg, "encapsulation"):
            spec["connections"].append(connection(leg))
        elif leg.is_overlay:
            spec.setdefault("virtual_networks", []).append(virtual_network(leg, underlay))
        else:
            spec["connections"].append(gre_connection(leg, underlay))
    return {"kind": "tenant", "name": tenant.name, "spec": spec}


def gateway_object(underlay):
    return {"kind": "gateway", "spec": {"underlay_interfaces": [
        {"name": underlay.name, "port": underlay.port, "vlan": underlay.vlan, "addresses": [underlay.gateway4],
         "mtu": underlay.mtu}]}}


class Gateway:
    def __init__(self, topology, devices=None, **changes):
        """`devices`: port name -> DPDK device; `changes` replace fields of the dataplane's file."""
        self.topology = topology
        self.space = topology.gateway
        self.directory = os.path.join(topology.directory, "gateway")
        os.makedirs(self.directory, mode=0o700, exist_ok=True)
        self.socket = self._path("gateway.sock")
        devices = devices or {port: f"net_af_packet,iface={port}" for port in PORTS}
        self.dataplane_config = {
            "instance": topology.prefix,
            "grpc_socket": self._path("dataplane.sock"),
            "ports": [{"name": name, "device": device} for name, device in devices.items()],
            "worker_cores": [os.cpu_count() - 1],
            # This machine is shared with switch, hosts and tests.
            "idle_policy": "SLEEP",
            **changes,
        }
        self.gateway_config = {
            "listen_unix": self.socket,
            "dataplane_socket": self._path("dataplane.sock"),
            "channel_socket": self._path("dataplane.sock.channel"),
            "state_database": self._path("gateway.db"),
            "key_file": self._path("gateway.key"),
        }
        self.dataplane = self.control = None

    def _path(self, name):
        return os.path.join(self.directory, name)

    def _write(self, name, content):
        path = self._path(name)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=2)
        return path

    def start_dataplane(self):
        path = self._write("dataplane.json", self.dataplane_config)
        self.dataplane = self.space.spawn("sluice-dataplane", DATAPLANE, "--config", path)
        return self.dataplane

    def start_control(self):
        path = self._write("gateway.json", self.gateway_config)
        self.control = self.space.spawn("sluice-gateway", GATEWAY, "--config", path)
        return self.control

    def start(self):
        self.start_dataplane()
        self.start_control()
        self.wait_for_api()

    def wait_for_api(self, seconds=20):
        def answers():
            if not self.control.alive():
                raise RuntimeError(f"sluice-gateway ended: {self.control.log().strip()[-2000:]}")
            return self.ctl("get", "gateway", check=False).returncode == 0
        wait_until("the API answers", answers, seconds, interval=0.1)

    def wait_for_dataplane(self, seconds=30):
        def attached():
            if not self.dataplane.alive():
                raise RuntimeError(f"sluice-dataplane ended: {self.dataplane.log().strip()[-2000:]}")
            return self.json("get", "gateway")["status"].get("dataplane_instance_id")
        return wait_until("the dataplane is attached", attached, seconds, interval=0.1)

    def crash(self, process):
        """kill -9, and the corpse is gone."""
        process.signal(signal.SIGKILL)
        process.wait()

    def ctl(self, *arguments, check=True, timeout=60.0):
        done = run(self.space.argv(SLUICECTL, "--server", f"unix:{self.socket}", *arguments), check=False,
                   timeout=timeout)
        if check and done.returncode != 0:
            raise CommandFailed(done)
        return done

    def text(self, *arguments):
        return self.ctl(*arguments).stdout

    def json(self, *arguments):
        return json.loads(self.ctl("-o", "json", *arguments).stdout)

    def apply(self, objects, *options):
        return self.text("apply", "-f", self._write("apply.json", objects), *options)

    def configure(self, tenants, underlay=None):
        """All tenants, and the provider network when there is one, forwarded by the dataplane when this returns."""
        if underlay:
            self.apply({**gateway_object(underlay), "etag": self.json("get", "gateway")["etag"]})
        return self.apply([tenant_object(tenant, underlay) for tenant in tenants], "--wait")

    def map_machine(self, tenant, leg, mac):
        """Says where the only machine of a virtual network is."""
        mappings = {"mappings": [{"prefix": address, "provider_address": leg.far_end.address4, "mac": mac}
                                 for address in (leg.host4, leg.host6)]}
        return self.text("mapping", "replace", f"{tenant.name}/{leg.connection}", "-f", self._write("mappings.json", mappings))

    def virtual_network_works(self, tenant):
        """The host of its mappings is reachable, and everything of the tenant is in the dataplane."""
        seen = self.json("get", "tenant", tenant.name)
        conditions = seen["status"]["virtual_networks"][0].get("conditions", [])
        return (int(seen["status"]["observed_generation"]) == int(seen["generation"]) and
                any(each["type"] == "HostsReachable" and each["status"] == "CONDITION_STATUS_TRUE" for each in conditions))
