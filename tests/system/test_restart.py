"""Either daemon dies and comes back, in any order; forwarding and configuration survive as promised, however many
workers share the ports."""
import json
import os
import time

from scapy.all import IP, UDP, Ether, IPv6, Raw

from lab.case import CONTOSO, FABRIKAM, TENANTS, WireTest, forwarded, wait_until
from lab.gateway import SLUICECTL
from lab.proofs import all_programmed


# Enough for the kernel's hash to use every queue of a tap.
FLOWS = 64


def worker_cores(count):
    """Several workers share a core where there are few: the idle policy is to sleep."""
    return [worker % os.cpu_count() for worker in range(count)]


# Untagged: the kernel spreads what a packet socket sends over a tap's queues by the flow only when no VLAN tag hides it.
SPREAD_PEERS = {"port0": ("172.16.0.2", "02:00:00:00:ff:00"), "port1": ("172.16.1.2", "02:00:00:00:ff:01")}
SPREAD = {"kind": "tenant", "name": "spread", "spec": {"connections": [
    {"name": f"on-{port}", "l3": {"port": port, "untagged": {}, "static_neighbors": [{"address": address, "mac": mac}]},
     "addresses": [address[:-1] + "1/24"], "peer_addresses": [address]} for port, (address, mac) in SPREAD_PEERS.items()]}}


