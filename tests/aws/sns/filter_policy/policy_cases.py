"""Strategies for subscribers and messages that mostly match each other.

A message is the text of a body. This library's publishers write some bodies, and other producers
write the rest: with attributes among the fields of an event, absent versions, unusual spellings of
numbers, and repeated names. Most patterns are derived from the payload of a message.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hypothesis import reject
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from mega.aws.sqs.subscribe import DataSubscriber, EventSubscriber, MessageSubscriber
from mega.codec import encode
from mega.errors import PatternError
from mega.event import Payload
from mega.match import functions
from tests.aws.sns.filter_policy.declarations import subscriber
from tests.match.readings import number
from tests.match.reference import Call, build
from tests.match.strategies import (
    BLOCKS,
    KEYS,
    TEXTS,
    descriptions,
    descriptions_of,
    evenly,
    is_short,
    sampled,
)

NUMBERS = (
    0, 1, 2, -1, 5, 42, 100, -0.0, 1.0, 2.5, -2.5, 19.99, 0.1, 0.1 + 0.2, 1e-7, 1e9, 10**9 + 1,
    1e22, 2**53, 2**53 + 1, 10**30, 123456.78901, 0.000001,
)  # fmt: skip
NAMES = ('order:paid', 'order:sent', 'user:login:web', 'user:login:app', 'ORDER:PAID', 'a"b', '')
DOMAINS = ('shop', 'user', 'shop-eu', '')
SPELLINGS = (
    '4.2e1',
    '0.42e2',
    '420e-1',
    '42.0',
    '-2.5',
    '-25e-1',
    '-0.25E1',
    '0e5',
    '-0.0',
    '5',
    '0.05e2',
)
ODD_TEXTS = ('Kiss', 'KI\u017f\u017f', '\u212aiss', 'ki\u00df', 'f*x', 'x\\y', '"', 'x"', '\ufb01x')
INSTANTS = (
    '2020-01-01T00:00:00.000', '2020-01-01T23:59:59Z', '2020-01-01T23:30:00-02:00',
    '2019-12-31T23:00:00.5-14:00', '2020-01-02 01:00:00+02:00', '2020-01-02',
)  # fmt: skip

scalars = evenly(
    sampled(('a', 'ab', 'abc', '1', 1, 2, True, False, None, '', 5, '5', 42)),
    sampled(TEXTS + ODD_TEXTS),
    sampled(SPELLINGS + ODD_TEXTS),
    sampled(NUMBERS),
    sampled(NAMES + INSTANTS),
)
keys = sampled(('a', 'b', 'c')) | sampled((*KEYS, 'name', 'exists', '$or', 'version', '\ud800'))
values: SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: evenly(
        st.lists(inner, max_size=3), st.lists(scalars, max_size=3), st.dictionaries(keys, inner)
    ),
    max_leaves=6,
)
objects = st.dictionaries(keys, values, max_size=3)


@dataclass(frozen=True)
class Message:
    """A body, the payload that a listener opens from it, and the payload's normal form."""

    body: str
    payload: Payload | dict[str, Any]

    @property
    def normal_form(self) -> dict[str, Any]:
        return self.payload.to_dict() if isinstance(self.payload, Payload) else self.payload


# ── messages ─────────────────────────────────────────────────────────────────────────────────────


@st.composite
def foreign_json(draw: DrawFn, value: Any) -> str:
    """JSON that another producer may write for a value."""
    if isinstance(value, dict):
        fields = []
        for name, inner in value.items():
            if draw(st.integers(0, 11)) == 0:  # the last of two equal names counts
                fields.append(f'{json.dumps(name)}:{json.dumps(draw(values))}')
            fields.append(f'{json.dumps(name)} : {draw(foreign_json(inner))}')
        return '{' + ', '.join(fields) + '}'
    if isinstance(value, list):
        return '[' + ','.join(draw(foreign_json(inner)) for inner in value) + ']'
    return json.dumps(value)


