"""A start that cannot work ends with one line that says why, and a status that is not zero."""
import json
import os
import tempfile
import unittest

from lab.bench import WireBench
from lab.gateway import DATAPLANE, GATEWAY
from lab.processes import run


class StartErrors(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="sluice-")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def dataplane_config(self, **changes):
        return {"instance": f"start-{os.getpid()}", "grpc_socket": f"{self.directory}/dataplane.sock",
                "ports": [{"name": "port0", "device": "net_null"}], "worker_cores": [0], "idle_policy": "SLEEP", **changes}

    def gateway_config(self, **changes):
        return {"listen_unix": f"{self.directory}/gateway.sock", "dataplane_socket": f"{self.directory}/dataplane.sock",
                "channel_socket": f"{self.directory}/dataplane.sock.channel",
                "state_database": f"{self.directory}/gateway.db", "key_file": f"{self.directory}/gateway.key", **changes}

    def refused(self, program, config, *words):
        path = f"{self.directory}/config.json"
        with open(path, "w", encoding="utf-8") as file:
            file.write(config if isinstance(config, str) else json.dumps(config))
        done = run([program, "--config", path], check=False, timeout=20)
        self.assertNotEqual(done.returncode, 0, done.stderr)
        self.assertGreater(done.returncode, 0, f"died by a signal: {done.stderr}")
        last = done.stderr.strip().splitlines()
        self.assertEqual(len(last), 1, f"one line was wanted: {done.stderr}")
        for word in words:
            self.assertIn(word, last[0])

    def test_dataplane(self):
        """sluice-dataplane: a wrong file, port, core, socket or size is named in one line"""
        rows = (
            ("no JSON", "{", ()),
            ("unknown field", {**self.dataplane_config(), "prots": []}, ("prots",)),
            ("no ports", self.dataplane_config(ports=[]), ("port",)),
            ("unknown driver", self.dataplane_config(ports=[{"name": "port0", "device": "net_fancy"}]), ("port0",)),
            ("absent interface", self.dataplane_config(ports=[{"name": "port0", "device": "net_af_packet,iface=absent9"}]),
             ("port0", "absent9")),
            ("absent PCI device", self.dataplane_config(ports=[{"name": "port0", "device": "0000:ff:1f.7"}]), ("0000:ff:1f.7",)),
            ("two ports of one name", self.dataplane_config(ports=[{"name": "a", "device": "net_null"}] * 2), ("a",)),
            ("absent core", self.dataplane_config(worker_cores=[4000]), ("4000",)),
            ("no worker", self.dataplane_config(worker_cores=[]), ("worker",)),
            ("no socket", self.dataplane_config(grpc_socket=""), ("grpc_socket",)),
            ("socket in an absent folder", self.dataplane_config(grpc_socket="/nonexistent/a.sock"), ("/nonexistent",)),
            ("MTU", self.dataplane_config(ports=[{"name": "port0", "device": "net_null", "mtu": 20000}]), ("mtu",)),
            ("too few mbufs", self.dataplane_config(memory={"mbufs": 10}), ("mbufs",)),
        )
        for what, config, words in rows:
            with self.subTest(what):
                self.refused(DATAPLANE, config, *words)

    def test_gateway(self):
        """sluice-gateway: a wrong file, socket, certificate or database is named in one line"""
        with open(f"{self.directory}/broken.db", "w", encoding="utf-8") as file:
            file.write("this is no database" * 100)
        rows = (
            ("no JSON", "{", ()),
            ("unknown field", {**self.gateway_config(), "sokcet": 1}, ("sokcet",)),
            ("socket in an absent folder", self.gateway_config(listen_unix="/nonexistent/a.sock"), ("/nonexistent",)),
            ("absent certificate", self.gateway_config(listen_tcp={
                "address": "127.0.0.1:0", "client_ca_file": "/nonexistent/ca.pem", "certificate_file": "/nonexistent/c.pem",
                "key_file": "/nonexistent/c.key"}), ("/nonexistent",)),
            ("TCP without certificates", self.gateway_config(listen_tcp={"address": "127.0.0.1:0"}), ("client_ca_file",)),
            ("database that is none", self.gateway_config(state_database=f"{self.directory}/broken.db"), ("broken.db",)),
            ("user who may not reach the dataplane", self.gateway_config(run_as_user="nobody"),
             ("run_as_user", "nobody", "dataplane_socket")),
            ("absent seed file", self.gateway_config(seed_file="/nonexistent/seed.json"), ("/nonexistent/seed.json",)),
        )
        for what, config, words in rows:
            with self.subTest(what):
                self.refused(GATEWAY, config, *words)

    def test_a_file_that_is_not_there(self):
        """Both programs name a start-up file that is not there"""
        for program in (DATAPLANE, GATEWAY):
            done = run([program, "--config", "/nonexistent/x.json"], check=False)
            self.assertGreater(done.returncode, 0)
            self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)
            self.assertIn("/nonexistent/x.json", done.stderr)


class SecondInstance(unittest.TestCase):
    def test_a_second_instance_is_refused(self):
        """A second instance of the same name is refused in one line, and the first goes on"""
        self.bench = bench = WireBench()
        self.addCleanup(bench.close)
        bench.open()
        for program, name in ((DATAPLANE, "dataplane"), (GATEWAY, "gateway")):
            done = run(bench.gateway.argv(program, "--config", f"{bench.sluice.directory}/{name}.json"), check=False, timeout=20)
            self.assertGreater(done.returncode, 0, done.stderr)
            self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)
        # Another database, the same socket.
        with open(f"{bench.sluice.directory}/gateway.json", encoding="utf-8") as file:
            config = json.load(file)
        config.update({key: f"{bench.sluice.directory}/other.{key}" for key in ("state_database", "key_file")})
        config = {key: value for key, value in config.items() if key not in ("stateDatabase", "keyFile")}
        path = f"{bench.sluice.directory}/other.json"
        with open(path, "w", encoding="utf-8") as file:
            json.dump(config, file)
        done = run(bench.gateway.argv(GATEWAY, "--config", path), check=False, timeout=20)
        self.assertGreater(done.returncode, 0, done.stderr)
        self.assertIn("in use by another sluice-gateway", done.stderr)
        self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)
        self.assertTrue(bench.sluice.dataplane.alive() and bench.sluice.control.alive())
        self.assertEqual(bench.sluice.ctl("get", "gateway").returncode, 0)

    def test_two_gateways_run_side_by_side(self):
        """Two gateways on one host do not meet: other namespaces, sockets, instances"""
        benches = [WireBench(), WireBench()]
        for bench in benches:
            self.addCleanup(bench.close)
            bench.open()
        ids = {bench.sluice.json("get", "gateway")["status"]["dataplane_instance_id"] for bench in benches}
        self.assertEqual(len(ids), 2)

    def test_an_orderly_end(self):
        """SIGTERM ends both programs with status 0 and takes their sockets away"""
        self.bench = bench = WireBench()
        self.addCleanup(bench.close)
        bench.open()
        for process in (bench.sluice.control, bench.sluice.dataplane):
            self.assertEqual(process.stop(10), 0, process.log())
        left = [name for name in os.listdir(bench.sluice.directory) if ".sock" in name and not name.endswith(".lock")]
        self.assertEqual(left, [])
