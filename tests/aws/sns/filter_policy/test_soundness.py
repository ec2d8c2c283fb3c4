"""A filter policy lets through every message that some subscriber matches, whoever wrote it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from mega.aws._messages.attributes import to_aws, with_filter_attributes
from mega.aws.sns import to_filter_policy
from mega.aws.sqs.subscribe import DataSubscriber, EventSubscriber, MessageSubscriber
from mega.errors import EventError
from mega.event import Payload
from mega.match import evaluate
from mega.match.eventbridge.matcher import EventPattern
from mega.match.functions import one_of
from tests.aws.sns.filter_policy.policy_cases import (
    VALUES,
    Message,
    cases,
    every_pattern,
    subscriber,
)
from tests.aws.sns.filter_policy.sns import Reader, RefusedError
from tests.match.eventbridge_cases import ANSWERED, EVENTS, Case, each, patterns
from tests.match.strategies import is_short

pytestmark = pytest.mark.no_cover  # which would take twice the time, for lines that others run
PHASES = (Phase.explicit, Phase.generate)  # what fails is small: to shrink it would take minutes
PATHS = (
    'event.name', 'event.domain', 'event.version', 'event.timestamp', 'event.subject',
    'event.attributes.a', 'event.attributes.b', 'object.type', 'object.id', 'object.version',
    'object.current.a', 'extra.a', 'a', 'b', 'c', 'gone',
)  # fmt: skip
NAMELESS = {'other': {'DataType': 'String', 'StringValue': 'x'}}

Subscribers = list[type[MessageSubscriber]]

STRANGERS = [
    '{"type":"none","a":{"z":"of"},"b":[],"c":"these"}',
    '{"protocol":"mega","version":1,"event":{"name":"z","timestamp":"1970-01-01","domain":"z"}}',
    '{}',
    '{"a":-77,"b":"nothing","c":null}',
]


def is_wanted(message: Message, wanting: Subscribers) -> bool:
    return any(
        isinstance(message.payload, each.payload_kind)
        and (each.wants is None or evaluate(message.payload, each.wants))
        for each in wanting
    )


def data(value: Any) -> Message:
    return Message(json.dumps(value), value)


def event(value: Any, **inline: Any) -> Message | None:
    """An event with an attribute, or with a field; None where it would be none."""
    document = {
        'protocol': 'mega',
        'version': 1,
        'event': {'name': 'e', 'timestamp': '2020-01-01', **inline},
        **value,
    }
    try:
        return Message(json.dumps(document), Payload.from_dict(document))
    except EventError:
        return None


PLACES: dict[str, tuple[type[MessageSubscriber], Callable[[Any], Any], Any]] = {
    'of a data object': (
        DataSubscriber, lambda rhs: {'pattern': {'a': rhs}}, lambda lhs: data({'a': lhs}),
    ),
    'within a data object': (
        DataSubscriber,
        lambda rhs: {'pattern': {'b': {'a': rhs}}},
        lambda lhs: data({'b': {'a': lhs}, 'b.a': 'other'}),
    ),
    'of an event, nested': (
        EventSubscriber,
        lambda rhs: {'attributes': {'a': rhs}},
        lambda lhs: event({}, attributes={'a': lhs}),
    ),
    'of an event, inline': (
        EventSubscriber, lambda rhs: {'attributes': {'a': rhs}}, lambda lhs: event({}, a=lhs),
    ),
    'the name of an event': (
        EventSubscriber, lambda rhs: {'event_name': rhs}, lambda lhs: event({}, name=lhs),
    ),
    'the domain of an event': (
        EventSubscriber, lambda rhs: {'event_domain': rhs}, lambda lhs: event({}, domain=lhs),
    ),
    'the version of an event': (
        EventSubscriber, lambda rhs: {'event_version': rhs}, lambda lhs: event({}, version=lhs),
    ),
    'the time of an event': (
        EventSubscriber, lambda rhs: {'event_timestamp': rhs}, lambda lhs: event({}, timestamp=lhs),
    ),
    'the current object of an event': (
        EventSubscriber,
        lambda rhs: {'object_current': {'a': rhs}},
        lambda lhs: event({'object': {'current': {'a': lhs}}}),
    ),
}  # fmt: skip


@pytest.mark.parametrize('place', PLACES)
def test_no_value_is_held_back_that_a_pattern_matches(place: str) -> None:
    """Every pattern and every value, and the message without that field."""
    kind, declare, write = PLACES[place]
    without = [data({'z': 1}), data({'b': {}, 'b.a': 1})] if kind is DataSubscriber else [event({})]
    sent = [*map(write, VALUES), *without]
    messages = [(message, message.normal) for message in sent if message is not None]
    seen: Counter[str] = Counter()
    for pattern in every_pattern():
        wanting = subscriber(
            kind, declare(staticmethod(pattern) if pattern is is_short else pattern)
        )
        policy = to_filter_policy(wanting).policy
        if policy is None:
            continue
        seen['policies'] += 1
        reader = Reader(policy)
        for message, normal in messages:
            if evaluate(normal, wanting.wants):
                seen['wanted'] += 1
                assert reader.passes(message.body), f'{message.body} {wanting.wants} {policy}'
    assert seen['policies'] > 200, seen
    assert seen['wanted'] > 200, seen


def test_no_attribute_is_held_back_whose_value_a_pattern_matches() -> None:
    seen: Counter[str] = Counter()
    sent = [(value, to_aws(with_filter_attributes({}, ['a'], {'a': value}))) for value in VALUES]
    for pattern in every_pattern():
        wanting = subscriber(DataSubscriber, {'pattern': {'a': pattern}})
        policy = to_filter_policy(wanting, attributes=['a']).policy
        if policy is None:
            continue
        seen['policies'] += 1
        reader = Reader(policy, of_attributes=True)
        for value, attributes in sent:
            if evaluate({'a': value}, wanting.wants):
                seen['wanted'] += 1
                assert reader.passes_by(attributes), f'{attributes} {wanting.wants} {policy}'
    assert seen['policies'] > 200, seen
    assert seen['wanted'] > 200, seen


WORDS = st.sampled_from([f'{start}{n}' for start in ('a', 'ab', 'order.', '') for n in range(9)])
QUEUE_ATTRIBUTES = st.one_of(
    WORDS, WORDS, st.lists(WORDS, min_size=5, max_size=60), st.integers(0, 99)
)
OBJECTS = st.dictionaries(st.sampled_from('abcdefghi'), QUEUE_ATTRIBUTES, min_size=1, max_size=8)


@settings(phases=PHASES)
@given(st.lists(OBJECTS, min_size=1, max_size=6))
def test_no_limit_of_sns_holds_back_what_is_wanted(wanted: list[dict[str, Any]]) -> None:
    """Subscribers that want far more keys and values than SNS takes."""
    policy = to_filter_policy(
        [subscriber(DataSubscriber, {'pattern': pattern}) for pattern in wanted]
    ).policy
    reader = None if policy is None else Reader(policy)
    for pattern in wanted if reader else ():
        for place in (0, -1):
            body = json.dumps(
                {key: one[place] if isinstance(one, list) else one for key, one in pattern.items()}
            )
            assert reader is None or reader.passes(body), f'{body} {policy}'


def test_no_body_is_held_back_that_a_subscriber_matches() -> None:
    """Nor is that easy: most policies hold something back."""
    seen: Counter[str] = Counter()

    @settings(phases=PHASES)
    @given(cases())
    def holds(case: tuple[Subscribers, list[Message]]) -> None:
        wanting, sent = case
        made = to_filter_policy(wanting)
        seen['policies'] += 1
        if made.policy is None:
            assert made.widened
            return
        reader = Reader(made.policy)
        seen['holding back'] += not all(map(reader.passes, STRANGERS))
        for message in sent:
            wanted = is_wanted(message, wanting)
            seen['wanted'] += wanted
            seen['held back'] += not reader.passes(message.body)
            assert not wanted or reader.passes(message.body), f'{message.body}\n{made}'

    holds()
    assert seen['holding back'] > seen['policies'] / 2, seen
    assert seen['wanted'] > seen['policies'], seen
    assert seen['held back'] > seen['policies'] / 4, seen


def test_no_attributes_are_held_back_of_a_payload_that_a_subscriber_matches() -> None:
    seen: Counter[str] = Counter()

    @settings(phases=PHASES)
    @given(cases())
    def holds(case: tuple[Subscribers, list[Message]]) -> None:
        wanting, sent = case
        for some in (wanting, *([one] for one in wanting)):
            made = to_filter_policy(some, attributes=PATHS)
            if made.policy is None:
                continue
            reader = Reader(made.policy, of_attributes=True)
            seen['policies'] += 1
            seen['holding back'] += not reader.passes_by(NAMELESS)
            for message in sent:
                attributes = to_aws(with_filter_attributes({}, PATHS, message.payload))
                wanted = is_wanted(message, some)
                seen['wanted'] += wanted
                passes = reader.passes_by(attributes)
                seen['held back'] += not passes
                assert not wanted or passes, f'{attributes}\n{made}'

    holds()
    assert seen['policies'] > 40, seen
    assert seen['holding back'] == seen['policies'], seen
    assert seen['wanted'] > 30, seen
    assert seen['held back'] > 50, seen


def test_no_event_of_the_corpus_is_held_back_that_a_pattern_of_eventbridge_matches() -> None:
    """Every pattern of the corpus, and every event."""
    holding_back = 0
    bodies = [(event, json.dumps(event)) for event in EVENTS]
    for written, pattern in patterns().items():
        made = to_filter_policy(pattern)
        if made.policy is None:
            continue
        reader = Reader(made.policy)
        for event, body in bodies:
            passes = reader.passes(body)
            holding_back += not passes
            assert passes or not evaluate(event, pattern), f'{event}\n{written}\n{made}'
    assert holding_back > 1_000


def test_no_attributes_of_the_corpus_are_held_back_that_a_pattern_of_eventbridge_matches() -> None:
    """With an attribute for each of its paths that can have one."""
    holding_back = 0
    for written, pattern in patterns().items():
        assert isinstance(pattern, EventPattern)
        paths = {field.path for rule in pattern.combinations for field in rule if all(field.path)}
        named = {f'f{place}': '.'.join(path) for place, path in enumerate(sorted(paths))}
        made = to_filter_policy(pattern, attributes=named or ['other'])
        if made.policy is None:
            continue
        reader = Reader(made.policy, of_attributes=True)
        for event in EVENTS:
            passes = reader.passes_by(to_aws(with_filter_attributes({}, named, event)))
            holding_back += not passes
            assert passes or not evaluate(event, pattern), f'{event}\n{written}\n{made}'
    assert holding_back > 1_000


def is_documented(case: Case) -> bool:
    """Whether SNS documents the words of a pattern."""
    try:
        Reader(case.pattern)
    except (RefusedError, ValueError, AttributeError, TypeError, KeyError):
        return False
    return True


@each(list(filter(is_documented, ANSWERED)))
def test_the_reading_of_these_tests_is_eventbridges(case: Case) -> None:
    """It lets less through where nobody knows what SNS does."""
    passes = Reader(case.pattern).passes(json.dumps(case.event))
    # To SNS null and an empty text do not exist; it may not know one address from another text.
    may_be_less = 'exists' in json.dumps(case.pattern) or 'ip' in case.pattern
    assert passes is case.matches or (may_be_less and not passes)


def test_a_number_that_is_rounded_to_the_wanted_one_passes() -> None:
    """SNS compares numbers as they are written, and a double is read here."""
    body = '{"a":42.00000000000000000001}'
    assert evaluate(json.loads(body), {'a': 42})
    policy = to_filter_policy({'a': 42}, {'b': one_of(42, 'x')}).policy
    assert policy is not None
    assert Reader(policy).passes(body)
    assert Reader(policy).passes(body.replace('a', 'b'))
    assert not Reader(policy).passes('{"c":42}')
