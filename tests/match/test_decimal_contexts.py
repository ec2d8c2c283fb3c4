"""Matching does not depend on the decimal context of the program, and raises in none.

A program may trap any signal of `decimal`: code for money often traps `FloatOperation`.
"""

from __future__ import annotations

import decimal
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings

from mega.aws._messages.filter_attributes import extract_attributes
from mega.aws.sns import to_filter_policy
from mega.aws.sqs.subscribe import DataSubscriber, Stats
from mega.errors import PatternError
from mega.match import PatternSet, evaluate, explain, functions
from mega.match.eventbridge import from_eventbridge
from mega.match.functions import between, field, gt, lte, neq, one_of
from tests.aws._publishing.batches import QUEUE
from tests.aws.answers import sqs_answer
from tests.aws.fault_server import fault_server
from tests.aws.sqs.subscribe.factories import listener_on, subscriber, will_receive
from tests.hostile import bson_body
from tests.match.reference import build
from tests.match.strategies import cases
from tests.profile import amount

STRICT = decimal.Context(prec=1, Emin=-1, Emax=1, traps=list(decimal.Context().flags))
LENIENT = decimal.Context(prec=1, Emin=-1, Emax=1, traps=[])
BOTH = pytest.mark.parametrize('context', [STRICT, LENIENT], ids=['strict', 'lenient'])

NUMBERS: list[Any] = [
    0, 1, 19, 19.99, 0.1, -2.5, 2**53 + 1, 10**400, Decimal('19.99'), Decimal('1E+6144'),
    Decimal('0.1000'), Decimal('-1E-6176'), '19.99', '1e999999999999999999', '0.1',
]  # fmt: skip
OF_EVENTBRIDGE: list[dict[str, Any]] = [
    {'a': [{'numeric': ['>', 0.1, '<=', 19.99]}]},
    {'a': [{'numeric': ['=', 19.99]}]},
    {'a': [{'numeric': ['<', 19.99]}, {'anything-but': [0.1, 1]}]},
    {'a': [0.1, 19, 'x']},
]
PATTERNS: list[Any] = [
    *(from_eventbridge(pattern) for pattern in OF_EVENTBRIDGE),
    *({'a': pattern} for pattern in (
        19.99, Decimal('0.1'), gt(0.1), gt(Decimal(1)), lte(19.99), between(Decimal('0.1'), 19.99),
        one_of(0.1, Decimal('19.99'), 10**400), neq(0.1), neq(Decimal('0.1')), gt(field('b')),
    )),
]  # fmt: skip


@pytest.fixture
def strict() -> Iterator[None]:
    with decimal.localcontext(STRICT):
        yield


def results(pattern: Any, payload: Any) -> list[Any]:
    patterns: PatternSet[str] = PatternSet()
    patterns.add(pattern, 'target')
    patterns.add({'a': gt(Decimal('0.5'))}, 'another')
    return [evaluate(payload, pattern), bool(explain(payload, pattern)), patterns.match(payload)]


@BOTH
@pytest.mark.parametrize('pattern', PATTERNS, ids=repr)
def test_numbers_match_as_in_the_default_context(context: decimal.Context, pattern: Any) -> None:
    for number in NUMBERS:
        payload = {'a': number, 'b': 0.1}
        expected = results(pattern, payload)
        with decimal.localcontext(context):
            assert results(pattern, payload) == expected


@settings(max_examples=amount(8, 1_000))
@given(cases(predicates=False))
def test_any_pattern_matches_as_in_the_default_context(case: Any) -> None:
    payload, description = case
    expected = results(build(description), payload)
    with decimal.localcontext(STRICT):
        assert results(build(description), payload) == expected


@pytest.mark.usefixtures('strict')
@pytest.mark.parametrize('pattern', OF_EVENTBRIDGE, ids=repr)
def test_a_filter_policy_is_written_in_any_context(pattern: dict[str, Any]) -> None:
    made = subscriber(base=DataSubscriber, pattern=from_eventbridge(pattern))
    for attributes in (None, ['a']):
        assert to_filter_policy(made, attributes=attributes).scope


@pytest.mark.usefixtures('strict')
def test_fields_become_attributes_in_any_context() -> None:
    data = {'price': 19.99, 'exact': Decimal('19.99'), 'large': 1e300}
    paths = {name: (name,) for name in data}
    assert extract_attributes(data, paths) == {**data, 'large': '1e+300'}


def test_a_listener_matches_decimals_in_a_context_that_traps_float_operations() -> None:
    """The context of the calling thread, which `drain` uses with a concurrency of 1."""
    body = bson_body(0x13, (1999 | (6176 - 2) << 113).to_bytes(16, 'little'))
    received = {'MessageId': '1', 'ReceiptHandle': 'a', 'Body': body}
    seen: list[Any] = []
    made = subscriber(
        None, seen, DataSubscriber, pattern=from_eventbridge({'a': [{'numeric': ['>', 9.5]}]})
    )
    with fault_server() as faults, decimal.localcontext() as context:
        will_receive(faults, sqs_answer(Messages=[received]), sqs_answer())
        context.traps[decimal.FloatOperation] = True
        stats = listener_on(faults, QUEUE, made).drain()
    assert stats == Stats(received=1, done=1, deleted=1)
    assert seen == [{'a': Decimal('19.99')}]


HOSTILE: list[Any] = [
    10**5000, -(10**5000), float('nan'), float('inf'), Decimal('NaN'), Decimal('sNaN'),
    Decimal('Infinity'), Decimal('1E+999999'), object(), b'x', {10**5000: 1}, {'numeric': 5},
    {'numeric': ['>', 10**5000]}, {'numeric': ['>', Decimal('sNaN')]}, {'numeric': [10**5000, 1]},
    {'anything-but': 10**5000}, {'anything-but': [Decimal('NaN')]}, {'exists': 10**5000},
    {'prefix': 10**5000}, {'cidr': Decimal('NaN')}, {'wildcard': {1: 10**5000}},
]  # fmt: skip


@BOTH
@pytest.mark.parametrize('value', HOSTILE, ids=[str(n) for n in range(len(HOSTILE))])
def test_an_event_pattern_with_a_value_that_json_cannot_carry_is_a_pattern_error(
    context: decimal.Context, value: Any
) -> None:
    for pattern in ({'a': [value]}, {'$or': [{'a': [value]}, {'b': ['x']}]}, {'a': value}):
        with decimal.localcontext(context), pytest.raises(PatternError) as caught:
            from_eventbridge(pattern)
        assert len(str(caught.value)) < 500


@BOTH
@pytest.mark.parametrize('name', sorted(functions.__all__))
def test_a_function_takes_any_number_or_raises_a_pattern_error(
    context: decimal.Context, name: str
) -> None:
    function = getattr(functions, name)
    for arguments in [(value,) for value in HOSTILE] + [(value, value) for value in HOSTILE]:
        with decimal.localcontext(context):
            try:
                pattern = function(*arguments)
            except PatternError:
                continue
            except TypeError as error:
                if 'argument' not in str(error):  # it takes another number of arguments
                    raise
                continue
            assert repr(pattern)
            for number in NUMBERS:
                evaluate(number, pattern)