class Restart:
    """What holds with any number of workers; the classes at the end say how many."""
    tenants = [*WireTest.tenants, SPREAD]

    def shortDescription(self):
        workers = len(self.dataplane_changes["worker_cores"])
        return f"{super().shortDescription()} [{workers} worker{'s' if workers > 1 else ''}]"

    def setUp(self):
        """What an earlier test left dead is alive again."""
        if not self.sluice.dataplane.alive():
            self.restart_dataplane()
        if not self.sluice.control.alive():
            self.sluice.start_control()
        self.converged()
        super().setUp()

    def assert_forwards(self, seconds=5.0):
        """Every tenant in both families; asked again until the deadline, because ports may just have come up."""
        for tenant in TENANTS:
            leg, target = tenant.inside, tenant.outside
            for packet in (IP(src=leg.host4, dst=target.host4) / UDP(), IPv6(src=leg.host6, dst=target.host6) / UDP()):
                packet = packet.__class__(bytes(packet / Raw(tenant.name.encode())))

                def passes(p=packet, source=leg, sink=target):
                    self.wire(source).send(self.toward_gateway(source) / p)
                    return self.wire(sink).pending(lambda f: p.__class__ in f and UDP in f and f.vlan == sink.vlan)
                got = wait_until(f"{tenant.name} is forwarded", passes, seconds, interval=0.05)[0]
                self.assert_frame(got, self.from_gateway(target) / forwarded(packet))

    def restart_dataplane(self):
        self.sluice.start_dataplane()
        self.bench.attach_wires()
        self.port_mac.update({port: self.bench.gateway.mac(port) for port in self.bench.wires})

    def converged(self):
        self.sluice.wait_for_api()
        self.sluice.wait_for_dataplane()
        wait_until("all tenants are programmed", lambda: all_programmed(self.sluice), 30, interval=0.1)
        self.port_mac.update({port["name"]: port["mac"] for port in self.sluice.json("get", "ports")["ports"]})

    def test_every_worker_forwards(self):
        """Flows spread over all workers, before and after the dataplane's restart"""
        for _ in range(2):
            self.assertEqual(self.workers_seen(), set(range(len(self.dataplane_changes["worker_cores"]))))
            before = self.sluice.wait_for_dataplane()
            self.sluice.crash(self.sluice.dataplane)
            self.restart_dataplane()
            wait_until("the new one is attached", lambda: self.attached_instance() not in (before, None), 20)
            self.converged()

    def attached_instance(self):
        return self.sluice.json("get", "gateway")["status"].get("dataplane_instance_id")

    def workers_seen(self):
        """Which workers forwarded some of FLOWS flows, as a trace of the packets says."""
        tracing = self.bench.gateway.spawn("trace", SLUICECTL, "--server", f"unix:{self.sluice.socket}", "-o", "json",
                                           "trace", "-t", "spread", "-n", str(4 * FLOWS), "--seconds", "10")
        (target, _), (source, mac) = SPREAD_PEERS.values()
        flows = [Ether(src=mac, dst=self.port_mac["port1"]) / IP(src=source, dst=target) / UDP(sport=1024 + flow)
                 for flow in range(FLOWS)]

        def ended():
            self.bench.wires["port1"].send(*flows)
            return not tracing.alive()
        wait_until("the trace has its packets", ended, 20, interval=0.05)
        return {json.loads(line).get("worker", 0) for line in tracing.log().splitlines() if line.startswith("{")}

    def test_forwarding_goes_on_without_control(self):
        """Without sluice-gateway every packet is forwarded; its return changes nothing on the wire"""
        leg, target = CONTOSO.inside, CONTOSO.outside
        self.sluice.crash(self.sluice.control)
        self.assert_forwards()
        self.sluice.start_control()
        passed = lambda: self.wire(target).pending(lambda f: UDP in f and f[UDP].dport == 9999)
        sent = 0
        end = time.monotonic() + 20
        while not (self.sluice.control.alive() and self.is_converged()):
            self.assertLess(time.monotonic(), end, "control did not converge")
            for _ in range(50):
                packet = IP(src=leg.host4, dst=target.host4, id=sent % 65536) / UDP(dport=9999)
                self.wire(leg).send(self.toward_gateway(leg) / packet)
                sent += 1
            wait_until("a batch of 50 passed",
                       lambda: len(passed()) >= sent, 5)
        self.assertEqual(len(passed()), sent)

    def is_converged(self):
        answer = self.sluice.ctl("-o", "json", "get", "tenants", check=False)
        return answer.returncode == 0 and self.sluice.json("get", "gateway")["status"].get("dataplane_instance_id") \
            and all_programmed(self.sluice)

    def test_dataplane_is_programmed_again(self):
        """A new dataplane is programmed by the running control process, with no help"""
        before = self.sluice.wait_for_dataplane()
        self.sluice.crash(self.sluice.dataplane)
        wait_until("doctor noticed", lambda: self.sluice.ctl("doctor", check=False).returncode == 7, 10)
        self.restart_dataplane()
        wait_until("the new one is attached", lambda: self.attached_instance() not in (before, None), 20)
        self.converged()
        self.assert_forwards()

    def test_both_die_and_control_comes_first(self):
        """Both die; control returns first and programs the dataplane when that comes"""
        self.sluice.crash(self.sluice.dataplane)
        self.sluice.crash(self.sluice.control)
        self.sluice.start_control()
        self.sluice.wait_for_api()
        self.restart_dataplane()
        self.converged()
        self.assert_forwards()

    def test_both_die_and_the_dataplane_comes_first(self):
        """Both die; the dataplane returns first and forwards when control comes"""
        self.sluice.crash(self.sluice.control)
        self.sluice.crash(self.sluice.dataplane)
        self.restart_dataplane()
        self.sluice.start_control()
        self.converged()
        self.assert_forwards()

    def test_what_was_acknowledged_is_there_after_kill_9(self):
        """What apply acknowledged is stored: kill -9 at once, and it is there again; what was deleted is not"""
        tenant = {"kind": "tenant", "name": "late", "spec": {"router_addresses": ["192.0.2.77/32"]}}
        self.sluice.apply(tenant)
        self.sluice.crash(self.sluice.control)
        self.sluice.start_control()
        self.converged()
        self.assertEqual(self.sluice.json("get", "tenant", "late")["spec"]["router_addresses"], ["192.0.2.77"])
        self.sluice.ctl("delete", "tenant", "late")
        self.sluice.crash(self.sluice.control)
        self.sluice.start_control()
        self.converged()
        self.assertEqual(self.sluice.ctl("get", "tenant", "late", check=False).returncode, 3)

    def test_what_was_deleted_while_control_was_away_goes(self):
        """A tenant that control does not know any more leaves the dataplane after its return"""
        self.sluice.ctl("delete", "tenant", FABRIKAM.name)
        self.sluice.crash(self.sluice.control)
        self.sluice.start_control()
        self.converged()
        leg, target = FABRIKAM.inside, FABRIKAM.outside
        before = self.drops()
        self.wire(leg).send(self.toward_gateway(leg) / (IP(src=leg.host4, dst=target.host4) / UDP()))
        self.wait_for_drop(before, "unknown_vlan")
        self.sluice.apply(self.tenants[1], "--wait")
        self.assert_forwards()


class RestartWithOneWorker(Restart, WireTest):
    dataplane_changes = {"worker_cores": worker_cores(1)}


class RestartWithTwoWorkers(Restart, WireTest):
    dataplane_changes = {"worker_cores": worker_cores(2)}


class RestartWithFourWorkers(Restart, WireTest):
    dataplane_changes = {"worker_cores": worker_cores(4)}
