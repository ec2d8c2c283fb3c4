"""A filter policy lets through every message that a subscriber matches, from any producer."""

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
from mega.codec import to_document
from mega.errors import EventError, PatternError
from mega.event import Payload
from mega.match import evaluate
from mega.match.eventbridge import from_eventbridge
from mega.match.eventbridge.matcher import EventPattern
from mega.match.functions import any_, one_of
from tests.aws.sns.filter_policy.declarations import subscriber
from tests.aws.sns.filter_policy.policy_cases import (
    VALUES,
    Message,
    cases,
    every_pattern,
)
from tests.aws.sns.filter_policy.sns_reference import ReferencePolicy, RefusedError
from tests.match.eventbridge_cases import ANSWERED, EVENTS, Case, patterns
from tests.match.strategies import MANY, is_short
from tests.profile import amount

pytestmark = pytest.mark.no_cover  # coverage doubles the time, and other tests run the same lines
STEP = amount(6, 1)
"""Tests of all combinations take every sixth of one side every day, in turn, and all at night."""
PHASES = (Phase.explicit, Phase.generate)  # failures are small, and shrinking takes minutes
ENOUGH = 3 * MANY // 2  # examples until the counts of policies and messages mean something
PATHS = (
    'event.name', 'event.domain', 'event.version', 'event.timestamp', 'event.subject',
    'event.attributes.a', 'event.attributes.b', 'object.type', 'object.id', 'object.version',
    'object.current.a', 'extra.a', 'a', 'b', 'c', 'gone',
)  # fmt: skip
NO_FILTER_ATTRIBUTES = {'other': {'DataType': 'String', 'StringValue': 'x'}}

Subscribers = list[type[MessageSubscriber]]

UNRELATED_BODIES = [
    '{"type":"none","a":{"z":"of"},"b":[],"c":"these"}',
    '{"protocol":"mega","version":1,"event":{"name":"z","timestamp":"1970-01-01","domain":"z"}}',
    '{}',
    '{"a":-77,"b":"nothing","c":null}',
]


def is_matched(message: Message, subscribers: Subscribers) -> bool:
    return any(
        isinstance(message.payload, each.payload_classes)
        and (each.compiled_pattern is None or evaluate(message.payload, each.compiled_pattern))
        for each in subscribers
    )


def data_message(value: Any) -> Message:
    return Message(json.dumps(value), value)


def event_message(value: Any, **inline: Any) -> Message | None:
    """Return an event with additional fields; None if it would not be a MEGA event."""
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


FIELDS: dict[str, tuple[type[MessageSubscriber], Callable[[Any], Any], Any]] = {
    'a field of a data object': (
        DataSubscriber, lambda rhs: {'pattern': {'a': rhs}}, lambda lhs: data_message({'a': lhs}),
    ),
    'a nested field of a data object': (
        DataSubscriber,
        lambda rhs: {'pattern': {'b': {'a': rhs}}},
        lambda lhs: data_message({'b': {'a': lhs}, 'b.a': 'other'}),
    ),
    'a nested attribute of an event': (
        EventSubscriber,
        lambda rhs: {'attributes': {'a': rhs}},
        lambda lhs: event_message({}, attributes={'a': lhs}),
    ),
    'an inline attribute of an event': (
        EventSubscriber,
        lambda rhs: {'attributes': {'a': rhs}},
        lambda lhs: event_message({}, a=lhs),
    ),
    'the name of an event': (
        EventSubscriber,
        lambda rhs: {'event_name': rhs},
        lambda lhs: event_message({}, name=lhs),
    ),
    'the domain of an event': (
        EventSubscriber,
        lambda rhs: {'event_domain': rhs},
        lambda lhs: event_message({}, domain=lhs),
    ),
    'the version of an event': (
        EventSubscriber,
        lambda rhs: {'event_version': rhs},
        lambda lhs: event_message({}, version=lhs),
    ),
    'the timestamp of an event': (
        EventSubscriber,
        lambda rhs: {'event_timestamp': rhs},
        lambda lhs: event_message({}, timestamp=lhs),
    ),
    'the current object of an event': (
        EventSubscriber,
        lambda rhs: {'object_current': {'a': rhs}},
        lambda lhs: event_message({'object': {'current': {'a': lhs}}}),
    ),
}  # fmt: skip


