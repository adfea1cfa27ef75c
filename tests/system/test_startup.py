"""A start that cannot work ends with one line that says why, and a status that is not zero."""
import json
import os
import subprocess
import tempfile
import unittest

from lab.bench import WireBench
from lab.deadline import wait_until
from lab.gateway import DATAPLANE, GATEWAY, SLUICECTL
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
            ("unknown field", {**self.gateway_config(), "listenUnx": 1}, ("config.json: line 1: unknown field", "did you mean \"listenUnix\"?")),
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

    def test_a_start_that_fails_does_not_use_the_seed_up(self):
        """A first start that fails leaves the store empty; a later one says that it ignores the seed file"""
        seed = f"{self.directory}/seed.json"

        def write(tenant):
            with open(seed, "w", encoding="utf-8") as file:
                json.dump({"tenants": [{"name": tenant, "spec": {}}]}, file)
        write("first")
        config = self.gateway_config(seed_file=seed, metrics_listen="203.0.113.9:1")
        self.refused(GATEWAY, config, "metrics_listen 203.0.113.9:1: cannot listen there")
        write("second")
        del config["metrics_listen"]
        path = f"{self.directory}/config.json"
        for said in ("store seeded from", f"seed file {seed} is ignored"):
            with open(path, "w", encoding="utf-8") as file:
                json.dump(config, file)
            gateway = subprocess.Popen([GATEWAY, "--config", path], stderr=subprocess.PIPE, text=True)
            for line in gateway.stderr:
                if said in line:
                    break
                self.assertNotIn("ready: ", line)
            done = run([SLUICECTL, "--server", f"unix:{self.directory}/gateway.sock", "-o", "name", "get", "tenants"])
            self.assertEqual(done.stdout.split(), ["second"])
            gateway.terminate()
            gateway.communicate(timeout=20)
            self.assertEqual(gateway.returncode, 0)
            write("third")

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


class RunningGateway(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bench = WireBench()
        cls.addClassCleanup(cls.bench.close)
        cls.bench.open()
        cls.sluice = cls.bench.sluice

    def environment_of(self, pid):
        """Reads what only a process that may be dumped shows to its own user, as root without capabilities."""
        return run(["setpriv", "--bounding-set=-all", "--inh-caps=-all", "cat", f"/proc/{pid}/environ"], check=False)

    def test_privileges_are_given_up(self):
        """sluice-gateway runs without any capability, for good, and shows its memory to nobody"""
        with open(f"/proc/{self.sluice.control.pid}/status", encoding="utf-8") as file:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        self.assertEqual(status["Name"], "sluice-gateway")
        for capabilities in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            self.assertEqual(int(status[capabilities], 16), 0, capabilities)
        self.assertEqual(status["NoNewPrivs"], "1")
        ordinary = subprocess.Popen(["setpriv", "--bounding-set=-all", "--inh-caps=-all", "sleep", "60"])
        self.addCleanup(ordinary.wait)
        self.addCleanup(ordinary.kill)
        wait_until("setpriv has become sleep", lambda: os.path.basename(os.readlink(f"/proc/{ordinary.pid}/exe")) in ("sleep", "coreutils"))
        self.assertEqual(self.environment_of(ordinary.pid).returncode, 0)
        refused = self.environment_of(self.sluice.control.pid)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("Permission denied", refused.stderr)

    def test_metrics_are_scraped_over_http(self):
        """metricsListen serves what Prometheus reads: dataplane, workers, ports, tables and queues"""
        self.sluice.gateway_config["metrics_listen"] = "127.0.0.1:9464"
        self.sluice.crash(self.sluice.control)
        self.sluice.start_control()
        self.sluice.wait_for_api()
        self.sluice.wait_for_dataplane()
        said = self.bench.gateway.run("curl", "-sS", "--max-time", "10", "-D", "-", "http://127.0.0.1:9464/metrics").stdout
        head, text = said.replace("\r\n", "\n").split("\n\n", 1)
        self.assertIn("200 OK", head)
        self.assertIn("text/plain", head)
        for line in ("sluice_dataplane_attached 1", 'sluice_worker_stuck{worker="0"} 0', 'sluice_port_up{port="port0"}',
                     'sluice_table_limit{table="vrfs"} 4096', 'sluice_queue_limit{queue="update_ring"}',
                     'sluice_queue_used{queue="inject0"} 0', 'sluice_queue_limit{queue="packets"}'):
            self.assertIn("\n" + line, text)
        used = next(line for line in text.splitlines() if line.startswith('sluice_queue_used{queue="packets"}'))
        self.assertGreater(float(used.split()[-1]), 0, "receive queues hold buffers")


class Seeding(unittest.TestCase):
    def test_a_seed_is_all_or_nothing_and_for_an_empty_store_only(self):
        """A seed with a wrong tenant ends the start and leaves nothing; mended it is taken, and afterwards never read again"""
        bench = WireBench()
        self.addCleanup(bench.close)
        bench.open()
        seed = os.path.join(bench.sluice.directory, "seed.json")

        def write(*vlans):
            connections = ({"name": "c", "l3": {"port": "port0", "vlan": vlan}, "addresses": ["70.0.0.5/24"]} for vlan in vlans)
            tenants = [{"name": f"t{i}", "spec": {"connections": [connection]}} for i, connection in enumerate(connections)]
            with open(seed, "w", encoding="utf-8") as file:
                json.dump({"gateway": {"spec": {"capacity": {"total_kbps": 1000}}}, "tenants": tenants}, file)

        def names():
            return bench.sluice.text("-o", "name", "get", "tenants").split()
        sluice = bench.sluice
        sluice.gateway_config["seed_file"] = seed
        sluice.crash(sluice.control)
        write(500, 501, 4095)
        self.assertNotEqual(sluice.start_control().wait(20), 0)
        self.assertIn("tenants/t2", sluice.control.log())
        write(500, 501, 502)
        sluice.start_control()
        sluice.wait_for_api()
        self.assertEqual(names(), ["t0", "t1", "t2"])
        sluice.ctl("delete", "tenant", "t1")
        sluice.crash(sluice.control)
        sluice.start_control()
        sluice.wait_for_api()
        self.assertEqual(names(), ["t0", "t2"])
