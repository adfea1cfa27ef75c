"""What the demo proves, one function a statement. Each returns the measured value in words and
raises ProofFailed with what it saw instead. The system tests use them as they are."""
import itertools
import time

from .deadline import wait_until
from .packets import Capture, complaints, matching
from .traffic import PingStream, iperf3, path_mtu, ping, traceroute


# From kill -9 of the dataplane to answered pings, start of the process included. Measured are 0.6 s on an idle
# machine of two cores; what is above this would not be noticed as a hiccup any more.
RECOVERY_SECONDS_MAX = 15


class ProofFailed(Exception):
    pass


def must(condition, otherwise):
    if not condition:
        raise ProofFailed(otherwise)


def drops_of_all(gateway):
    return sum(int(drop["packets"]) for drop in gateway.json("get", "drops").get("drops", []))


def ping_past_the_switch(gateway, source, address):
    """Every packet counts, the very first included: those that wait for ARP or ND are held, not lost. A switch in
    software loses the first packet of a flow when its own tables change at that moment; that is asked again, but
    only if the gateway dropped nothing meanwhile."""
    before = drops_of_all(gateway) if gateway else None
    got = ping(source, address, 5)
    if gateway and got.sent - got.received == 1 and drops_of_all(gateway) == before:
        got = ping(source, address, 5)
    must(got.received == got.sent, f"{address} from {source.name}: {got.words}")
    return got


def reachable(topology, tenant, gateway):
    """Hosts of one tenant reach each other over each pair of its legs, in both directions, IPv4 and IPv6."""
    words = []
    for from_leg, to_leg in itertools.permutations(tenant.legs, 2):
        source = topology.host(tenant, from_leg)
        for address in (to_leg.host4, to_leg.host6):
            got = ping_past_the_switch(gateway, source, address)
            words.append(f"{from_leg.connection} > {to_leg.connection} IPv{6 if ':' in address else 4} {got.average_ms:.2f} ms")
    return "answered: " + ", ".join(words)


def own_host_answers(topology, tenant, other):
    """The same question gets each tenant's own answer, and the other tenant's wires stay silent."""
    captures = [Capture(*topology.wire(other, leg), "icmp or icmp6 and ip6[40] >= 128 and ip6[40] < 130")
                for leg in other.legs]
    inside = topology.host(tenant, tenant.inside)
    for address in (tenant.secret4, tenant.secret6):
        got = ping(inside, address, 3)
        must(got.received == 3, f"{tenant.name}'s own {address}: {got.words}")
    silence = []
    for address in (other.secret4, other.secret6):
        got = ping(inside, address, 3, timeout_s=1)
        must(got.received == 0, f"{address} exists only at {other.name} and answered {tenant.name}: {got.words}")
        silence.append(f"{address} {got.words}")
    strays = sum(len(capture.stop()) for capture in captures)
    must(strays == 0, f"{strays} packets of {tenant.name} were seen on the wires of {other.name}")
    return f"{tenant.name} to {other.name}: {', '.join(silence)}; 0 packets on its {len(other.legs)} wires"


def statistics(gateway, tenant, leg):
    views = gateway.json("get", "connections", f"{tenant.name}/{leg.connection}")["connections"]
    return {key: int(value) for key, value in views[0]["status"]["statistics"].items() if str(value).isdigit()}


def counted(topology, gateway, tenant, count=50):
    """Counters rise by what was sent; `count` echo requests in, replies out."""
    inside = topology.host(tenant, tenant.inside)
    before = statistics(gateway, tenant, tenant.outside)
    got = ping(inside, tenant.outside.host4, count, interval=0.01)
    must(got.received == count, got.words)

    def grown():
        after = statistics(gateway, tenant, tenant.outside)
        into, out = (after[key] - before[key] for key in ("inbound_packets", "outbound_packets"))
        return (into, out) if into >= count and out >= count else None
    into, out = wait_until(f"{tenant.name}/{tenant.outside.connection} counts {count} packets", grown, 5)
    # Neighbour discovery may add a packet or two.
    must(into <= count + 6 and out <= count + 6, f"{count} sent, counted {into} in and {out} out")
    return f"{count} pings: {into} packets in, {out} out"


def traced(topology, tenant):
    """The gateway is a hop that answers from the address the packet came in on."""
    words = []
    for gateway, address in ((tenant.inside.gateway4, tenant.outside.host4), (tenant.inside.gateway6, tenant.outside.host6)):
        want = [gateway.split("/")[0], address]
        hops = traceroute(topology.host(tenant, tenant.inside), address)
        must(hops == want, f"hops {hops}, expected {want}")
        words.append(" > ".join(hops))
    return "; ".join(words)


def path_mtu_discovered(topology, tenant):
    """A packet that does not fit is answered with the right MTU, and the sender learns it."""
    inside = topology.host(tenant, tenant.inside)
    words = []
    for address in (tenant.outside.host4, tenant.outside.host6):
        learned, output = path_mtu(inside, address, tenant.inside.mtu)
        must(learned == tenant.outside.mtu, f"{address}: learned {learned}, link is {tenant.outside.mtu}: {output}")
        fits = ping(inside, address, 2, options=("-M", "do", "-s", learned - (48 if ":" in address else 28)))
        must(fits.received == 2, f"{address}: {learned} bytes do not pass: {fits.output}")
        words.append(f"{address} {learned} bytes")
    return f"{tenant.inside.mtu} sent, learned: " + ", ".join(words)


