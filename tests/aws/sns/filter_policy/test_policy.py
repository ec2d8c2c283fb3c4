"""The policies of subscribers of events and data objects, and what users do with a policy."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from mega.aws.sns import to_filter_policy
from mega.aws.sqs.subscribe import (
    BlobSubscriber,
    DataSubscriber,
    EventSubscriber,
    MessageSubscriber,
    TextSubscriber,
)
from mega.errors import ConfigurationError, PatternError
from mega.event import PayloadBuilder
from mega.match.eventbridge import from_eventbridge
from mega.match.functions import (
    gt,
    not_,
    one_of,
    prefix,
    suffix,
)
from tests.aws.sns.filter_policy.declarations import (
    data_subscriber,
    event_subscriber,
    subscriber,
)
from tests.documented import define

PRESENT = {'exists': True}
DAY = date(2020, 1, 1)
DAYS = [{'prefix': '2019-12-31'}, {'prefix': '2020-01-01'}, {'prefix': '2020-01-02'}]


# ── events ───────────────────────────────────────────────────────────────────────────────────────


def test_tests_the_protocol_of_an_event_and_both_places_of_its_attributes() -> None:
    policy = to_filter_policy(event_subscriber(name='e', attributes={'a': 'x'})).policy
    assert policy == {
        'protocol': ['mega'],
        'event': {'name': ['e']},
        '$or': [{'event': {'attributes': {'a': ['x']}}}, {'event': {'a': ['x']}}],
    }


def test_finds_an_attribute_with_the_name_of_a_field_only_nested() -> None:
    policy = to_filter_policy(event_subscriber(attributes={'name': 'x'})).policy
    assert policy == {'protocol': ['mega'], 'event': {'attributes': {'name': ['x']}}}


@pytest.mark.parametrize(
    ('version', 'condition'),
    [(1, None), (one_of(1, 2), None), (gt(0), None), (2, PRESENT), (gt(1), PRESENT)],
    ids=repr,
)
def test_does_not_test_a_version_that_may_be_1(version: Any, condition: Any) -> None:
    policy = to_filter_policy(event_subscriber(name='e', event_version=version)).policy
    assert policy is not None
    assert policy['event'] == {'name': ['e'], **({'version': [condition]} if condition else {})}


def test_tests_a_timestamp_by_its_day_in_any_time_zone() -> None:
    policy = to_filter_policy(event_subscriber(name='e', timestamp=prefix('2020-01-01T12'))).policy
    assert policy == {'protocol': ['mega'], 'event': {'name': ['e']}}
    policy = to_filter_policy(event_subscriber(name='e', timestamp=DAY)).policy
    assert policy == {'protocol': ['mega'], 'event': {'name': ['e'], 'timestamp': DAYS}}


def test_translates_an_eventbridge_pattern_of_an_event() -> None:
    pattern = from_eventbridge(
        {
            'event': {
                'name': [{'anything-but': ['e']}, {'equals-ignore-case': 'E'}],
                'version': [1],
                'timestamp': [{'prefix': '2020-01-01T12'}],
                'attributes': {'lines': {'sku': ['A'], 'n': [{'numeric': ['=', 5]}]}},
            },
            'extra': {'b': [{'exists': True}, {'cidr': '10.0.0.0/8'}], 'c': [{'exists': False}]},
        }
    )
    policy = to_filter_policy(event_subscriber(pattern=pattern))
    assert policy.policy == {
        'protocol': ['mega'],
        'event': {'name': [{'anything-but': ['e']}, {'equals-ignore-case': 'E'}]},
        '$or': [
            {'event': {'attributes': {'lines': {'sku': ['A']}}}},
            {'event': {'lines': {'sku': ['A']}}},
        ],
    }
    assert {widened.path for widened in policy.widened} == {
        'event.version', 'event.timestamp', 'extra.b', 'extra.c', 'event.attributes.lines.n',
    }  # fmt: skip


def test_translates_the_negation_of_a_field_that_is_always_a_text() -> None:
    assert to_filter_policy(event_subscriber(name=not_(['test', 'synthetic']))).policy == {
        'protocol': ['mega'],
        'event': {'name': [{'anything-but': ['test', 'synthetic']}]},
    }
    assert to_filter_policy(event_subscriber(name=not_(prefix('test')))).policy == {
        'protocol': ['mega'],
        'event': {'name': [{'anything-but': {'prefix': 'test'}}]},
    }


@pytest.mark.parametrize(
    'excluding',
    [
        event_subscriber(name=not_(suffix('.test')), domain='shop'),
        event_subscriber(name=not_(one_of(suffix('.test'), suffix('.old'))), domain='shop'),
        event_subscriber(
            domain='shop',
            pattern=from_eventbridge({'event': {'name': [{'anything-but': {'suffix': '.test'}}]}}),
        ),
    ],
    ids=['a suffix', 'suffixes', 'a suffix in a pattern of EventBridge'],
)
def test_excludes_no_texts_by_a_suffix_because_sns_refuses_that(excluding: Any) -> None:
    policy = to_filter_policy(excluding)
    assert policy.policy == {'protocol': ['mega'], 'event': {'domain': ['shop']}}
    assert [widened.path for widened in policy.widened] == ['event.name']


def test_excludes_events_if_a_pattern_tests_a_field_that_events_never_have() -> None:
    """A pattern applies to both data objects and events."""
    assert to_filter_policy({'type': 'order'}).policy == {'type': ['order']}
    assert to_filter_policy({'type': 'order'}, event_subscriber(name='e')).policy == {
        '$or': [{'type': ['order']}, {'protocol': ['mega'], 'event': {'name': ['e']}}]
    }


# ── without a policy ─────────────────────────────────────────────────────────────────────────────


class Everything(MessageSubscriber):
    def process(self, payload: object) -> None: ...


class Texts(TextSubscriber):
    pattern = prefix('x')

    def process(self, payload: str) -> None: ...


class Blobs(BlobSubscriber):
    def process(self, payload: bytes) -> None: ...


class OnlyInBson(DataSubscriber):
    pattern = {'id': UUID(int=5), 'type': 'order'}

    def process(self, payload: dict[str, Any]) -> None: ...


@pytest.mark.parametrize('unreadable', [Everything, Texts, Blobs, OnlyInBson])
def test_has_no_policy_if_a_subscriber_matches_bodies_that_sns_cannot_read(
    unreadable: type,
) -> None:
    policy = to_filter_policy(data_subscriber(a='x'), unreadable)
    assert policy.policy is None
    assert unreadable.__name__ in str(policy)
    assert policy.subscription_attributes == {'FilterPolicy': '{}'}
    assert policy.pass_rate(['a text', {}]) == 1.0


def test_has_a_policy_for_a_message_subscriber_whose_pattern_matches_no_text() -> None:
    of_fields = subscriber(MessageSubscriber, {'pattern': {'a': 'x'}})
    assert to_filter_policy(of_fields).policy == {'a': ['x']}


@pytest.mark.parametrize(
    'unrestricted',
    [
        data_subscriber(),
        subscriber(DataSubscriber, {}),
        subscriber(EventSubscriber, {'pattern': not_({})}),
        {},
    ],
    ids=['an empty pattern', 'no pattern', 'a negated object', 'an empty object'],
)
def test_has_no_policy_if_a_subscriber_matches_all_data_subscriber(unrestricted: Any) -> None:
    policy = to_filter_policy(unrestricted, data_subscriber(a='x'))
    assert policy.policy in (None, {'$or': [{'protocol': ['mega']}, {'a': ['x']}]})
    assert policy.widened


def test_refuses_no_subscribers_and_a_value_that_is_not_a_pattern() -> None:
    with pytest.raises(ConfigurationError, match='no subscribers'):
        to_filter_policy([])
    with pytest.raises(PatternError, match='a class is not a pattern'):
        to_filter_policy(int)


def test_has_no_policy_if_a_pattern_never_matches() -> None:
    policy = to_filter_policy(data_subscriber(a=float('inf')))
    assert policy.policy is None
    assert 'no message that SNS can read matches' in str(policy)


# ── the policy object ─────────────────────────────────────────────────────────────────────────────


def test_computes_the_share_of_payloads_that_pass() -> None:
    policy = to_filter_policy(event_subscriber(name='e'), data_subscriber(a='x'))
    samples = [PayloadBuilder().with_event(name=name).build() for name in ('e', 'f')]
    assert policy.pass_rate([*samples, {'a': 'x'}, {'a': 'y'}]) == 0.5
    by_name = to_filter_policy(event_subscriber(name='e'), attributes=['event.name'])
    assert by_name.pass_rate(samples) == 0.5
    with pytest.raises(ConfigurationError, match='no samples'):
        policy.pass_rate([])


def test_prints_the_policy_and_its_widened_places() -> None:
    policy = to_filter_policy(data_subscriber(a='x', b=lambda b: b > 5))
    assert str(policy) == ('MessageBody: {"a": ["x"]}\n  - b: SNS cannot call a function')
    assert policy.subscription_attributes == {
        'FilterPolicyScope': 'MessageBody', 'FilterPolicy': '{"a": ["x"]}',
    }  # fmt: skip


def test_excludes_all_types_of_payloads_that_no_documented_subscriber_matches() -> None:
    examples = define(
        'A subscriber of events',
        'A subscriber of data objects',
        'A subscriber of objects of events',
        TemplateRepository={},
        Inventory=None,
    )
    subscribers = [
        examples[name] for name in ('ShoppingCartItemAdded', 'UserNotification', 'UserLogin')
    ]
    matching: list[Any] = [
        _event('shopping_cart', 'item.added'),
        _event('user', 'user:login:web'),
        _event('user', 'user:login:app'),
        {'type': 'user:notification:email', 'notification_type': 'email'},
        {'type': 'user:notification:sms', 'notification_type': 'sms'},
    ]
    others: list[Any] = [
        *(_event('shopping_cart', name) for name in ('item.removed', 'checkout', 'item.adde')),
        *(_event('user', name) for name in ('user:logout', 'user:created', 'item.added')),
        *(_event('order', name) for name in ('item.added', 'user:login:web', 'order.paid')),
        _event('shopping_cart', 'user:login:web'),
        *({'type': kind} for kind in ('user:created', 'order', 'user:notificatio', '')),
        {'kind': 'user:notification:email', 'notification_type': 'email'},
    ]
    assert len(matching) + len(others) == 20
    for attributes in (None, ['event.domain', 'event.name', 'type', 'notification_type']):
        policy = to_filter_policy(*subscribers, attributes=attributes)
        assert policy.pass_rate(matching) == 1.0
        assert policy.pass_rate(others) == 0.0


def _event(domain: str, name: str) -> Any:
    attributes = {'item_id': 'x', 'quantity': 5, 'success': True, 'attempts': 3}
    builder = PayloadBuilder().with_event(
        domain=domain, name=name, subject='5', attributes=attributes
    )
    current = {'email': 'a@example.com', 'username': 'a', 'created_at': '2020-05-04'}
    return builder.with_object(type='user', current=current).build()
