"""What SNS is asked, where it is asked less than is wanted, and within which limits."""

from __future__ import annotations

import re
from datetime import date, datetime, timezone
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
    and_,
    between,
    cidr,
    contains,
    contains_all,
    exactly,
    exists,
    field,
    fullmatch,
    gt,
    iequals,
    is_a,
    match,
    missing,
    none_of,
    not_,
    one_of,
    optional,
    or_,
    prefix,
    search,
    substring,
    suffix,
    wildcard,
)
from tests.aws.sns.filter_policy.policy_cases import subscriber
from tests.aws.sns.filter_policy.sns import check
from tests.documented import define

ANY_TEXT, PRESENT = {'wildcard': '*'}, {'exists': True}
DAY = date(2020, 1, 1)
DAYS = [{'prefix': '2019-12-31'}, {'prefix': '2020-01-01'}, {'prefix': '2020-01-02'}]


def data(**pattern: Any) -> type[MessageSubscriber]:
    return subscriber(DataSubscriber, {'pattern': pattern})


def event(**declared: Any) -> type[MessageSubscriber]:
    return subscriber(EventSubscriber, declared)


def asked(pattern: Any, **options: Any) -> Any:
    """What SNS is asked at one field of data objects; None where that is nothing."""
    policy = to_filter_policy(data(a=pattern), **options).policy
    return None if policy is None else sorted(policy['a'], key=str)


@pytest.mark.parametrize(
    ('pattern', 'items'),
    [
        ('x', ['x']),
        ('', ['']),
        (True, [True]),
        (None, [None]),
        (42, [PRESENT]),
        (one_of(42, 'x'), ['x', PRESENT]),
        (['x', 'y'], ['x', 'y']),
        (one_of('x', None, prefix('y')), ['x', None, {'prefix': 'y'}]),
        (one_of('xyz', prefix('x')), [{'prefix': 'x'}]),
        (DAY, DAYS),
        (datetime(2020, 1, 1, 23, tzinfo=timezone.utc), DAYS),
        (prefix('x'), [{'prefix': 'x'}]),
        (suffix('x'), [{'suffix': 'x'}]),
        (substring('x'), [{'wildcard': '*x*'}]),
        (wildcard('x*y?z'), [{'wildcard': 'x*y*z'}]),
        (wildcard('x*'), [{'prefix': 'x'}]),
        (wildcard('*x'), [{'suffix': 'x'}]),
        (wildcard('xyz'), ['xyz']),
        (wildcard(r'x\*y'), [{'wildcard': 'x*y'}]),
        (wildcard('a*b*ccc*d*e'), [{'wildcard': 'a*ccc*e'}]),
        (iequals('Paid'), [{'equals-ignore-case': 'Paid'}]),
        (cidr('10.0.0.7/8'), [{'cidr': '10.0.0.0/8'}]),
        (cidr('10.0.0.1'), ['10.0.0.1']),
        (match(r'user:login:(.*)'), [{'prefix': 'user:login:'}]),
        (match(r'^v\d+$'), [{'prefix': 'v'}]),
        (match(r'a\.b+'), [{'prefix': 'a.b'}]),
        (match(r'ab*'), [{'prefix': 'a'}]),
        (match(r'order:(paid|sent)'), [{'prefix': 'order:'}]),
        (match(r'a[|]b'), [{'prefix': 'a'}]),
        (fullmatch('ab'), [{'prefix': 'ab'}]),
        (search(r'ab\d'), [{'wildcard': '*ab*'}]),
        (search(r'^ab\d'), [{'prefix': 'ab'}]),
        (contains('x'), ['x']),
        (exactly(['x', prefix('y')]), ['x']),
        (and_(exists(), 'x'), ['x']),
        (not_(exists()), [None, {'exists': False}]),
        (missing(), [{'exists': False}]),
        (optional('x'), ['x', {'exists': False}]),
        (is_a(bool, None), [True, False, None]),
        (is_a(str), [ANY_TEXT]),
    ],
    ids=repr,
)
def test_says_what_sns_can_be_asked(pattern: Any, items: list[Any]) -> None:
    assert asked(pattern) == sorted(items, key=str)


