"""Open vSwitch with its userspace datapath, because it needs no kernel module: as a top-of-rack switch
that tags and untags VLAN access ports, and as the far end of tunnels (a hypervisor's virtual switch, or
a site's GRE router). Everything an instance writes is in its own directory."""
import os

from .deadline import wait_until
from .processes import Process, run

SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"


class OpenVswitch:
    """One instance in a namespace."""

    def __init__(self, space, directory):
        self.space, self.directory = space, directory
        os.makedirs(directory)
        self.environment = {**os.environ, "OVS_RUNDIR": directory, "OVS_LOGDIR": directory,
                            "OVS_DBDIR": directory}
        self.processes = []
        self._start()

    def _start(self):
        path = self.directory
        run(["ovsdb-tool", "create", f"{path}/conf.db", SCHEMA], env=self.environment)
        self._spawn("ovsdb-server", f"{path}/conf.db", f"--remote=punix:{path}/db.sock",
                    f"--pidfile={path}/ovsdb.pid", f"--unixctl={path}/db.ctl")
        wait_until("ovsdb-server listens", lambda: os.path.exists(f"{path}/db.sock"))
        self.vsctl("--no-wait", "init")
        self._spawn("ovs-vswitchd", f"unix:{path}/db.sock", f"--pidfile={path}/vs.pid",
                    f"--unixctl={path}/vs.ctl")

    def _spawn(self, program, *arguments):
        command = ["env", *(f"{key}={self.directory}" for key in ("OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR")),
                   program, *arguments]
        self.processes.append(Process(program, self.space.argv(*command), f"{self.directory}/{program}.log"))

    def vsctl(self, *arguments):
        return run(["ovs-vsctl", f"--db=unix:{self.directory}/db.sock", "--timeout=10", *map(str, arguments)],
                   env=self.environment).stdout

    def add_flow(self, bridge, flow):
        run(["ovs-ofctl", "add-flow", f"unix:{self.directory}/{bridge}.mgmt", flow], env=self.environment)

    def add_bridge(self, bridge):
        self.vsctl("add-br", bridge, "--", "set", "bridge", bridge, "datapath_type=netdev")

    def stop(self):
        for process in reversed(self.processes):
            process.stop()


class Switch(OpenVswitch):
    """The top-of-rack switch."""
    BRIDGE = "tor"

    def __init__(self, space, directory):
        super().__init__(space, directory)
        self.add_bridge(self.BRIDGE)

    def add_access_port(self, device, vlan):
        self.vsctl("add-port", self.BRIDGE, device, f"tag={vlan}")

    def add_trunk_port(self, device, vlans):
        self.vsctl("add-port", self.BRIDGE, device, "vlan_mode=trunk", f"trunks={','.join(map(str, vlans))}")


class TunnelEnd(OpenVswitch):
    """A host or router whose tunnels start at `provider` ("198.51.100.11/24") on the device `uplink`, which is
    in the namespace already. Tunnels are ports of a second bridge, with the devices of those whom they carry."""
    OUTER, INNER = "underlay", "inside"

    def __init__(self, space, directory, uplink, provider, mtu=1500):
        super().__init__(space, directory)
        for bridge in (self.OUTER, self.INNER):
            self.add_bridge(bridge)
        # Nothing but what a flow says is carried inside: the tenants of one host never meet in its switch.
        self.vsctl("set-fail-mode", self.INNER, "secure")
        self.vsctl("add-port", self.OUTER, uplink)
        wait_until("the underlay's device is there", lambda: self._has(self.OUTER))
        space.run("ip", "link", "set", self.OUTER, "mtu", mtu, "up")
        space.run("ip", "addr", "add", provider, "dev", self.OUTER)
        self._numbers = 0

    def _has(self, device):
        return self.space.run("ip", "link", "show", device, check=False).returncode == 0

    def _add_port(self, device, *interface):
        """Returns its OpenFlow number."""
        self._numbers += 1
        self.vsctl("add-port", self.INNER, device, "--", "set", "interface", device,
                   f"ofport_request={self._numbers}", *interface)
        wait_until(f"{device} has its number", lambda: self.vsctl("get", "interface", device, "ofport").strip()
                   == str(self._numbers))
        return self._numbers

    def _pair(self, device, tunnel, there, back="actions=output:"):
        """`device` and `tunnel` are ports; packets go from one to the other."""
        self.add_flow(self.INNER, f"in_port={device},{there}output:{tunnel}")
        self.add_flow(self.INNER, f"in_port={tunnel},{back}output:{device}")

    def add_vxlan(self, device, remote, vni):
        """Frames of `device` go to `remote` in VXLAN, and back."""
        tunnel = self._add_port(f"vx{vni}", "type=vxlan", f"options:remote_ip={remote}", f"options:key={vni}")
        self._pair(self._add_port(device), tunnel, "actions=", "actions=")

    def add_nvgre(self, device, remote, vsid, flow_id=0):
        """The same in NVGRE. Open vSwitch knows one key both ways, so only packets with this FlowID are understood."""
        tunnel = self._add_port(f"nv{vsid}", "type=gre", f"options:remote_ip={remote}", f"options:out_key={vsid << 8 | flow_id}",
                                "options:in_key=flow")
        inside = self._add_port(device)
        self._pair(inside, tunnel, "actions=", f"tun_id={vsid << 8:#x}/0xffffff00,actions=")

    def add_gre(self, device, remote, key, mac):
        """IP packets of `device`, whose far end has the address `mac`, go to `remote` in GRE with a key, and back."""
        tunnel = self._add_port(f"gre{key}", "type=gre", f"options:remote_ip={remote}", f"options:key={key}",
                                "options:packet_type=legacy_l3")
        inside = self._add_port(device)
        for kind in ("ip", "ipv6"):
            self.add_flow(self.INNER, f"{kind},in_port={inside},actions=output:{tunnel}")
        self.add_flow(self.INNER, f"in_port={tunnel},actions=mod_dl_dst:{mac},output:{inside}")
