"""A direct request carries the signature that botocore computes for the same request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from mega.aws._transport.signing import authorization
from tests.aws.raw_server import RecordingHandler, direct_client, receive, server

names = st.sampled_from(['content-type', 'host', 'x-amz-target', 'x-amz-security-token', 'x-a'])
words = st.text('abcXYZ0189-_/.=+', min_size=1, max_size=12)


class AtFixedTime(SigV4Auth):
    """Signs with the time of the request instead of the present time."""

    def add_auth(self, request: Any) -> None:
        request.context['timestamp'] = request.headers['x-amz-date']
        text = self.string_to_sign(request, self.canonical_request(request))
        inject: Any = super()
        inject._inject_signature_to_request(request, self.signature(text, request))


def signature_of_botocore(
    url: str, headers: Mapping[str, str], body: bytes, credentials: Credentials, *scope: str
) -> str:
    request = AWSRequest('POST', url, dict(headers), body)
    region, service = scope
    AtFixedTime(credentials, service, region).add_auth(request)
    return str(request.headers['Authorization'])


@given(
    headers=st.dictionaries(names, words).map(lambda drawn: {'host': 'a.b', **drawn}),
    body=st.binary(max_size=40),
    access_key=words,
    secret_key=st.text(min_size=1, max_size=20),
    day=st.dates(),
    scope=st.tuples(words, words).filter(lambda drawn: '/' not in ''.join(drawn)),
)
def test_every_signature_is_the_one_of_botocore(
    headers: dict[str, str],
    body: bytes,
    access_key: str,
    secret_key: str,
    day: Any,
    scope: tuple[str, str],
) -> None:
    time = day.strftime('%Y%m%d').zfill(8) + 'T010203Z'
    signed = {**headers, 'x-amz-date': time}
    found = authorization(signed, body, Credentials(access_key, secret_key), *scope)
    credentials = Credentials(access_key, secret_key)
    assert found == signature_of_botocore('https://sqs/', signed, body, credentials, *scope)


@pytest.mark.parametrize('token', [None, 'token/+='])
@pytest.mark.parametrize('region', ['eu-west-1', 'us-gov-west-1', 'cn-north-1'])
def test_a_request_that_is_sent_has_the_signature_of_botocore(
    region: str, token: str | None
) -> None:
    handler = RecordingHandler()
    with server(handler) as url, direct_client(
        url, region_name=region, aws_session_token=token
    ) as aws:  # fmt: skip
        receive(aws, MessageAttributeNames=['ä\u2603'])
    [request] = handler.requests
    head, _, body = request.partition(b'\r\n\r\n')
    headers = dict(line.decode().split(': ', 1) for line in head.split(b'\r\n')[1:])
    headers = {name.lower(): value for name, value in headers.items()}
    assert headers.get('x-amz-security-token') == token
    sent = headers.pop('authorization')
    unsigned = ('user-agent', 'accept-encoding', 'content-length')
    signed = {name: value for name, value in headers.items() if name not in unsigned}
    keys = Credentials('testing', 'testing')
    assert sent == signature_of_botocore(url, signed, body, keys, region, 'sqs')