@pytest.mark.parametrize(
    ('pattern', 'items'),
    [
        (gt(100), [PRESENT]),
        (between(1, 9), [PRESENT]),
        (19.99, [PRESENT]),
        (10**9 + 1, [PRESENT]),
        (0.0000001, [PRESENT]),
        (is_a(int), [PRESENT]),
        (gt('x'), [ANY_TEXT]),
        (gt(DAY), [ANY_TEXT]),
        (iequals('kiss'), [ANY_TEXT]),
        (prefix('x', ignore_case=True), [ANY_TEXT]),
        (cidr('::/8'), [{'wildcard': '*:*'}]),
        (match('(?i)ab'), [ANY_TEXT]),
        (match('ab|cd'), [ANY_TEXT]),
        (match(r'a[\]]x|y[z]'), [ANY_TEXT]),
        (match('a(?#()|b'), [ANY_TEXT]),
        (match(re.compile('a b', re.VERBOSE)), [ANY_TEXT]),
        (search(re.compile('^ab', re.MULTILINE)), [{'wildcard': '*ab*'}]),
        ('\ud800', None),
        (not_('x'), None),
        (none_of('x', 'y'), None),
        (exists(), None),
        pytest.param(lambda a: a == 'x', None, id='a lambda'),
        (field('b'), None),
        (contains({'b': 1}), None),
        ([{'b': 1}, {'c': 2}], None),
        ([['x']], None),
        ([], None),
        (or_('x', not_('y')), None),
        (optional(not_('x')), None),
        (is_a(list, str), None),
    ],
    ids=repr,
)
def test_asks_less_where_sns_cannot_say_it_and_tells(pattern: Any, items: Any) -> None:
    made = to_filter_policy(data(a=pattern))
    assert made.policy == (None if items is None else {'a': items})
    assert {widened.path for widened in made.widened} == {'a'}
    assert all(widened.reason for widened in made.widened)


@pytest.mark.parametrize('key', ['', 'x.y', '$or', 'prefix', '\ud800'])
def test_a_name_that_sns_reads_in_another_way_is_left_out(key: str) -> None:
    made = to_filter_policy(data(**{key: 'x', 'b': 'y', 'c': {key: 'x'}}))
    assert made.policy == {'b': ['y']}
    assert len(made.widened) == 2


def test_absence_is_asked_of_the_outermost_fields_alone() -> None:
    """Further in, SNS would also find a name with dots, or one that was there before."""
    made = to_filter_policy(data(a='x', b={'c': missing(), 'd': optional(1)}))
    assert made.policy == {'a': ['x']}
    assert [widened.path for widened in made.widened] == ['b.c', 'b.d']


def test_what_holds_of_two_members_of_an_array_is_asked_once() -> None:
    assert asked(contains_all('x', 'y')) in (['x'], ['y'])
    lines = from_eventbridge({'lines': {'sku': ['A'], 'n': ['1']}})
    others = from_eventbridge({'lines': {'sku': ['B'], 'n': ['2']}})
    policy = to_filter_policy(and_(lines, others)).policy
    assert policy in (
        {'lines': {'sku': ['A'], 'n': ['1']}},
        {'lines': {'sku': ['B'], 'n': ['2']}},
    )


# ── events ───────────────────────────────────────────────────────────────────────────────────────


def test_an_event_is_marked_and_its_attributes_may_stand_inline() -> None:
    policy = to_filter_policy(event(name='e', attributes={'a': 'x'})).policy
    assert policy == {
        'protocol': ['mega'],
        'event': {'name': ['e']},
        '$or': [{'event': {'attributes': {'a': ['x']}}}, {'event': {'a': ['x']}}],
    }


def test_an_attribute_that_is_called_like_a_field_is_nested() -> None:
    policy = to_filter_policy(event(attributes={'name': 'x'})).policy
    assert policy == {'protocol': ['mega'], 'event': {'attributes': {'name': ['x']}}}


