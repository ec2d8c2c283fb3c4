"""The key of a record: the same for every delivery of a message, and for no other message."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from mega.aws.sqs.message import Message
from mega.errors import ConfigurationError, InvalidPayloadError
from mega.event import PayloadBuilder
from mega.hooks.keys import compile_key, default_key, record_key
from tests.aws.sqs.subscribe.factories import MESSAGE, subscriber

EVENT = PayloadBuilder().with_event(name='paid', order_id='17', amount=5).build()
HASH = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'


def message(**more: Any) -> Message:
    return Message(id='sqs', body='', receipt_handle='', **more)


@pytest.mark.parametrize(
    ('given', 'expected'),
    [
        (message(), 'sqs'),
        (message(sns_message_id='sns'), 'sns'),
        (message(sns_message_id='sns', attributes={'MegaMessageId': 'first'}), 'first'),
        (message(_sqs_attributes={'MegaMessageId': 'first'}), 'first'),
        (message(sns_message_id='sns', _sqs_attributes={'MegaMessageId': 'of SQS'}), 'sns'),
        (
            message(group_id='g', _system={'MessageDeduplicationId': '17'}, sns_message_id='s'),
            'g 17',
        ),
        (message(group_id='g', _system={'MessageDeduplicationId': HASH}), 'sqs'),
    ],
    ids=[
        'SQS',
        'SNS',
        'redriven',
        'redriven beside an envelope without an id',
        'redriven beside an envelope',
        'deduplicated',
        'by content',
    ],
)
def test_the_default_is_the_id_that_remains_the_same(given: Message, expected: str) -> None:
    assert default_key(given) == expected
    assert compile_key(None)(given, {}) == [expected]


@pytest.mark.parametrize(
    ('key', 'payload', 'expected'),
    [
        ('id', {'id': 'a'}, ['str:a']),
        ('a.b', {'a': {'b': 5}}, ['int:5']),
        (['x', 'y'], {'x': True, 'y': Decimal('1.50')}, ['bool:True', 'Decimal:1.50']),
        ('event.attributes.order_id', EVENT, ['str:17']),
        (('event.name', 'event.attributes.amount'), EVENT, ['str:paid', 'int:5']),
        (lambda message, payload: (message.id, payload['n']), {'n': 1}, ['str:7c3a', 'int:1']),
        (lambda message, payload: payload, b'\x00', ["bytes:b'\\x00'"]),
        (lambda *_: UUID(int=1), {}, ['UUID:00000000-0000-0000-0000-000000000001']),
        (lambda *_: date(2026, 3, 1), {}, ['date:2026-03-01']),
    ],
    ids=[
        'path',
        'nested',
        'paths',
        'event',
        'paths of an event',
        'function',
        'bytes',
        'UUID',
        'date',
    ],
)
def test_an_explicit_key_consists_of_values_with_their_types(
    key: Any, payload: Any, expected: list[str]
) -> None:
    assert compile_key(key)(MESSAGE, payload) == expected


@pytest.mark.parametrize(
    ('key', 'payload', 'problem'),
    [
        ('order_id', {'id': 1}, 'order_id is missing'),
        ('order_id', {'order_id': None}, 'order_id is missing'),
        (['a', 'a.b'], {'a': 1}, 'a.b is missing'),
        ('a', {'a': {'b': 1}}, 'a cannot be an idempotency key: it is an object or an array'),
        ('a', 'a text', 'a is missing'),
        (lambda *_: None, {}, 'the payload is missing'),
        (lambda *_: [], {}, 'the payload has no idempotency key'),
    ],
    ids=['absent', 'null', 'within a number', 'object', 'text', 'function', 'no values'],
)
def test_a_message_without_the_explicit_key_is_invalid(
    key: Any, payload: Any, problem: str
) -> None:
    with pytest.raises(InvalidPayloadError, match=problem):
        compile_key(key)(MESSAGE, payload)


@pytest.mark.parametrize('key', [5, '', 'a..b', [], [5], {'a'}], ids=repr)
def test_a_key_that_is_neither_paths_nor_a_function_is_refused(key: Any) -> None:
    with pytest.raises(ConfigurationError, match='must be a path such as'):
        compile_key(key)


async def coroutine(*_: object) -> str:
    return 'a'


@pytest.mark.parametrize(
    ('value', 'kind'),
    [(object(), 'object'), (frozenset('ab'), 'frozenset'), (iter('ab'), 'str_.*iterator')],
    ids=['address', 'set', 'iterator'],
)
def test_a_value_whose_text_may_differ_in_each_delivery_is_invalid(value: Any, kind: str) -> None:
    for key in (lambda *_: value, lambda *_: ['a', value]):
        with pytest.raises(InvalidPayloadError, match=f'the text of a {kind} may differ'):
            compile_key(key)(MESSAGE, {})


class AsyncKey:
    async def __call__(self, *_: object) -> str:
        return 'a'


@pytest.mark.parametrize(
    'key', [coroutine, AsyncKey(), partial(coroutine, 1)], ids=['def', 'object', 'partial']
)
def test_a_coroutine_function_is_refused(key: Any) -> None:
    with pytest.raises(ConfigurationError, match='must not be a coroutine function'):
        compile_key(key)


def test_records_differ_by_scope_subscriber_and_values() -> None:
    one, two = subscriber(called='One'), subscriber(called='Two')
    keys = [
        record_key(scope, each, values)
        for scope in (None, '', 'billing')
        for each in (one, two)
        for values in (['a'], ['a', 'b'], ['a:b'], [])
    ]
    assert len(set(keys)) == len(keys)
    assert {len(key) for key in keys} == {64}
    assert record_key('billing', one, ['a']) == record_key('billing', one, ['a'])
