"""A company's network in front of moto: a proxy on loopback that takes every CONNECT to a TLS front,
whose certificate is of an authority that only the company knows.

Arguments: moto's port, where to write the authority's certificate, where to log each CONNECT; and
where there is an identity center, its port: what is for oidc.* and portal.sso.* goes there.
A name of a region that AWS does not have leads nowhere: 502, as a proxy says that finds no address.
Prints the ports of both as JSON, and ends with its standard input.
"""

import datetime
import json
import re
import socket
import ssl
import sys
import tempfile
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

# All that a region's name is made of (the partitions' regionRegex in botocore's endpoints.json).
REGION = re.compile(
    r"[a-z]{2,4}-(north|south|east|west|central|northeast|northwest|southeast|southwest)-\d")


def leads_nowhere(connect):
    """Whether the line of a CONNECT names a region that there is not."""
    host = re.match(r"CONNECT \S+\.([a-z0-9-]+)\.amazonaws\.com:443 ", connect)
    return bool(host) and not REGION.fullmatch(host[1])


def named(name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def certificate(subject, key, issuer, signer, extensions):
    now = datetime.datetime.now(datetime.timezone.utc)
    day = datetime.timedelta(days=1)
    builder = (
        x509.CertificateBuilder()
        .subject_name(named(subject))
        .issuer_name(named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(signer, hashes.SHA256())


def pem(thing):
    return thing.public_bytes(serialization.Encoding.PEM)


class Front:
    """Shows each name that is asked for a certificate of the company's authority."""

    def __init__(self, authority_file):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.authority_key = ec.generate_private_key(ec.SECP256R1())
        authority = certificate(
            "the company", self.authority_key, "the company", self.authority_key,
            [x509.BasicConstraints(ca=True, path_length=0)],
        )
        with open(authority_file, "wb") as file:
            file.write(pem(authority))
        self.contexts = {}
        self.lock = threading.Lock()
        self.context = self.context_for("localhost")
        self.context.sni_callback = self.choose

    def choose(self, connection, name, _):
        with self.lock:
            name = name or "localhost"
            connection.asked_for = name
            if name not in self.contexts:
                self.contexts[name] = self.context_for(name)
            connection.context = self.contexts[name]

    def context_for(self, name):
        leaf = certificate(
            "front", self.key, "the company", self.authority_key,
            [x509.SubjectAlternativeName([x509.DNSName(name)])],
        )
        secret = self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.NamedTemporaryFile() as file:
            file.write(pem(leaf) + secret)
            file.flush()
            context.load_cert_chain(file.name)
        return context


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    for end in (source, sink):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def join(one, other):
    threading.Thread(target=pump, args=(one, other), daemon=True).start()
    pump(other, one)


def listen(serve):
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)

    def accept():
        while True:
            client, _ = listener.accept()
            threading.Thread(target=serve, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()[1]


def main():
    moto, authority_file, log_file = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    tls = Front(authority_file)
    log = open(log_file, "a", buffering=1)
    center = int(sys.argv[4]) if len(sys.argv) > 4 else moto

    def front(client):
        try:
            secure = tls.context.wrap_socket(client, server_side=True)
        except (OSError, ssl.SSLError):
            return
        name = getattr(secure, "asked_for", "")
        port = center if name.startswith(("oidc.", "portal.sso.")) else moto
        join(secure, socket.create_connection(("127.0.0.1", port)))

    front_port = listen(front)

    def proxy(client):
        head = b""
        while b"\r\n\r\n" not in head:
            data = client.recv(4096)
            if not data:
                return
            head += data
        connect = head.split(b"\r\n")[0].decode()
        log.write(connect + "\n")
        if leads_nowhere(connect):
            client.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
            client.close()
            return
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        join(client, socket.create_connection(("127.0.0.1", front_port)))

    print(json.dumps({"proxy": listen(proxy), "front": front_port}), flush=True)
    sys.stdin.read()


main()
