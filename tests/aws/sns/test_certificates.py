"""Certificates of SNS: which URLs are requested, how often, and which certificates are accepted."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from threading import Barrier, Event

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from mega.aws.sns.certificates import MAX_BYTES, MAX_CERTIFICATES, SigningCertificates
from mega.errors import EnvelopeError, TransportError
from tests.aws.sns.signing import URL, CertificateServer, certificate, private_key

FILE = 'SimpleNotificationService-0.pem'
WITHIN = 10.0

CERTIFICATE = certificate()
UNAVAILABLE = TransportError('GET', 'Timeout', 'no response', True)


class Downloads:
    """A function that returns the content of any URL, or raises an error, and counts its calls."""

    def __init__(self, result: bytes | Exception | None) -> None:
        self.result = result
        self.urls: list[str] = []

    def __call__(self, url: str) -> bytes | None:
        self.urls.append(url)
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


@pytest.mark.parametrize(
    'host',
    [
        'sns.us-east-1.amazonaws.com',
        'sns.us-gov-west-1.amazonaws.com',
        'sns.ap-southeast-7.amazonaws.com',
        'sns.cn-northwest-1.amazonaws.com.cn',
    ],
)
def test_a_certificate_is_downloaded_from_each_region(host: str) -> None:
    downloads = Downloads(CERTIFICATE)
    key = SigningCertificates(downloads).key(f'https://{host}/{FILE}')
    assert key.public_numbers() == private_key().public_key().public_numbers()
    assert downloads.urls == [f'https://{host}/{FILE}']


HOSTILE_URLS = [
    f'http://sns.us-east-1.amazonaws.com/{FILE}',
    f'HTTPS://sns.us-east-1.amazonaws.com/{FILE}',
    f'ftp://sns.us-east-1.amazonaws.com/{FILE}',
    'file:///etc/passwd',
    'file:///etc/ssl/server.pem',
    'http://169.254.169.254/latest/meta-data/',
    f'https://169.254.169.254/{FILE}',
    f'https://[::1]/{FILE}',
    f'https://localhost/{FILE}',
    f'https://evil.example/{FILE}',
    f'https://sns.us-east-1.amazonaws.com.evil.example/{FILE}',
    f'https://sns.us-east-1.amazonaws.com.cn.evil.example/{FILE}',
    f'https://evil.example/sns.us-east-1.amazonaws.com/{FILE}',
    f'https://evil.example#sns.us-east-1.amazonaws.com/{FILE}',
    f'https://evil.example?sns.us-east-1.amazonaws.com/{FILE}',
    f'https://evil.example\\sns.us-east-1.amazonaws.com/{FILE}',
    f'https://evilsns.us-east-1.amazonaws.com/{FILE}',
    f'https://evil.sns.us-east-1.amazonaws.com/{FILE}',
    f'https://sns.evil.example.amazonaws.com/{FILE}',
    f'https://sns..amazonaws.com/{FILE}',
    f'https://sns.amazonaws.com/{FILE}',
    f'https://snsXus-east-1.amazonaws.com/{FILE}',
    f'https://sns.us-east-1Xamazonaws.com/{FILE}',
    f'https://sns.us-east-1.amazonawsXcom/{FILE}',
    f'https://sns.us-east-1.amazonaws.co/{FILE}',
    f'https://sns.us-east-1.amazonaws.com.uk/{FILE}',
    f'https://sns.s3.amazonaws.com/{FILE}',  # the bucket `sns` of some AWS account
    f'https://sns.s3-eu-west-1.amazonaws.com/{FILE}',
    f'https://sns.s3-website-us-east-1.amazonaws.com/{FILE}',
    f'https://sns.s3-accelerate.amazonaws.com/{FILE}',
    f'https://sns.us-east-1.s3.amazonaws.com/{FILE}',
    f'https://s3.amazonaws.com/sns.us-east-1.amazonaws.com/{FILE}',
    f'https://bucket.s3.us-east-1.amazonaws.com/{FILE}',
    f'https://sqs.us-east-1.amazonaws.com/{FILE}',
    f'https://user@sns.us-east-1.amazonaws.com/{FILE}',
    f'https://sns.us-east-1.amazonaws.com@evil.example/{FILE}',
    f'https://sns.us-east-1.amazonaws.com:password@evil.example/{FILE}',
    f'https://sns.us-east-1.amazonaws.com:8443/{FILE}',
    f'https://sns.us-east-1.amazonaws.com:443/{FILE}',
    f'https://sns.us-east-1.amazonaws.com./{FILE}',
    f'https://sns.us-east-1.amazonaws.com//{FILE}',
    f'https://sns.us-east-1.amazonaws.com/../{FILE}',
    f'https://sns.us-east-1.amazonaws.com/a/{FILE}',
    f'https://sns.us-east-1.amazonaws.com/%2e%2e/{FILE}',
    f'https://sns.us-east-1.amazonaws.com/{FILE}?a=b',
    f'https://sns.us-east-1.amazonaws.com/?Action=GetTopicAttributes&x={FILE}',
    f'https://sns.us-east-1.amazonaws.com/{FILE}#a',
    f'https://sns.us-east-1.amazonaws.com/{FILE}\n',
    f'https://sns.us-east-1.amazonaws.com/{FILE}\r\nHost: evil.example',
    f' https://sns.us-east-1.amazonaws.com/{FILE}',
    f'https://sns.us\u2024east-1.amazonaws.com/{FILE}',
    f'https://sns.us-east-\u0661.amazonaws.com/{FILE}',
    f'https://\uff53ns.us-east-1.amazonaws.com/{FILE}',
    'https://sns.us-east-1.amazonaws.com/.pem',
    'https://sns.us-east-1.amazonaws.com/a.pem.exe',
    'https://sns.us-east-1.amazonaws.com/a-pem',
    'https://sns.us-east-1.amazonaws.com/',
    f'https://sns.us-east-1.amazonaws.com/{"a" * 10_000}.pem',
    f'https://sns.{"a" * 10_000}.amazonaws.com/{FILE}',
    f'//sns.us-east-1.amazonaws.com/{FILE}',
    '',
    None,
    5,
    ['https://sns.us-east-1.amazonaws.com/a.pem'],
]


@pytest.mark.parametrize('url', HOSTILE_URLS, ids=lambda url: repr(url)[:90])
def test_fault_53_and_54_a_url_that_is_not_of_sns_in_full_is_never_requested(url: object) -> None:
    downloads = Downloads(CERTIFICATE)
    with pytest.raises(EnvelopeError, match='SigningCertURL') as caught:
        SigningCertificates(downloads).key(url)
    assert downloads.urls == []
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 200


@given(st.text(max_size=60), st.sampled_from(['', 'https://', 'https://sns.', URL]), st.data())
def test_fault_53_a_url_is_requested_only_at_a_host_of_sns(
    text: str, start: str, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(start)))
    downloads = Downloads(CERTIFICATE)
    with suppress(EnvelopeError):
        SigningCertificates(downloads).key(start[:place] + text + start[place:])
    for url in downloads.urls:
        host, _, path = url.removeprefix('https://').partition('/')
        assert host.startswith('sns.')
        assert host.endswith(('.amazonaws.com', '.amazonaws.com.cn'))
        assert host.removesuffix('.cn').count('.') == 3
        assert path.isascii()
        assert '/' not in path


# The number of downloads


def test_a_certificate_is_downloaded_once() -> None:
    downloads = Downloads(CERTIFICATE)
    certificates = SigningCertificates(downloads)
    assert certificates.key(URL) == certificates.key(URL)
    assert downloads.urls == [URL]


@pytest.mark.parametrize('result', [CERTIFICATE, UNAVAILABLE], ids=['success', 'failure'])
def test_messages_at_the_same_time_share_one_download(result: bytes | Exception) -> None:
    threads = 8
    together, released = Barrier(threads + 1), Event()
    downloads = Downloads(result)

    def download(url: str) -> bytes | None:
        assert released.wait(WITHIN)
        return downloads(url)

    certificates = SigningCertificates(download)

    def read() -> object:
        together.wait(WITHIN)
        try:
            return certificates.key(URL).key_size
        except TransportError as error:
            return error

    with ThreadPoolExecutor(threads) as pool:
        found = [pool.submit(read) for _ in range(threads)]
        together.wait(WITHIN)
        released.set()
        results = [each.result(WITHIN) for each in found]
    if isinstance(result, bytes):
        assert results == [2048] * threads
        assert downloads.urls == [URL]
    else:
        assert results == [UNAVAILABLE] * threads


def test_a_download_that_failed_is_repeated_for_the_next_message() -> None:
    downloads = Downloads(UNAVAILABLE)
    certificates = SigningCertificates(downloads)
    for _ in range(2):
        with pytest.raises(TransportError):
            certificates.key(URL)
    downloads.result = CERTIFICATE
    certificates.key(URL)
    assert downloads.urls == [URL] * 3


def test_the_number_of_certificates_in_memory_is_limited() -> None:
    downloads = Downloads(CERTIFICATE)
    certificates = SigningCertificates(downloads)
    urls = [URL.replace('-0.pem', f'-{n}.pem') for n in range(MAX_CERTIFICATES + 1)]
    for url in (*urls, *urls[1:], urls[0]):
        certificates.key(url)
    assert downloads.urls == [*urls, urls[0]]  # the oldest was forgotten, and no other


# Which certificates are accepted


@pytest.mark.parametrize(
    'name',
    [
        'sns.amazonaws.com',
        'sns.us-east-1.amazonaws.com',
        'sns-signing.af-south-1.amazonaws.com',
        'sns-us-gov-west-1.amazonaws.com',
        'sns-cn-north-1.amazonaws.com.cn',
    ],
)
def test_a_certificate_names_an_endpoint_of_sns(name: str) -> None:
    assert SigningCertificates(Downloads(certificate(name))).key(URL).key_size == 2048


@pytest.mark.parametrize(
    'content',
    [
        lambda: certificate('sqs.amazonaws.com'),
        lambda: certificate('sns.amazonaws.com.evil.example'),
        lambda: certificate('evilsns.amazonaws.com'),
        lambda: certificate('snsXamazonaws.com'),
        lambda: certificate('*.amazonaws.com'),
        lambda: certificate(has_names=False),
        lambda: certificate(key=ec.generate_private_key(ec.SECP256R1())),
        lambda: CERTIFICATE[:-100],
        lambda: CERTIFICATE.replace(b'CERTIFICATE', b'PRIVATE KEY'),
        lambda: b'',
        lambda: b'<html>not found</html>',
        lambda: b'-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
    ],
    ids=['SQS', 'evil', 'evilsns', 'dot', 'wildcard', 'no names', 'EC', 'half', 'label', 'empty',
         'HTML', 'bad DER'],
)  # fmt: skip
def test_any_other_file_is_refused(content: Callable[[], bytes]) -> None:
    with pytest.raises(EnvelopeError, match='not a certificate of SNS'):
        SigningCertificates(Downloads(content())).key(URL)


def test_a_certificate_that_does_not_exist_is_refused() -> None:
    with pytest.raises(EnvelopeError, match='SNS does not have the certificate'):
        SigningCertificates(Downloads(None)).key(URL)


@pytest.mark.parametrize(('begins', 'ends'), [(-2, -1), (1, 2)], ids=['expired', 'not valid yet'])
def test_a_certificate_must_be_valid_now(begins: int, ends: int) -> None:
    content = certificate(begins=timedelta(days=begins), ends=timedelta(days=ends))
    with pytest.raises(EnvelopeError, match='has expired, or is not valid yet'):
        SigningCertificates(Downloads(content)).key(URL)


# Over HTTPS


def test_a_certificate_is_downloaded_over_https(certificates: CertificateServer) -> None:
    signing = SigningCertificates()
    assert signing.key(URL) == signing.key(URL)
    assert certificates.requested == [URL]


def test_an_oversized_certificate_is_a_temporary_failure(certificates: CertificateServer) -> None:
    certificates.respond = certificates.respond_with(b'a' * (MAX_BYTES + 1))
    with pytest.raises(TransportError, match='exceeds'):
        SigningCertificates().key(URL)
