"""The messages of errors: the invalid thing first, then the problem, never a long or raw input."""

from __future__ import annotations

import pickle
from types import SimpleNamespace
from typing import Any

import pytest

from mega import errors
from mega.codec import decode, encode
from mega.errors import (
    DecodeError,
    EncodeError,
    EnvelopeError,
    EventError,
    InvalidPayloadError,
    MegaError,
    OffloadError,
    PatternError,
    PayloadStreamError,
    PayloadTooLargeError,
    PointerError,
    PublishError,
    RetriableError,
    SettlementError,
    TransportError,
    safe_repr,
    single_line,
)
from tests.hostile import HOSTILE_NAMES

MESSAGES: list[tuple[MegaError, str]] = [
    (PatternError('', 5, 'must be a str'), 'invalid pattern: 5: must be a str'),
    (PatternError('a.b', 5, 'must be a str'), 'invalid pattern at a.b: 5: must be a str'),
    (EventError('event.name', 'is missing'), 'invalid MEGA event: event.name is missing'),
    (EncodeError('', 'is empty'), 'cannot be published: the payload is empty'),
    (EncodeError('a[1]', 'is nan'), 'cannot be published: a[1] is nan'),
    (
        PayloadTooLargeError(300_000, 262_144, 'give a payload_store'),
        'a message of 300,000 bytes is over the limit of 262,144; give a payload_store',
    ),
    (DecodeError('it is not Base64'), 'invalid body: it is not Base64'),
    (DecodeError('text follows', 'JSON object'), 'invalid JSON object: text follows'),
    (EnvelopeError('its Subject is 5'), 'invalid SNS envelope: its Subject is 5'),
    (PointerError('its body is gone'), 'cannot follow the S3 pointer: its body is gone'),
    (InvalidPayloadError('a.b', 'is missing'), 'invalid payload: a.b is missing'),
    (InvalidPayloadError('', 'must be object'), 'invalid payload: the payload must be object'),
    (OffloadError('b', 'k', 'denied'), "offloaded body 'k' in 'b': denied"),
    (
        TransportError('SendMessage', 'Throttling', 'slow down', True),
        'SendMessage failed (Throttling): slow down',
    ),
    (
        SettlementError('7c3a', 'it is already settled'),
        "message '7c3a' cannot be settled: it is already settled",
    ),
    (RetriableError(5), 'to be retried'),
    (RetriableError(reason='not ready'), 'not ready'),
    (RetriableError('a reason in place of a delay'), 'a reason in place of a delay'),
    (
        PayloadStreamError('b', 'k', 'the digests differ'),
        "streamed payload 'k' in 'b': the digests differ",
    ),
]


@pytest.mark.parametrize(
    ('error', 'message'), MESSAGES, ids=[message[:30] for _, message in MESSAGES]
)
def test_an_error_names_the_invalid_thing_and_the_problem(error: MegaError, message: str) -> None:
    assert str(error) == message


@pytest.mark.parametrize('error', [error for error, _ in MESSAGES], ids=lambda e: str(e)[:30])
def test_an_error_survives_a_pickle(error: MegaError) -> None:
    copied = pickle.loads(pickle.dumps(error))
    assert type(copied) is type(error)
    assert str(copied) == str(error)
    assert vars(copied) == vars(error)


def test_every_public_error_is_a_mega_error_with_a_docstring() -> None:
    classes = [getattr(errors, name) for name in errors.__all__ if name.endswith('Error')]
    assert len(classes) == 17
    for error in classes:
        assert issubclass(error, MegaError)
        assert error.__doc__


def test_the_error_of_a_batch_names_the_results_that_failed_and_shows_the_first() -> None:
    results = [SimpleNamespace(error=None), SimpleNamespace(error=EncodeError('', 'is empty'))]
    error = PublishError.of_batch(results, 'the publisher is closed')
    assert error.results is results
    assert str(error) == (
        '1 of 2 payloads were not published (.results[1]); the publisher is closed; '
        'the first error is: cannot be published: the payload is empty'
    )


def test_the_error_of_a_batch_names_five_of_many_results() -> None:
    failed, sent = SimpleNamespace(error=EncodeError('', 'is empty')), SimpleNamespace(error=None)
    text = str(PublishError.of_batch([sent, *[failed] * 7]))
    assert text.startswith(
        '7 of 8 payloads were not published (.results[1], [2], [3], [4], [5] and 2 more); the first'
    )


def test_the_error_of_a_batch_names_no_result_if_all_failed() -> None:
    failed = SimpleNamespace(error=EncodeError('', 'is empty'))
    text = str(PublishError.of_batch([failed] * 3))
    assert text.startswith('3 of 3 payloads were not published; the first error is: ')


@pytest.mark.parametrize(
    ('body', 'message'),
    [
        ('{"a":1} x', 'invalid JSON object: it ends at character 7, but text follows'),
        ('{"a":', 'invalid JSON object: Expecting value at character 5'),
        ('{"a":NaN}', 'invalid JSON object: NaN is not a JSON number'),
        ('{"a":1e400}', 'invalid JSON object: a number is too large for a float'),
        (
            '{"protocol":"mega","version":1,"event":{"name":5,"timestamp":"2020-01-01"}}',
            'invalid MEGA event: event.name is 5: must be a str',
        ),
        (
            '{"protocol":"mega","version":2}',
            'invalid MEGA event: version is 2: must be 1, the only version of the protocol',
        ),
    ],
)
def test_decoding_an_invalid_body_says_what_is_wrong(body: str, message: str) -> None:
    with pytest.raises((DecodeError, EventError)) as caught:
        decode(body)
    assert str(caught.value) == message


def test_encoding_an_invalid_value_says_what_is_wrong() -> None:
    with pytest.raises(EncodeError) as caught:
        encode({'user': {'tags': [b'x']}})
    assert str(caught.value) == (
        "cannot be published: user.tags[0] is b'x' (bytes), which JSON cannot carry with its type"
    )


@pytest.mark.parametrize('name', HOSTILE_NAMES.values(), ids=HOSTILE_NAMES.keys())
def test_external_input_is_printable_and_short(name: str) -> None:
    for error in (
        PatternError(name, name, 'is invalid'),
        EventError(name, 'is missing'),
        EncodeError(name, 'is empty'),
        OffloadError(name, name, 'denied'),
    ):
        assert str(error).isprintable()
        assert len(str(error)) < 300
    assert single_line(name).isprintable()
    assert len(single_line(name)) <= 300


def test_a_repr_that_raises_is_replaced_by_the_type() -> None:
    class Unprintable:
        def __repr__(self) -> str:
            raise LookupError

    value: Any = Unprintable()
    assert 'Unprintable' in safe_repr(value)
