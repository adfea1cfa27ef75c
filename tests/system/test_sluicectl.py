"""sluicectl against a running gateway: every command, for people and for programs."""
import json
import os
import signal

from scapy.all import IP, UDP, IPv6, rdpcap

from lab.case import CONTOSO, FABRIKAM, WireTest, wait_until
from lab.gateway import SLUICECTL
from lab.packets import complaints
from lab.processes import run


class Reading(WireTest):
    def test_get_lists_every_kind(self):
        """get lists every kind as a table and as JSON"""
        for kind in ("tenants", "connections", "gateway", "ports", "neighbors", "bgp-peers", "policy-maps",
                     "virtual-networks", "workers", "limits", "drops", "audit"):
            with self.subTest(kind):
                self.assertTrue(self.sluice.text("get", kind).splitlines()[0].isupper() or kind == "audit")
                self.assertIsInstance(self.sluice.json("get", kind), dict)
        self.assertEqual(self.sluice.text("-o", "name", "get", "tenants").split(), [CONTOSO.name, FABRIKAM.name])
        self.assertEqual(len(self.sluice.text("-o", "name", "get", "connections").split()), 4)

    def test_describe_shows_state(self):
        """describe shows state, connections, routes and conditions"""
        said = self.sluice.text("describe", "tenant", CONTOSO.name)
        for word in ("tenant contoso", "\nconnections\n", "\nroutes\n", "\nconditions\n", "success", "datacenter", "l3 port0 vlan 101", "15.0.0.5/24", "connected", "Programmed"):
            self.assertIn(word, said)
        said = self.sluice.text("describe", "connection", "contoso/datacenter")
        for word in ("inbound", "outbound", "18.0.0.0/24", "15.0.0.1", "1500: of the connection"):
            self.assertIn(word, said)
        self.assertIn("limit", self.sluice.text("describe", "gateway").lower())
        self.assertIn("port0", self.sluice.text("describe", "port", "port0"))

    def test_names_are_heeded(self):
        """A name that chooses nothing is an error and no table; -c takes TENANT/NAME"""
        for arguments in (("get", "routes", "nosuch"), ("get", "drops", "nosuch"), ("get", "limits", "nosuch")):
            done = self.sluice.ctl(*arguments, check=False)
            self.assertEqual((done.returncode, done.stdout), (3, ""), arguments)
        self.assertIn("vrfs", self.sluice.text("get", "limits", "vrfs"))
        self.assertEqual(self.sluice.ctl("get", "neighbors", "-c", f"{CONTOSO.name}/inside").returncode, 0)

    def test_absent_objects(self):
        """An object that is not there is one line and exit code 3"""
        for arguments in (("get", "tenant", "nobody"), ("describe", "connection", "contoso/nothing"), ("describe", "port", "eth9"),
                          ("route", "lookup", "nobody", "10.0.0.1"), ("get", "routes", "nobody")):
            done = self.sluice.ctl(*arguments, check=False)
            self.assertEqual((done.returncode, done.stdout), (3, ""), arguments)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)

    def test_routes(self):
        """get routes lists connected, static and local routes, programmed"""
        said = self.sluice.text("get", "routes", CONTOSO.name)
        for prefix in ("10.0.0.0/16", "18.0.0.0/24", "15.0.0.0/24", "2001:db8:18::/64"):
            line = next((line for line in said.splitlines() if line.startswith(prefix + " ")), "")
            self.assertIn("best, programmed", line, said)

    def test_lookup_says_which_next_hop_and_why(self):
        """route lookup answers from the live tables: forward, local, drop"""
        got = self.sluice.json("route", "lookup", CONTOSO.name, CONTOSO.outside.host4)
        hop = got["next_hops"][0]
        self.assertEqual((got["verdict"], got["prefix"]), ("forward", "18.0.0.0/24"))
        self.assertEqual((hop["address"], hop["connection"], hop["port"], hop["vlan"], hop["live"]),
                         ("15.0.0.1", "datacenter", "port0", 101, True))
        self.assertEqual(got["explanation"][0].split(",")[0], "to next hop 15.0.0.1 over connection datacenter (port0")
        self.assertIn("contoso 15.0.0.5: local: address of connection datacenter\n",
                      self.sluice.text("route", "lookup", CONTOSO.name, "15.0.0.5"))
        self.assertIn("contoso 15.0.0.255: drop: directed broadcast of connection datacenter (port0, VLAN 101) (martian_destination)\n",
                      self.sluice.text("route", "lookup", CONTOSO.name, "15.0.0.255"))
        nowhere = self.sluice.json("route", "lookup", CONTOSO.name, "203.0.113.1")
        self.assertEqual((nowhere["verdict"], nowhere["drop_reason"]), ("drop", "no_route"))
        six = self.sluice.json("route", "lookup", FABRIKAM.name, FABRIKAM.outside.host6)
        self.assertEqual(six["next_hops"][0]["vlan"], 201)
        self.assertIn("15.0.0.1", self.sluice.text("route", "explain", CONTOSO.name, "18.0.0.0/24"))

    def test_drops_are_sorted(self):
        """drops lists reasons by packets, most first, for one tenant or all"""
        leg = CONTOSO.inside
        for _ in range(5):
            self.wire(leg).send(self.toward_gateway(leg) / (IP(src=leg.host4, dst="203.0.113.1") / UDP()))
        wait_until("five drops", lambda: self.drops(CONTOSO).get("no_route", 0) >= 5)
        counts = [int(drop["packets"]) for drop in self.sluice.json("drops")["drops"]]
        self.assertEqual(counts, sorted(counts, reverse=True))
        self.assertIn("no_route", self.sluice.text("drops", CONTOSO.name))

    def test_doctor(self):
        """doctor finds nothing wrong with a gateway that works"""
        done = self.sluice.ctl("doctor", check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertNotIn("PROBLEM", done.stdout)

    def test_top(self):
        """top draws ports, connections and workers"""
        said = self.sluice.text("top", "--rounds", "1", "--interval", "0.2")
        for word in ("WORKER", "port0", "contoso/inside", "RX/S"):
            self.assertIn(word, said)

    def test_watch_starts_with_what_is(self):
        """watch starts with a snapshot of everything and goes on with changes"""
        said = self.sluice.text("watch", "--snapshot")
        self.assertIn("+ tenants/contoso", said)
        self.assertIn("+ tenants/fabrikam/connections/inside connected", said)
        self.assertIn("end of snapshot", said)
        watch = self.bench.gateway.spawn("watch", SLUICECTL, "--server", f"unix:{self.sluice.socket}", "watch", "tenants")
        wait_until("snapshot", lambda: "end of snapshot" in watch.log())
        self.sluice.apply({"kind": "tenant", "name": "brief", "spec": {}})
        wait_until("creation", lambda: "+ tenants/brief" in watch.log())
        self.sluice.ctl("delete", "tenant", "brief")
        wait_until("deletion", lambda: "- tenants/brief" in watch.log())
        watch.signal(signal.SIGINT)
        self.assertEqual(watch.wait(), 0)

    def test_wrong_usage(self):
        """Wrong usage is one line and exit code 2, an absent gateway exit code 6"""
        for arguments in (("get",), ("get", "nonsense"), ("apply", "-f", "/nonexistent"), ("frobnicate",), ("get", "tenants", "-o", "yaml"),
                          ("trace", "-n", "-1"), ("trace", "--protocol", "999"), ("capture", "-s", "/run/x"), ("capture", "-c", "nope")):
            done = self.sluice.ctl(*arguments, check=False)
            self.assertEqual((done.returncode, len(done.stderr.splitlines())), (2, 1), done.stderr)
        done = run([SLUICECTL, "--server", "unix:/nonexistent.sock", "get", "gateway"], check=False)
        self.assertEqual((done.returncode, len(done.stderr.splitlines())), (6, 1), done.stderr)

    def test_completion(self):
        """The bash completion completes commands, kinds and tenants"""
        script = os.path.join(self.bench.directory, "completion.bash")
        with open(script, "w", encoding="utf-8") as file:
            file.write(self.sluice.text("completion", "bash"))

        def complete(*words):
            line = " ".join(f"'{word}'" for word in words)
            done = run(["bash", "-c", f"source {script}; COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; "
                        "_sluicectl; echo \"${COMPREPLY[*]}\""],
                       env={**os.environ, "SLUICE_SERVER": f"unix:{self.sluice.socket}",
                            "PATH": f"{os.path.dirname(SLUICECTL)}:{os.environ['PATH']}"})
            return done.stdout.split()
        self.assertIn("describe", complete("sluicectl", "de"))
        self.assertIn("connections", complete("sluicectl", "get", "conn"))
        self.assertEqual(complete("sluicectl", "route", "lo"), ["lookup"])
        self.assertEqual(complete("sluicectl", "describe", "tenant", "con"), ["contoso"])
        self.assertIn("--dry-run", complete("sluicectl", "apply", "--dr"))


class DeadNextHop(WireTest):
    def test_a_dead_next_hop_is_told_everywhere(self):
        """A next hop that does not answer is told by state, lookup, neighbours and doctor, once each"""
        route = {"prefix": "77.0.0.0/8", "next_hops": [{"address": "70.0.0.9"}]}
        connection = {"name": "lonely", "l3": {"port": "port0", "vlan": 170}, "addresses": ["70.0.0.5/24"], "routes": [route]}
        self.sluice.apply({"kind": "tenant", "name": "stranded", "spec": {"connections": [connection]}}, "--wait")

        def looked_up():
            return self.sluice.text("route", "lookup", "stranded", "77.1.2.3")
        wait_until("the next hop is known not to answer",
                   lambda: "next hop 70.0.0.9 over connection lonely (port0, VLAN 170), which does not answer" in looked_up(), 30, interval=0.5)
        self.assertIn("the packet is held while it is asked for, then dropped\n", looked_up())
        status = self.sluice.json("get", "connections", "stranded/lonely")["connections"][0]["status"]
        self.assertEqual(status["state"], "CONNECTION_STATE_DEGRADED")
        self.assertEqual(status["unreachability_reason"],
                         "next hop 70.0.0.9 does not answer ARP on port port0 VLAN 170; no other next hop is left")
        line = next(line for line in self.sluice.text("get", "neighbors", "-t", "stranded").splitlines() if "70.0.0.9" in line)
        self.assertEqual(line.split()[-2:], ["failed", "never"])
        done = self.sluice.ctl("doctor", "stranded", check=False)
        self.assertEqual(done.returncode, 7)
        self.assertEqual((done.stdout.count("70.0.0.9"), done.stdout.count("all is well")), (1, 0), done.stdout)

    def test_our_own_address_is_no_next_hop(self):
        """Our own address as next hop is refused, naming object and field in one line"""
        route = {"prefix": "77.0.0.0/8", "next_hops": [{"address": "70.0.0.5"}]}
        connection = {"name": "mirror", "l3": {"port": "port0", "vlan": 171}, "addresses": ["70.0.0.5/24"], "routes": [route]}
        path = os.path.join(self.bench.directory, "mirror.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"kind": "tenant", "name": "narcissus", "spec": {"connections": [connection]}}, file)
        done = self.sluice.ctl("apply", "-f", path, check=False)
        self.assertEqual((done.returncode, len(done.stderr.splitlines())), (4, 1), done.stderr)
        self.assertIn("tenants/narcissus/connections/mirror: spec.connections[0].routes[0].next_hops[0].address: "
                      "next hop 70.0.0.5 is our own address", done.stderr)


class Writing(WireTest):
    tenants = []

    def put(self, *connections):
        return {"kind": "tenant", "name": "writer", "spec": {"connections": list(connections)}}

    def connection(self, name, vlan, number):
        return {"name": name, "l3": {"port": "port0", "vlan": vlan}, "addresses": [f"70.0.{number}.5/24"]}

    def test_apply_waits_for_static_routes_and_gateway(self):
        """apply --wait ends when the dataplane forwards by the static set, and has the gateway's limits"""
        self.sluice.apply(self.put(self.connection("a", 180, 1)), "--wait")
        routes = [{"prefix": f"77.{i >> 8}.{i & 255}.0/24", "next_hops": [{"address": "70.0.1.1"}]} for i in range(2000)]
        static = {"kind": "static-routes", "tenant": "writer", "version": 5, "routes": routes}
        said = self.sluice.apply(static, "--dry-run")
        self.assertIn("static routes of writer would change: version 5, 2,000 routes (2,000 to add,", said)
        self.assertEqual(self.sluice.json("get", "tenants", "writer")["status"].get("static_routes_version", "0"), "0")
        said = self.sluice.apply(static, "--wait")
        self.assertIn("version 5, 2,000 routes (2,000 added,", said)
        status = self.sluice.json("get", "tenants", "writer")["status"]
        self.assertEqual(status["observed_static_routes_version"], "5")
        for prefix in (routes[0]["prefix"], routes[-1]["prefix"]):
            self.assertIn(f"longest match {prefix}", self.sluice.text("route", "lookup", "writer", prefix.replace(".0/24", ".9")))

        self.sluice.apply({"kind": "gateway", "spec": {"limits": {"neighbors_per_tenant": 77}}}, "--wait")
        gateway = self.sluice.json("get", "gateway")
        self.assertEqual(gateway["status"]["observed_generation"], gateway["generation"])

        self.sluice.crash(self.sluice.dataplane)
        wait_until("the dataplane is away", lambda: not self.sluice.json("get", "gateway")["status"].get("dataplane_instance_id"))
        path = os.path.join(self.bench.directory, "late.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({**static, "version": 6, "routes": routes[:1]}, file)
        done = self.sluice.ctl("--timeout", "1", "apply", "-f", path, "--wait", check=False)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertIn("not yet by 6", done.stderr)
        self.sluice.start_dataplane()
        self.sluice.wait_for_dataplane()
        self.bench.attach_wires()

    def written(self, content):
        path = os.path.join(self.bench.directory, "several.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(content, file)
        return path

    def test_a_file_is_tried_before_it_is_applied(self):
        """What is surely refused ends apply before anything is applied, and a dry run exits likewise"""
        for tenant in ("first", "second"):
            self.addCleanup(self.sluice.ctl, "delete", "tenant", tenant)
        first = {"kind": "tenant", "name": "first", "spec": {"connections": [self.connection("a", 183, 1)]}}
        second = {"kind": "tenant", "name": "second", "spec": {"connections": [self.connection("a", 5000, 1)]}}
        for dry in ((), ("--dry-run",)):
            done = self.sluice.ctl("apply", "-f", self.written([first, second]), *dry, check=False)
            self.assertEqual(done.returncode, 4, done.stderr)
            self.assertIn("tenants/second", done.stderr)
            self.assertEqual("nothing was applied" in done.stderr, not dry, done.stderr)
            self.assertNotIn("first", self.sluice.text("-o", "name", "get", "tenants").split())
        done = self.sluice.ctl("apply", "-f", self.written({"tenants": []}), check=False)
        self.assertEqual((done.returncode, "there is no object in it" in done.stderr), (2, True), done.stderr)

        routes = {"kind": "static-routes", "tenant": "first", "version": 5,
                  "routes": [{"prefix": "77.0.0.0/8", "next_hops": [{"address": "70.0.1.1"}]}]}
        path = self.written([first, routes])
        self.assertIn("cannot be judged before tenants/first of this run is applied", self.sluice.text("apply", "-f", path, "--dry-run"))
        said = self.sluice.text("apply", "-f", path)
        self.assertIn("tenants/first created\n", said)
        self.assertIn("version 5, 1 routes (1 added,", said)
        path = self.written({**routes, "version": 4})
        done = self.sluice.ctl("apply", "-f", path, check=False)
        self.assertEqual((done.returncode, "--overwrite goes back" in done.stderr), (4, True), done.stderr)
        self.sluice.text("apply", "-f", path, "--overwrite")

    def test_delete_tells_before_and_after(self):
        """delete --dry-run says what would go and keeps it; delete connection takes that one only"""
        self.sluice.apply(self.put(self.connection("a", 181, 1), self.connection("b", 182, 2)), "--wait")
        said = self.sluice.text("delete", "tenant", "writer", "--dry-run")
        self.assertTrue(said.startswith("tenants/writer would be deleted\n"), said)
        self.assertIn("2 connections", said)
        said = self.sluice.text("delete", "connection", "writer/a", "--dry-run")
        self.assertTrue(said.startswith("tenants/writer/connections/a would change\n"), said)
        self.assertEqual(self.sluice.text("-o", "name", "get", "connections", "-t", "writer").split(), ["writer/a", "writer/b"])
        self.sluice.text("delete", "connection", "writer/a")
        self.assertEqual(self.sluice.text("-o", "name", "get", "connections", "-t", "writer").split(), ["writer/b"])
        self.assertIn("tenants/writer deleted", self.sluice.text("delete", "tenant", "writer"))
        self.assertIn("tenants/writer was not there", self.sluice.text("delete", "tenant", "writer", "--dry-run"))


class Packets(WireTest):
    def spawn(self, name, *arguments):
        return self.bench.gateway.spawn(name, SLUICECTL, "--server", f"unix:{self.sluice.socket}", *arguments)

    def send_until_ended(self, process, *packets, seconds=10):
        leg = CONTOSO.inside

        def sent():
            for packet in packets:
                self.wire(leg).send(self.toward_gateway(leg) / packet)
            return not process.alive()
        wait_until(f"{process.name} ends", sent, seconds, interval=0.05)
        self.assertEqual(process.wait(), 0, process.log())

    def test_trace(self):
        """trace shows the nodes that a packet passed, and why it was dropped"""
        leg, target = CONTOSO.inside, CONTOSO.outside
        tracing = self.spawn("trace", "trace", "-t", CONTOSO.name, "--protocol", "17", "-n", "1", "--seconds", "10")
        self.send_until_ended(tracing, IP(src=leg.host4, dst=target.host4) / UDP())
        said = tracing.log()
        for word in ("contoso/inside on port1", "vlan 102 10.0.0.10 > 18.0.0.10 udp", "forwarded",
                     "matches 18.0.0.0/24, next hop 15.0.0.1 over connection datacenter",
                     "out by connection contoso/datacenter (port0, VLAN 101)"):
            self.assertIn(word, said)
        tracing = self.spawn("trace", "-o", "json", "trace", "-t", CONTOSO.name, "--dropped", "-n", "1", "--seconds", "10")
        self.send_until_ended(tracing, IP(src=leg.host4, dst=target.host4) / UDP(), IP(src=leg.host4, dst="203.0.113.1") / UDP())
        traced = json.loads(tracing.log().splitlines()[0])
        self.assertEqual((traced["tenant"], traced["drop_reason"]), (CONTOSO.name, "no_route"))

    def test_capture(self):
        """capture writes a pcap that tshark and scapy read, of one tenant and direction only"""
        leg, target = CONTOSO.inside, CONTOSO.outside
        path = os.path.join(self.bench.directory, "capture.pcap")
        capturing = self.spawn("capture", "capture", "-t", CONTOSO.name, "-w", path, "-n", "6", "-s", "2000", "--seconds", "10")
        self.send_until_ended(capturing, IP(src=leg.host4, dst=target.host4) / UDP() / b"captured",
                              IPv6(src=leg.host6, dst=target.host6) / UDP() / b"captured")
        packets = rdpcap(path)
        self.assertEqual(len(packets), 6)
        self.assertTrue(all(UDP in packet and bytes(packet[UDP].payload)[:8] == b"captured" for packet in packets))
        self.assertEqual(complaints(path), [])
        self.assertIn("6 packets captured", capturing.log())

    def test_capture_names_where_a_frame_leaves(self):
        """capture of a connection shows the frames that leave by it, and calls them its own"""
        leg, target = CONTOSO.inside, CONTOSO.outside
        capturing = self.spawn("egress", "capture", "-c", "contoso/datacenter", "--direction", "out", "-n", "2", "--seconds", "10")
        self.send_until_ended(capturing, IP(src=leg.host4, dst=target.host4) / UDP())
        self.assertEqual(capturing.log().count("out contoso/datacenter vlan 101 10.0.0.10 > 18.0.0.10 udp"), 2, capturing.log())

    def test_capture_ends_with_ctrl_c(self):
        """Ctrl-C ends a capture with status 0 and says how many packets there were"""
        capturing = self.spawn("capture", "capture", "-t", FABRIKAM.name)
        leg = FABRIKAM.inside

        def seen():
            self.wire(leg).send(self.toward_gateway(leg) / (IP(src=leg.host4, dst=FABRIKAM.outside.host4) / UDP()))
            return "fabrikam/inside" in capturing.log()
        wait_until("a packet is shown", seen)
        capturing.signal(signal.SIGINT)
        self.assertEqual(capturing.wait(), 0)
        self.assertIn("packets captured", capturing.log())
        self.assertNotIn("contoso", capturing.log())
