"""A top-of-rack switch: Open vSwitch with its userspace datapath, because it needs no kernel module
and tags and untags VLAN access ports itself. Everything it writes is in its own directory."""
import os

from .deadline import wait_until
from .processes import Process, run

SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
BRIDGE = "tor"


class Switch:
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
        self.vsctl("add-br", BRIDGE, "--", "set", "bridge", BRIDGE, "datapath_type=netdev")

    def _spawn(self, program, *arguments):
        command = ["env", *(f"{key}={self.directory}" for key in ("OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR")),
                   program, *arguments]
        self.processes.append(Process(program, self.space.argv(*command), f"{self.directory}/{program}.log"))

    def vsctl(self, *arguments):
        return run(["ovs-vsctl", f"--db=unix:{self.directory}/db.sock", "--timeout=10", *arguments],
                   env=self.environment).stdout

    def add_access_port(self, device, vlan):
        self.vsctl("add-port", BRIDGE, device, f"tag={vlan}")

    def add_trunk_port(self, device, vlans):
        self.vsctl("add-port", BRIDGE, device, "vlan_mode=trunk", f"trunks={','.join(map(str, vlans))}")

    def stop(self):
        for process in reversed(self.processes):
            process.stop()
