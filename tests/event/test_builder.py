"""`PayloadBuilder`: its defaults, its errors, and the independence of the payloads it builds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest

from mega.errors import EventError
from mega.event import ObjectData, Payload, PayloadBuilder
from tests.event.examples import MOMENT, item_added, user_created


def test_builds_the_smallest_event() -> None:
    payload = user_created().build()
    assert payload.event.name == 'user.created'
    assert payload.event.subject == '987650'
    assert payload.event.attributes == {'email': 'johndoe_86@example.com'}
    assert payload.event.version == 1
    assert payload.object == ObjectData(
        current={'id': 987650, 'username': 'john.doe', 'birthdate': '1986-02-15'}
    )
    assert payload.extra == {}


def test_builds_the_largest_event() -> None:
    written = item_added().to_dict()
    assert written['event'] == {
        'domain': 'shopping_cart',
        'name': 'item.added',
        'version': 1,
        'timestamp': '2020-05-04T15:53:23.123',
        'subject': '987650',
        'publisher': 'shopping-cart-service',
        'attributes': {
            'item_id': '61fcc874-624e-40f8-8fd7-0e663c7837e8',
            'quantity': 5,
            'price': '19.99',
        },
    }
    assert written['object']['version'] == 2
    assert written['object']['current']['value'] == '377.37'
    assert written['object']['previous']['value'] == '277.42'
    assert written['extra'] == {'channel': 'web/desktop', 'user_ip_address': '177.182.205.103'}
    assert set(written) == {'protocol', 'version', 'event', 'object', 'extra'}


def test_every_method_returns_the_builder() -> None:
    builder = PayloadBuilder()
    assert builder.with_event(name='e') is builder
    assert builder.with_object(type='t') is builder
    assert builder.with_extra(a=1) is builder


def test_fills_in_the_current_time_in_utc() -> None:
    before = datetime.now(timezone.utc)
    timestamp = PayloadBuilder().with_event(name='e').build().event.timestamp
    after = datetime.now(timezone.utc)
    assert before.replace(microsecond=before.microsecond // 1000 * 1000) <= timestamp <= after
    assert timestamp.microsecond % 1000 == 0


@pytest.mark.parametrize(
    'timestamp',
    [MOMENT, MOMENT.replace(tzinfo=None), '2020-05-04T15:53:23.123', '2020-05-04T17:53:23.123+02'],
    ids=['aware', 'naive', 'text', 'text with an offset'],
)
def test_accepts_a_timestamp_as_datetime_or_text(timestamp: datetime | str) -> None:
    payload = PayloadBuilder().with_event(name='e', timestamp=timestamp).build()
    assert payload.event.timestamp == MOMENT


def test_accepts_attributes_as_keywords_and_as_a_dict() -> None:
    payload = PayloadBuilder().with_event(name='e', attributes={'a-b': 1}, c=2).build()
    assert payload.event.attributes == {'a-b': 1, 'c': 2}


def test_a_payload_has_no_object_unless_one_is_given() -> None:
    payload = PayloadBuilder().with_event(name='e').build()
    assert payload.object is None
    assert 'object' not in payload.to_dict()


def test_refuses_to_build_an_event_without_a_name() -> None:
    with pytest.raises(EventError) as caught:
        PayloadBuilder().with_object(type='t').build()
    assert caught.value.path == 'event.name'


def test_refuses_an_attribute_given_twice() -> None:
    with pytest.raises(EventError) as caught:
        PayloadBuilder().with_event(name='e', attributes={'a': 1}, a=1).build()
    assert caught.value.path == 'event.a'


WRONG: list[tuple[str, Callable[[PayloadBuilder, Any], PayloadBuilder], Any]] = [
    ('event.name', lambda builder, wrong: builder.with_event(name=wrong), 5),
    ('event.domain', lambda builder, wrong: builder.with_event(name='e', domain=wrong), 5),
    ('event.version', lambda builder, wrong: builder.with_event(name='e', version=wrong), '1'),
    ('event.version', lambda builder, wrong: builder.with_event(name='e', version=wrong), True),
    ('event.timestamp', lambda builder, wrong: builder.with_event(name='e', timestamp=wrong), '3'),
    ('event.timestamp', lambda builder, wrong: builder.with_event(name='e', timestamp=wrong), 5),
    ('event.attributes', lambda builder, wrong: builder.with_event(name='e', attributes=wrong), 5),
    ('object.id', lambda builder, wrong: builder.with_object(id=wrong), 987650),
    ('object.version', lambda builder, wrong: builder.with_object(version=wrong), 1.0),
    ('object.current', lambda builder, wrong: builder.with_object(current=wrong), [1]),
]  # fmt: skip


@pytest.mark.parametrize(
    ('path', 'give', 'wrong'), WRONG, ids=[f'{path}={wrong!r}' for path, _, wrong in WRONG]
)
def test_refuses_a_value_that_breaks_the_protocol(
    path: str, give: Callable[[PayloadBuilder, Any], PayloadBuilder], wrong: Any
) -> None:
    builder = PayloadBuilder().with_event(name='e')
    with pytest.raises(EventError) as caught:
        give(builder, wrong).build()
    assert caught.value.path == path


def test_builds_equal_payloads_repeatedly() -> None:
    builder = user_created().with_event(name='user.created', timestamp=MOMENT)
    assert builder.build() == builder.build()


def test_payloads_of_one_builder_share_no_values() -> None:
    builder = PayloadBuilder().with_event(name='e', timestamp=MOMENT, tags=['a'])
    builder.with_object(current={'items': [1]}, previous={'items': []}).with_extra(ids=[1])
    one, other = builder.build(), builder.build()
    modify(one)
    assert other.event.attributes == {'tags': ['a']}
    assert other.object == ObjectData(current={'items': [1]}, previous={'items': []})
    assert other.extra == {'ids': [1]}
    assert builder.build() == other


def modify(payload: Payload) -> None:
    payload.event.attributes['tags'].append('b')
    assert payload.object is not None
    assert payload.object.current is not None
    payload.object.current['items'].append(2)
    payload.extra['ids'].append(2)


def test_later_changes_to_the_given_dicts_do_not_affect_a_built_payload() -> None:
    attributes, current = {'tags': ['a']}, {'items': [1]}
    payload = (
        PayloadBuilder()
        .with_event(name='e', timestamp=MOMENT, attributes=attributes)
        .with_object(current=current)
        .build()
    )
    attributes['tags'].append('b')
    current['items'].append(2)
    assert payload.event.attributes == {'tags': ['a']}
    assert payload.object == ObjectData(current={'items': [1]})


def test_later_changes_to_the_builder_do_not_affect_a_built_payload() -> None:
    builder = PayloadBuilder().with_event(name='e', timestamp=MOMENT).with_extra(a=1)
    payload = builder.build()
    builder.with_extra(a=2).with_object(type='t')
    assert payload == Payload(payload.event, None, {'a': 1})
