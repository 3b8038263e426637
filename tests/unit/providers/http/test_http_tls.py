"""Bytes that TLS has decrypted, and no one read, are never taken for the next answer."""

import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from call_lake.providers.http.transport import _WatchedTls
from tests.support.raw_server import RawServer, client, download, ok


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A throw-away certificate of 127.0.0.1 with its key, made for this test."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test of Call Lake")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = tmp_path / "certificate.pem"
    file.write_bytes(private + made.public_bytes(pem))
    return file


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.num_tickets = 0  # they come behind the handshake, and would wait on the socket
    return context


def test_over_tls_too_a_connection_on_which_bytes_wait_is_not_used_again(
    certificate: Path, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))

    def answer(request: bytes) -> Iterator[bytes]:
        body = request.split()[1]
        # One record: the answer, and what nobody asked for.
        yield b"".join(ok(body)) + (b"".join(ok(b"wrong")) if body == b"/first" else b"")

    with RawServer(answer, tls) as server:
        asking = client(server)
        assert [download(asking, path) for path in ("/first", "/second", "/third")] == [
            b"/first",
            b"/second",
            b"/third",
        ]
    assert len(server.connections) == 2


def test_bytes_that_are_decrypted_already_count_as_waiting(certificate: Path, tls: ssl.SSLContext) -> None:
    """The socket itself has nothing to read then, and urllib3 looks at no more than that."""
    answered = threading.Event()

    def answer(request: bytes) -> Iterator[bytes]:
        yield b"two"
        answered.wait(10)

    with RawServer(answer, tls) as server:
        connection = _WatchedTls("127.0.0.1", server.port, timeout=10, ca_certs=str(certificate))
        connection.connect()
        assert connection.is_connected
        connection.sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert connection.sock.recv(1) == b"t"
        assert not connection.is_connected
        assert connection.sock.recv(2) == b"wo"
        assert connection.is_connected
        answered.set()
        connection.close()
