"""Every JSON file of docs/examples parses as the message it is for, without an unknown field, and they fit each other:
what is applied finds its ports and their MTUs in dataplane.json, and no place of a port is taken twice."""

import importlib
import pathlib
import subprocess
import sys
import tempfile

from google.protobuf import json_format

MESSAGES = {
    "dataplane.json": ("sluice.dataplane.v1.config_pb2", "DataplaneConfig"),
    "gateway.json": ("sluice.gateway.v1.config_pb2", "GatewayConfig"),
    "gateway-tcp.json": ("sluice.gateway.v1.config_pb2", "GatewayConfig"),
    "seed.json": ("sluice.gateway.v1.config_pb2", "Resources"),
    "overlay.json": ("sluice.gateway.v1.config_pb2", "Resources"),
    "mappings.json": ("sluice.gateway.v1.virtual_network_pb2", "ReplaceMappingsRequest"),
    "gre.json": ("sluice.gateway.v1.config_pb2", "Resources"),
}


def links_of(resources):
    """What sits on a port: underlay interfaces and L3 connections, as name, port, VLAN and MTU (0: the port's)."""
    for interface in resources.gateway.spec.underlay_interfaces:
        yield f"underlay interface {interface.name}", interface.port, interface.vlan, interface.mtu
    for tenant in resources.tenants:
        for connection in tenant.spec.connections:
            if connection.HasField("l3"):
                yield f"{tenant.name}/{connection.name}", connection.l3.port, connection.l3.vlan, connection.mtu


def misfits(messages):
    faults = []
    dataplane = messages["dataplane.json"]
    ports = {port.name: port.mtu for port in dataplane.ports}
    for name, message in messages.items():
        if message.DESCRIPTOR.name == "GatewayConfig" and message.dataplane_socket != dataplane.grpc_socket:
            faults.append(f"{name}: dataplaneSocket is not the grpcSocket of dataplane.json")
        if message.DESCRIPTOR.name != "Resources":
            continue
        taken = {}
        for link, port, vlan, mtu in links_of(message):
            if port not in ports:
                faults.append(f"{name}: {link}: dataplane.json has no port {port}")
            elif mtu > ports[port]:
                faults.append(f"{name}: {link}: mtu {mtu} on port {port}, which has {ports[port]}")
            if other := taken.get((port, vlan)):
                faults.append(f"{name}: {link}: VLAN {vlan} of port {port} is that of {other}")
            taken[port, vlan] = link
    return faults


def main(root):
    examples = root / "docs/examples"
    with tempfile.TemporaryDirectory() as generated:
        protos = [str(path) for path in sorted((root / "proto/sluice").rglob("*.proto"))]
        subprocess.run(["/usr/bin/protoc", "-I", str(root / "proto"), f"--python_out={generated}", *protos], check=True)
        sys.path.insert(0, generated)
        messages = {}
        for name, (module, message) in MESSAGES.items():
            messages[name] = json_format.Parse((examples / name).read_text(),
                                               getattr(importlib.import_module(module), message)())
            print(f"{name} is a {message}")
        faults = misfits(messages)
        assert not faults, "examples do not fit each other:\n" + "\n".join(faults)
    strangers = {path.name for path in examples.glob("*.json")} - MESSAGES.keys()
    assert not strangers, f"examples that nothing checks: {strangers}"


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
