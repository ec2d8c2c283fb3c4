"""The declarations of a subscriber class, and the payloads that they select."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar

import pytest
from msgspec.structs import replace

from mega.aws.sqs.subscribe import (
    BlobSubscriber,
    DataSubscriber,
    EventSubscriber,
    MessageSubscriber,
    TextSubscriber,
)
from mega.aws.sqs.subscribe.subscribers.subscriber import Subscriber
from mega.errors import ConfigurationError, PatternError
from mega.event import Payload
from mega.match.functions import (
    any_,
    exists,
    gt,
    match,
    missing,
    not_,
    one_of,
    optional,
    or_,
)
from tests.aws.sqs.subscribe.factories import is_dispatched, subscriber
from tests.event.examples import MOMENT, NOTIFICATION, item_added, user_created

EVENT = item_added()
WITHOUT_OBJECT = replace(EVENT, object=None)

# The class attribute, its alias, a pattern that matches the event, and a pattern that does not.
FIELDS: list[tuple[str, str | None, Any, Any]] = [
    ('event_name', 'name', 'item.added', 'item.removed'),
    ('event_domain', 'domain', 'shopping_cart', 'user'),
    ('event_version', 'version', one_of(1, 2), 2),
    ('event_timestamp', 'timestamp', MOMENT, MOMENT + timedelta(milliseconds=1)),
    ('event_subject', 'subject', match(r'^\d+$'), '1'),
    ('event_publisher', 'publisher', 'shopping-cart-service', not_(exists())),
    ('event_attributes', 'attributes', {'quantity': gt(0)}, {'colour': any_()}),
    ('object_type', None, 'shopping_cart', 'user'),
    ('object_version', None, 2, 1),
    ('object_id', None, match('18a3f92e'), missing()),
    ('object_current', 'current_object', {'value': '377.37'}, {'value': '277.42'}),
    ('object_previous', 'previous_object', {'value': '277.42'}, {'value': '377.37'}),
    ('extra', None, {'channel': 'web/desktop'}, {'channel': 'mobile'}),
]
ALIASED = [(field[0], field[1], *field[2:]) for field in FIELDS if field[1]]


def event_subscriber(base: Any = EventSubscriber, **declared: Any) -> Subscriber:
    return subscriber(base=base, **declared)


@pytest.mark.parametrize(
    ('name', 'right', 'wrong'),
    [
        pytest.param(name, right, wrong, id=name)
        for attribute, alias, right, wrong in FIELDS
        for name in (attribute, alias)
        if name
    ],
)
def test_an_attribute_is_matched_with_its_field_of_the_event(
    name: str, right: Any, wrong: Any
) -> None:
    assert is_dispatched(event_subscriber(**{name: right}), EVENT)
    assert not is_dispatched(event_subscriber(**{name: wrong}), EVENT)


@pytest.mark.parametrize(('attribute', 'alias', 'right', 'wrong'), ALIASED, ids=lambda x: str(x))
def test_an_alias_is_ignored_if_the_class_declares_the_attribute(
    attribute: str, alias: str, right: Any, wrong: Any
) -> None:
    assert is_dispatched(event_subscriber(**{attribute: right, alias: wrong}), EVENT)
    assert is_dispatched(event_subscriber(**{alias: wrong, attribute: right}), EVENT)
    assert not is_dispatched(event_subscriber(**{attribute: wrong, alias: right}), EVENT)


@pytest.mark.parametrize(('attribute', 'alias', 'right', 'wrong'), ALIASED, ids=lambda x: str(x))
def test_a_childs_declaration_under_either_name_overrides_its_parents(
    attribute: str, alias: str, right: Any, wrong: Any
) -> None:
    for parents in (attribute, alias):
        for childs in (attribute, alias):
            parent = event_subscriber(**{parents: wrong})
            child = event_subscriber(parent, **{childs: right})
            grandchild = event_subscriber(child)
            assert is_dispatched(child, EVENT)
            assert is_dispatched(grandchild, EVENT)
            assert not is_dispatched(parent, EVENT)


def test_a_child_inherits_the_declarations_of_its_parents() -> None:
    parent = event_subscriber(domain='shopping_cart', event_version=1)
    assert is_dispatched(event_subscriber(parent, name='item.added'), EVENT)
    assert not is_dispatched(event_subscriber(parent, name='item.removed'), EVENT)
    assert not is_dispatched(event_subscriber(parent, version=2), EVENT)


def test_a_mixin_that_is_not_a_subscriber_may_declare_patterns() -> None:
    class OfUsers:
        domain = 'user'

    class OfCarts:
        event_domain = 'shopping_cart'

    class Both(OfUsers, OfCarts, EventSubscriber):
        def process(self, payload: Payload) -> None: ...

    assert not is_dispatched(Both, EVENT)
    assert is_dispatched(event_subscriber(Both, domain='shopping_cart'), EVENT)


def test_an_annotation_without_a_value_declares_nothing() -> None:
    class Annotated(EventSubscriber):
        name: str
        pattern: ClassVar[Any]

        def process(self, payload: Payload) -> None: ...

    assert is_dispatched(Annotated, EVENT)


def test_all_declarations_must_match() -> None:
    right = {name: pattern for name, _, pattern, _ in FIELDS}
    assert is_dispatched(event_subscriber(**right), EVENT)
    for name, _, _, wrong in FIELDS:
        assert not is_dispatched(event_subscriber(**{**right, name: wrong}), EVENT)


@pytest.mark.parametrize(
    ('base', 'wanted'),
    [
        (EventSubscriber, ['event']),
        (DataSubscriber, ['data']),
        (TextSubscriber, ['text']),
        (BlobSubscriber, ['blob']),
        (MessageSubscriber, ['event', 'data', 'text', 'blob']),
    ],
)
@pytest.mark.parametrize('declared', [{}, {'pattern': any_()}], ids=['no pattern', 'any_()'])
def test_a_class_without_a_pattern_receives_all_payloads_of_its_type(
    base: Subscriber, wanted: list[str], declared: dict[str, Any]
) -> None:
    payloads = {'event': EVENT, 'data': NOTIFICATION, 'text': 'hej', 'blob': b'hej'}
    made = subscriber(base=base, **declared)
    assert [kind for kind, payload in payloads.items() if is_dispatched(made, payload)] == wanted


@pytest.mark.parametrize(
    ('base', 'pattern', 'right', 'wrong'),
    [
        (DataSubscriber, {'user': {'id': gt(0)}}, NOTIFICATION, {'user': {}}),
        (TextSubscriber, match('h'), 'hej', 'oh'),
        (BlobSubscriber, b'\x00', b'\x00', b'\x01'),
        (MessageSubscriber, or_('hej', {'user': any_()}), NOTIFICATION, 'oh'),
        (MessageSubscriber, {'event': {'name': 'item.added'}}, EVENT, user_created().build()),
        (EventSubscriber, {'protocol': 'mega', 'version': 1}, EVENT, EVENT.to_dict()),
    ],
)
def test_a_pattern_applies_to_the_whole_payload(
    base: Subscriber, pattern: Any, right: Any, wrong: Any
) -> None:
    made = subscriber(base=base, pattern=pattern)
    assert is_dispatched(made, right)
    assert not is_dispatched(made, wrong)


def test_an_event_must_match_the_pattern_and_the_attributes_of_its_subscriber() -> None:
    either = or_({'event': {'version': 2}}, {'object': {'version': 2}})
    assert is_dispatched(event_subscriber(name='item.added', pattern=either), EVENT)
    assert not is_dispatched(event_subscriber(name='item.removed', pattern=either), EVENT)
    assert not is_dispatched(event_subscriber(name='item.added', pattern=either), WITHOUT_OBJECT)


def test_a_childs_pattern_overrides_its_parents() -> None:
    parent = subscriber(base=DataSubscriber, pattern={'a': 1})
    child = subscriber(base=parent, pattern={'b': 2})
    assert is_dispatched(child, {'b': 2})
    assert not is_dispatched(child, {'a': 1})


class WithPredicates(EventSubscriber):
    """A subscriber with predicates. The functions in its body do not become methods."""

    name = lambda name: name.startswith('item.')  # noqa: E731

    def domain(value: Any) -> bool:  # noqa: N805
        return bool(value == 'shopping_cart')

    @staticmethod
    def publisher(value: Any) -> bool:
        return bool(value == 'shopping-cart-service')

    subject = partial(re.match, r'\d+')
    attributes = {'quantity': staticmethod(lambda value: value > 4), 'price': lambda value: value}
    pattern = lambda document: document['version'] == 1  # noqa: E731

    def process(self, payload: Payload) -> None: ...


@pytest.mark.parametrize(
    ('field', 'value'),
    [('name', 'cart.emptied'), ('domain', 'user'), ('publisher', 'a'), ('subject', 'a'),
     ('attributes', {'quantity': 4, 'price': '1'}), ('attributes', {'quantity': 5, 'price': ''})],
)  # fmt: skip
def test_lambdas_and_functions_are_predicates(field: str, value: Any) -> None:
    assert is_dispatched(WithPredicates, EVENT)
    assert not is_dispatched(
        WithPredicates, replace(EVENT, event=replace(EVENT.event, **{field: value}))
    )


class NoPattern:
    pass


async def asynchronous(value: object) -> bool:
    return True


@pytest.mark.parametrize(
    ('base', 'attribute', 'pattern', 'path'),
    [
        (EventSubscriber, 'name', NoPattern(), 'name'),
        (EventSubscriber, 'event_domain', re.compile('a'), 'event_domain'),
        (EventSubscriber, 'attributes', {'user': {'id': int}}, 'attributes.user.id'),
        (EventSubscriber, 'current_object', {'tags': ['a', {1: 2}]}, 'current_object.tags[1]'),
        (EventSubscriber, 'extra', {'a': asynchronous}, 'extra.a'),
        (EventSubscriber, 'pattern', {'event': NoPattern}, 'pattern.event'),
        (EventSubscriber, 'version', property(lambda self: 1), 'version'),
        (DataSubscriber, 'pattern', {'a': [{'b': NoPattern()}]}, 'pattern.a[0].b'),
        (TextSubscriber, 'pattern', ..., 'pattern'),
        (BlobSubscriber, 'pattern', bytearray(b'a'), 'pattern'),
        (MessageSubscriber, 'pattern', str, 'pattern'),
    ],
)
def test_an_invalid_pattern_fails_at_its_declaration(
    base: Subscriber, attribute: str, pattern: Any, path: str
) -> None:
    with pytest.raises(PatternError) as caught:
        subscriber(base=base, called='Broken', **{attribute: pattern})
    assert caught.value.path == f'Broken.{path}'


def test_an_invalid_pattern_fails_in_a_base_class() -> None:
    with pytest.raises(PatternError, match=r'at Broken\.name'):

        class Broken(EventSubscriber):
            name = NoPattern()


@pytest.mark.parametrize(
    'malformed',
    [[TimeoutError], TimeoutError, (TimeoutError(),), ('TimeoutError',), (int,), None, {OSError}],
    ids=str,
)
def test_retriable_exceptions_are_a_tuple_of_exception_classes(malformed: Any) -> None:
    with pytest.raises(ConfigurationError, match=r'Broken\.retriable_exceptions'):
        subscriber(called='Broken', retriable_exceptions=malformed)


@pytest.mark.parametrize(
    'pattern', [missing(), optional('user'), or_(missing(), 'user'), not_(exists())], ids=repr
)
def test_a_pattern_that_accepts_absence_matches_an_event_without_an_object(pattern: Any) -> None:
    for attribute in ('object_type', 'object_id', 'object_current', 'object_previous'):
        assert is_dispatched(event_subscriber(**{attribute: pattern}), WITHOUT_OBJECT)
        assert not is_dispatched(event_subscriber(**{attribute: pattern}), EVENT)


def anything(value: object) -> bool:
    return True


OF_TEXT, OF_OBJECTS = ('object_type', 'object_id'), ('object_current', 'object_previous')


@pytest.mark.parametrize(
    ('pattern', 'attributes'),
    [
        ('shopping_cart', OF_TEXT),
        ({}, OF_OBJECTS),
        ({'a': missing()}, OF_OBJECTS),
        (any_(), OF_TEXT + OF_OBJECTS),
        (not_('user'), OF_TEXT + OF_OBJECTS),
        (not_(missing()), OF_TEXT + OF_OBJECTS),
        (anything, OF_TEXT + OF_OBJECTS),
    ],
    ids=lambda value: getattr(value, '__name__', None) or repr(value),
)
def test_no_other_pattern_matches_an_event_without_an_object(
    pattern: Any, attributes: tuple[str, ...]
) -> None:
    for attribute in attributes:
        assert not is_dispatched(event_subscriber(**{attribute: pattern}), WITHOUT_OBJECT)
        combined = event_subscriber(**{'object_version': missing(), attribute: pattern})
        assert not is_dispatched(combined, WITHOUT_OBJECT)


def test_all_fields_of_an_object_may_be_absent_together() -> None:
    made = event_subscriber(object_type=optional('shopping_cart'), object_id=missing())
    assert is_dispatched(made, WITHOUT_OBJECT)
    assert not is_dispatched(made, EVENT)
    assert is_dispatched(made, user_created().build())


def test_an_unset_version_is_1_and_other_unset_fields_are_missing() -> None:
    payload = Payload.from_dict(
        {'protocol': 'mega', 'version': 1, 'object': {},
         'event': {'name': 'a', 'timestamp': '2020-01-01'}},
    )  # fmt: skip
    assert is_dispatched(event_subscriber(version=1, object_version=1), payload)
    unset: dict[str, Any] = {
        'domain': missing(),
        'subject': missing(),
        'publisher': missing(),
        'extra': missing(),
    }
    assert is_dispatched(
        event_subscriber(**unset, attributes=missing(), object_id=missing()), payload
    )
    assert is_dispatched(event_subscriber(timestamp=datetime(2020, 1, 1)), payload)
