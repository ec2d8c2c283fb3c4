"""Policies of many subscribers stay within SNS's limits."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mega.aws.sns import to_filter_policy
from mega.aws.sqs.subscribe import MessageSubscriber
from mega.event import Payload, PayloadBuilder
from mega.match.functions import (
    gt,
    one_of,
    or_,
    prefix,
    substring,
    suffix,
)
from tests.aws.sns.filter_policy.declarations import (
    data_subscriber,
    event_subscriber,
)
from tests.aws.sns.filter_policy.sns_reference import RefusedError, refuse_invalid
from tests.profile import some


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
    assert policy.pass_rate([{'name': name} for name in names]) == 1.0
    assert policy.pass_rate([{'name': 'user.a1'}, {'name': 'item.c1'}, {'name': 'cart'}]) == 0.0
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
    assert policy.pass_rate(sent) == 1.0
    assert not policy.lets_through({'type': 'invoice'})
    assert not policy.lets_through(PayloadBuilder().with_event(name='e', domain='other').build())


# ── combinations ─────────────────────────────────────────────────────────────────────────────────


def values(count: int) -> list[str]:
    return [f'v{n}' for n in range(count)]


def alternatives(*sizes: tuple[int, int]) -> Any:
    """Return a pattern of alternatives, each with two fields of this number of values."""
    return or_(
        *(
            {f'a{n}': one_of(*values(left)), f'b{n}': one_of(*values(right))}
            for n, (left, right) in enumerate(sizes)
        )
    )


def test_adds_up_the_combinations_of_alternatives() -> None:
    """SNS accepted alternatives of 18, 48 and 84 combinations, and refused a sum of 152."""
    accepted = to_filter_policy(alternatives((6, 11), (7, 12)))  # 66 + 84
    assert accepted.widened == ()
    assert accepted.policy is not None
    refuse_invalid(accepted.policy)
    refused = to_filter_policy(alternatives((4, 17), (7, 12)))  # 68 + 84
    assert refused.policy is not None
    refuse_invalid(refused.policy)
    assert 'SNS accepts at most 150 combinations' in str(refused)


def test_multiplies_the_values_beside_alternatives_into_each_of_them() -> None:
    shared = one_of(*values(5))
    fits = or_({'s': shared, 'a': one_of(*values(20))}, {'s': shared, 'b': one_of(*values(10))})
    exceeds = or_({'s': shared, 'a': one_of(*values(21))}, {'s': shared, 'b': one_of(*values(10))})
    assert to_filter_policy(fits).widened == ()
    assert to_filter_policy(exceeds).widened != ()


def test_multiplies_the_values_of_a_body_by_their_levels() -> None:
    assert to_filter_policy({'a': {'b': one_of(*values(75))}}).widened == ()
    assert to_filter_policy({'a': {'b': one_of(*values(76))}}).widened != ()
    by_attribute = to_filter_policy({'a': {'b': one_of(*values(150))}}, attributes=['a.b'])
    assert by_attribute.widened == ()


@pytest.mark.parametrize(
    ('counts', 'accepted'), [((3, 6, 4, 4, 7), True), ((4, 6, 4, 4, 4), False)]
)
def test_the_reference_counts_combinations_as_aws_does(
    counts: tuple[int, ...], accepted: bool
) -> None:
    """AWS accepted the first policy, of 18 + 48 + 84, and refused the second, of 24 + 64 + 64."""
    shared, first, second, third, fourth = map(values, counts)
    inner = {'c': second, '$or': [{'d': third}, {'e': fourth}]}
    policy = {'a': shared, '$or': [{'b': first}, inner]}
    if accepted:
        refuse_invalid(policy, of_attributes=True)
    else:
        with pytest.raises(RefusedError, match='152 combinations'):
            refuse_invalid(policy, of_attributes=True)


# ── many subscribers ─────────────────────────────────────────────────────────────────────────────

Subscriber = type[MessageSubscriber]


def word(chance: random.Random, length: int = 6) -> str:
    return ''.join(chance.choices('abcdefgh', k=length))


MANY: dict[str, Callable[[int, random.Random], Subscriber]] = {
    'names and domains': lambda n, chance: event_subscriber(name=f'n{n}.done', domain=f'd{n % 7}'),
    'lists of names': lambda n, chance: event_subscriber(
        name=one_of(*(f'item{n}.v{version}' for version in range(10))), domain=f'd{n % 5}'
    ),
    'attributes': lambda n, chance: event_subscriber(
        name=f'n{n}', attributes={f'k{key}': f'v{n % (key + 3)}' for key in range(5)}
    ),
    'long lists': lambda n, chance: data_subscriber(
        type=f'type{n}', id=one_of(*(f'{n}-{word(chance)}' for _ in range(30)))
    ),
    'random words': lambda n, chance: data_subscriber(
        type=word(chance), state=one_of(word(chance), word(chance))
    ),
    'random fields': lambda n, chance: data_subscriber(
        **{name: word(chance) for name in chance.sample('abcdefghij', 3)}
    ),
    'alternatives': lambda n, chance: data_subscriber(
        a=f'x{n}', b=one_of(prefix(f'p{n}'), suffix(f's{n}')), c=substring(f'c{n}')
    ),
}


def subscribers_of(kind: str, count: int) -> list[Subscriber]:
    chance = random.Random(5)
    return [MANY[kind](n, chance) for n in range(count)]


def calls_for(subscribers: list[Subscriber]) -> int:
    """Return the number of calls, of functions in Python and in C, for a policy."""
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event.endswith('call')

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        to_filter_policy(subscribers)
    finally:
        sys.setprofile(before)
    return calls


@pytest.mark.no_cover
@pytest.mark.parametrize('kind', some(list(MANY), 3))
def test_the_steps_for_many_subscribers_grow_with_their_number(kind: str) -> None:
    """The search examines neighbours, and not all pairs of branches."""
    few, many = (calls_for(subscribers_of(kind, count)) for count in (20, 60))
    assert many < 5 * few  # of all pairs there are nine times as many


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ('kind', 'count', 'share'),
    [
        ('names and domains', 20, 0.62),
        ('lists of names', 12, 0.52),
        ('attributes', 8, 0.54),
        ('long lists', 12, 0.42),
        ('random words', 24, 0.01),
        ('random fields', 20, 0.04),
        ('alternatives', 20, 0.51),
    ],
)
def test_the_policy_of_many_subscribers_excludes_other_messages(
    kind: str, count: int, share: float
) -> None:
    """The shares are those of a search that examined all pairs of branches, or less."""
    policy = to_filter_policy(subscribers_of(kind, count))
    assert policy.policy is not None
    refuse_invalid(policy.policy)
    assert policy.pass_rate(list(mixed_messages(kind, count))) <= share


def with_five_attributes(count: int) -> list[Subscriber]:
    """Return subscribers with different names. All have the same value of the attribute `k0`."""
    return [
        event_subscriber(
            name=f'n{n}', attributes={f'k{key}': f'v{n * key % 17}' for key in range(5)}
        )
        for n in range(count)
    ]


@pytest.mark.no_cover
@pytest.mark.parametrize('count', [120, 200])
def test_events_with_many_attributes_are_still_told_apart_by_name(count: int) -> None:
    """The last widening of the search leaves one branch, with room for dropped fields."""
    policy = to_filter_policy(with_five_attributes(count))
    assert policy.policy is not None
    refuse_invalid(policy.policy)
    attributes = {f'k{key}': f'v{7 * key % 17}' for key in range(5)}
    assert policy.lets_through(event('n7', **attributes))
    assert not policy.lets_through(event('m7', **attributes))
    assert not policy.lets_through(event('n7', **(attributes | {'k0': 'v1'})))
    assert policy.policy['protocol'] == ['mega']


@pytest.mark.no_cover
def test_a_dropped_field_returns_only_beside_fields_of_the_same_subscribers() -> None:
    policy = to_filter_policy(with_five_attributes(40), data_subscriber(type='order', id='7'))
    assert policy.policy is not None
    refuse_invalid(policy.policy)
    assert policy.lets_through({'type': 'order', 'id': '7'})
    assert not policy.lets_through({'type': 'invoice', 'id': '7'})
    assert not policy.lets_through(event('m7'))


def mixed_messages(kind: str, count: int) -> Iterator[Payload | dict[str, Any]]:
    """Yield messages with values of different subscribers, and values that none of them has."""
    chance = random.Random(9)
    for _ in range(200):
        one, other, third = (chance.randrange(2 * count) for _ in range(3))
        match kind:
            case 'names and domains':
                yield event(f'n{one}.done', domain=f'd{other % 11}')
            case 'lists of names':
                yield event(f'item{one}.v{third % 12}', domain=f'd{other % 9}')
            case 'attributes':
                yield event(f'n{one}', **{f'k{key}': f'v{other % (key + 5)}' for key in range(5)})
            case 'long lists':
                yield {'type': f'type{one}', 'id': f'{other}-{word(chance)}'}
            case 'random words':
                yield {'type': word(chance), 'state': word(chance)}
            case 'random fields':
                yield {name: word(chance) for name in chance.sample('abcdefghij', 3)}
            case 'alternatives':
                yield {'a': f'x{one}', 'b': f'p{other}', 'c': f'c{third}'}


def event(name: str, domain: str | None = None, **attributes: Any) -> Payload:
    return PayloadBuilder().with_event(name=name, domain=domain, attributes=attributes).build()
