"""Certificates for the API over TCP: an authority, a gateway, a client, and a stranger."""
import os

from .processes import run


class Certificates:
    def __init__(self, directory, gateway_address):
        self.directory = directory
        os.makedirs(directory, mode=0o700, exist_ok=True)
        self._authority("ca", "Sluice test authority")
        self._authority("other-ca", "Somebody else")
        self._leaf("gateway", "gateway", "ca", f"subjectAltName=IP:{gateway_address}")
        self._leaf("client", "operator", "ca")
        self._leaf("stranger", "stranger", "other-ca")

    def path(self, name):
        return os.path.join(self.directory, name)

    def _authority(self, name, subject):
        run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-subj", f"/CN={subject}", "-keyout", self.path(f"{name}.key"), "-out", self.path(f"{name}.pem")])

    def _leaf(self, name, subject, authority, *extensions):
        added = [word for extension in extensions for word in ("-addext", extension)]
        run(["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={subject}",
             "-keyout", self.path(f"{name}.key"), "-out", self.path(f"{name}.csr"), *added])
        run(["openssl", "x509", "-req", "-in", self.path(f"{name}.csr"), "-CA", self.path(f"{authority}.pem"),
             "-CAkey", self.path(f"{authority}.key"), "-CAcreateserial", "-days", "2", "-copy_extensions", "copyall",
             "-out", self.path(f"{name}.pem")])

    def client_options(self, name="client", authority="ca"):
        return ["--tls-ca", self.path(f"{authority}.pem"), "--tls-cert", self.path(f"{name}.pem"),
                "--tls-key", self.path(f"{name}.key")]