@st.composite
def wire_numbers(draw: DrawFn, value: Any) -> Any:
    """An equal value, with some integers as floats."""
    if isinstance(value, dict):
        return {name: draw(wire_numbers(inner)) for name, inner in value.items()}
    if isinstance(value, list):
        return [draw(wire_numbers(inner)) for inner in value]
    if type(value) is int and abs(value) < 2**53 and draw(st.booleans()):
        return float(value)
    return value


@st.composite
def event_documents(draw: DrawFn) -> dict[str, Any]:
    """MEGA events in every form that the protocol allows."""
    text = st.none() | sampled((*DOMAINS, '5', '42', 'order', '2020-01-01'))
    version = st.none() | sampled((1, 2, 3, 2**53 + 1))
    attributes = draw(objects)
    event: dict[str, Any] = draw(
        st.fixed_dictionaries(
            {'name': sampled(NAMES), 'timestamp': sampled(INSTANTS)},
            optional={
                'domain': sampled(DOMAINS), 'version': version, 'subject': text, 'publisher': text,
            },
        )
    )  # fmt: skip
    for name in list(attributes):
        if name not in ('name', 'version') and draw(st.booleans()):
            event[name] = attributes.pop(name)
    if draw(st.booleans()) or attributes:
        event['attributes'] = attributes
    object_data: SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
        {},
        optional={
            'type': text, 'id': text, 'version': version, 'current': st.none() | objects,
            'previous': st.none() | objects, 'b': scalars,
        },
    )  # fmt: skip
    document: dict[str, Any] = draw(
        st.fixed_dictionaries(
            {
                'protocol': st.just('mega'),
                'version': sampled((1, '1', 1.0)),
                'event': st.just(event),
            },
            optional={
                'object': st.none() | object_data,
                'extra': st.none() | objects,
                'event.version': scalars,
                'a': values,
            },
        )
    )
    return document


def open_document(document: dict[str, Any]) -> Payload | dict[str, Any]:
    return Payload.from_dict(document) if document.get('protocol') == 'mega' else document


@st.composite
def messages(draw: DrawFn, documents: SearchStrategy[dict[str, Any]]) -> Message:
    """Messages of a document, written by this library or by another producer."""
    document = draw(documents)
    payload = open_document(document)
    if draw(st.booleans()):
        return Message(encode(payload), payload)
    if not isinstance(payload, Payload):
        document = draw(wire_numbers(document))
    return Message(draw(foreign_json(document)), open_document(document))


# ── subscribers ──────────────────────────────────────────────────────────────────────────────────

FIELDS = {
    'event_name': ('event', 'name'), 'domain': ('event', 'domain'),
    'event_version': ('event', 'version'), 'timestamp': ('event', 'timestamp'),
    'subject': ('event', 'subject'), 'event_publisher': ('event', 'publisher'),
    'attributes': ('event', 'attributes'), 'object_type': ('object', 'type'),
    'object_id': ('object', 'id'), 'object_version': ('object', 'version'),
    'current_object': ('object', 'current'), 'object_previous': ('object', 'previous'),
    'extra': ('extra',),
}  # fmt: skip


@st.composite
def patterns_of(draw: DrawFn, value: Any, root: Any) -> Any:
    """Patterns for a value; most of them match it."""
    if isinstance(value, str) and draw(st.integers(0, 2)) == 0:
        return draw(text_patterns(value))
    if type(value) in (int, float) and draw(st.integers(0, 2)) == 0:
        return str(value) if draw(st.booleans()) else draw(sampled((value, Call('not_', (7,)))))
    return draw(descriptions_of(value, root))


