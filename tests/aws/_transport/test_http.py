"""One exchange on an open socket: every response is read as boto3 reads it, or is an error."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing, suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mega.aws._transport.http import MAX_READ, HttpResponse
from mega.errors import TransportError
from tests.aws.raw_server import (
    EMPTY,
    boto3_client,
    direct_client,
    receive,
    scripted_server,
    without_retry_counts,
)

OK = b'HTTP/1.1 200 OK\r\n'
MESSAGE = b'{"Messages":[{"MessageId":"1","Body":"hej"}]}'
TYPE = b'Content-Type: application/x-amz-json-1.0\r\n'
NO_BODY = b'Content-Length: 0\r\n\r\n'
WITH_LENGTH = TYPE + b'Content-Length: %d\r\n\r\n' % len(MESSAGE) + MESSAGE
CHUNKS = b'7\r\n' + MESSAGE[:7] + b'\r\n26;a=b\r\n' + MESSAGE[7:] + b'\r\n0\r\n\r\n'

RESPONSES = {
    'plain': OK + WITH_LENGTH,
    'no reason': b'HTTP/1.1 200 \r\n' + WITH_LENGTH,
    'HTTP/1.0': b'HTTP/1.0 200 OK\r\n' + WITH_LENGTH,
    'connection: close': OK + b'Connection: close\r\n' + WITH_LENGTH,
    'chunked': OK + TYPE + b'Transfer-Encoding: chunked\r\n\r\n' + CHUNKS,
    'interim response': b'HTTP/1.1 100 Continue\r\nA: 1\r\n\r\n' + OK + WITH_LENGTH,
    'repeated headers': OK + b'A: 1\r\nb:2\r\nA:3 \r\n' + WITH_LENGTH,
    'no body': OK + NO_BODY,
    'null': OK + b'Content-Length: 4\r\n\r\nnull',
    'client error': b'HTTP/1.1 400 No\r\nContent-Length: 21\r\n\r\n{"__type":"a#Broken"}',
    'query error': b'HTTP/1.1 400 No\r\nx-amzn-query-error: AWS.X;Sender\r\nContent-Length: 31'
    b'\r\n\r\n{"__type":"a#B","message":"no"}',
    'server error': b'HTTP/1.1 503 Slow Down\r\n' + NO_BODY,
    'page of a proxy': OK + b'Content-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>',
    'redirect': b'HTTP/1.1 307 Go\r\nLocation: http://127.0.0.1:1/\r\n' + NO_BODY,
}
UNTIL_CLOSED = OK + TYPE + b'\r\n' + MESSAGE
"""The end of the connection is the end of this body."""

INVALID = {
    'half a head': RESPONSES['plain'][:40],
    'half a body': RESPONSES['plain'][:-5],
    'half a chunk': RESPONSES['chunked'][:-12],
    'not HTTP': b'SSH-2.0-OpenSSH_9.2\r\n\r\n',
    'invalid length': OK + b'Content-Length: 1x\r\n\r\n' + MESSAGE,
    'two lengths': OK + b'Content-Length: 3\r\n' + WITH_LENGTH,
    'upgrade': b'HTTP/1.1 101 Now\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nhej',
    'long head': OK + b'A: ' + b'a' * (MAX_READ + 1),
}


def outcome(call: Callable[[], dict[str, object]], url: str) -> object:
    try:
        return without_retry_counts(call())
    except Exception as error:
        cause = error.__cause__ if isinstance(error, TransportError) else error
        # botocore fails for `null` by accident, and each of its releases in another way.
        if isinstance(cause, (AttributeError, TypeError, ValueError)):
            return 'invalid response'
        text = str(cause).replace(url, '').replace(' (reached max retries: 0)', '')
        return type(cause).__name__, text


@pytest.mark.parametrize(
    'response', [*RESPONSES.values(), UNTIL_CLOSED], ids=[*RESPONSES, 'until closed']
)
def test_a_response_has_the_outcome_that_it_has_with_boto3(response: bytes) -> None:
    with scripted_server([response]) as url, closing(boto3_client(url)) as client:
        expected = outcome(lambda: client.receive_message(QueueUrl='https://sqs/1/orders'), url)
    with scripted_server([response]) as url, direct_client(url) as aws:
        assert outcome(lambda: receive(aws), url) == expected


@pytest.mark.parametrize('response', INVALID.values(), ids=INVALID)
def test_an_invalid_response_is_an_error_and_the_next_call_succeeds(response: bytes) -> None:
    with scripted_server([EMPTY, response], [EMPTY]) as url, direct_client(url) as aws:
        receive(aws)
        with pytest.raises(TransportError, match='ConnectionClosedError') as error:
            receive(aws)
        assert error.value.retriable
        receive(aws)


@pytest.mark.parametrize('extra', [EMPTY, b'hej', b'\r\n\r\nhej', EMPTY[:20]])
def test_bytes_after_a_response_are_not_the_response_to_the_next_request(extra: bytes) -> None:
    plain = RESPONSES['plain']
    with scripted_server([EMPTY, plain + extra], [plain]) as url, direct_client(url) as aws:
        receive(aws)
        for _ in range(2):
            assert receive(aws)['Messages'] == [{'MessageId': '1', 'Body': 'hej'}]


@given(st.sampled_from([*RESPONSES.values()]), st.data())
def test_a_response_may_arrive_in_any_pieces(response: bytes, data: st.DataObject) -> None:
    cuts = data.draw(st.sets(st.integers(1, len(response) - 1)))
    at_once, in_pieces = HttpResponse(), HttpResponse()
    at_once.feed(response)
    for start, end in pairwise([0, *sorted(cuts), len(response)]):
        assert not in_pieces.is_complete
        in_pieces.feed(response[start:end])
    assert in_pieces.is_complete
    assert fields_of(in_pieces) == fields_of(at_once)


def fields_of(response: HttpResponse) -> object:
    return response.status, response.headers, response.body, response.keep_alive


cut_and_changed = st.tuples(
    st.sampled_from([*RESPONSES.values()]), st.integers(0, 200), st.binary(max_size=9)
).map(lambda drawn: drawn[0][: drawn[1]] + drawn[2])


@given(st.binary(max_size=200) | cut_and_changed)
def test_any_bytes_are_a_response_or_a_value_error(received: bytes) -> None:
    response = HttpResponse()
    with suppress(ValueError):
        response.feed(received)
        response.feed(b'')
