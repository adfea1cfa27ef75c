"""A gateway with bare wires instead of hosts: its ports are taps of the dataplane, so that every
frame can be made and seen byte by byte (net_tap, because af_packet may merge fragments)."""
import os
import shutil
import tempfile

from .deadline import wait_until
from .gateway import Gateway
from .namespace import Namespace
from .topology import PORTS, next_prefix
from .wire import Wire


class WireBench:
    """One namespace, one gateway, one wire per port. `directory` is kept when keep_files is set."""

    def __init__(self, **dataplane_changes):
        self.prefix = next_prefix()
        self.directory = tempfile.mkdtemp(prefix="sluice-")
        self.keep_files = False
        self.gateway_space = None
        self.wires = {}
        self._changes = dataplane_changes

    # What Gateway expects of a topology.
    @property
    def gateway(self):
        return self.gateway_space

    def open(self):
        self.gateway_space = Namespace(f"{self.prefix}-gateway", self.directory)
        # The kernel's own end of a tap must not speak.
        self.gateway_space.sysctl("net.ipv6.conf.default.disable_ipv6", 1)
        self.sluice = Gateway(self, {port: f"net_tap,iface={port}" for port in PORTS}, **self._changes)
        self.sluice.start()
        self.sluice.wait_for_dataplane()
        self.attach_wires()
        return self

    def attach_wires(self):
        for wire in self.wires.values():
            wire.close()
        for port in PORTS:
            path = f"/sys/class/net/{port}/operstate"
            wait_until(f"{port} is there", lambda p=path: self.gateway.run("cat", p, check=False).returncode == 0)
            self.gateway.run("ip", "link", "set", port, "up")
            self.wires[port] = Wire(self.gateway, port)

    def close(self):
        for wire in self.wires.values():
            wire.close()
        if self.gateway_space:
            self.gateway_space.remove()
        if not self.keep_files:
            shutil.rmtree(self.directory, ignore_errors=True)
