"""Checks of the SNS subscriptions of the queue: confirmation, topic, delivery and filter policy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mega.aws.sns import to_filter_policy
from mega.aws.sns.verification import EnvelopePolicy
from mega.aws.sqs.subscribe.preflight.findings import Finding, Kind
from mega.cli.doctor.setup import Setup
from mega.cli.policies import is_equal, needed_policy, read_policy, read_subscription
from mega.errors import ConfigurationError

__all__ = ('check',)

MAX_PAGES = 50
"""Pages of ListSubscriptions, of 100 subscriptions each (API reference)."""


def check(setup: Setup) -> Iterator[Finding]:
    """Check each subscription of the queue in its account and region."""
    if setup.queue_arn is None:
        return
    aws = setup.client('sns')
    policy = None if setup.listener is None else setup.listener._envelopes
    for topic, arn in _subscriptions(setup):
        setup.has_subscriptions = True
        if not arn.startswith('arn:'):  # SNS writes `PendingConfirmation` in its place
            yield _unconfirmed(topic)
            continue
        attributes = read_subscription(aws, arn)
        if attributes.get('PendingConfirmation') == 'true':
            yield _unconfirmed(arn)
        yield from _delivery(topic, arn, attributes, policy)
        if setup.listener is not None:
            yield from _policy(setup, arn, attributes)


def _subscriptions(setup: Setup) -> Iterator[tuple[str, str]]:
    """Yield the topic and the ARN of each subscription of the queue."""
    aws, token = setup.client('sns'), None
    for _ in range(MAX_PAGES):
        page = aws.call('list_subscriptions', NextToken=token)
        for each in page.get('Subscriptions', ()):
            if each.get('Endpoint') == setup.queue_arn:
                yield each['TopicArn'], each['SubscriptionArn']
        token = page.get('NextToken')
        if not token:
            return


def _unconfirmed(subject: str) -> Finding:
    return Kind.UNCONFIRMED.found(
        subject,
        'has a subscription of the queue that is not confirmed: it receives no message',
        'Confirm it with the token in the message that SNS sent to the queue, or subscribe again '
        'with the account that owns the queue.',
    )


def _delivery(
    topic: str, arn: str, attributes: Mapping[str, str], policy: EnvelopePolicy | None
) -> Iterator[Finding]:
    """Check raw message delivery, and whether the listener opens the messages of the topic."""
    is_raw = attributes.get('RawMessageDelivery') == 'true'
    if policy is None:
        if not is_raw:
            yield Kind.ENVELOPES.found(
                arn,
                "delivers each message within SNS's envelope, which costs bytes and CPU time",
                'Set RawMessageDelivery to true, unless a subscriber needs the topic or the '
                'subject of a message.',
            )
    elif topic not in policy.topics:
        yield Kind.REFUSED.found(
            arn,
            'is of a topic that is not one of allowed_topics: the listener opens no message of it',
            'Add the topic to allowed_topics, or delete the subscription.',
        )
    elif is_raw:
        yield Kind.REFUSED.found(
            arn,
            'delivers raw messages: the listener has allowed_topics, and opens only envelopes',
            'Set RawMessageDelivery to false.',
        )


def _policy(setup: Setup, arn: str, attributes: Mapping[str, str]) -> Iterator[Finding]:
    """Compare the filter policy with the needs of the subscribers."""
    assert setup.listener is not None
    current = read_policy(attributes)
    try:
        needed = needed_policy(to_filter_policy(setup.listener))
    except ConfigurationError:  # no subscribers: the listener refuses to start
        return
    if current.policy is not None and current.scope != 'MessageBody':
        yield Kind.UNCHECKED.found(
            arn,
            'has a filter policy on attributes, which the publishers choose',
            f'Compare it: mega filter-policy TARGET --attribute NAME=PATH --check {arn}',
        )
    elif current.policy is None and needed.policy is not None:
        yield Kind.NO_POLICY.found(
            arn,
            'has no filter policy: the queue also receives messages that no subscriber matches',
            f'Set one: mega filter-policy TARGET --apply {arn}',
        )
    elif not is_equal(current, needed):
        yield Kind.OTHER_POLICY.found(
            arn,
            'has another filter policy than the subscribers need: SNS may hold back messages that '
            'they match',
            f'Show the difference: mega filter-policy TARGET --check {arn}, and then --apply.',
        )
