"""Every JSON file of docs/examples parses as the message it is for, without an unknown field."""

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


def main(root):
    examples = root / "docs/examples"
    with tempfile.TemporaryDirectory() as generated:
        protos = [str(path) for path in sorted((root / "proto/sluice").rglob("*.proto"))]
        subprocess.run(["/usr/bin/protoc", "-I", str(root / "proto"), f"--python_out={generated}", *protos], check=True)
        sys.path.insert(0, generated)
        for name, (module, message) in MESSAGES.items():
            json_format.Parse((examples / name).read_text(), getattr(importlib.import_module(module), message)())
            print(f"{name} is a {message}")
    strangers = {path.name for path in examples.glob("*.json")} - MESSAGES.keys()
    assert not strangers, f"examples that nothing checks: {strangers}"


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
