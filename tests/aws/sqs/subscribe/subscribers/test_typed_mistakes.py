"""Mistakes in the declarations of typed subscribers are refused when the class is created."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pydantic
import pytest

from mega.aws.sqs.subscribe import DataSubscriber, EventSubscriber
from mega.errors import ConfigurationError, PatternError
from mega.event import Payload
from mega.match.functions import gt, missing, one_of, optional, or_
from mega.testing import deliver
from tests.aws.sqs.subscribe.subscribers.typed_factories import (
    Cart,
    ItemAdded,
    ItemMoved,
    Line,
    Order,
    Seen,
    moved,
    recorder,
)


@pytest.fixture
def seen() -> Seen:
    return []


class Opaque:
    pass


class Described(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra='allow')
    a: int


class Renamed(msgspec.Struct, rename='camel', tag='t'):
    item_id: int
    line: Line


MISTAKES: list[tuple[Any, dict[str, Any], type[Exception], str]] = [
    (
        EventSubscriber[ItemAdded],
        {'name': 'x'},
        ConfigurationError,
        r"Made.name contradicts .* name is 'item.added': remove",
    ),
    (
        EventSubscriber[ItemAdded],
        {'event_domain': 'x'},
        ConfigurationError,
        r"Made.event_domain contradicts .* domain is 'shop'",
    ),
    (
        EventSubscriber[ItemAdded],
        {'version': one_of(2, 3)},
        ConfigurationError,
        r'Made.version contradicts .* version is 1',
    ),
    (
        EventSubscriber[ItemMoved],
        {'version': 3},
        ConfigurationError,
        r'Made.version contradicts .* version is 2',
    ),
    (
        EventSubscriber[ItemAdded],
        {'attributes': {'quantty': 5}},
        PatternError,
        r'Made.attributes.quantty: .*the keys are cart_id, quantity',
    ),
    (
        EventSubscriber[ItemAdded],
        {'pattern': {'event': {'attributes': {'a': 5}}}},
        PatternError,
        r'Made.pattern.event.attributes.a: ',
    ),
    (
        EventSubscriber[Payload, Cart],
        {'current_object': {'totl': 5}},
        PatternError,
        'the keys are total, line',
    ),
    (
        DataSubscriber[Order],
        {'pattern': {'line': {'skew': 5}}},
        PatternError,
        r'Made.pattern.line.skew: .*the keys are sku',
    ),
    (
        DataSubscriber[Renamed],
        {'pattern': {'item_id': 5}},
        PatternError,
        'the keys are itemId, line, type',
    ),
    (DataSubscriber[ItemAdded], {}, ConfigurationError, r'extend EventSubscriber\[ItemAdded\]'),
    (DataSubscriber['Order'], {}, ConfigurationError, 'must be the class, not its name'),
    (EventSubscriber[int], {}, ConfigurationError, 'int: must be a class with fields'),
    (DataSubscriber[Opaque], {}, ConfigurationError, 'Opaque: must be a class with fields'),
    (DataSubscriber[Line | Cart], {}, ConfigurationError, 'cannot be read from a payload'),
]


@pytest.mark.parametrize(('base', 'declared', 'error', 'problem'), MISTAKES)
def test_a_mistake_is_refused_when_the_class_is_created(
    seen: Seen, base: Any, declared: dict[str, Any], error: type[Exception], problem: str
) -> None:
    with pytest.raises(error, match=problem):
        recorder(base, seen, **declared)


@pytest.mark.parametrize(
    ('base', 'declared'),
    [
        (EventSubscriber[ItemAdded], {'name': 'item.added', 'version': gt(0)}),
        (EventSubscriber[ItemMoved], {'version': 1}),
        (EventSubscriber[ItemMoved], {'attributes': {'qty': 5}}),  # of version 1
        (EventSubscriber[ItemAdded], {'attributes': {'old': missing()}}),
        (EventSubscriber[ItemAdded], {'attributes': {'quantity': optional(gt('5'))}}),
        (EventSubscriber[ItemAdded], {'pattern': or_({'object': {'id': '1'}}, {'extra': {}})}),
        (DataSubscriber[Described], {'pattern': {'other': 5}}),
        (DataSubscriber[Renamed], {'pattern': {'itemId': 5, 'type': 't', 'line': {'sku': 'a'}}}),
        (DataSubscriber[Cart], {'pattern': {'line': None}}),
        (DataSubscriber[dict[str, Decimal]], {'pattern': {'any': 5}}),
    ],
)
def test_a_declaration_that_can_match_is_accepted(
    seen: Seen, base: Any, declared: dict[str, Any]
) -> None:
    assert recorder(base, seen, **declared).payload_conversion is not None


def test_a_declared_version_selects_one_of_the_versions(seen: Seen) -> None:
    subscriber = recorder(EventSubscriber[ItemMoved], seen, version=1)
    assert subscriber.matches(moved(1, item_id='a', qty=1))
    assert not subscriber.matches(moved(2, item_id='a', quantity=1))


@pytest.mark.parametrize('name', ['payload', 'current', 'previous'])
def test_an_attribute_that_cannot_be_set_is_refused_at_registration(seen: Seen, name: str) -> None:
    subscriber = recorder(EventSubscriber[ItemAdded], seen, **{name: property(lambda self: 1)})
    with pytest.raises(ConfigurationError, match=f'cannot set `self.{name}` of Made'):
        deliver(subscriber, ItemAdded('1', 5))
