"""SNS that signs: certificates, signed envelopes, and a server of certificates on loopback."""

from __future__ import annotations

import ssl
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.aws.payloads import CONFIRMATION, ENVELOPE

__all__ = (
    'HOST',
    'NOTIFICATION',
    'SUBSCRIPTION',
    'TOPIC',
    'URL',
    'CertificateServer',
    'Key',
    'certificate',
    'certificate_server',
    'private_key',
    'signed',
)

HOST = 'sns.us-east-2.amazonaws.com'
URL = f'https://{HOST}/SimpleNotificationService-0.pem'
TOPIC: str = ENVELOPE['TopicArn']

NOTIFICATION = {**ENVELOPE, 'SigningCertURL': URL}
SUBSCRIPTION = {**CONFIRMATION, 'SigningCertURL': URL}

Key: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

SIGNED = {
    'Notification': 'Message MessageId Subject Timestamp TopicArn Type',
    'SubscriptionConfirmation': 'Message MessageId SubscribeURL Timestamp Token TopicArn Type',
    'UnsubscribeConfirmation': 'Message MessageId SubscribeURL Timestamp Token TopicArn Type',
}


@cache
def private_key() -> rsa.RSAPrivateKey:
    """The key with which SNS signs in these tests."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def signed(
    document: dict[str, Any], version: str = '1', key: rsa.RSAPrivateKey | None = None
) -> dict[str, Any]:
    """Return an envelope with a valid signature: by the fields in the order of their names."""
    names = sorted(SIGNED[document['Type']].split() & document.keys())
    text = ''.join(f'{name}\n{document[name]}\n' for name in names)
    algorithm = SHA1() if version == '1' else SHA256()
    signature = (key or private_key()).sign(text.encode(), padding.PKCS1v15(), algorithm)
    return {**document, 'SignatureVersion': version, 'Signature': b64encode(signature).decode()}


def certificate(
    name: str = 'sns.amazonaws.com',
    key: Key | None = None,
    *,
    begins: timedelta = timedelta(days=-1),
    ends: timedelta = timedelta(days=1),
    has_names: bool = True,
) -> bytes:
    """Return a self-signed certificate in PEM."""
    key, now = key or private_key(), datetime.now(timezone.utc)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
        # Python 3.13 requires these extensions of a server's certificate.
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False
        )
    )
    if has_names:
        names = x509.SubjectAlternativeName([x509.DNSName(name)])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM)


class CertificateServer:
    """The state of the server: how it responds, and the URLs that were requested.

    `respond` writes the response of each request. At first, that is a certificate.
    """

    def __init__(self, proxy_url: str, ca_bundle: Path) -> None:
        self.proxy_url = proxy_url
        self.ca_bundle = ca_bundle
        self.requested: list[str] = []
        self.respond: Callable[[BaseHTTPRequestHandler], None] = self.respond_with(certificate())

    @staticmethod
    def respond_with(
        body: bytes, status: int = 200, headers: dict[str, str] | None = None
    ) -> Callable[[BaseHTTPRequestHandler], None]:
        def respond(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            for name, value in {'Content-Length': str(len(body)), **(headers or {})}.items():
                handler.send_header(name, value)
            handler.end_headers()
            handler.wfile.write(body)

        return respond


@contextmanager
def certificate_server(directory: Path) -> Iterator[CertificateServer]:
    """Serve `HOST` on loopback, as an HTTPS proxy that responds itself.

    A client reaches it by the environment variable `https_proxy`. The server is trusted by clients
    that use its `ca_bundle`.
    """
    tls = _server_context(directory)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = 'HTTP/1.1'

        def do_CONNECT(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.authority = self.path.removesuffix(':443')
            self.close_connection = True
            with (
                tls.wrap_socket(self.connection, server_side=True) as connection,
                connection.makefile('rb') as self.rfile,
                connection.makefile('wb') as self.wfile,
            ):
                self.handle_one_request()

        def do_GET(self) -> None:
            state.requested.append(f'https://{self.authority}{self.path}')
            state.respond(self)

        def log_message(self, format: str, *arguments: Any) -> None:
            pass  # not to the terminal

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            pass  # clients close connections that they do not trust

    with Server(('127.0.0.1', 0), Handler) as server:
        url = f'http://127.0.0.1:{server.server_address[1]}'
        state = CertificateServer(url, directory / 'server.pem')
        thread = Thread(target=server.serve_forever, kwargs={'poll_interval': 0.01})
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()


def _server_context(directory: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    (directory / 'server.pem').write_bytes(certificate(HOST, key))
    (directory / 'key.pem').write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / 'server.pem', directory / 'key.pem')
    return context
