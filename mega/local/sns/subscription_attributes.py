"""The attributes of a subscription: their validation, and their effect."""

from __future__ import annotations

import json
from collections.abc import Mapping

from mega.local.errors import AwsError
from mega.local.sns.filter_policy import SCOPES, PolicyError, filter_of
from mega.local.sns.rules import invalid_parameter, is_queue_arn
from mega.local.sns.topics import Subscription

__all__ = ('configure',)

MAX_FILTER_POLICIES = 200
"""The maximum number of filter policies of a topic (guide, filter policy constraints)."""

_SETTABLE = (
    'DeliveryPolicy',
    'FilterPolicy',
    'FilterPolicyScope',
    'RawMessageDelivery',
    'RedrivePolicy',
    'ReplayPolicy',
    'SubscriptionRoleArn',
)


def configure(subscription: Subscription, given: Mapping[str, str], place: str = '') -> None:
    """Replace the attributes of a subscription.

    An empty FilterPolicy or RedrivePolicy removes the attribute. `place` begins the text of errors.
    Source: model, SubscribeInput and SetSubscriptionAttributesInput, and recorded answers of AWS.

    Raises:
        AwsError: InvalidParameter for an attribute that SNS refuses; FilterPolicyLimitExceeded.
            Nothing has changed then.
    """
    if unknown := [name for name in given if name not in _SETTABLE]:
        raise invalid_parameter(f'{place}{unknown[0]}' if place else 'AttributeName')
    raw = given.get('RawMessageDelivery', 'false')
    if raw.lower() not in ('true', 'false'):
        problem = f'RawMessageDelivery: Invalid value [{raw[:80]}]. Must be true or false.'
        raise invalid_parameter(place + problem)
    scope = given.get('FilterPolicyScope', SCOPES[0])
    if scope not in SCOPES:
        problem = (
            f'Invalid value [{scope[:80]}]. Please use either MessageBody or MessageAttributes'
        )
        raise invalid_parameter(f'{place}FilterPolicyScope: {problem}')
    try:
        accepts = filter_of(given.get('FilterPolicy', ''), scope)
    except PolicyError as error:
        raise invalid_parameter(f'{place}FilterPolicy: {error}') from None
    if accepts is not None:
        _check_number_of_filters(subscription)
    target = _dead_letter_arn(subscription, given.get('RedrivePolicy', ''), place)
    kept = dict(given)
    if accepts is None:
        kept.pop('FilterPolicy', None)
    if target is None:
        kept.pop('RedrivePolicy', None)
    subscription.given, subscription.accepts = kept, accepts
    subscription.dead_letter_arn = target


def _check_number_of_filters(subscription: Subscription) -> None:
    others = [
        each
        for each in subscription.topic.subscriptions.values()
        if each.accepts is not None and each.queue_arn != subscription.queue_arn
    ]
    if len(others) >= MAX_FILTER_POLICIES:
        problem = f'A topic can have at most {MAX_FILTER_POLICIES} filter policies'
        raise AwsError('FilterPolicyLimitExceeded', problem, 403)


def _dead_letter_arn(subscription: Subscription, text: str, place: str) -> str | None:
    try:
        policy = json.loads(text or '{}')
    except (ValueError, RecursionError):
        raise invalid_parameter(f'{place}RedrivePolicy: failed to parse JSON.') from None
    if not policy:
        return None
    target = policy.get('deadLetterTargetArn') if isinstance(policy, dict) else None
    if not isinstance(target, str) or not is_queue_arn(target):
        problem = 'RedrivePolicy: deadLetterTargetArn is an invalid arn'
        raise invalid_parameter(place + problem)
    is_fifo = subscription.topic.is_fifo and subscription.queue_arn.endswith('.fifo')
    if is_fifo and not target.endswith('.fifo'):
        problem = 'must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic.'
        raise invalid_parameter(f'{place}RedrivePolicy: {problem}')
    return target
