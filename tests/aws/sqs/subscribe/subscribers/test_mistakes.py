"""Mistakes in a declaration are refused, with the remedy; ordinary class attributes are not."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from functools import cached_property, partial
from typing import Any, ClassVar

import pytest

from mega.aws.sqs.subscribe import (
    BlobSubscriber,
    DataSubscriber,
    EventSubscriber,
    MessageSubscriber,
    TextSubscriber,
)
from mega.errors import ConfigurationError, PatternError
from mega.event import Payload
from mega.match import PatternSet, evaluate
from mega.match.eventbridge import from_eventbridge
from mega.match.functions import (
    and_,
    any_,
    between,
    contains,
    empty,
    eq,
    exists,
    field,
    gt,
    gte,
    is_a,
    length,
    match,
    missing,
    neq,
    not_,
    one_of,
    optional,
    or_,
    prefix,
)
from tests.aws.sqs.subscribe.factories import is_dispatched, subscriber
from tests.event.examples import item_added

EVENT = item_added()


def is_urgent(lhs: object) -> bool:
    return True


def id_of(value: Any) -> str:
    return str(getattr(value, '__name__', None) or ascii(value))


def declare(base: Any, **declared: Any) -> None:
    subscriber(base=base, **declared)


@pytest.mark.parametrize(
    ('name', 'meant'),
    [
        ('nmae', 'name'),
        ('nam', 'name'),
        ('names', 'name'),
        ('Name', 'name'),
        ('attribute', 'attributes'),
        ('atributes', 'attributes'),
        ('atribute', 'attributes'),
        ('attribtue', 'attributes'),
        ('event_atribute', 'event_attributes'),
        ('retriabel_exception', 'retriable_exceptions'),
        ('domian', 'domain'),
        ('verison', 'version'),
        ('event_nmae', 'event_name'),
        ('evnt_name', 'event_name'),
        ('object_tpye', 'object_type'),
        ('objects_type', 'object_type'),
        ('curent_object', 'current_object'),
        ('exta', 'extra'),
        ('patern', 'pattern'),
        ('retriable_exception', 'retriable_exceptions'),
        ('retryable_exceptions', 'retriable_exceptions'),
        ('retry_dealy', 'retry_delay'),
    ],
)
@pytest.mark.parametrize('value', ['x', {'a': 1}, gt(5), lambda lhs: True, ('x',), None, re.match])
def test_a_misspelt_declaration_is_refused_with_the_name_that_is_meant(
    name: str, meant: str, value: Any
) -> None:
    with pytest.raises(ConfigurationError, match=f"^Made.{name} would be ignored: .* '{meant}'; "):
        subscriber(base=EventSubscriber, **{name: value})


@pytest.mark.parametrize('name', ['patern', 'retry_dealy'])
@pytest.mark.parametrize(
    'base', [DataSubscriber, TextSubscriber, BlobSubscriber, MessageSubscriber]
)
def test_a_misspelt_declaration_is_refused_in_a_subscriber_of_any_kind(
    base: Any, name: str
) -> None:
    with pytest.raises(ConfigurationError, match=name):
        declare(base, **{name: 5})


def test_a_misspelt_declaration_in_a_mixin_is_refused() -> None:
    class OfUsers:
        domian = 'user'

    with pytest.raises(ConfigurationError, match=r"^Both\.domian .* 'domain'"):
        type('Both', (OfUsers, EventSubscriber), {})


@pytest.mark.parametrize(('name', 'remedy'), [('event', 'event_name'), ('object', 'object_type')])
@pytest.mark.parametrize('base', [EventSubscriber, DataSubscriber, MessageSubscriber])
def test_a_reserved_word_is_refused(base: Any, name: str, remedy: str) -> None:
    with pytest.raises(ConfigurationError, match=f'^Made.{name} .*reserved.*{remedy}'):
        declare(base, **{name: {'name': 'item.added'}})


@pytest.mark.parametrize('name', ['name', 'domain', 'event_name', 'object_type', 'extra'])
@pytest.mark.parametrize(
    'base', [DataSubscriber, TextSubscriber, BlobSubscriber, MessageSubscriber]
)
def test_a_field_of_events_is_refused_in_a_subscriber_of_other_payloads(
    base: Any, name: str
) -> None:
    with pytest.raises(ConfigurationError, match=f'^Made.{name} .*only an EventSubscriber'):
        declare(base, **{name: 'x'})


@pytest.mark.parametrize(
    'function', [gt, prefix, one_of, exists, any_, not_, from_eventbridge, partial(gte, 5)]
)
def test_a_pattern_function_that_was_not_called_is_refused(function: Callable[..., Any]) -> None:
    for wanted in (function, {'a': function}, [function]):
        with pytest.raises(PatternError, match=r'call the function, with its arguments: \w+\('):
            evaluate({}, wanted)
    with pytest.raises(PatternError, match=r'Made\.attributes\.quantity.*call the function'):
        subscriber(base=EventSubscriber, attributes={'quantity': function})


def test_a_pattern_function_in_another_is_refused() -> None:
    with pytest.raises(PatternError, match=r'call the function, with its arguments: exists\(\.\.'):
        one_of('a', exists)


@pytest.mark.parametrize(
    'combine',
    [
        lambda: prefix('a') and prefix('b'),
        lambda: prefix('a') or prefix('b'),
        lambda: not prefix('a'),
    ],
    ids=['and', 'or', 'not'],
)
def test_patterns_are_not_combined_with_the_operators_of_python(
    combine: Callable[[], object],
) -> None:
    """Python would drop one of two patterns silently."""
    with pytest.raises(PatternError, match='write `p & q`'):
        combine()


EVENT_ONLY = {'event': {'name': 'item.added'}}


@pytest.mark.parametrize(
    ('base', 'pattern'),
    [
        (DataSubscriber, 'x'),
        (DataSubscriber, 5),
        (DataSubscriber, gt(5)),
        (DataSubscriber, between(date(2020, 1, 1), date(2020, 1, 2))),
        (DataSubscriber, ['a', 'b']),
        (DataSubscriber, []),
        (DataSubscriber, one_of('a', None)),
        (DataSubscriber, match('x')),
        (DataSubscriber, contains('x')),
        (DataSubscriber, is_a(str, bytes)),
        (DataSubscriber, missing()),
        (DataSubscriber, eq('x')),
        (DataSubscriber, not_(neq('x'))),
        (DataSubscriber, and_({'a': 1}, prefix('x'))),
        (DataSubscriber, or_('x', optional(5))),
        (TextSubscriber, {'a': 1}),
        (TextSubscriber, True),
        (TextSubscriber, b'x'),
        (TextSubscriber, from_eventbridge({'a': ['x']})),
        (BlobSubscriber, 'x'),
        (BlobSubscriber, length(5)),
        (BlobSubscriber, empty()),
        (MessageSubscriber, False),
        (MessageSubscriber, contains('x')),
        (EventSubscriber, 'x'),
        (EventSubscriber, {'name': 'item.added'}),
        (EventSubscriber, {'event': {'nmae': 'item.added'}}),
        (EventSubscriber, {'event': {'quantity': gt(0)}}),
        (EventSubscriber, {'object': {'current': 'x'}}),
        (EventSubscriber, or_({'x': 1}, {'event': {'name': {'a': 1}}})),
    ],
    ids=id_of,
)
def test_a_pattern_that_can_never_match_is_refused(base: Any, pattern: Any) -> None:
    with pytest.raises(PatternError, match=r'Made\.pattern.*can never match: \w+'):
        subscriber(base=base, pattern=pattern)


@pytest.mark.parametrize(
    ('declared', 'reason'),
    [
        ({'name': {'a': 1}}, r'Made\.name: .*the value here is always a str'),
        ({'name': contains('item.added')}, r'Made\.name: .*the value here is always a str'),
        ({'event_version': '1'}, r"Made\.event_version: '1': .*the value here is always an int"),
        ({'attributes': 'x'}, r'Made\.attributes: .*the value here is always an object'),
        ({'object_type': None}, r'Made\.object_type: .*the value here is always a str'),
        ({'extra': 'web'}, r'Made\.extra: .*the value here is always an object'),
        ({'pattern': {'extra': 'web'}}, r"Made\.pattern\.extra: 'web': .* always an object"),
        ({'pattern': {'event': {'version': '1'}}}, r"pattern\.event\.version: '1': .* an int"),
        ({'pattern': {'event': {'nmae': 'x'}}}, r'Made\.pattern\.event\.nmae: .*the keys are name'),
    ],
)
def test_the_error_of_an_impossible_pattern_has_the_place_and_the_reason(
    declared: dict[str, Any], reason: str
) -> None:
    with pytest.raises(PatternError, match=reason):
        subscriber(base=EventSubscriber, **declared)


@pytest.mark.parametrize(
    ('base', 'pattern'),
    [
        (DataSubscriber, {'a': 'x', 'b': contains('x')}),
        (DataSubscriber, or_('x', {'a': 1})),
        (DataSubscriber, not_('x')),
        (DataSubscriber, is_urgent),
        (DataSubscriber, length(gt(5))),
        (DataSubscriber, is_a(dict)),
        (DataSubscriber, empty()),
        (DataSubscriber, from_eventbridge({'a': ['x']})),
        (DataSubscriber, EVENT_ONLY),
        (DataSubscriber, field('a')),
        (TextSubscriber, 5),
        (TextSubscriber, date(2020, 1, 1)),
        (TextSubscriber, ['a', 5, {'a': 1}]),
        (TextSubscriber, gt('a')),
        (BlobSubscriber, b'x'),
        (BlobSubscriber, [b'x', 'x']),
        (BlobSubscriber, is_a(bytes)),
        (MessageSubscriber, 'x'),
        (MessageSubscriber, {'a': 1}),
        (MessageSubscriber, b'x'),
        (EventSubscriber, {'event': {'name': ['a', 'b'], 'version': gte(1)}, 'object': any_()}),
        (EventSubscriber, {'event': {'subject': missing(), 'other': missing()}}),
        (EventSubscriber, {'object': optional({'type': 'x'}), 'x': not_(exists())}),
        (EventSubscriber, {'event': {'timestamp': gt(date(2020, 1, 1))}}),
        (EventSubscriber, {'event': {'domain': neq(field('object.type'))}}),
        (EventSubscriber, {'object': {'current': {'anything': [1, 2]}}, 'protocol': 'mega'}),
        (EventSubscriber, from_eventbridge({'event': {'name': ['a']}})),
    ],
    ids=id_of,
)
def test_a_pattern_that_can_match_is_accepted(base: Any, pattern: Any) -> None:
    assert subscriber(base=base, pattern=pattern).compiled_pattern is not None


def test_ordinary_class_attributes_are_accepted() -> None:
    class Ordinary(EventSubscriber):
        name = 'item.added'
        NAME = 'x'
        NAMES = ('a', 'b')
        _nmae = 'x'
        game = timeout = 5
        client = table = session = object()
        queue = topic = cache = node = mode = same = note = number = tags = None
        type = id = key = kind = 'x'
        current = previous = 'x'  # type: ignore[assignment]  # a typed subscriber sets these
        event_date = event_type = event_store = object_key = object_store = table_name = 'x'
        domain_name = subject_line = pattern_id = retry_policy = max_delay = published = 'x'
        attributes_table: ClassVar[dict[str, str]] = {}
        names: list[str]
        event: Any

        def process(self, payload: Payload) -> None: ...

        def subjects(self) -> list[str]:
            return []

        async def publishers(self) -> None: ...

        @property
        def versions(self) -> int:
            return 1

        @cached_property
        def domains(self) -> int:
            return 1

        @classmethod
        def patterns(cls) -> int:
            return 1

        @staticmethod
        def extras() -> int:
            return 1

        class Attribute:
            pass

    assert is_dispatched(Ordinary, EVENT)


def test_methods_of_other_subscribers_may_have_the_names_of_fields() -> None:
    class Ordinary(DataSubscriber):
        def process(self, payload: Any) -> None: ...

        def name(self) -> str:
            return 'x'

        @property
        def event(self) -> str:
            return 'x'

    assert is_dispatched(Ordinary, {'a': 1})


def test_a_function_of_the_user_is_a_predicate_under_any_name() -> None:
    assert is_dispatched(subscriber(base=EventSubscriber, name=is_urgent), EVENT)
    patterns: PatternSet[int] = PatternSet()
    patterns.add(partial(lambda least, lhs: lhs > least, 5), 1)
    assert patterns.match(6) == [1]