@pytest.mark.parametrize('field', FIELDS)
def test_excludes_no_value_that_a_pattern_matches(field: str) -> None:
    """The test combines patterns with all values, and with messages without the field."""
    kind, declare, write = FIELDS[field]
    without = (
        [data_message({'z': 1}), data_message({'b': {}, 'b.a': 1})]
        if kind is DataSubscriber
        else [event_message({})]
    )
    sent = [*map(write, VALUES), *without]
    messages = [(message, message.normal_form) for message in sent if message is not None]
    seen: Counter[str] = Counter()
    for pattern in every_pattern()[[*FIELDS].index(field) % STEP :: STEP]:
        try:
            declared = subscriber(
                kind, declare(staticmethod(pattern) if pattern is is_short else pattern)
            )
        except PatternError:  # it can never match at this field
            continue
        policy = to_filter_policy(declared).policy
        if policy is None:
            continue
        seen['policies'] += 1
        reference = ReferencePolicy(policy)
        filters = to_filter_policy(declared).event_source_filters
        criteria = from_eventbridge(filters) if filters else any_()
        seen['criteria'] += bool(filters)
        for message, normal in messages:
            if evaluate(normal, declared.compiled_pattern):
                seen['matched'] += 1
                assert reference.passes(message.body), (
                    f'{message.body} {declared.compiled_pattern} {policy}'
                )
                assert evaluate(json.loads(message.body), criteria), f'{message.body} {filters}'
    assert seen['policies'] > 50, seen
    assert seen['criteria'] > 50, seen
    assert seen['matched'] > 100, seen


def test_excludes_no_attribute_whose_value_a_pattern_matches() -> None:
    seen: Counter[str] = Counter()
    sent = [(value, to_aws(with_filter_attributes({}, ['a'], {'a': value}))) for value in VALUES]
    for pattern in every_pattern():
        declared = subscriber(DataSubscriber, {'pattern': {'a': pattern}})
        policy = to_filter_policy(declared, attributes=['a']).policy
        if policy is None:
            continue
        seen['policies'] += 1
        reference = ReferencePolicy(policy, of_attributes=True)
        for value, attributes in sent:
            if evaluate({'a': value}, declared.compiled_pattern):
                seen['matched'] += 1
                assert reference.passes_by(attributes), (
                    f'{attributes} {declared.compiled_pattern} {policy}'
                )
    assert seen['policies'] > 200, seen
    assert seen['matched'] > 200, seen


WORDS = st.sampled_from([f'{start}{n}' for start in ('a', 'ab', 'order.', '') for n in range(9)])
FIELD_VALUES = st.one_of(WORDS, WORDS, st.lists(WORDS, min_size=5, max_size=60), st.integers(0, 99))
OBJECTS = st.dictionaries(st.sampled_from('abcdefghi'), FIELD_VALUES, min_size=1, max_size=8)


@settings(phases=PHASES)
@given(st.lists(OBJECTS, min_size=1, max_size=6))
def test_excludes_no_matched_message_because_of_a_limit(patterns: list[dict[str, Any]]) -> None:
    """The subscribers test far more keys and values than SNS accepts."""
    policy = to_filter_policy(
        [subscriber(DataSubscriber, {'pattern': pattern}) for pattern in patterns]
    ).policy
    reference = None if policy is None else ReferencePolicy(policy)
    for pattern in patterns if reference else ():
        for index in (0, -1):
            body = json.dumps(
                {key: one[index] if isinstance(one, list) else one for key, one in pattern.items()}
            )
            assert reference is None or reference.passes(body), f'{body} {policy}'


def test_excludes_no_body_that_a_subscriber_matches() -> None:
    """The last assertions show that many policies exclude some message: about 40 in 100."""
    seen: Counter[str] = Counter()

    @settings(phases=PHASES, max_examples=ENOUGH)
    @given(cases())
    def holds(case: tuple[Subscribers, list[Message]]) -> None:
        subscribers, sent = case
        made = to_filter_policy(subscribers)
        seen['policies'] += 1
        if made.policy is None:
            assert made.widened
            return
        reference = ReferencePolicy(made.policy)
        seen['excluding'] += not all(map(reference.passes, UNRELATED_BODIES))
        filters = made.event_source_filters
        criteria = from_eventbridge(filters) if filters else any_()
        seen['criteria'] += bool(filters)
        for message in sent:
            matched = is_matched(message, subscribers)
            # A body that is not JSON passes no policy, as here.
            assert not matched or evaluate(json.loads(message.body), criteria), (
                f'{message.body}\n{filters}'
            )
            seen['matched'] += matched
            seen['excluded'] += not reference.passes(message.body)
            assert not matched or reference.passes(message.body), f'{message.body}\n{made}'

    holds()
    assert seen['excluding'] > seen['policies'] / 5, seen
    assert seen['criteria'] > seen['policies'] / 10, seen
    assert seen['matched'] > seen['policies'] / 2, seen
    assert seen['excluded'] > seen['policies'] / 10, seen


