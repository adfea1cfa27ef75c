"""The northbound API as its clients meet it: access, refusals, preconditions, dry runs, audit."""
import os
import stat

from lab.case import CONTOSO, FABRIKAM, WireTest, wait_until
from lab.certificates import Certificates
from lab.gateway import SLUICECTL, tenant_object
from lab.processes import run

ADDRESS, PORT = "127.0.0.1", 9440


class Access(WireTest):
    tenants = []

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.certificates = Certificates(os.path.join(cls.bench.directory, "tls"), ADDRESS)
        cls.sluice.gateway_config["listen_tcp"] = {
            "address": f"{ADDRESS}:{PORT}", "client_ca_file": cls.certificates.path("ca.pem"),
            "certificate_file": cls.certificates.path("gateway.pem"), "key_file": cls.certificates.path("gateway.key")}
        cls.sluice.crash(cls.sluice.control)
        cls.sluice.start_control()
        cls.sluice.wait_for_api()

    def over_tcp(self, options, *arguments):
        return run(self.bench.gateway.argv(SLUICECTL, "--server", f"{ADDRESS}:{PORT}", "--timeout", "3", *options, *arguments),
                   check=False)

    def test_tcp_with_a_certificate_of_ours(self):
        """TCP serves a client whose certificate our authority signed, and names it in the audit trail"""
        answer = self.over_tcp(self.certificates.client_options(), "get", "gateway")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        path = self.sluice._write("tls-apply.json", tenant_object(CONTOSO))
        answer = self.over_tcp(self.certificates.client_options(), "apply", "-f", path)
        self.assertEqual(answer.returncode, 0, answer.stderr)
        events = self.sluice.json("get", "audit")["events"]
        self.assertIn("operator", events[0]["who"])
        self.assertEqual(events[0]["object"], "tenants/contoso")
        # The tenant is the client's now: somebody else is refused, and told by whom.
        refused = self.sluice.ctl("delete", "tenant", "contoso", check=False)
        self.assertEqual(refused.returncode, 4)
        self.assertIn("operator", refused.stderr)
        self.sluice.ctl("delete", "tenant", "contoso", "--break-glass")

    def test_tcp_with_a_foreign_certificate(self):
        """TCP refuses a client of another authority"""
        answer = self.over_tcp(self.certificates.client_options("stranger"), "get", "gateway")
        self.assertEqual(answer.returncode, 6)
        self.assertEqual(answer.stderr.count("\n"), 1, answer.stderr)

    def test_a_gateway_of_another_authority_is_not_believed(self):
        """The client refuses a gateway that its own authority did not sign"""
        answer = self.over_tcp(self.certificates.client_options("client", "other-ca"), "get", "gateway")
        self.assertEqual(answer.returncode, 6)

    def test_tcp_without_a_certificate(self):
        """TCP without certificates is refused before anything is sent"""
        answer = self.over_tcp([], "get", "gateway")
        self.assertEqual(answer.returncode, 2)
        self.assertIn("mutual TLS", answer.stderr)

    def test_the_unix_socket_is_private(self):
        """The Unix sockets have mode 0600"""
        for path in (self.sluice.socket, self.sluice.gateway_config["dataplane_socket"], self.sluice.gateway_config["channel_socket"]):
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600, path)

    def test_health_and_reflection(self):
        """grpc.health.v1 says SERVING and reflection lists our services"""
        import grpc  # Debian's python3-grpcio; only the wire form of two standard services is needed
        channel = grpc.insecure_channel(f"unix:{self.sluice.socket}")
        check = channel.unary_unary("/grpc.health.v1.Health/Check")
        self.assertEqual(check(b"", timeout=5), b"\x08\x01")
        reflect = channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
        listed = b"".join(reflect(iter([b"\x3a\x01*"]), timeout=5))
        for service in (b"TenantService", b"GatewayService", b"RouteService", b"WatchService", b"DiagnosticsService"):
            self.assertIn(b"sluice.gateway.v1." + service, listed)


