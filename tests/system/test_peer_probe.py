"""Probes of GRE peers: the test plays a site's router that takes keepalives out of their tunnel and routes them back,
stops doing so, and comes back; a second tunnel, without a probe, leads to the same site."""
import time

from scapy.all import GRE, IP, UDP, Dot1Q, Ether, Raw

from lab.case import CONTOSO, with_static_neighbors
from lab.gateway import CommandFailed
from lab.underlay import OURS, ROUTER_MAC, UNDERLAY_VLAN, UnderlayTest

SITE = "198.51.100.2"
PROBED, OTHER = 1001, 1003
INTERVAL, MISSES = 1, 3


def tenant_with_two_ways():
    """Equal routes to the site over a tunnel with a probe and one without."""
    def gre(name, key, address, **more):
        return {"name": name, "addresses": [address],
                "gre": {"local_endpoint": {"public_address": OURS}, "remote_address": SITE, "key": key, **more}}
    wanted = with_static_neighbors(CONTOSO)
    inside, _ = wanted["spec"]["connections"]
    probed = gre("probed", PROBED, "10.40.0.1/30", probe={"interval_s": INTERVAL, "misses": MISSES})
    probed["routes"] = [{"prefix": "18.0.0.0/24", "next_hops": [{"connection": "probed"}, {"connection": "other"}]}]
    wanted["spec"]["connections"] = [inside, probed, gre("other", OTHER, "10.41.0.1/30")]
    return wanted