@st.composite
def text_patterns(draw: DrawFn, value: str) -> Any:
    """Patterns for a text; most of them match it."""
    cut = draw(st.integers(0, 6))
    fold = (('ignore_case', True),)
    regex = value.replace('\\', r'\\').replace('*', r'\*')
    spelled_number = number(value)
    numbers = (
        [] if spelled_number is None or spelled_number.denominator > 64 else [float(spelled_number)]
    )
    days = [datetime.fromisoformat(value[:10])] if value in INSTANTS else []
    patterns = [
        *numbers * 5, value, [value, 'x'], Call('prefix', (value[:cut],)),
        Call('suffix', (value[cut:],)),
        Call('prefix', (value[:cut].upper(),), fold), Call('iequals', (value.swapcase(),)),
        Call('substring', (value[1:cut],)), Call('one_of', (value, Call('prefix', ('zz',)))),
        Call('wildcard', (f'{value[:1]}*{value[-1:]}'.replace('\\', '?'),)),
        Call('wildcard', ('?' * len(value),)), Call('not_', (value + 'x',)),
        Call('none_of', ('x', Call('prefix', ('zz',)))), Call('not_', (Call('prefix', ('zz"',)),)),
        *[day.date() for day in days] * 2, *days,
    ]  # fmt: skip
    if '"' not in value and regex.replace(':', '').replace('-', '').isalnum():
        patterns += [
            Call('match', (f'{regex[:cut]}.*',)), Call('match', (f'{regex}?|zz',)),
            Call('search', (f'{regex[1:]}x*',)), Call('fullmatch', (f'({regex}|zz)',)),
            Call('match', (f'{regex}x*y?',)), Call('search', (f'^{regex[:2]}',)),
        ]  # fmt: skip
    return draw(sampled(patterns))


@st.composite
def event_subscribers(draw: DrawFn, normal_form: dict[str, Any]) -> type[MessageSubscriber]:
    """Subscribers of events, derived from one event."""
    declared: dict[str, Any] = {}
    derived: dict[str, Any] = {}
    names = draw(st.lists(sampled(sorted(FIELDS)), min_size=0, max_size=4, unique=True))
    for name in (draw(st.lists(sampled(('event_name', 'domain')), unique=True))) + names:
        value: Any = normal_form
        for key in FIELDS[name]:
            value = value.get(key) if isinstance(value, dict) else None
        rhs = draw(patterns_of(value, normal_form))
        if value is None:
            rhs = draw(sampled((Call('missing'), Call('optional', (rhs,)))))
        any_rhs = draw(evenly(*[st.just(rhs)] * 7, descriptions()))
        for patterns, chosen in ((derived, rhs), (declared, any_rhs)):
            pattern = build(chosen)
            patterns[name] = staticmethod(pattern) if callable(pattern) else pattern
    for patterns in (declared, derived):
        with suppress(PatternError):  # a pattern may be impossible at its field
            return subscriber(EventSubscriber, patterns)
    reject()


@st.composite
def data_subscribers(draw: DrawFn, normal_form: dict[str, Any]) -> type[MessageSubscriber]:
    """Subscribers of data objects, derived from one object."""
    fields = (
        draw(st.lists(sampled(sorted(normal_form)), min_size=1, max_size=3)) if normal_form else []
    )
    rhs = {key: draw(patterns_of(normal_form[key], normal_form)) for key in fields}
    rhs |= (
        {'gone': draw(sampled((Call('missing'), Call('optional', (5,)))))} if len(rhs) != 1 else {}
    )
    both = [rhs, Call('or_', (rhs, draw(descriptions_of(normal_form, normal_form))))]
    pattern = build(draw(evenly(st.just(both[0]), st.just(both[0]), st.just(both[1]))))
    kind = draw(sampled((DataSubscriber, DataSubscriber, MessageSubscriber)))
    return subscriber(kind, {'pattern': pattern})


@st.composite
def cases(draw: DrawFn) -> tuple[list[type[MessageSubscriber]], list[Message]]:
    """Subscribers and messages: the messages that the subscribers derive from, and others."""
    drawn = evenly(messages(event_documents()), messages(objects))
    sent = draw(st.lists(drawn, min_size=2, max_size=4))
    count = draw(st.integers(1, min(3, len(sent))))
    subscribers = [
        draw(event_subscribers(message.normal_form))
        if isinstance(message.payload, Payload)
        else draw(data_subscribers(message.normal_form))
        for message in sent[:count]
    ]
    return subscribers, sent


