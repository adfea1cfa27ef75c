"""One network namespace: a host, the switch, or the gateway."""
import itertools
import os
import re

from .processes import Process, run

_serial = itertools.count(1)


def remove_orphans():
    """Namespaces of rigs that were killed before they could clean up; their processes died with them."""
    for line in run(["ip", "netns", "list"]).stdout.splitlines():
        owner = re.match(r"sluice-(\d+)-\d+-", line)
        if owner and not os.path.exists(f"/proc/{owner.group(1)}"):
            run(["ip", "netns", "del", line.split()[0]], check=False)


class Namespace:
    def __init__(self, name, directory):
        self.name, self.directory = name, directory
        self.processes = []
        run(["ip", "netns", "add", name])
        self.run("ip", "link", "set", "lo", "up")
        # Addresses are usable at once and nothing but the tests speaks (no duplicate address
        # detection delay, no router solicitations).
        for knob in ("all", "default"):
            self.sysctl(f"net.ipv6.conf.{knob}.accept_dad", 0)
            self.sysctl(f"net.ipv6.conf.{knob}.router_solicitations", 0)
        self.sysctl("net.ipv4.ping_group_range", "0 2147483647")

    def argv(self, *command):
        return ["ip", "netns", "exec", self.name, *map(str, command)]

    def run(self, *command, check=True, timeout=60.0):
        return run(self.argv(*command), check=check, timeout=timeout)

    def spawn(self, name, *command, stdout=None):
        """A child of its own log file; `name` may be used again."""
        log = os.path.join(self.directory, f"{name}-{next(_serial)}.log")
        process = Process(name, self.argv(*command), log, stdout)
        self.processes.append(process)
        return process

    def sysctl(self, key, value):
        path = "/proc/sys/" + key.replace(".", "/")
        self.run("sh", "-c", f"test ! -e {path} || echo '{value}' > {path}")

    def connect(self, device, other, other_device, mtu=1500):
        """A veth pair to another namespace; both ends up, with complete checksums and frames of at
        most the MTU on the wire, because a userspace switch or router forwards what it sees."""
        run(["ip", "link", "add", "name", device, "mtu", str(mtu), "netns", self.name, "type", "veth",
             "peer", "name", other_device, "mtu", str(mtu), "netns", other.name])
        for space, end in ((self, device), (other, other_device)):
            space.run("ethtool", "-K", end, "tx", "off", "tso", "off", "gso", "off", "gro", "off")
            space.run("ip", "link", "set", end, "up")

    def mac(self, device):
        return self.run("cat", f"/sys/class/net/{device}/address").stdout.strip()

    def remove(self):
        for process in reversed(self.processes):
            process.stop()
        run(["ip", "netns", "del", self.name], check=False)
