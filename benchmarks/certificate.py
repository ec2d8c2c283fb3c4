"""A self-signed certificate for a server on loopback, made at run time."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from ipaddress import IPv4Address
from pathlib import Path
from typing import NamedTuple

__all__ = ('CertificateFiles', 'write_certificate')

LIFETIME = timedelta(days=1)
CLOCK_SKEW = timedelta(hours=1)


class CertificateFiles(NamedTuple):
    """The PEM files of a certificate and of its private key."""

    certificate: Path
    key: Path


def write_certificate(directory: Path) -> CertificateFiles:
    """Write a certificate for `127.0.0.1` and `localhost`, with its key, to a directory.

    The certificate is its own authority: clients trust the server when `AWS_CA_BUNDLE` or
    botocore's `verify` names the certificate file. The extensions are the ones that Python 3.13
    requires for strict verification. The key is an elliptic-curve key (P-256).
    """
    # Imported here: only HTTPS needs cryptography.
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, 'mega.local')])
    addresses = [x509.IPAddress(IPv4Address('127.0.0.1')), x509.DNSName('localhost')]
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectAlternativeName(addresses), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    files = CertificateFiles(directory / 'certificate.pem', directory / 'key.pem')
    files.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files
