#!/usr/bin/python3
"""The demo: two tenants with the same addresses behind one gateway, in network namespaces.

  demo.py [--once] [--keep] [--reference]

Builds the network, starts both daemons, and proves one statement a line with the value it measured.
Without --once it then stays up for you to look around; Ctrl-C ends it. --keep leaves logs and captures.
--reference puts the Linux kernel in the gateway's place and proves what needs no API: the rig's own test.
"""
import argparse
import signal
import sys
import time

from lab import proofs
from lab.gateway import SLUICECTL, Gateway
from lab.reference import start_reference
from lab.deadline import wait_until
from lab.demo_plan import CONTOSO, FABRIKAM, UNDERLAY
from lab.topology import Topology
from lab.tunnel_topology import TunnelTopology


class Report:
    """Prints a line per statement and remembers failures."""

    def __init__(self):
        self.proven = self.failed = 0

    def prove(self, statement, proof, *arguments):
        started = time.monotonic()
        try:
            measured = proof(*arguments)
        except Exception as error:  # pylint: disable=broad-except  (a demo goes on and says what failed)
            self.failed += 1
            print(f"FAILED {statement}: {error}", flush=True)
            return
        self.proven += 1
        print(f"proven {statement}: {measured}  [{time.monotonic() - started:.1f} s]", flush=True)

    def summary(self):
        print(f"\n{self.proven} proven, {self.failed} failed", flush=True)


def prove_forwarding(report, topology, gateway=None):
    contoso, fabrikam = topology.tenants
    for tenant in topology.tenants:
        report.prove(f"{tenant.name} reaches its own hosts", proofs.reachable, topology, tenant, gateway)
    for tenant, other in ((contoso, fabrikam), (fabrikam, contoso)):
        report.prove(f"{tenant.name} never meets {other.name}", proofs.own_host_answers, topology, tenant, other)
    report.prove("traceroute shows the gateway", proofs.traced, topology, contoso)
    report.prove("path MTU discovery finds the 1400-byte link", proofs.path_mtu_discovered, topology, fabrikam)
    report.prove("iperf3 through the gateway", proofs.throughput, topology, contoso)


def prove_tunnels(report, topology):
    report.prove("tshark decodes every encapsulated frame", proofs.decodes, topology)
    for tenant in topology.tenants:
        report.prove(f"path MTU discovery finds the tunnels of {tenant.name}", proofs.tunnel_mtu_discovered, topology, tenant)


def prove_gateway(report, topology, gateway):
    for tenant in topology.tenants:
        report.prove(f"{tenant.name} is counted", proofs.counted, topology, gateway, tenant)
    report.prove("killing sluice-gateway loses nothing", proofs.control_restart_is_hitless, topology, gateway)
    report.prove("killing sluice-dataplane heals", proofs.dataplane_restart_recovers, topology, gateway)


def show(gateway, *arguments):
    print(f"\n$ sluicectl {' '.join(arguments)}", flush=True)
    done = gateway.ctl(*arguments, check=False)
    print("\n".join("  " + line for line in (done.stdout + done.stderr).splitlines()), flush=True)


def show_gateway(topology, gateway):
    """What an operator sees."""
    show(gateway, "describe", "tenant", CONTOSO.name)
    show(gateway, "describe", "connection", f"{CONTOSO.name}/{CONTOSO.branch.connection}")
    show(gateway, "describe", "virtual-network", f"{CONTOSO.name}/{CONTOSO.inside.connection}")
    show(gateway, "get", "neighbors")
    show(gateway, "route", "lookup", CONTOSO.name, CONTOSO.outside.host4)
    show(gateway, "route", "lookup", FABRIKAM.name, FABRIKAM.outside.host6)
    stream = proofs.PingStream(topology.host(CONTOSO, CONTOSO.inside), CONTOSO.outside.host4, interval=0.1)
    show(gateway, "trace", "-t", CONTOSO.name, "-n", "2", "--seconds", "5")
    stream.stop()
    show(gateway, "drops")
    print("  (unknown_vlan and l2_multicast, if there are any: the switch itself talks on its trunks, outside of the VLANs of\n"
          "  any connection; sluicectl capture --drop-reason unknown_vlan shows the frames)", flush=True)
    show(gateway, "doctor")


def invite(topology, gateway):
    inside = topology.host(CONTOSO, CONTOSO.inside).name
    print(f"""
It is up. In another terminal, as root:

  export SLUICE_SERVER=unix:{gateway.socket}; PATH=$PATH:{SLUICECTL.rsplit('/', 1)[0]}
  sluicectl get tenants
  sluicectl describe tenant {CONTOSO.name}
  sluicectl route lookup {CONTOSO.name} {CONTOSO.outside.host4}
  sluicectl top
  sluicectl capture -t {CONTOSO.name} -w /tmp/{CONTOSO.name}.pcap
  ip netns exec {inside} ping {CONTOSO.outside.host4}
  ip netns exec {inside} traceroute -n {CONTOSO.outside.host4}

Namespaces: {' '.join(space.name for space in topology.spaces.values())}
Files: {topology.directory}
Ctrl-C ends it.""", flush=True)
    try:
        while gateway.dataplane.alive() and gateway.control.alive():
            signal.sigtimedwait([], 1)
        print("demo: a daemon ended by itself; --keep leaves its log", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nremoving everything", flush=True)


def run(options):
    report = Report()
    started = time.monotonic()
    with (Topology if options.reference else TunnelTopology)(keep_files=options.keep) as topology:
        hosts = sum(len(tenant.legs) for tenant in topology.tenants)
        print(f"network: a switch, {hosts} hosts, 2 trunks  [{time.monotonic() - started:.1f} s]", flush=True)
        if options.reference:
            start_reference(topology)
            prove_forwarding(report, topology)
        else:
            gateway = Gateway(topology)
            gateway.start()
            gateway.wait_for_dataplane()
            gateway.configure(topology.tenants, UNDERLAY)
            for tenant in topology.tenants:
                gateway.map_machine(tenant, tenant.inside, topology.host(tenant, tenant.inside).mac("uplink"))
                wait_until(f"the machine of {tenant.name} can be reached",
                           lambda each=tenant: gateway.virtual_network_works(each), 30, interval=0.1)
            print(f"gateway: both daemons up, {len(topology.tenants)} tenants programmed  "
                  f"[{time.monotonic() - started:.1f} s]\n", flush=True)
            prove_forwarding(report, topology, gateway)
            prove_tunnels(report, topology)
            prove_gateway(report, topology, gateway)
            show_gateway(topology, gateway)
            if not options.once:
                invite(topology, gateway)
    if options.keep:
        print(f"\nlogs and captures: {topology.directory}")
    report.summary()
    return 1 if report.failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--once", action="store_true", help="prove, clean up, exit 0 or 1")
    parser.add_argument("--keep", action="store_true", help="leave logs and captures behind")
    parser.add_argument("--reference", action="store_true", help="the Linux kernel in the gateway's place")
    options = parser.parse_args()
    # Ctrl-C and a service manager's stop end a demo the same way: everything is removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return run(options)
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # pylint: disable=broad-except
        print(f"demo: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
