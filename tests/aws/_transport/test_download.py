"""Downloads over HTTPS: the limits of time and size, redirects, and whom the client trusts."""

from __future__ import annotations

import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Event

import pytest

from mega.aws._transport.download import download
from mega.errors import TransportError
from tests.aws.sns.signing import HOST, URL, CertificateServer, certificate

WITHIN = 10.0


def fetch(url: str = URL, *, max_bytes: int = 100, seconds: float = WITHIN) -> bytes | None:
    return download(url, max_bytes=max_bytes, seconds=seconds)


@pytest.mark.parametrize('size', [0, 1, 100])
def test_a_file_is_downloaded_up_to_the_limit_of_its_size(
    certificates: CertificateServer, size: int
) -> None:
    certificates.respond = certificates.respond_with(b'a' * size)
    assert fetch() == b'a' * size
    assert certificates.requested == [URL]


@pytest.mark.parametrize('size', [101, 10_000_000])
def test_a_larger_file_is_refused(certificates: CertificateServer, size: int) -> None:
    certificates.respond = certificates.respond_with(b'a' * size)
    with pytest.raises(TransportError, match=r'TooLarge.*: the response exceeds 100 bytes'):
        fetch()


def test_a_file_of_unknown_length_is_refused_beyond_the_limit(
    certificates: CertificateServer,
) -> None:
    def respond(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(b'a' * 101)

    certificates.respond = respond
    with pytest.raises(TransportError, match='TooLarge'):
        fetch()


@pytest.mark.parametrize('status', [404, 410])
def test_a_file_that_does_not_exist_is_none(certificates: CertificateServer, status: int) -> None:
    certificates.respond = certificates.respond_with(b'missing', status)
    assert fetch() is None


@pytest.mark.parametrize('status', [204, 400, 403, 429, 500, 503])
def test_any_other_status_is_an_error_that_names_the_url(
    certificates: CertificateServer, status: int
) -> None:
    certificates.respond = certificates.respond_with(b'', status)
    with pytest.raises(TransportError, match=f'GET {URL} failed .status {status}.') as caught:
        fetch()
    assert caught.value.retriable


@pytest.mark.parametrize('status', [301, 302, 303, 307, 308])
@pytest.mark.parametrize('target', [f'https://{HOST}/other.pem', 'http://169.254.169.254/'])
def test_no_redirect_is_followed(certificates: CertificateServer, status: int, target: str) -> None:
    certificates.respond = certificates.respond_with(b'', status, {'Location': target})
    with pytest.raises(TransportError, match=f'status {status}'):
        fetch()
    assert certificates.requested == [URL]


def test_a_response_that_is_cut_off_is_an_error(certificates: CertificateServer) -> None:
    certificates.respond = certificates.respond_with(b'half', headers={'Content-Length': '8'})
    # Old releases of urllib3 raise an error of their own, IncompleteRead.
    with pytest.raises(TransportError, match=r'closed before the end|IncompleteRead') as caught:
        fetch()
    assert caught.value.retriable


def test_a_response_that_takes_too_long_ends_at_the_time_limit(
    certificates: CertificateServer,
) -> None:
    """Although each single byte arrives soon."""
    ended = Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header('Content-Length', '100')
        handler.end_headers()
        while not ended.wait(0.05):
            handler.wfile.write(b'a')
            handler.wfile.flush()

    certificates.respond = drip
    began = time.monotonic()
    try:
        with pytest.raises(TransportError, match='Timeout'):
            fetch(seconds=0.5)
    finally:
        ended.set()
    assert time.monotonic() - began < WITHIN / 2


def test_a_server_that_does_not_respond_ends_at_the_time_limit(
    certificates: CertificateServer,
) -> None:
    ended = Event()

    def wait(handler: BaseHTTPRequestHandler) -> None:
        ended.wait(WITHIN)

    certificates.respond = wait
    try:
        with pytest.raises(TransportError, match='Timeout'):
            fetch(seconds=0.3)
    finally:
        ended.set()


def test_the_server_must_have_a_certificate_for_its_host(certificates: CertificateServer) -> None:
    with pytest.raises(TransportError, match='SSLError'):
        fetch('https://sns.eu-west-1.amazonaws.com/a.pem')
    assert certificates.requested == []


def test_the_certificate_of_the_server_must_be_trusted(
    certificates: CertificateServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / 'other.pem'
    other.write_bytes(certificate())
    for bundle in (None, other):
        if bundle is None:
            monkeypatch.delenv('AWS_CA_BUNDLE')
        else:
            monkeypatch.setenv('AWS_CA_BUNDLE', str(bundle))
        with pytest.raises(TransportError, match='SSLError'):
            fetch()
    assert certificates.requested == []


def test_a_server_that_cannot_be_reached_is_an_error(
    certificates: CertificateServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('https_proxy', 'http://127.0.0.1:1')
    with pytest.raises(TransportError, match='ProxyConnectionError'):
        fetch()
