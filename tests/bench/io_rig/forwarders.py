"""testpmd, l3fwd and our own two processes, each over an endless pcap file into a sink, each with one
worker on the worker core. A forwarder is held (SIGSTOP) but while its turn lasts."""
import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass

import grpc  # Debian's python3-grpcio
from lab.deadline import wait_until
from lab.gateway import Gateway
from lab.processes import Process, run

from . import traffic
from .core import MAIN_CORE, WORKER_CORE, undisturbed

ROOT = pathlib.Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Setting:
    """The state of the caches, the same for every program."""
    name: str
    flows: int
    mbufs: int
    cache: int  # mbufs that the worker keeps to itself
    mib: int  # of EAL
    # With nothing kept, whole rounds through the pool, first in, first out: every packet is cold.
    pool: str = "ring_mp_mc"


HOT = Setting("hot", 1024, 8192, 256, 128)
COLD = Setting("cold", 32768, 65536, 0, 256)


# Its two LPM tables, whatever their routes.
L3FWD_TABLES_MIB = 256


class Host:
    """What lab.Gateway takes a network namespace for."""

    def __init__(self, directory):
        self.directory = directory

    @staticmethod
    def argv(*command):
        return list(map(str, command))

    def spawn(self, name, *command):
        return Process(name, self.argv(*command), os.path.join(self.directory, f"{name}.log"))


class Forwarder:
    def __init__(self, process):
        self.process = process
        self._worker = None

    def hold(self):
        self.process.signal(signal.SIGSTOP)

    @contextlib.contextmanager
    def running(self):
        """Its turn. Two at a time would block each other: neither yields the core."""
        self.process.signal(signal.SIGCONT)
        try:
            yield
        finally:
            self.hold()

    def settle(self):
        """Once, at the beginning: waits until it forwards, finds the worker and gives it the core."""
        wait_until(f"{self.process.name} forwards", self._sends, 30)
        tasks = f"/proc/{self.process.pid}/task"
        for thread in os.listdir(tasks):
            try:
                with open(f"{tasks}/{thread}/status", encoding="ascii") as file:
                    cores = next(line.split()[1] for line in file if line.startswith("Cpus_allowed_list"))
                undisturbed(int(thread))
            except (FileNotFoundError, ProcessLookupError):
                continue  # a thread of gRPC that has just ended
            if cores == str(WORKER_CORE):
                assert self._worker is None, "two threads are bound to the worker core"
                self._worker = int(thread)
        assert self._worker is not None, f"{self.process.name} has no worker"

    def _sends(self):
        if not self.process.alive():
            raise RuntimeError(f"{self.process.name} ended: {self.process.log().strip()[-2000:]}")
        try:
            return self.counters()[1] > 0
        except OSError:
            return False

    def worker_seconds(self):
        """CPU time of the worker; exact while held."""
        with open(f"/proc/{self.process.pid}/task/{self._worker}/schedstat", encoding="ascii") as file:
            return int(file.read().split()[0]) / 1e9

    def counters(self):
        """(received, sent) packets since the start."""
        raise NotImplementedError

    def close(self):
        self.process.kill()


class DpdkProgram(Forwarder):
    """One of DPDK's own, counted through its telemetry socket."""

    def __init__(self, name, setting, pcap, huge, directory, lcores, program, arguments, extra_mib=0):
        runtime = os.path.join(directory, name)
        os.makedirs(runtime)
        argv = [program, *lcores, "--no-pci", *(["--in-memory"] if huge else ["--no-huge"]), "-m", setting.mib + extra_mib,
                "--file-prefix", "bench", "--iova-mode=va", f"--mbuf-pool-ops-name={setting.pool}",
                f"--vdev=net_pcap0,rx_pcap={pcap},infinite_rx=1", "--vdev=net_null1,no-rx=1", "--", *arguments]
        argv = ["env", f"RUNTIME_DIRECTORY={runtime}", *argv]
        super().__init__(Host(directory).spawn(name, *argv))
        self._path = f"{runtime}/dpdk/bench/dpdk_telemetry.v2"
        self._socket = wait_until(f"{name} answers", self._connect, 30)

    def _connect(self):
        if not self.process.alive():
            raise RuntimeError(f"{self.process.name} ended: {self.process.log().strip()[-2000:]}")
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            connection.connect(self._path)
        except OSError:
            connection.close()
            return None
        connection.recv(16384)  # the greeting
        return connection

    def _statistics(self, port):
        self._socket.send(f"/ethdev/stats,{port}".encode())
        return json.loads(self._socket.recv(16384))["/ethdev/stats"]

    def counters(self):
        return self._statistics(0)["ipackets"], self._statistics(1)["opackets"]


