"""The key of a record: which messages are the same message for the `Idempotency` hook.

    values   from the message, from paths of its payload, or from a function of both
    key      SHA-256 of the scope, the name of the subscriber, and the values with their types

Example: with `key='event.attributes.order_id'`, two events with the order id '17' are the same. An
event whose order id is the number 17 is another one.

A value must have the same text in each delivery. The text of an arbitrary object may contain its
address, and that of a set depends on the process. Only the types of `KeyValue` are allowed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from inspect import iscoroutinefunction
from typing import TypeAlias
from uuid import UUID

from mega.aws._messages.attributes import first_message_id
from mega.aws.sqs.message import Message
from mega.codec import AnyPayload
from mega.errors import ConfigurationError, InvalidPayloadError, safe_repr
from mega.event import Payload

__all__ = (
    'Key',
    'KeyFunction',
    'KeyValue',
    'compile_key',
    'default_key',
    'key_values',
    'record_key',
)

KeyValue: TypeAlias = str | int | float | bool | bytes | Decimal | UUID | datetime | date
"""A part of an idempotency key."""

KeyFunction: TypeAlias = Callable[[Message, AnyPayload], object]
"""Returns a `KeyValue`, or several in a list, that are the same in each delivery of a message."""

Key: TypeAlias = str | Sequence[str] | KeyFunction
"""One path, several paths, or a function. A path is like `event.attributes.order_id`."""

_HASH_OF_A_BODY = re.compile('[0-9a-f]{64}')


def default_key(message: Message) -> str:
    """Return the id that a message keeps when it is sent or delivered again.

    The first of these that the message has: its group and its deduplication id, the id of the
    message that was sent first (`MegaMessageId`), the id of SNS, the id of SQS. A `MegaMessageId`
    beside an envelope of SNS does not count: the message had none at its first delivery.

    A deduplication id may be that of other messages in other groups, if the deduplication scope of
    the queue is the group. One of 64 hexadecimal digits does not count: with content-based
    deduplication it is the SHA-256 of the body, so that two messages of equal content would be one.
    """
    chosen = message.deduplication_id
    if chosen and not _HASH_OF_A_BODY.fullmatch(chosen):
        return f'{message.group_id} {chosen}'  # neither contains a space
    return first_message_id(message.attributes) or message.sns_message_id or message.origin_id


def compile_key(key: Key | None) -> Callable[[Message, AnyPayload], list[str]]:
    """Return a function that returns the values of a message, each as a text with its type.

    The function raises an `InvalidPayloadError` if a value is missing, null, or no `KeyValue`.

    Raises:
        ConfigurationError: for a `key` that is neither paths nor a function, or an async function.
    """
    if key is None:
        return lambda message, payload: [default_key(message)]
    if callable(key):
        function = key
        if any(map(iscoroutinefunction, (function, type(function).__call__))):
            problem = 'must not be a coroutine function: nothing awaits it'
            raise ConfigurationError(f'key={safe_repr(key)}: {problem}')
        return lambda message, payload: key_values('', function(message, payload))
    paths = [key] if isinstance(key, str) else key
    if not isinstance(paths, (list, tuple)) or not paths or not all(map(_is_path, paths)):
        problem = "must be a path such as 'event.attributes.order_id', paths, or a function"
        raise ConfigurationError(f'key={safe_repr(key)}: {problem}')
    return lambda message, payload: [_value_at(path, payload) for path in paths]


def key_values(path: str, given: object) -> list[str]:
    """Return a value, or several in a list or a tuple, each as a text with its type.

    Raises:
        InvalidPayloadError: if there is no value, or if a value is not a `KeyValue`. Its path is
            `path`.
    """
    values = given if isinstance(given, (list, tuple)) else [given]
    if not values:
        raise InvalidPayloadError(path, 'has no idempotency key: its function returned no values')
    return [_text_of(path, value) for value in values]


def record_key(scope: str | None, subscriber: type, values: Sequence[str]) -> str:
    """Return the key of the record of a subscriber, as 64 hexadecimal digits."""
    name = f'{subscriber.__module__}.{subscriber.__qualname__}'
    return hashlib.sha256(json.dumps([scope, name, *values]).encode()).hexdigest()


def _is_path(path: object) -> bool:
    return isinstance(path, str) and all(path.split('.'))


def _value_at(path: str, payload: AnyPayload) -> str:
    value: object = payload.to_dict() if isinstance(payload, Payload) else payload
    for name in path.split('.'):
        value = value.get(name) if isinstance(value, dict) else None
    return _text_of(path, value)


def _text_of(path: str, value: object) -> str:
    if value is None:
        raise InvalidPayloadError(path, 'is missing, and the idempotency key consists of it')
    if isinstance(value, (dict, list, tuple, set)):
        problem = 'cannot be an idempotency key: it is an object or an array'
        raise InvalidPayloadError(path, problem)
    kind = type(value).__name__
    if not isinstance(value, KeyValue):
        problem = f'cannot be an idempotency key: the text of a {kind} may differ in each delivery'
        raise InvalidPayloadError(path, problem)
    return f'{kind}:{value!r}' if isinstance(value, bytes) else f'{kind}:{value}'
