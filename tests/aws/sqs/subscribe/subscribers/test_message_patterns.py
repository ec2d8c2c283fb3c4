"""`message_pattern`: subscribers that match by the metadata of a message."""

from __future__ import annotations

from datetime import date, datetime, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mega.aws.sqs.message import Message
from mega.aws.sqs.metadata import METADATA_TYPES, metadata_of
from mega.aws.sqs.subscribe import (
    BlobSubscriber,
    DataSubscriber,
    EventSubscriber,
    MessageSubscriber,
    TextSubscriber,
)
from mega.aws.sqs.subscribe.subscribers.routing import Router
from mega.aws.sqs.subscribe.subscribers.subscriber import Subscriber
from mega.errors import ConfigurationError, PatternError
from mega.match import evaluate
from mega.match.eventbridge import from_eventbridge
from mega.match.functions import (
    any_,
    exists,
    field,
    gt,
    lt,
    lte,
    missing,
    not_,
    one_of,
    or_,
    prefix,
)
from mega.testing import Bus, deliver
from tests.aws.sqs.subscribe.factories import listener_on, send, subscriber
from tests.event.examples import item_added
from tests.profile import amount

TENANT = {'attributes': {'tenant': 'acme'}}
SENT = datetime(2020, 5, 4, 15, 53, 23, tzinfo=timezone.utc)


def message(**fields: Any) -> Message:
    return Message(**{'id': 'm', 'body': '', 'receipt_handle': 'r', **fields})


def routed(payload: Any, delivery: Message, *subscribers: Subscriber) -> list[Subscriber]:
    router = Router()
    for each in subscribers:
        router.register(each)
    found, undecided = router.match(payload, delivery)
    assert not undecided
    return found


@pytest.mark.parametrize(
    ('base', 'payload'),
    [
        pytest.param(MessageSubscriber, {'a': 1}, id='any payload'),
        pytest.param(DataSubscriber, {'a': 1}, id='data'),
        pytest.param(EventSubscriber, item_added(), id='event'),
        pytest.param(TextSubscriber, 'hej', id='text'),
        pytest.param(BlobSubscriber, b'hej', id='blob'),
    ],
)
def test_every_kind_of_subscriber_may_match_by_metadata(base: Any, payload: Any) -> None:
    made = subscriber(base=base, message_pattern=TENANT)
    assert routed(payload, message(attributes={'tenant': 'acme'}), made) == [made]
    assert routed(payload, message(attributes={'tenant': 'other'}), made) == []
    assert made.matches(payload, {'attributes': {'tenant': 'acme'}})
    assert not made.matches(payload)


DELIVERY = message(
    id='m-1',
    attributes={'priority': '5', 'digest': b'\x00'},
    group_id='cart-7',
    receive_count=3,
    sent_time=SENT,
    topic_arn='arn:aws:sns:us-east-2:123456789012:orders',
    subject='an order',
    sns_message_id='s-1',
    _system={'SenderId': 'AIDA', 'MessageDeduplicationId': 'd-1'},
    _sns_timestamp='2020-05-04T15:53:22Z',
    _sqs_attributes={'MegaDeadLetter': '{}'},
)


@pytest.mark.parametrize(
    'pattern',
    [
        {'id': 'm-1', 'origin_id': 'm-1'},
        {'attributes': {'priority': gt(4)}},
        {'attributes': {'digest': b'\x00'}},
        {'attributes': {'tenant': missing() | None, 'priority': or_(True, 5)}},
        {'attributes': {'priority': 5, 'tenant': missing()}},
        {'attributes': from_eventbridge({'priority': ['5']})},
        {'sqs_attributes': {'MegaDeadLetter': exists()}},
        {'group_id': prefix('cart-'), 'receive_count': lte(3)},
        {'sent_time': date(2020, 5, 4), 'published_time': lt(SENT)},
        {'topic_arn': one_of('x', prefix('arn:aws:sns:')), 'subject': 'an order'},
        {'sns_message_id': 's-1', 'sender_id': 'AIDA', 'deduplication_id': 'd-1'},
        {'trace_header': missing(), 'dead_letter_source_arn': not_(exists())},
        or_({'receive_count': 1}, {'group_id': 'cart-7'}),
        {},
        pytest.param(lambda metadata: metadata['receive_count'] == 3, id='predicate'),
    ],
    ids=repr,
)
def test_a_pattern_may_test_all_metadata(pattern: Any) -> None:
    made = subscriber(message_pattern=pattern)
    assert routed('hej', DELIVERY, made) == [made]
    assert made.matches('hej', DELIVERY)


def test_metadata_is_what_a_subscriber_sees_in_its_message() -> None:
    assert metadata_of(DELIVERY) == {
        name: getattr(DELIVERY, name)
        for name in METADATA_TYPES
        if getattr(DELIVERY, name) is not None
    }


