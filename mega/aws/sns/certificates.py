"""The certificates with which SNS signs, downloaded from SNS itself.

    https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-7506a1e35b36ef5a444dd1a8e7cc3ed8.pem

An envelope contains this URL, and any sender to a queue can write another one. So the whole URL
must have the form of SNS before it is requested. The file has no intermediate certificates. The
trust in it comes from the TLS connection to SNS, which is verified.
https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime, timezone
from functools import partial
from threading import Lock
from typing import TypeAlias

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from mega.aws._transport.download import download
from mega.errors import EnvelopeError, safe_repr

__all__ = ('Download', 'SigningCertificates')

Download: TypeAlias = Callable[[str], bytes | None]
"""Returns the content of a URL; None if it does not exist. Raises a `TransportError`."""

MAX_BYTES = 65_536
"""The limit of a certificate file. A file of SNS has about 2,000 bytes."""

MAX_SECONDS = 5.0
"""The limit of a download."""

MAX_CERTIFICATES = 32
"""The certificates that are kept. SNS has one for each region, and replaces it within a year."""

_DOMAIN = r'\.amazonaws\.com(?:\.cn)?'
_REGION = r'[a-z]{2,3}(?:-[a-z]{1,20}){1,3}-[0-9]{1,2}'
"""A region, and no other label: `sns.s3.amazonaws.com` and `sns.s3-eu-west-1.amazonaws.com` are the
bucket `sns` of S3, which any customer of AWS may own."""

_URL = re.compile(rf'https://sns\.{_REGION}{_DOMAIN}/[A-Za-z0-9-]{{1,100}}\.pem')

_NAME = re.compile(rf'sns(?:-signing)?(?:[.-][a-z0-9-]+)?{_DOMAIN}')
"""A name in a certificate of SNS: `sns.amazonaws.com`, `sns-signing.af-south-1.amazonaws.com`,
`sns-us-gov-west-1.amazonaws.com`, `sns-cn-north-1.amazonaws.com.cn`."""


class SigningCertificates:
    """Returns the keys of certificates of SNS. Safe to share among threads.

    A certificate is downloaded once, also for many messages at the same time. A download that
    failed is repeated for the next message.
    """

    def __init__(self, download: Download | None = None) -> None:
        self._download = download or _download
        self._lock = Lock()
        self._futures: dict[str, Future[x509.Certificate]] = {}

    def key(self, url: object) -> RSAPublicKey:
        """Return the public key of the certificate at a URL.

        Raises:
            EnvelopeError: for a URL that is not of SNS, a certificate that does not exist, is not
                valid now, or is not of SNS.
            TransportError: if the certificate cannot be downloaded now.
        """
        if not isinstance(url, str) or not _URL.fullmatch(url):
            problem = f'its SigningCertURL is {safe_repr(url)}, not the URL of a certificate of SNS'
            raise EnvelopeError(problem)
        certificate = self._certificate(url)
        now = datetime.now(timezone.utc)
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            raise EnvelopeError('the certificate of its signature has expired, or is not valid yet')
        key = certificate.public_key()
        assert isinstance(key, RSAPublicKey)
        return key

    def _certificate(self, url: str) -> x509.Certificate:
        with self._lock:
            future = self._futures.get(url)
            is_first = future is None
            if future is None:
                future = self._futures[url] = Future()
        if is_first:
            self._load(url, future)
        return future.result()

    def _load(self, url: str, future: Future[x509.Certificate]) -> None:
        try:
            certificate = _read(self._download(url))
        except BaseException as error:
            future.set_exception(error)  # also for the messages that wait for it
            with self._lock:
                self._futures.pop(url, None)
            return
        future.set_result(certificate)
        with self._lock:
            for oldest in list(self._futures)[:-MAX_CERTIFICATES]:
                del self._futures[oldest]


_download = partial(download, max_bytes=MAX_BYTES, seconds=MAX_SECONDS)


def _read(content: bytes | None) -> x509.Certificate:
    """Return the certificate in a PEM file of SNS."""
    if content is None:
        raise EnvelopeError('SNS does not have the certificate of its SigningCertURL')
    try:
        certificate = x509.load_pem_x509_certificate(content)
        is_of_sns = isinstance(certificate.public_key(), RSAPublicKey) and _names_sns(certificate)
    except (ValueError, UnsupportedAlgorithm):
        is_of_sns = False
    if not is_of_sns:
        raise EnvelopeError('the file of its SigningCertURL is not a certificate of SNS')
    return certificate


def _names_sns(certificate: x509.Certificate) -> bool:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return False
    return any(map(_NAME.fullmatch, extension.value.get_values_for_type(x509.DNSName)))
