"""Filter policies of SNS subscriptions: as AWS has them, and as subscribers need them.

    current = read_policy(attributes)       # of GetSubscriptionAttributes
    needed = needed_policy(to_filter_policy(listener))
    is_equal(current, needed), difference(current, needed)

SNS keeps the text of a policy. Two texts are equal if their meaning is: the order of keys and of
values, white space and the spelling of numbers do not count.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from difflib import unified_diff
from typing import Any, NamedTuple

from mega.aws._transport.client import AwsClient
from mega.aws.sns import FilterPolicy

__all__ = (
    'PROPAGATION_MINUTES',
    'Policy',
    'changes',
    'difference',
    'is_equal',
    'needed_policy',
    'read_policy',
    'read_subscription',
)

PROPAGATION_MINUTES = 15
"""The minutes after which SNS applies a policy everywhere, at most:
https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html"""

_DEFAULT_SCOPE = 'MessageAttributes'
"""Model, SubscribeInput: the scope of a subscription without FilterPolicyScope."""

_ORDERED = 'numeric'
"""The only operator whose list has an order: `{"numeric": [">", 0, "<=", 5]}`."""


class Policy(NamedTuple):
    """A filter policy and its scope. None: the subscription receives every message."""

    policy: Mapping[str, Any] | None
    scope: str | None


def read_subscription(aws: AwsClient, arn: str) -> Mapping[str, str]:
    """Return the attributes of a subscription.

    Raises:
        TransportError: if SNS does not return them.
    """
    found: Mapping[str, str] = aws.call('get_subscription_attributes', SubscriptionArn=arn).get(
        'Attributes', {}
    )
    return found


def read_policy(attributes: Mapping[str, str]) -> Policy:
    """Return the policy in the attributes of a subscription."""
    try:
        policy = json.loads(attributes.get('FilterPolicy') or '{}')
    except ValueError:  # SNS refuses it
        policy = {'invalid JSON': attributes['FilterPolicy']}
    if not policy:
        return Policy(None, None)
    return Policy(policy, attributes.get('FilterPolicyScope') or _DEFAULT_SCOPE)


def needed_policy(policy: FilterPolicy) -> Policy:
    """Return the policy that subscribers need."""
    return Policy(None, None) if policy.policy is None else Policy(policy.policy, policy.scope)


def is_equal(one: Policy, other: Policy) -> bool:
    """Return whether two policies let through the same messages, as far as their form shows it."""
    return _lines(one) == _lines(other)


def difference(current: Policy, needed: Policy) -> str:
    """Return the lines that differ: `-` in AWS, `+` as the subscribers need it."""
    pair = _lines(current), _lines(needed)
    lines = unified_diff(*pair, 'AWS', 'TARGET', lineterm='', n=sum(map(len, pair)))
    return '\n'.join(line for line in lines if not line.startswith('@@'))


def changes(current: Policy, needed: Policy) -> Iterator[tuple[str, str]]:
    """Yield the attributes to set, one after the other. SNS checks each with those before.

    A policy of a body may be invalid for attributes, so that another scope needs its removal first.
    Meanwhile the subscription receives every message.
    """
    if needed.policy is None:
        yield 'FilterPolicy', '{}'
        return
    if current.scope != needed.scope:
        if current.policy is not None:
            yield 'FilterPolicy', '{}'
        yield 'FilterPolicyScope', str(needed.scope)
    yield 'FilterPolicy', json.dumps(needed.policy)


def _lines(policy: Policy) -> list[str]:
    if policy.policy is None:
        return ['no policy: every message passes']
    text = json.dumps(_normal(policy.policy), indent=2)  # ASCII: safe in a terminal
    return [f'scope: {policy.scope}', *text.splitlines()]


def _normal(value: Any, key: str = '') -> Any:
    """Return a part of a policy in the one form of all that mean the same."""
    if isinstance(value, Mapping):
        return {name: _normal(value[name], name) for name in sorted(value)}
    if isinstance(value, list):
        members = [_normal(each) for each in value]
        return members if key == _ORDERED else sorted(members, key=json.dumps)
    is_whole = isinstance(value, float) and value.is_integer()
    return int(value) if is_whole else value