def test_the_payload_and_the_metadata_must_both_match() -> None:
    made = subscriber(base=DataSubscriber, pattern={'a': 1}, message_pattern={'group_id': 'x'})
    assert routed({'a': 1}, message(group_id='x'), made) == [made]
    assert routed({'a': 2}, message(group_id='x'), made) == []
    assert routed({'a': 1}, message(group_id='y'), made) == []


def test_subscribers_with_and_without_a_message_pattern_keep_their_order() -> None:
    made: list[Subscriber] = []
    for _ in range(10):
        made += [subscriber(message_pattern={}), subscriber()]
    assert routed('hej', message(), *made) == made
    assert routed('hej', message(), *made[::-1]) == made[::-1]


def test_a_child_class_has_the_message_pattern_of_its_parent_or_its_own() -> None:
    parent = subscriber(message_pattern=TENANT)
    child = subscriber(base=parent)
    other = subscriber(base=parent, message_pattern={'group_id': 'x'})
    delivery = message(attributes={'tenant': 'acme'})
    assert routed('hej', delivery, parent, child, other) == [parent, child]


def test_a_field_in_a_message_pattern_is_a_field_of_the_payload() -> None:
    made = subscriber(
        base=DataSubscriber,
        pattern={'a': field('b')},
        message_pattern={'attributes': {'tenant': field('customer.tenant')}},
    )
    payload: dict[str, Any] = {'a': 1, 'b': 1, 'customer': {'tenant': 'acme'}}
    delivery = message(attributes={'tenant': 'acme'})
    assert routed(payload, delivery, made) == [made]
    assert made.matches(payload, delivery)
    assert routed({**payload, 'b': 2}, delivery, made) == []
    assert not made.matches(payload, message(attributes={'tenant': 'other'}))


def test_a_predicate_is_called_only_if_the_other_part_matches() -> None:
    asked: list[object] = []
    of_payload = subscriber(pattern=asked.append, message_pattern={'group_id': 'x'})
    of_message = subscriber(
        base=DataSubscriber, pattern={'a': 1}, message_pattern={'group_id': asked.append}
    )
    assert routed({'a': 2}, message(group_id='y'), of_payload, of_message) == []
    of_payload.matches({'a': 2}, message(group_id='y'))
    of_message.matches({'a': 2}, message(group_id='y'))
    assert asked == []


def test_a_predicate_of_metadata_that_raises_leaves_the_match_undecided() -> None:
    def broken(metadata: object) -> bool:
        raise ValueError('broken')

    router = Router()
    made = [subscriber(called='A', message_pattern=broken), subscriber(called='B')]
    for each in made:
        router.register(each)
    found, [(undecided, error)] = router.match('hej', message())
    assert (found, undecided, str(error)) == ([made[1]], made[0], 'broken')


def test_subscribers_without_a_message_pattern_need_no_message() -> None:
    nothing: Any = object()
    made = subscriber()
    assert routed('hej', nothing, made) == [made]
    other = subscriber(base=TextSubscriber, message_pattern={'group_id': 'x'})
    assert routed({'a': 1}, nothing, made, other) == [made]


def test_an_explanation_has_the_path_in_the_message() -> None:
    made = subscriber(
        base=DataSubscriber, pattern={'a': 1}, message_pattern={**TENANT, 'receive_count': lt(3)}
    )
    assert str(made.matches({'a': 1}, {'receive_count': 2})).splitlines() == [
        'it does not match',
        "  - message.attributes.tenant is missing, wanted 'acme'",
        '  + a is 1, wanted 1',
        '  + message.receive_count is 2, wanted lt(3)',
    ]


def test_an_explanation_refuses_metadata_that_no_message_has() -> None:
    with pytest.raises(ConfigurationError, match=r"'tenant': there is no such metadata"):
        subscriber(message_pattern=TENANT).matches('hej', {'tenant': 'acme'})


def test_a_listener_passes_messages_by_their_metadata() -> None:
    bus, seen = Bus(), list[object]()
    acme = subscriber(None, seen, message_pattern=TENANT)
    listener = listener_on(bus, bus.queue('orders'), acme)
    send(bus, listener.queue_url, {'n': 1}, message_attributes={'tenant': 'acme'})
    send(bus, listener.queue_url, {'n': 2}, message_attributes={'tenant': 'other'})
    bus.run(listener)
    assert seen == [{'n': 1}]
    assert [bool(why) for _, why in listener.explain({'n': 1}, TENANT)] == [True]
    listener.register_subscriber(subscriber(called='Other'))
    listener.unregister_subscriber(acme)
    send(bus, listener.queue_url, {'n': 3}, message_attributes={'tenant': 'acme'})
    bus.run(listener)
    assert seen == [{'n': 1}]


def test_deliver_passes_attributes_to_a_message_pattern() -> None:
    seen: list[object] = []
    made = subscriber(None, seen, message_pattern={**TENANT, 'receive_count': 2})
    deliver(made, {'a': 1}, attributes={'tenant': 'acme'}, receive_count=2)
    assert seen == [{'a': 1}]
    with pytest.raises(AssertionError, match=r'message\.receive_count is 1, wanted 2'):
        deliver(made, {'a': 1}, attributes={'tenant': 'acme'})


