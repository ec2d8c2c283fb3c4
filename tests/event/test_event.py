"""`Event`, `ObjectData` and `Payload` as values: timestamps, attributes, equality and copies."""

from __future__ import annotations

import copy
import pickle
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Any

import pytest
from msgspec.structs import force_setattr, replace

from mega.errors import EventError
from mega.event import Event, ObjectData, Payload
from tests.event.examples import ITEM_ADDED, MOMENT, USER_LOGIN


@pytest.mark.parametrize(
    ('given', 'kept'),
    [
        (datetime(2020, 5, 4, 15, 53, 23, 123_999), MOMENT),
        (datetime(2020, 5, 4, 17, 53, 23, 123_000, timezone(timedelta(hours=2))), MOMENT),
        (
            datetime(1969, 12, 31, 23, 59, 59, 999_999, timezone.utc),
            datetime(1969, 12, 31, 23, 59, 59, 999_000, timezone.utc),
        ),
    ],
    ids=['naive is UTC and microseconds are cut', 'converted to UTC', 'cut before 1970 too'],
)
def test_stores_its_timestamp_in_utc_cut_to_milliseconds(given: datetime, kept: datetime) -> None:
    timestamp = Event('e', given).timestamp
    assert timestamp == kept
    assert timestamp.utcoffset() == timedelta(0)


@pytest.fixture
def in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set the local time zone of the process to Tokyo."""
    monkeypatch.setenv('TZ', 'Asia/Tokyo')
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures('in_tokyo')
def test_a_timestamp_without_a_zone_is_utc_and_not_local_time() -> None:
    assert Event('e', MOMENT.replace(tzinfo=None)).timestamp == MOMENT


@pytest.mark.usefixtures('in_tokyo')
def test_a_zone_without_an_offset_is_utc_too() -> None:
    """Python calls such a `datetime` naive, and would convert it as local time."""

    class Nowhere(tzinfo):
        def utcoffset(self, moment: datetime | None) -> None:
            return None

        def dst(self, moment: datetime | None) -> None:
            return None

        def tzname(self, moment: datetime | None) -> None:
            return None

    assert Event('e', MOMENT.replace(tzinfo=Nowhere())).timestamp == MOMENT


def test_years_are_written_with_four_digits() -> None:
    payload = Payload(Event('e', datetime(1, 2, 3)))
    assert payload.to_dict()['event']['timestamp'] == '0001-02-03T00:00:00.000'


def test_equal_instants_make_equal_events() -> None:
    elsewhere = MOMENT.astimezone(timezone(timedelta(hours=5)))
    assert Event('e', elsewhere) == Event('e', MOMENT)


def test_an_attribute_is_readable_like_a_field() -> None:
    payload = Payload.from_dict(ITEM_ADDED)
    assert payload.event.item_id == '61fcc874-624e-40f8-8fd7-0e663c7837e8'
    assert payload.event.quantity == 5


def test_a_missing_attribute_is_an_attribute_error() -> None:
    event = Payload.from_dict(ITEM_ADDED).event
    with pytest.raises(AttributeError, match='colour'):
        _ = event.colour
    assert getattr(event, 'colour', None) is None


def test_an_attribute_never_hides_a_field_or_a_special_method() -> None:
    hostile = {'name': 'forged', 'attributes': 5, '__class__': 'forged', '__dict__': 5}
    event = Event('e', MOMENT, attributes=hostile)
    assert event.name == 'e'
    assert event.attributes == hostile
    assert type(event) is event.__class__ is Event


@pytest.mark.parametrize(
    'key',
    ['__deepcopy__', '__copy__', '__getstate__', '__setstate__', '__reduce__', '__reduce_ex__'],
)
def test_attributes_named_like_special_methods_do_not_break_copies(key: str) -> None:
    event = Event('e', MOMENT, attributes={key: 5})
    assert copy.copy(event) == event
    assert copy.deepcopy(event) == event
    assert pickle.loads(pickle.dumps(event)) == event


def test_payloads_can_be_copied_and_pickled() -> None:
    payload = Payload.from_dict(USER_LOGIN)
    assert copy.deepcopy(payload) == payload
    assert pickle.loads(pickle.dumps(payload)) == payload


READ = Payload.from_dict(USER_LOGIN)


@pytest.mark.parametrize('origin', ['made', 'read'])
@pytest.mark.parametrize(
    ('made', 'read'),
    [
        (Event('e', MOMENT), READ.event),
        (ObjectData(), READ.object),
        (Payload(Event('e', MOMENT)), READ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_is_immutable_and_has_only_its_fields(made: Any, read: Any, origin: str) -> None:
    frozen = made if origin == 'made' else read
    assert type(frozen) is type(made)
    assert not hasattr(frozen, '__dict__')
    for name in made.__struct_fields__:
        with pytest.raises(AttributeError):
            setattr(frozen, name, None)
        with pytest.raises(AttributeError):
            delattr(frozen, name)


def test_replace_copies_an_event_with_another_value() -> None:
    renamed = replace(READ.event, name='renamed')
    assert renamed.name == 'renamed'
    assert renamed.attributes == READ.event.attributes
    assert READ.event.name == 'user:login:web'


def test_shows_its_fields_in_their_order() -> None:
    assert repr(ObjectData('cart', 'c1')) == (
        "ObjectData(type='cart', id='c1', version=1, current=None, previous=None)"
    )


def test_only_objects_of_one_class_with_equal_fields_are_equal() -> None:
    class Tagged(ObjectData, frozen=True):
        pass

    assert ObjectData('cart') == ObjectData(type='cart')
    assert ObjectData('cart') != ObjectData('order')
    assert ObjectData('cart') != Tagged('cart')
    assert hash(ObjectData('cart')) == hash(ObjectData('cart'))
    with pytest.raises(TypeError, match='unhashable'):
        hash(Event('e', MOMENT))


def test_a_subclass_of_payload_reads_documents_by_its_own_constructor() -> None:
    class OfOneTenant(Payload, frozen=True):
        tenant: str = 'acme'

        def __post_init__(self) -> None:
            super().__post_init__()
            force_setattr(self, 'tenant', self.event.publisher or self.tenant)

    payload = OfOneTenant.from_dict(USER_LOGIN)
    assert type(payload) is OfOneTenant
    assert payload.tenant == 'login-api'
    assert payload.event == READ.event


def test_a_payload_accepts_only_an_event_and_object_data() -> None:
    part: Any = {'name': 'e'}
    with pytest.raises(EventError) as caught:
        Payload(part)
    assert caught.value.path == 'event'
    with pytest.raises(EventError) as caught:
        Payload(Event('e', MOMENT), part)
    assert caught.value.path == 'object'


def test_defaults_are_not_shared() -> None:
    one, other = Event('e', MOMENT), Event('e', MOMENT)
    one.attributes['a'] = 1
    assert other.attributes == {}
    assert Payload(one).extra is not Payload(one).extra


def test_unset_fields_are_none_and_versions_are_1() -> None:
    event, described = Event('e', MOMENT), ObjectData()
    assert (event.version, event.domain, event.subject, event.publisher) == (1, None, None, None)
    assert (described.version, described.type, described.id) == (1, None, None)
    assert (described.current, described.previous) == (None, None)
    assert Payload(event).object is None


def test_a_subclass_may_have_more_fields() -> None:
    class WithTenant(Event, frozen=True):
        tenant: str = 'main'

    event = WithTenant('item.added', datetime(2020, 5, 4, tzinfo=timezone.utc), tenant='acme')
    assert event.tenant == 'acme'
    assert Payload(event).to_dict()['event']['name'] == 'item.added'