class PeerProbe(UnderlayTest):
    underlay_port = "port0"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        try:
            cls.put_gateway()
            cls.sluice.apply([tenant_with_two_ways()], "--wait")
        except BaseException:
            cls.bench.keep_files = True
            raise

    def setUp(self):
        super().setUp()
        self.site_lives = True
        self.until("the peer answers", lambda: self.status()["state"] == "CONNECTION_STATE_CONNECTED"
                   and self.probes()[1] > 0)

    def status(self, connection="probed"):
        status = self.sluice.json("get", "tenant", CONTOSO.name)["status"]
        return next(each for each in status["connections"] if each["name"] == connection)

    def probes(self):
        """Sent and answered."""
        counted = self.status()["statistics"]
        return int(counted.get("probes_sent", 0)), int(counted.get("probes_answered", 0))

    def from_underlay(self, packet):
        self.underlay.send(Ether(src=ROUTER_MAC, dst=self.port_mac[self.underlay_port]) / Dot1Q(vlan=UNDERLAY_VLAN) / packet)

    def speak(self):
        super().speak()
        for frame in self.underlay.pending(lambda f: GRE in f and f[IP].dst == SITE and f[GRE].payload.haslayer(GRE)):
            self.underlay.receive("it", lambda f, probe=frame: f is probe)
            self.assertEqual((frame[IP].src, frame[GRE].key), (OURS, PROBED))
            back = frame[GRE].payload
            self.assertEqual((back.src, back.dst, back[GRE].key, back[GRE].proto), (SITE, OURS, PROBED, 0))
            if self.site_lives:
                self.from_underlay(IP(bytes(back)))

    def keys_of_flows(self):
        """The keys of the tunnels that flows of the inside host take to the site."""
        self.underlay.forget()
        inside = CONTOSO.inside
        for port in range(40):
            self.wire(inside).send(self.toward_gateway(inside) / IP(src=inside.host4, dst=CONTOSO.outside.host4)
                                   / UDP(sport=1000 + port, dport=9) / Raw(b"flow"))
        flows = lambda: self.underlay.pending(lambda f: UDP in f and f[UDP].dport == 9)
        self.until("all flows came", lambda: len(flows()) == 40, 10)
        return {frame[GRE].key for frame in flows()}

    def test_a_peer_that_stops_answering_is_left_and_taken_again(self):
        """When the peer stops answering, its tunnel is down with the reason and all flows take the other one; the first
        answer brings it back; a restart of control in between changes nothing"""
        self.assertEqual(self.keys_of_flows(), {PROBED, OTHER})
        since = self.status()["last_state_change"]
        self.site_lives = False
        began = time.monotonic()
        self.until("the tunnel is down", lambda: self.status()["state"] == "CONNECTION_STATE_DISCONNECTED")
        # The last answer, three intervals less a tenth each at least; control asks about once a second.
        self.assertGreater(time.monotonic() - began, (MISSES - 1) * INTERVAL * 0.9)
        reason = f"peer silent: {MISSES} probes of {INTERVAL} s unanswered since " r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
        status = self.status()
        self.assertRegex(status["error_reason"], f"^{reason}$")
        self.assertNotEqual(status["last_state_change"], since)
        self.assertRegex(self.sluice.text("describe", "connection", f"{CONTOSO.name}/probed"), reason)
        self.assertRegex(self.sluice.ctl("doctor", check=False).stdout, "peer silent")
        self.assertEqual(self.status("other")["state"], "CONNECTION_STATE_CONNECTED")
        self.assertEqual(self.keys_of_flows(), {OTHER})

        self.sluice.crash(self.sluice.control)
        self.sluice.start_control()
        self.until("control knows again", lambda: self.sluice.ctl("get", "gateway", check=False).returncode == 0
                   and self.status().get("error_reason", "").startswith("peer silent"))
        self.assertEqual(self.keys_of_flows(), {OTHER})

        self.site_lives = True
        self.until("the tunnel is up", lambda: self.status()["state"] == "CONNECTION_STATE_CONNECTED")
        self.assertEqual(self.keys_of_flows(), {PROBED, OTHER})
        sent, answered = self.probes()
        self.assertGreaterEqual(sent - answered, MISSES)
        self.assertRegex(self.sluice.text("describe", "connection", f"{CONTOSO.name}/probed"),
                         r"keepalive every 1 s, silent after 3 unanswered; \d+ sent, \d+ answered")

    def test_answers_of_others_do_not_count(self):
        """Answers with another key or from another address leave a silent peer silent"""
        self.site_lives = False
        self.until("the tunnel is down", lambda: self.status()["state"] == "CONNECTION_STATE_DISCONNECTED")
        before, (sent, answered) = self.drops(), self.probes()
        self.from_underlay(IP(src=SITE, dst=OURS) / GRE(key_present=1, key=4711, proto=0))
        self.from_underlay(IP(src="198.51.100.9", dst=OURS) / GRE(key_present=1, key=PROBED, proto=0))
        self.from_underlay(IP(src=SITE, dst=OURS) / GRE(proto=0))
        self.wait_for_drop(before, "tunnel_unknown", count=3)
        self.until("it was asked twice more", lambda: self.probes()[0] >= sent + 2)
        self.assertEqual(self.probes()[1], answered)
        self.assertEqual(self.status()["state"], "CONNECTION_STATE_DISCONNECTED")

    def test_the_peers_own_keepalives_go_back_and_are_counted(self):
        """Keepalives of the peer go back to it, plain, with a sequence number and with a checksum"""
        count = lambda: int(self.status("other")["statistics"].get("keepalives_returned", 0))
        before = count()
        for number, fields in enumerate(({}, {"seqnum_present": 1, "seqence_number": 7}, {"chksum_present": 1})):
            with self.subTest(fields=fields):
                back = IP(bytes(IP(src=OURS, dst=SITE, ttl=255, id=7) / GRE(key_present=1, key=OTHER, proto=0, **fields)))
                self.from_underlay(IP(src=SITE, dst=OURS) / GRE(key_present=1, key=OTHER, proto=0x0800) / back)
                got = self.until("it is back", lambda: self.underlay.pending(
                    lambda f: IP in f and f[IP].src == OURS and f[IP].id == 7))[-1]
                self.assertEqual(bytes(got[IP]), bytes(back))
                self.underlay.forget()
                self.until("it is counted", lambda n=number: count() == before + n + 1)

    def test_what_a_probe_cannot_be_is_refused(self):
        """An interval or a number of misses that is not accepted is refused by field, with what is accepted"""
        wanted = tenant_with_two_ways()
        wanted["spec"]["connections"][1]["gre"]["probe"] = {"interval_s": 601, "misses": 11}
        with self.assertRaises(CommandFailed) as refused:
            self.sluice.apply([wanted])
        self.assertIn("spec.connections[1].gre.probe.interval_s: interval_s 601; accepted: 1 to 600", str(refused.exception))
        self.assertIn("spec.connections[1].gre.probe.misses: misses 11; accepted: 1 to 10", str(refused.exception))