@pytest.mark.parametrize(
    ('pattern', 'problem'),
    [
        pytest.param({'attribute': {}}, r'Made\.message_pattern\.attribute: .* no such metadata'
                     '.* the names are id, origin_id, attributes', id='unknown key'),
        pytest.param({'attribute': missing()}, 'no such metadata', id='unknown key is missing'),
        pytest.param({'receive_count': 'x'}, r'receive_count: .* always an int', id='text'),
        pytest.param({'attributes': 'acme'}, r'attributes: .* always an object', id='no object'),
        pytest.param({'group_id': True}, 'group_id: True: can never match', id='boolean'),
        pytest.param({'subject': None}, 'subject: None: can never match', id='null'),
        pytest.param('acme', 'always an object', id='not an object'),
        pytest.param({'tenant': 'acme'}, "attributes of a message are within 'attributes'",
                     id='an attribute as a key'),
        pytest.param({'sent_time': 5}, 'sent_time: .* always a datetime', id='time'),
        pytest.param({'attributes': {'vip': True}}, r'attributes\.vip: True: .* a text or bytes',
                     id='a boolean attribute'),
        pytest.param({'sqs_attributes': {'a': {}}}, r'sqs_attributes\.a: .* a text or bytes',
                     id='an object as an attribute'),
        pytest.param({'subject': int}, 'a class is not a pattern', id='invalid pattern'),
        pytest.param({'subject': gt}, 'call the function', id='a function that was not called'),
    ],
)  # fmt: skip
def test_a_pattern_that_matches_no_message_is_refused(pattern: Any, problem: str) -> None:
    with pytest.raises(PatternError, match=problem):
        subscriber(message_pattern=pattern)


def test_a_declaration_with_the_name_of_the_delivery_is_refused() -> None:
    with pytest.raises(ConfigurationError, match='set `message_pattern`'):
        subscriber(message=TENANT)
    with pytest.raises(ConfigurationError, match="the declaration is 'message_pattern'"):
        subscriber(message_patern=TENANT)


# ── the index, evaluate and explain agree ────────────────────────────────────────────────────────

TEXTS = st.sampled_from(['a', 'b', 'ab', '5', '17', ''])
LEAVES = st.one_of(
    TEXTS,
    st.sampled_from([5, 17, gt(6), prefix('a'), missing(), any_(), not_('a'), b'\x00']),
    st.lists(TEXTS, max_size=2).map(lambda texts: one_of(*texts, 'z')),
)
PATTERNS = st.fixed_dictionaries(
    {},
    optional={
        'attributes': st.dictionaries(st.sampled_from('xy'), LEAVES, max_size=2),
        'group_id': st.sampled_from(['a', prefix('a'), missing(), not_('b')]),
        'subject': st.sampled_from(['a', prefix('a'), missing(), not_('b')]),
        'receive_count': st.sampled_from([1, gt(1), lt(3), one_of(1, 2)]),
    },
)
PAYLOAD_PATTERNS = st.none() | st.dictionaries(st.sampled_from('xy'), LEAVES, max_size=1)
DELIVERIES = st.builds(
    message,
    attributes=st.dictionaries(st.sampled_from('xy'), TEXTS | st.just(b'\x00'), max_size=2),
    group_id=st.none() | TEXTS,
    subject=st.none() | TEXTS,
    receive_count=st.integers(1, 4),
)


@settings(deadline=None, max_examples=amount(20, 500))
@given(
    st.lists(st.tuples(PAYLOAD_PATTERNS, st.none() | PATTERNS), min_size=1, max_size=20),
    st.lists(
        st.tuples(st.dictionaries(st.sampled_from('xy'), TEXTS), DELIVERIES),
        min_size=1, max_size=5,
    ),
)  # fmt: skip
def test_the_listener_evaluate_and_explain_agree_on_every_delivery(
    declared: list[tuple[Any, Any]], deliveries: list[tuple[dict[str, Any], Message]]
) -> None:
    router = Router()
    made: list[Subscriber] = []
    for place, (pattern, message_pattern) in enumerate(declared):
        attributes = {'pattern': pattern, 'message_pattern': message_pattern}
        given = {name: value for name, value in attributes.items() if value is not None}
        made.append(subscriber(base=DataSubscriber, called=f'S{place}', **given))
        router.register(made[-1])
    for payload, delivery in deliveries:
        metadata = metadata_of(delivery)
        expected = [
            each
            for each, (pattern, message_pattern) in zip(made, declared, strict=True)
            if (pattern is None or evaluate(payload, pattern))
            and (message_pattern is None or evaluate(metadata, message_pattern))
        ]
        assert router.match(payload, delivery) == (expected, [])
        assert router.explain(payload, delivery).matching == expected