# ── all patterns and all values ──────────────────────────────────────────────────────────────────

PIECES = ('a', 'ab', 'A', 'Kiss', 'ss', 'f', '42', '2020-01-01', '"', 'x\\', '*', 'order:', '')
VALUES: list[Any] = [
    *dict.fromkeys((*TEXTS, *ODD_TEXTS, *SPELLINGS, *INSTANTS, *NAMES, *PIECES)),
    *NUMBERS, 42, -2.5, 3.0, True, False, None, [], {}, [[]], [{}], ['a'], ['a', 'b'], [['a']],
    ['a', 5], [5], [42, 'x'], ['x', 'y'], [None], [{'b': 1}], [{'b': 1}, {'c': 2}], {'b': 1},
    {'b': None}, {'c': 2}, [['a', 'b'], []], [''], ['', None], ['42'], [{'b': 'a'}, 'a'],
]  # fmt: skip
DAYS = [
    datetime.fromisoformat(text) for text in ('2020-01-01', '2020-01-01T23:59:59', '2019-12-31')
]


def every_pattern() -> list[Any]:
    """Patterns of one value: most functions, with many arguments that SNS reads differently."""
    plain = [*VALUES[: VALUES.index([])], *DAYS, *(day.date() for day in DAYS)]
    texts = [
        function(piece)
        for piece in PIECES
        for function in (
            functions.prefix, functions.suffix, functions.substring, functions.iequals,
            lambda piece: functions.prefix(piece, ignore_case=True),
            lambda piece: functions.wildcard(f'*{piece.replace(chr(92), "?")}?'),
            lambda piece: functions.wildcard(f'?{piece.replace(chr(92), "?")}*'),
            lambda piece: functions.match(re.escape(piece)),
            lambda piece: functions.match(f'{re.escape(piece or "a")}*'),
            lambda piece: functions.match(f'{re.escape(piece)}x?y|4'),
            lambda piece: functions.search(f'{re.escape(piece)}'),
            lambda piece: functions.search(f'^{re.escape(piece)}'),
            lambda piece: functions.fullmatch(f'{re.escape(piece)}.*'),
        )
    ]  # fmt: skip
    compared = [
        function(value)
        for value in (0, 5, 41.5, 'a', '', DAYS[0], DAYS[0].date(), -1)
        for function in (functions.gt, functions.gte, functions.lt, functions.lte)
    ]
    regexes = ('a|b', '(?i)kiss', r'[\]]|a[b]', '(?#()|a', 'ab{0}', 'a(?:b|c)', '^a', 'a$')
    others = [
        *map(functions.match, regexes),
        functions.search(re.compile('^a', re.MULTILINE)),
        functions.match(re.compile('a b', re.VERBOSE)),
        *(functions.cidr(block) for block in BLOCKS),
        *(functions.is_a(kind) for kind in (str, int, float, bool, list, dict, object, None)),
        functions.any_(), functions.exists(), functions.missing(), functions.empty(),
        functions.between(1, 50), functions.between('a', 'b'), functions.length(2),
        functions.json_text('a'),
        {}, {'b': 1}, [{'b': 1}, {'c': 2}], [], [['a', 'b'], []], [['a']], is_short,
        functions.contains({'b': 'a'}), functions.exactly(['a', 5]), functions.every('a'),
        functions.contains_all('a', 'b'), functions.exactly([['a']]),
    ]  # fmt: skip
    single = [*plain, *texts, *compared, *others]
    outer = (
        functions.not_, functions.optional, functions.contains, functions.eq,
        lambda inner: functions.not_(functions.not_(inner)),
        lambda inner: functions.or_('z', inner), lambda inner: functions.one_of(5, inner),
        lambda inner: functions.and_(functions.exists(), inner), lambda inner: ['z', inner],
        lambda inner: functions.none_of('z', inner), lambda inner: functions.every(inner),
    )  # fmt: skip
    chosen = (
        outer[(place + step) % len(outer)](inner)
        for place, inner in enumerate(single)
        for step in (0, 4)
    )
    return [*single, *chosen]