class Refusals(WireTest):
    """Everything refused is named by field, and nothing has changed."""

    def refused(self, objects, code=4):
        before = self.sluice.text("get", "tenants", "-o", "json")
        path = self.sluice._write("refused.json", objects)
        done = self.sluice.ctl("apply", "-f", path, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertEqual(done.stdout, "")
        after = self.sluice.text("get", "tenants", "-o", "json")
        self.assertEqual(self.spec_only(after), self.spec_only(before))
        first, *details = done.stderr.splitlines()
        self.assertTrue(first.startswith("sluicectl: "), first)
        for line in details:
            self.assertTrue(line.startswith("  "), done.stderr)
        return done.stderr

    @staticmethod
    def spec_only(text):
        import json
        return [(t["name"], t["etag"], t["generation"]) for t in json.loads(text)["tenants"]]

    def changed(self, change):
        tenant = tenant_object(CONTOSO)
        change(tenant["spec"]["connections"][0])
        return tenant

    def test_fields_are_named(self):
        """A wrong value is refused by its field with what would be accepted"""
        rows = (
            ("vlan", "l3.vlan", lambda c: c["l3"].update(vlan=5000)),
            ("port", "l3.port", lambda c: c["l3"].update(port="eth9")),
            ("address", "addresses[0]", lambda c: c["addresses"].__setitem__(0, "10.0.1.0/24")),
            ("prefix", "routes[0]", lambda c: c["routes"][0].update(prefix="10.0.0.1/16")),
            ("next hop", "routes[0]", lambda c: c["routes"][0]["next_hops"][0].update(address="99.0.0.1")),
            ("mtu", "mtu", lambda c: c.update(mtu=100)),
            ("name", "name", lambda c: c.update(name="Not A Label")),
        )
        for what, field, change in rows:
            with self.subTest(what):
                self.assertIn(f"spec.connections[0].{field}", self.refused(self.changed(change)))

    def test_a_vlan_belongs_to_one_connection(self):
        """A VLAN of another tenant's connection is refused, naming that connection"""
        said = self.refused(self.changed(lambda c: c["l3"].update(vlan=FABRIKAM.inside.vlan)))
        self.assertIn("fabrikam", said)

    def test_an_ipsec_connection_is_not_implemented(self):
        """What is not there yet is refused as not implemented, naming it"""
        tenant = {"kind": "tenant", "name": "later", "spec": {"connections": [{"name": "tunnel", "ipsec": {}}]}}
        self.assertIn("ipsec", self.refused(tenant, 5).lower())

    def test_a_stale_etag_is_refused(self):
        """An etag that is not the stored one is refused; the right one is accepted"""
        tenant = self.sluice.json("get", "tenant", CONTOSO.name)
        right = tenant["etag"]
        tenant["spec"]["labels"]["demo"] = "no"
        tenant["etag"] = "stale"
        self.refused(tenant)
        tenant["spec"]["labels"]["demo"] = "yes"
        tenant["etag"] = right
        self.assertIn("unchanged", self.sluice.apply(tenant))

    def test_repeating_a_put_changes_nothing(self):
        """Applying the same file twice changes nothing, not even the generation"""
        before = self.sluice.json("get", "tenant", CONTOSO.name)
        self.assertIn("unchanged", self.sluice.apply(self.tenants[0]))
        after = self.sluice.json("get", "tenant", CONTOSO.name)
        self.assertEqual((before["etag"], before["generation"]), (after["etag"], after["generation"]))

    def test_a_dry_run_shows_consequences(self):
        """A dry run lists what would happen and does nothing"""
        before = self.sluice.json("get", "tenant", CONTOSO.name)["etag"]
        said = self.sluice.apply(self.changed(lambda c: c.update(mtu=1400)), "--dry-run")
        self.assertIn("would change", said)
        self.assertIn("inside", said)
        self.assertEqual(self.sluice.json("get", "tenant", CONTOSO.name)["etag"], before)

    def test_capacity_is_refused_with_both_figures(self):
        """More bandwidth than the gateway's capacity is refused with both figures"""
        self.sluice.apply({"kind": "gateway", "spec": {"capacity": {"total_kbps": "1000000"}}})
        try:
            said = self.refused(self.changed(lambda c: c.update(inbound_kbps="700000", outbound_kbps="700000")))
            self.assertIn("1400000", said)
            self.assertIn("1000000", said)
        finally:
            self.sluice.apply({"kind": "gateway", "spec": {}})

    def test_static_routes_are_replaced_as_one(self):
        """A set of static routes is programmed as a whole, and a bad one among them refuses all"""
        routes = [{"prefix": f"100.{i >> 8}.{i & 255}.0/24", "next_hops": [{"address": CONTOSO.outside.peer4}]}
                  for i in range(5000)]
        good = {"kind": "static-routes", "tenant": CONTOSO.name, "version": "1", "routes": routes}
        self.assertIn("5,000 added", self.sluice.apply(good))
        bad = {**good, "version": "2", "routes": routes + [{"prefix": "100.200.0.0/24", "next_hops": [{"address": "99.9.9.9"}]}]}
        self.refused(bad)
        wait_until("all routes are programmed", lambda: self.programmed_static() >= 5000, 20, interval=0.1)
        found = self.sluice.json("route", "lookup", CONTOSO.name, "100.19.135.9")
        self.assertEqual((found["verdict"], found["prefix"]), ("forward", "100.19.135.0/24"))
        self.assertIn("5,000 removed", self.sluice.apply({**good, "version": "3", "routes": []}))

    def programmed_static(self):
        counts = self.sluice.json("get", "tenant", CONTOSO.name)["status"]["routes"]
        return sum(int(c["programmed"]) for c in counts if c["source"] == "ROUTE_SOURCE_STATIC")
