"""Payloads that match a pattern, or do not."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from hypothesis import reject
from hypothesis import strategies as st

from mega.aws._messages.limits import check_body
from mega.aws.sqs.subscribe.subscribers.possible_patterns import EVENT_SHAPE
from mega.aws.sqs.subscribe.subscribers.subscriber import MessageSubscriber
from mega.codec import WirePayload, encode
from mega.errors import EncodeError, EventError, PatternError
from mega.event import Payload, is_mega_event
from mega.match import evaluate
from mega.match.feasibility import find_impossible
from mega.match.functions import and_, any_, gt, is_a, length, not_, optional
from mega.match.pattern import Not, Object, Pattern, compile_pattern
from mega.testing.strategies.conditions import Condition
from mega.testing.strategies.fields import (
    COMPARABLE,
    fields_of,
    resolve,
    with_fields,
    without_fields,
)
from mega.testing.strategies.needs import OnlyKeys, Timestamp
from mega.testing.strategies.values import tested, values

__all__ = ('matching', 'not_matching')


def _object(**entries: object) -> Pattern:
    return and_(OnlyKeys(frozenset(entries)), entries)


_FILLED = and_(is_a(dict), length(gt(0)))
_TEXT, _VERSION = is_a(str), is_a(int)

EVENT = _object(
    protocol='mega',
    version=1,
    event=_object(
        name=_TEXT,
        domain=optional(_TEXT),
        version=_VERSION,
        timestamp=Timestamp(),
        subject=optional(_TEXT),
        publisher=optional(_TEXT),
        attributes=optional(_FILLED),
    ),
    object=optional(
        _object(
            type=optional(_TEXT),
            version=_VERSION,
            id=optional(_TEXT),
            current=optional(is_a(dict)),
            previous=optional(is_a(dict)),
        )
    ),
    extra=optional(_FILLED),
)
"""The normal form of an event. It has no empty attributes and no empty extra data."""

_KINDS: dict[type, Pattern] = {
    Payload: EVENT,
    dict: is_a(dict),
    str: and_(is_a(str), length(gt(0))),
    bytes: and_(is_a(bytes), not_(b'')),
}
"""The payloads of each type. A body must not be empty."""


def matching(pattern: object) -> st.SearchStrategy[Any]:
    """Return a Hypothesis strategy of payloads that match a subscriber class or a pattern.

    The payloads are `Payload`s for an `EventSubscriber` and for patterns of events, such as
    `{'event': {'name': 'item.added'}}`; otherwise what the subscriber or the pattern accepts. Every
    payload can be published. It has values that only `binary_encoding` carries if the pattern
    requires them, such as bytes within an object.

    The values are constructed from the pattern. A predicate is only tested, so that it should
    accept a good part of the values that the rest of the pattern allows. A value that `field(...)`
    refers to is a text or a number, if the pattern allows it.

    A `message_pattern` has no effect, because it tests the metadata of a message, which is not in a
    payload. Pass the metadata to `deliver`, such as `attributes={'tenant': 'acme'}`, or to
    `matches` of the subscriber.

    Raises:
        PatternError: if no payload matches, or if none can be constructed, such as for a text
            of more than 1,000 characters.
    """
    return _payloads(pattern, True)


def not_matching(pattern: object) -> st.SearchStrategy[Any]:
    """Return a Hypothesis strategy of payloads that do not match a subscriber class or a pattern.

    The payloads have the same type as those of `matching`. Many match all but one condition.

    Raises:
        PatternError: if every payload of this type matches.
    """
    return _payloads(pattern, False)


def _payloads(source: object, holds: bool) -> st.SearchStrategy[Any]:
    if inspect.isclass(source) and issubclass(source, MessageSubscriber):
        pattern = any_() if source.compiled_pattern is None else source.compiled_pattern
        choices = [[kind for kind in _KINDS if issubclass(kind, source.payload_classes)]]
    else:
        pattern = compile_pattern(source)
        choices = _kinds_of(pattern)
    for kinds in choices:
        found = [made for kind in kinds if (made := _of_kind(kind, pattern, holds)) is not None]
        if found:
            break
    else:
        which = 'matches' if holds else 'does not match'
        raise PatternError('', source, f'no payload that {which} it can be generated')
    return payloads_of(_Described(source, st.one_of(*found)))


class _Described:
    """A strategy that Hypothesis shows as its pattern, in errors."""

    def __init__(self, source: object, strategy: st.SearchStrategy[Any]) -> None:
        self._source = source
        self.strategy = strategy

    def __repr__(self) -> str:
        source = self._source
        return source.__name__ if inspect.isclass(source) else repr(source)


@st.composite
def payloads_of(draw: st.DrawFn, pattern: _Described) -> Any:
    """Return the payloads of a described strategy."""
    return draw(pattern.strategy)


def _kinds_of(pattern: Pattern) -> list[list[type]]:
    """Return the types of payload that a pattern is meant for; then all types."""
    if _has_event(pattern) and find_impossible(pattern, EVENT_SHAPE) is None:
        return [[Payload]]
    kinds: list[type] = [dict, str, bytes]
    return [[kind for kind in kinds if find_impossible(pattern, kind) is None], kinds]


def _has_event(pattern: Pattern) -> bool:
    """Return whether a pattern requires an object with one of the keys of every event."""
    if isinstance(pattern, Object):
        return any(key in ('event', 'protocol') for key, _ in pattern.entries)
    return not isinstance(pattern, Not) and any(map(_has_event, pattern.children))


def _of_kind(kind: type, pattern: Pattern, holds: bool) -> st.SearchStrategy[Any] | None:
    """Return the payloads of a type; None if there are none."""
    shape = Condition(_KINDS[kind])
    paths = fields_of(pattern)
    if not paths:
        documents = values((Condition(pattern, holds), shape))
    else:
        documents = _with_resolved_fields(pattern, holds, shape, paths)
    if documents is None:
        return None

    def is_right(payload: WirePayload) -> bool:
        try:
            return evaluate(payload, pattern) is holds and _can_be_published(payload)
        except Exception:  # of a predicate
            return False

    payloads = documents.map(Payload.from_dict) if kind is Payload else documents
    return tested(payloads, is_right, ())


def _with_resolved_fields(
    pattern: Pattern, holds: bool, shape: Condition, paths: set[tuple[str, ...]]
) -> st.SearchStrategy[Any] | None:
    """Return documents whose other fields are generated first."""
    rest = [Condition(without_fields(pattern))] if holds else []
    first = [
        found
        for value in (COMPARABLE, any_(), optional(any_()))
        if (found := values((*rest, shape, *map(Condition, with_fields(paths, value))))) is not None
    ]
    return _resolved(first, pattern, holds, shape) if first else None


@st.composite
def _resolved(
    draw: st.DrawFn,
    first: Sequence[st.SearchStrategy[Any]],
    pattern: Pattern,
    holds: bool,
    shape: Condition,
) -> Any:
    for documents in first:
        for _ in range(4):
            resolved, same = resolve(pattern, draw(documents))
            found = values((Condition(resolved, holds), shape, *map(Condition, same)))
            if found is not None:
                return draw(found)
    return reject()


def _can_be_published(payload: WirePayload) -> bool:
    """Return whether a publisher accepts a payload, in one of the encodings."""
    if isinstance(payload, dict) and is_mega_event(payload):
        return False  # it would arrive as an event
    try:
        body = encode(payload)
        if isinstance(payload, str):
            check_body(body)
    except (EncodeError, EventError):
        return not isinstance(payload, (str, bytes)) and _is_binary(payload)
    return True


def _is_binary(payload: Payload | dict[str, Any]) -> bool:
    try:
        encode(payload, binary_encoding=True)
    except (EncodeError, EventError):
        return False
    return True