def test_excludes_no_attributes_of_a_payload_that_a_subscriber_matches() -> None:
    seen: Counter[str] = Counter()

    @settings(phases=PHASES, max_examples=ENOUGH)
    @given(cases())
    def holds(case: tuple[Subscribers, list[Message]]) -> None:
        subscribers, sent = case
        for some in (subscribers, *([one] for one in subscribers)):
            made = to_filter_policy(some, attributes=PATHS)
            if made.policy is None:
                continue
            reference = ReferencePolicy(made.policy, of_attributes=True)
            seen['policies'] += 1
            seen['excluding'] += not reference.passes_by(NO_FILTER_ATTRIBUTES)
            for message in sent:
                attributes = to_aws(with_filter_attributes({}, PATHS, to_document(message.payload)))
                matched = is_matched(message, some)
                seen['matched'] += matched
                passes = reference.passes_by(attributes)
                seen['excluded'] += not passes
                assert not matched or passes, f'{attributes}\n{made}'

    holds()
    assert seen['policies'] > 20, seen
    assert seen['excluding'] == seen['policies'], seen
    assert seen['matched'] > 10, seen
    assert seen['excluded'] > 10, seen


def test_excludes_no_event_of_the_corpus_that_an_eventbridge_pattern_matches() -> None:
    """The test combines all patterns of the corpus with all its events."""
    excluded = 0
    bodies = [(event, json.dumps(event)) for event in EVENTS]
    for index, (source, pattern) in enumerate(patterns().items()):
        made = to_filter_policy(pattern)
        if made.policy is None:
            continue
        reference = ReferencePolicy(made.policy)
        for event, body in bodies[index % STEP :: STEP]:
            passes = reference.passes(body)
            excluded += not passes
            assert passes or not evaluate(event, pattern), f'{event}\n{source}\n{made}'
    assert excluded > 1_000


def test_excludes_no_attributes_of_the_corpus_that_an_eventbridge_pattern_matches() -> None:
    """Each path of the pattern that can have an attribute has one."""
    excluded = 0
    for index, (source, pattern) in enumerate(patterns().items()):
        assert isinstance(pattern, EventPattern)
        paths = {
            condition.path
            for combination in pattern.combinations
            for condition in combination
            if all(condition.path)
        }
        named = {f'f{number}': '.'.join(path) for number, path in enumerate(sorted(paths))}
        made = to_filter_policy(pattern, attributes=named or ['other'])
        if made.policy is None:
            continue
        reference = ReferencePolicy(made.policy, of_attributes=True)
        for event in EVENTS[index % STEP :: STEP]:
            passes = reference.passes_by(
                to_aws(with_filter_attributes({}, named, to_document(event)))
            )
            excluded += not passes
            assert passes or not evaluate(event, pattern), f'{event}\n{source}\n{made}'
    assert excluded > 1_000


def is_documented(case: Case) -> bool:
    """Return whether SNS documents the operators of a pattern."""
    try:
        ReferencePolicy(case.pattern)
    except (RefusedError, ValueError, AttributeError, TypeError, KeyError):
        return False
    return True


def test_the_reference_implementation_agrees_with_eventbridge() -> None:
    """It lets fewer messages through where the behaviour of SNS is unclear."""
    cases = list(filter(is_documented, ANSWERED))
    assert len(cases) > 300
    for case in cases:
        passes = ReferencePolicy(case.pattern).passes(json.dumps(case.event))
        # For SNS, null and an empty text do not exist, and an IP address may be an ordinary text.
        may_be_narrower = 'exists' in json.dumps(case.pattern) or 'ip' in case.pattern
        assert passes is case.matches or (may_be_narrower and not passes), case.name


def test_lets_through_a_number_that_is_rounded_to_an_equal_double() -> None:
    """SNS compares the digits of a number, and a listener parses a double."""
    body = '{"a":42.00000000000000000001}'
    assert evaluate(json.loads(body), {'a': 42})
    policy = to_filter_policy({'a': 42}, {'b': one_of(42, 'x')}).policy
    assert policy is not None
    assert ReferencePolicy(policy).passes(body)
    assert ReferencePolicy(policy).passes(body.replace('a', 'b'))
    assert not ReferencePolicy(policy).passes('{"c":42}')
