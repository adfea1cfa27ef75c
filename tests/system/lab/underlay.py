"""The base of system tests with tunnels: a wire is the provider network too, and the test plays its router."""
from scapy.all import ARP, GRE, ICMP, IP, Dot1Q, Ether, Raw

from .case import WireTest
from .deadline import wait_until

UNDERLAY_VLAN = 300
OURS, ROUTER, ROUTER_MAC = "192.0.2.5", "192.0.2.1", "02:00:00:00:03:00"


class UnderlayTest(WireTest):
    tenants = None
    underlay_port = None  # of the gateway

    @classmethod
    def put_gateway(cls, next_hop=ROUTER):
        """Far ends are in 198.51.100.0/24, behind `next_hop`; None: no route leads there. Returns what apply said."""
        spec = {"underlay_interfaces": [{"name": "tor-a", "port": cls.underlay_port, "vlan": UNDERLAY_VLAN,
                                         "addresses": [OURS + "/24"]}]}
        if next_hop:
            spec["underlay_routes"] = [{"prefix": "198.51.100.0/24", "next_hops": [{"address": next_hop}]}]
        return cls.sluice.apply({"kind": "gateway", "etag": cls.sluice.json("get", "gateway")["etag"], "spec": spec})

    @property
    def underlay(self):
        return self.bench.wires[self.underlay_port]

    def speak(self):
        """Plays the router: answers what is asked of it."""
        for frame in self.underlay.pending(lambda f: ARP in f and f[ARP].op == 1 and f[ARP].pdst == ROUTER):
            self.underlay.receive("it", lambda f, asked=frame: f is asked)
            self.underlay.send(Ether(src=ROUTER_MAC, dst=frame.src) / Dot1Q(vlan=UNDERLAY_VLAN)
                               / ARP(op=2, hwsrc=ROUTER_MAC, psrc=ROUTER, hwdst=frame.src, pdst=frame[ARP].psrc))

    def refuse_larger(self, mtu):
        """Plays a router whose next link takes `mtu` bytes: takes what is larger off the wire and says so to its sender,
        with as little of it as RFC 792 asks for. Returns what it took."""
        larger = self.underlay.pending(lambda f: GRE in f and f[IP].len > mtu)
        for frame in larger:
            self.underlay.receive("it", lambda f, large=frame: f is large)
            self.say_too_large(bytes(frame[IP])[:28], mtu)
        return larger

    def say_too_large(self, quote, mtu):
        self.underlay.send(Ether(src=ROUTER_MAC, dst=self.port_mac[self.underlay_port]) / Dot1Q(vlan=UNDERLAY_VLAN)
                           / IP(src=ROUTER, dst=OURS) / ICMP(type=3, code=4, nexthopmtu=mtu) / Raw(quote))

    def until(self, what, wanted, seconds=30):
        def look():
            self.speak()
            return wanted()
        return wait_until(what, look, seconds, interval=0.05)
