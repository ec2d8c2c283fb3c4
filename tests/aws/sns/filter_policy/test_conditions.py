"""The translation of a pattern of one field to conditions of SNS."""

from __future__ import annotations

import re
from datetime import date, datetime, timezone
from typing import Any
from uuid import UUID

import pytest

from mega.aws.sns import to_filter_policy
from mega.errors import ConfigurationError
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
from tests.aws.sns.filter_policy.declarations import (
    data_subscriber,
    event_subscriber,
)

ANY_TEXT, PRESENT = {'wildcard': '*'}, {'exists': True}
DAY = date(2020, 1, 1)
DAYS = [{'prefix': '2019-12-31'}, {'prefix': '2020-01-01'}, {'prefix': '2020-01-02'}]


def conditions_of(pattern: Any, **options: Any) -> Any:
    """Return the conditions for one field of data objects; None without a policy."""
    policy = to_filter_policy(data_subscriber(a=pattern), **options).policy
    return None if policy is None else sorted(policy['a'], key=str)


@pytest.mark.parametrize(
    ('pattern', 'conditions'),
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
def test_translates_a_pattern_to_conditions(pattern: Any, conditions: list[Any]) -> None:
    assert conditions_of(pattern) == sorted(conditions, key=str)


@pytest.mark.parametrize(
    ('pattern', 'conditions'),
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
def test_widens_and_reports_what_sns_cannot_express(pattern: Any, conditions: Any) -> None:
    policy = to_filter_policy(data_subscriber(a=pattern))
    assert policy.policy == (None if conditions is None else {'a': conditions})
    assert {widened.path for widened in policy.widened} == {'a'}
    assert all(widened.reason for widened in policy.widened)


@pytest.mark.parametrize('key', ['', 'x.y', '$or', 'prefix', '\ud800'])
def test_leaves_out_a_field_name_that_sns_reads_differently(key: str) -> None:
    policy = to_filter_policy(data_subscriber(**{key: 'x', 'b': 'y', 'c': {key: 'x'}}))
    assert policy.policy == {'b': ['y']}
    assert len(policy.widened) == 2


def test_tests_the_absence_of_top_level_fields_only() -> None:
    """At a nested path, SNS also finds a name with dots, and the first of two equal keys."""
    policy = to_filter_policy(data_subscriber(a='x', b={'c': missing(), 'd': optional(1)}))
    assert policy.policy == {'a': ['x']}
    assert [widened.path for widened in policy.widened] == ['b.c', 'b.d']


def test_tests_one_condition_where_two_members_of_an_array_must_match() -> None:
    assert conditions_of(contains_all('x', 'y')) in (['x'], ['y'])
    lines = from_eventbridge({'lines': {'sku': ['A'], 'n': ['1']}})
    others = from_eventbridge({'lines': {'sku': ['B'], 'n': ['2']}})
    policy = to_filter_policy(and_(lines, others)).policy
    assert policy in (
        {'lines': {'sku': ['A'], 'n': ['1']}},
        {'lines': {'sku': ['B'], 'n': ['2']}},
    )


# ── attributes ───────────────────────────────────────────────────────────────────────────────────


def test_tests_the_attributes_that_the_user_names() -> None:
    subscriber = event_subscriber(name='e', event_version=1, attributes={'a': 'x', 'b': 'y'})
    policy = to_filter_policy(subscriber, attributes={'kind': 'event.name', 'v': 'event.version'})
    assert policy.policy == {
        'kind': ['e'],
        'v': [{'numeric': ['=', 1]}, {'prefix': '0.'}, {'prefix': '1'}],
    }
    assert policy.scope == 'MessageAttributes'
    assert policy.filter_attributes == {'kind': 'event.name', 'v': 'event.version'}
    assert {widened.path for widened in policy.widened} >= {'event.attributes.a'}


@pytest.mark.parametrize(
    'pattern',
    ['', 'a"b', 'a\\b', prefix(''), missing(), optional('x'), is_a(str), b'x', wildcard('*')],
)
def test_does_not_test_an_attribute_that_may_be_absent(pattern: Any) -> None:
    assert conditions_of(pattern, attributes=['a']) is None


@pytest.mark.parametrize(
    ('pattern', 'conditions'),
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
def test_translates_values_that_only_attributes_have(pattern: Any, conditions: list[Any]) -> None:
    assert conditions_of(pattern, attributes=['a']) == conditions


@pytest.mark.parametrize(
    'attributes', ['a', 5, [5], ['a..b'], {'a.b': 'c'}, {5: 'c'}, {'a': 5}, ['a.b', 'a_b']]
)
def test_refuses_invalid_attribute_names_and_paths(attributes: Any) -> None:
    with pytest.raises(ConfigurationError, match='filter_attributes'):
        to_filter_policy(data_subscriber(a='x'), attributes=attributes)
