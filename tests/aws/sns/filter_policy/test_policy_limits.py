"""Policies of many subscribers stay within SNS's limits."""

from __future__ import annotations

import pytest

from mega.aws.sns import to_filter_policy
from mega.event import PayloadBuilder
from mega.match.functions import (
    gt,
    one_of,
    or_,
    substring,
)
from tests.aws.sns.filter_policy.declarations import (
    data_subscriber,
    event_subscriber,
)
from tests.aws.sns.filter_policy.sns_reference import refuse_invalid


def test_keeps_the_five_most_selective_keys() -> None:
    policy = to_filter_policy(data_subscriber(a='x', b=gt(1), c='y', d=True, e='z', f='u', g='v'))
    assert policy.policy == {name: [value] for name, value in zip('acefg', 'xyzuv', strict=True)}
    assert {
        each.path for each in policy.widened if each.reason == 'SNS accepts at most 5 keys'
    } == {'b', 'd'}


def test_replaces_many_values_by_common_prefixes() -> None:
    names = [f'{thing}.{verb}{n}' for thing in ('item', 'cart') for verb in 'ab' for n in range(60)]
    policy = to_filter_policy(data_subscriber(name=one_of(*names)))
    assert policy.policy is not None
    refuse_invalid(policy.policy)
    assert policy.share([{'name': name} for name in names]) == 1.0
    assert policy.share([{'name': 'user.a1'}, {'name': 'item.c1'}, {'name': 'cart'}]) == 0.0
    assert 'SNS accepts at most 150 combinations' in str(policy)


def test_widens_a_shared_key_in_all_branches() -> None:
    """Otherwise the key would no longer be shared, and would count once per branch."""
    names = [f'n{n}.done' for n in range(200)]
    pattern = or_({'n': names, 'a': 'x'}, {'n': names, 'b': 'y'}, {'n': names, 'c': 'z'})
    policy = to_filter_policy(pattern)
    assert policy.policy is not None
    refuse_invalid(policy.policy)
    assert policy.lets_through({'n': 'n7.done', 'c': 'z'})
    assert not policy.lets_through({'n': 'other', 'c': 'z'})


def test_keeps_within_the_complexity_of_wildcards() -> None:
    policy = to_filter_policy(
        data_subscriber(name=one_of(*(substring(f'{n}') for n in range(10)), 'x'), b='y')
    )
    assert policy.policy == {'b': ['y']}
    assert 'complexity points' in str(policy)


def test_keeps_within_the_size_of_a_policy() -> None:
    policy = to_filter_policy(data_subscriber(a='x' * 300_000, b='y'))
    assert policy.policy == {'b': ['y']}
    assert '256 KB' in str(policy)


@pytest.mark.no_cover
@pytest.mark.parametrize('count', [30, 120])
def test_fits_the_policy_of_many_subscribers_to_the_limits(count: int) -> None:
    subscribers = [
        event_subscriber(name=f'thing{n}.done', domain=f'd{n % 3}', attributes={f'k{n % 7}': 'x'})
        for n in range(count)
    ]
    policy = to_filter_policy(
        *subscribers, data_subscriber(type='order', **{f'f{n}': 'x' for n in range(20)})
    )
    assert policy.policy is not None
    refuse_invalid(policy.policy)
    sent = [
        PayloadBuilder()
        .with_event(name=f'thing{n}.done', domain=f'd{n % 3}', attributes={f'k{n % 7}': 'x'})
        .build()
        for n in range(count)
    ]
    assert policy.share(sent) == 1.0
    assert not policy.lets_through({'type': 'invoice'})
    assert not policy.lets_through(PayloadBuilder().with_event(name='e', domain='other').build())