def testpmd(setting, pcap, huge, directory):
    # Without a statistics period it would end with its standard input.
    return DpdkProgram("testpmd", setting, pcap, huge, directory,
                       ["-l", f"{MAIN_CORE},{WORKER_CORE}", "--main-lcore", MAIN_CORE], "/usr/bin/dpdk-testpmd",
                       arguments=["--forward-mode=io", "--nb-cores=1", "--burst=32", "--stats-period=86400",
                                  f"--total-num-mbufs={setting.mbufs}", f"--mbcache={setting.cache}"])


def l3fwd(setting, pcap, huge, directory, program):
    rules4, rules6 = os.path.join(directory, "rules4"), os.path.join(directory, "rules6")
    pathlib.Path(rules4).write_text("".join(f"R{site} 1\n" for site in traffic.SITES))
    pathlib.Path(rules6).write_text("R2001:db8::/32 1\n")
    return DpdkProgram("l3fwd", setting, pcap, huge, directory, ["-l", WORKER_CORE], program,
                       arguments=["-P", "-p", "0x3", f"--config=(0,0,{WORKER_CORE})", "--lookup=lpm", "--parse-ptype",
                                  f"--rule_ipv4={rules4}", f"--rule_ipv6={rules6}"],
                      extra_mib=L3FWD_TABLES_MIB)


def tenant(number):
    """One tenant as sluicectl takes it: a VLAN on each port, ten sites behind the second."""
    def connection(name, port, subnet, prefixes):
        peer = f"{subnet}.1"
        return {"name": name,
                "l3": {"port": port, "vlan": number,
                       "static_neighbors": [{"address": peer, "mac": "02:00:00:01:00:09"}]},
                "addresses": [f"{subnet}.5/24"], "peer_addresses": [peer],
                "routes": [{"prefix": prefix, "next_hops": [{"address": peer}]} for prefix in prefixes]}
    return {"kind": "tenant", "name": f"tenant{number}",
            "spec": {"connections": [connection("hosts", "in", "15.0.0", ["10.0.0.0/16"]),
                                     connection("sites", "out", "15.0.1", traffic.SITES)]}}


class Sluice(Forwarder):
    """sluice-dataplane, told by a sluice-gateway of its own."""

    def __init__(self, setting, pcap, huge, directory):
        self.gateway, self.directory, self.prefix = Host(directory), directory, f"bench{os.getpid()}"
        self._both = Gateway(
            self, {"in": f"net_pcap,rx_pcap={pcap},infinite_rx=1", "out": "net_null,no-rx=1"},
            worker_cores=[WORKER_CORE], main_core=MAIN_CORE, idle_policy="BUSY",
            memory={"mbufs": setting.mbufs, "mbuf_cache": setting.cache, "eal_mib": setting.mib, "huge_pages": huge},
            eal_arguments=[f"--mbuf-pool-ops-name={setting.pool}"])
        # Configured before traffic arrives, as testpmd and l3fwd are: tenants that come one by one make
        # bursts of packets of which some are dropped and some leave, which give their buffers back out
        # of turn, and a pool that is first in, first out never forgets that.
        self._both.start_control()
        self._both.wait_for_api()
        self._both.apply([tenant(number) for number in range(1, traffic.TENANTS + 1)])
        self._both.start_dataplane()
        self._both.wait_for_dataplane()
        super().__init__(self._both.dataplane)
        self._open_api()
        port = self.ports()["in"]
        if bytes.fromhex(port.mac.replace(":", "")) != traffic.RECEIVER_MAC:
            raise RuntimeError(f"net_pcap has the address {port.mac}; the packets are for another one")

    def _open_api(self):
        run(["/usr/bin/protoc", f"-I{ROOT}/proto", f"--python_out={self.directory}",
             f"{ROOT}/proto/sluice/dataplane/v1/dataplane.proto"])
        sys.path.insert(0, self.directory)
        from sluice.dataplane.v1 import dataplane_pb2 as messages
        sys.path.remove(self.directory)
        self._channel = grpc.insecure_channel("unix:" + self._both.dataplane_config["grpc_socket"])

        def method(name):
            call = self._channel.unary_unary(f"/sluice.dataplane.v1.Dataplane/{name}",
                                             request_serializer=getattr(messages, name + "Request").SerializeToString,
                                             response_deserializer=getattr(messages, name + "Reply").FromString)
            return lambda: call(getattr(messages, name + "Request")(), timeout=10)
        self._list_ports, self._list_workers = method("ListPorts"), method("ListWorkers")

    def ports(self):
        return {port.name: port for port in self._list_ports().ports}

    def counters(self):
        ports = self.ports()
        return ports["in"].counters.rx_packets, ports["out"].counters.tx_packets

    def nodes(self):
        """Sampled cycles per packet of each node that saw packets."""
        return {node.name: round(node.cycles_per_packet, 1)
                for node in self._list_workers().workers[0].nodes if node.packets}

    def close(self):
        self._channel.close()
        self._both.control.kill()
        super().close()