@pytest.mark.parametrize(
    ('version', 'asked'),
    [(1, None), (one_of(1, 2), None), (gt(0), None), (2, PRESENT), (gt(1), PRESENT)],
    ids=repr,
)
def test_a_version_that_may_be_1_may_be_absent(version: Any, asked: Any) -> None:
    policy = to_filter_policy(event(name='e', event_version=version)).policy
    assert policy is not None
    assert policy['event'] == {'name': ['e'], **({'version': [asked]} if asked else {})}


def test_a_timestamp_is_asked_in_no_zone() -> None:
    policy = to_filter_policy(event(name='e', timestamp=prefix('2020-01-01T12'))).policy
    assert policy == {'protocol': ['mega'], 'event': {'name': ['e']}}
    policy = to_filter_policy(event(name='e', timestamp=DAY)).policy
    assert policy == {'protocol': ['mega'], 'event': {'name': ['e'], 'timestamp': DAYS}}


def test_what_eventbridge_asks_of_an_event_is_asked_as_it_is_written() -> None:
    wanted = from_eventbridge(
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
    made = to_filter_policy(event(pattern=wanted))
    assert made.policy == {
        'protocol': ['mega'],
        'event': {'name': [{'anything-but': ['e']}, {'equals-ignore-case': 'E'}]},
        '$or': [
            {'event': {'attributes': {'lines': {'sku': ['A']}}}},
            {'event': {'lines': {'sku': ['A']}}},
        ],
    }
    assert {widened.path for widened in made.widened} == {
        'event.version', 'event.timestamp', 'extra.b', 'extra.c', 'event.attributes.lines.n',
    }  # fmt: skip


def test_what_is_surely_a_text_may_be_anything_but_another() -> None:
    assert to_filter_policy(event(name=not_(['test', 'synthetic']))).policy == {
        'protocol': ['mega'],
        'event': {'name': [{'anything-but': ['test', 'synthetic']}]},
    }
    assert to_filter_policy(event(name=not_(prefix('test')))).policy == {
        'protocol': ['mega'],
        'event': {'name': [{'anything-but': {'prefix': 'test'}}]},
    }


def test_what_an_event_never_has_holds_it_back() -> None:
    """A pattern by itself is one of events too, and says nothing of this one."""
    assert to_filter_policy({'type': 'order'}).policy == {'type': ['order']}
    assert to_filter_policy({'type': 'order'}, event(name='e')).policy == {
        '$or': [{'type': ['order']}, {'protocol': ['mega'], 'event': {'name': ['e']}}]
    }


# ── where there is no policy ─────────────────────────────────────────────────────────────────────


class Everything(MessageSubscriber):
    def process(self, payload: object) -> None: ...


class TextValue(TextSubscriber):
    pattern = prefix('x')

    def process(self, payload: str) -> None: ...


class Blobs(BlobSubscriber):
    def process(self, payload: bytes) -> None: ...


class OnlyInBson(DataSubscriber):
    pattern = {'id': UUID(int=5), 'type': 'order'}

    def process(self, payload: dict[str, Any]) -> None: ...


@pytest.mark.parametrize('wanting', [Everything, TextValue, Blobs, OnlyInBson])
def test_who_wants_what_sns_cannot_read_gets_everything_and_is_named(wanting: type) -> None:
    made = to_filter_policy(data(a='x'), wanting)
    assert made.policy is None
    assert wanting.__name__ in str(made)
    assert made.subscription_attributes == {'FilterPolicy': '{}'}
    assert made.share(['a text', {}]) == 1.0


def test_a_subscriber_of_messages_that_asks_for_fields_is_none_of_texts() -> None:
    wanting = subscriber(MessageSubscriber, {'pattern': {'a': 'x'}})
    assert to_filter_policy(wanting).policy == {'a': ['x']}


@pytest.mark.parametrize(
    'wanted',
    [
        data(),
        subscriber(DataSubscriber, {}),
        subscriber(EventSubscriber, {'pattern': not_({})}),
        {},
    ],
    ids=['an empty pattern', 'no pattern', 'no pattern of values', 'an empty object'],
)
def test_who_wants_all_data_gets_everything(wanted: Any) -> None:
    made = to_filter_policy(wanted, data(a='x'))
    assert made.policy in (None, {'$or': [{'protocol': ['mega']}, {'a': ['x']}]})
    assert made.widened


def test_nobody_wants_nothing() -> None:
    with pytest.raises(ConfigurationError, match='no subscribers'):
        to_filter_policy([])
    with pytest.raises(PatternError, match='a class is no pattern'):
        to_filter_policy(int)


def test_what_never_matches_is_no_reason_to_hold_back() -> None:
    made = to_filter_policy(data(a=float('inf')))
    assert made.policy is None
    assert 'no message that SNS can read matches' in str(made)


# ── limits ───────────────────────────────────────────────────────────────────────────────────────


def test_of_many_keys_the_five_are_asked_that_tell_most() -> None:
    made = to_filter_policy(data(a='x', b=gt(1), c='y', d=True, e='z', f='u', g='v'))
    assert made.policy == {name: [value] for name, value in zip('acefg', 'xyzuv', strict=True)}
    assert {w.path for w in made.widened if w.reason == 'SNS accepts at most 5 keys'} == {'b', 'd'}


def test_many_values_are_asked_by_their_beginnings() -> None:
    names = [f'{thing}.{verb}{n}' for thing in ('item', 'cart') for verb in 'ab' for n in range(60)]
    made = to_filter_policy(data(name=one_of(*names)))
    assert made.policy is not None
    check(made.policy)
    assert made.share([{'name': name} for name in names]) == 1.0
    assert made.share([{'name': 'user.a1'}, {'name': 'item.c1'}, {'name': 'cart'}]) == 0.0
    assert 'SNS accepts at most 150 combinations' in str(made)


def test_what_several_branches_ask_is_left_out_of_all() -> None:
    """Or a key that was counted once would be counted for each."""
    names = [f'n{n}.done' for n in range(200)]
    wanted = or_({'n': names, 'a': 'x'}, {'n': names, 'b': 'y'}, {'n': names, 'c': 'z'})
    made = to_filter_policy(wanted)
    assert made.policy is not None
    check(made.policy)
    assert made.lets_through({'n': 'n7.done', 'c': 'z'})
    assert not made.lets_through({'n': 'other', 'c': 'z'})


def test_wildcards_have_their_points() -> None:
    made = to_filter_policy(data(name=one_of(*(substring(f'{n}') for n in range(10)), 'x'), b='y'))
    assert made.policy == {'b': ['y']}
    assert 'complexity points' in str(made)


def test_a_policy_has_its_bytes() -> None:
    made = to_filter_policy(data(a='x' * 300_000, b='y'))
    assert made.policy == {'b': ['y']}
    assert '256 KB' in str(made)


@pytest.mark.parametrize('count', [30, 120])
def test_many_subscribers_have_one_policy(count: int) -> None:
    wanting = [
        event(name=f'thing{n}.done', domain=f'd{n % 3}', attributes={f'k{n % 7}': 'x'})
        for n in range(count)
    ]
    made = to_filter_policy(*wanting, data(type='order', **{f'f{n}': 'x' for n in range(20)}))
    assert made.policy is not None
    check(made.policy)
    sent = [
        PayloadBuilder()
        .with_event(name=f'thing{n}.done', domain=f'd{n % 3}', attributes={f'k{n % 7}': 'x'})
        .build()
        for n in range(count)
    ]
    assert made.share(sent) == 1.0
    assert not made.lets_through({'type': 'invoice'})
    assert not made.lets_through(PayloadBuilder().with_event(name='e', domain='other').build())


# ── attributes ───────────────────────────────────────────────────────────────────────────────────


def test_attributes_are_asked_where_the_user_names_them() -> None:
    wanting = event(name='e', event_version=1, attributes={'a': 'x', 'b': 'y'})
    made = to_filter_policy(wanting, attributes={'kind': 'event.name', 'v': 'event.version'})
    assert made.policy == {
        'kind': ['e'],
        'v': [{'numeric': ['=', 1]}, {'prefix': '0.'}, {'prefix': '1'}],
    }
    assert made.scope == 'MessageAttributes'
    assert made.filter_attributes == {'kind': 'event.name', 'v': 'event.version'}
    assert {widened.path for widened in made.widened} >= {'event.attributes.a'}


@pytest.mark.parametrize(
    'pattern',
    ['', 'a"b', 'a\\b', prefix(''), missing(), optional('x'), is_a(str), b'x', wildcard('*')],
)
def test_what_may_have_no_attribute_is_not_asked(pattern: Any) -> None:
    assert asked(pattern, attributes=['a']) is None


@pytest.mark.parametrize(
    ('pattern', 'items'),
    [
        (UUID(int=5), ['00000000-0000-0000-0000-000000000005']),
        (gt('x'), [PRESENT]),
        (gt(5), [PRESENT]),
        (is_a(datetime), [PRESENT]),
        (True, [True]),
        (None, [None]),
    ],
    ids=repr,
)
def test_attributes_hold_what_bodies_do_not(pattern: Any, items: list[Any]) -> None:
    assert asked(pattern, attributes=['a']) == items


@pytest.mark.parametrize(
    'attributes', [[], {}, 'a', 5, [5], ['a..b'], {'a.b': 'c'}, {5: 'c'}, {'a': 5}, ['a.b', 'a_b']]
)
def test_attributes_are_names_and_paths(attributes: Any) -> None:
    with pytest.raises(ConfigurationError, match='filter_attributes'):
        to_filter_policy(data(a='x'), attributes=attributes)


# ── what comes of it ─────────────────────────────────────────────────────────────────────────────


def test_the_share_is_that_of_payloads_as_they_are_published() -> None:
    made = to_filter_policy(event(name='e'), data(a='x'))
    samples = [PayloadBuilder().with_event(name=name).build() for name in ('e', 'f')]
    assert made.share([*samples, {'a': 'x'}, {'a': 'y'}]) == 0.5
    by_name = to_filter_policy(event(name='e'), attributes=['event.name'])
    assert by_name.share(samples) == 0.5
    with pytest.raises(ConfigurationError, match='no samples'):
        made.share([])


def test_it_shows_what_it_says_and_what_not() -> None:
    made = to_filter_policy(data(a='x', b=lambda b: b > 5))
    assert str(made) == ('MessageBody: {"a": ["x"]}\n  - b: SNS cannot call a function')
    assert made.subscription_attributes == {
        'FilterPolicyScope': 'MessageBody', 'FilterPolicy': '{"a": ["x"]}',
    }  # fmt: skip


def test_the_documented_subscribers_get_no_type_of_event_that_none_of_them_wants() -> None:
    examples = define(
        'A subscriber of events',
        'A subscriber of data objects',
        'A subscriber of objects of events',
        TemplateRepository={},
        Inventory=None,
    )
    wanting = [
        examples[name] for name in ('ShoppingCartItemAdded', 'UserNotification', 'UserLogin')
    ]
    wanted: list[Any] = [
        _event('shopping_cart', 'item.added'),
        _event('user', 'user:login:web'),
        _event('user', 'user:login:app'),
        {'type': 'user:notification:email', 'notification_type': 'email'},
        {'type': 'user:notification:sms', 'notification_type': 'sms'},
    ]
    unwanted: list[Any] = [
        *(_event('shopping_cart', name) for name in ('item.removed', 'checkout', 'item.adde')),
        *(_event('user', name) for name in ('user:logout', 'user:created', 'item.added')),
        *(_event('order', name) for name in ('item.added', 'user:login:web', 'order.paid')),
        _event('shopping_cart', 'user:login:web'),
        *({'type': kind} for kind in ('user:created', 'order', 'user:notificatio', '')),
        {'kind': 'user:notification:email', 'notification_type': 'email'},
    ]
    assert len(wanted) + len(unwanted) == 20
    for attributes in (None, ['event.domain', 'event.name', 'type', 'notification_type']):
        made = to_filter_policy(*wanting, attributes=attributes)
        assert made.share(wanted) == 1.0
        assert made.share(unwanted) == 0.0


def _event(domain: str, name: str) -> Any:
    attributes = {'item_id': 'x', 'quantity': 5, 'success': True, 'attempts': 3}
    made = PayloadBuilder().with_event(domain=domain, name=name, subject='5', attributes=attributes)
    current = {'email': 'a@example.com', 'username': 'a', 'created_at': '2020-05-04'}
    return made.with_object(type='user', current=current).build()