def tunnel_mtu_discovered(topology, tenant):
    """Who sends more than a tunnel carries learns from the gateway what it does carry."""
    words = []
    for source, leg in itertools.permutations(tenant.legs, 2):
        if source.mtu <= leg.mtu or leg is tenant.outside:
            continue
        for address in (leg.host4, leg.host6):
            learned, output = path_mtu(topology.host(tenant, source), address, source.mtu)
            must(learned == leg.mtu, f"{address}: learned {learned}, {leg.encapsulation} carries {leg.mtu}: {output}")
        words.append(f"{source.mtu} from {source.connection} into {leg.encapsulation}: {leg.mtu} bytes")
    must(words, f"no host of {tenant.name} can send more than its tunnels carry")
    return ", ".join(words)


# What tshark must find on the provider network after each tenant's legs have talked.
_ENCAPSULATIONS = {"VXLAN": "vxlan.vni == {key}", "NVGRE": "gre.proto == 0x6558 && gre.key >= {vsid} && gre.key <= {vsid_last}",
                   "GRE": "gre.proto != 0x6558 && gre.key == {key}"}


def decodes(topology):
    """tshark decodes every frame of the provider network, both ways and in each encapsulation, without a complaint."""
    capture = Capture(topology.space("tor"), "trunk-port1")
    for tenant in topology.tenants:
        for leg in (tenant.inside, tenant.branch):
            for address in (leg.host4, leg.host6):
                got = ping(topology.host(tenant, tenant.outside), address, 3)
                must(got.received == 3, f"{address}: {got.words}")
    frames = len(capture.stop())
    wrong = complaints(capture.path)
    must(not wrong, f"tshark complains: {wrong[:3]}")
    words = []
    for tenant in topology.tenants:
        for leg in (tenant.inside, tenant.branch):
            wanted = _ENCAPSULATIONS[leg.encapsulation].format(key=leg.key, vsid=leg.key << 8, vsid_last=leg.key << 8 | 255)
            count = matching(capture.path, wanted)
            must(count >= 6, f"{leg.encapsulation} {leg.key}: {count} frames found by tshark")
            words.append(f"{count} {leg.encapsulation} {leg.key}")
    return f"{frames} frames, 0 complaints; " + ", ".join(words)


def throughput(topology, tenant, seconds=3):
    """TCP between two hosts, both families."""
    inside, outside = topology.host(tenant, tenant.inside), topology.host(tenant, tenant.outside)
    rates = [(address, iperf3(inside, outside, address, seconds)) for address in (tenant.outside.host4, tenant.outside.host6)]
    for address, rate in rates:
        must(rate > 1, f"{address}: {rate:.2f} Mbit/s")
    return ", ".join(f"{'IPv6' if ':' in address else 'IPv4'} {rate:.0f} Mbit/s" for address, rate in rates)


def control_restart_is_hitless(topology, gateway):
    """kill -9 of the control process and its restart lose no packet, and its state is there again."""
    streams = _streams(topology)
    _answered(streams, 20)
    started = time.monotonic()
    gateway.crash(gateway.control)
    _answered(streams, 100)
    gateway.start_control()
    gateway.wait_for_api()
    gateway.wait_for_dataplane()
    wait_until("all tenants are programmed again", lambda: all_programmed(gateway), 30, interval=0.1)
    back = time.monotonic() - started
    _answered(streams, 50)
    results = [stream.stop() for stream in streams]
    lost = sum(result[1] for result in results)
    answered = sum(result[0] for result in results)
    must(lost == 0, f"{lost} of {answered + lost} pings lost")
    return f"0 of {answered} pings lost over {back:.1f} s"


def dataplane_restart_recovers(topology, gateway):
    """After kill -9 of the dataplane and its restart, forwarding is back without anybody's help."""
    streams = _streams(topology)
    _answered(streams, 20)
    gateway.crash(gateway.dataplane)
    gateway.start_dataplane()
    _answered(streams, 50, seconds=2 * RECOVERY_SECONDS_MAX)
    gap = max(stream.stop()[2] for stream in streams)
    must(gap <= RECOVERY_SECONDS_MAX, f"forwarding again only after {gap:.2f} s, promised are {RECOVERY_SECONDS_MAX} s")
    return f"forwarding again after {gap:.2f} s"


def all_programmed(gateway):
    tenants = gateway.json("get", "tenants")["tenants"]
    return tenants and all(int(t["status"]["observed_generation"]) == int(t["generation"]) for t in tenants)


def _streams(topology):
    return [PingStream(topology.host(tenant, tenant.legs[0]), address) for tenant in topology.tenants
            for leg in tenant.legs[1:] for address in (leg.host4, leg.host6)]


def _answered(streams, more, seconds=10.0):
    """Each of them has got so many more replies: they wait together, not one after the other."""
    wanted = [(stream, len(stream.replies()) + more) for stream in streams]
    wait_until(f"{more} more replies to each", lambda: all(len(stream.replies()) >= count for stream, count in wanted),
               seconds)
