"""The checks of SNS subscriptions, and of the key of a queue that has them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mega.aws._transport.client import create_client
from mega.aws._transport.in_process import InProcessClient
from mega.aws.sns import to_filter_policy
from mega.aws.sqs.subscribe import DataSubscriber
from mega.aws.sqs.subscribe.preflight.findings import Kind
from mega.cli.doctor import subscriptions
from mega.testing import Bus
from tests.aws.sqs.subscribe.factories import subscriber
from tests.cli.doctor.examined import examined, kinds, listener_on, only, setup_on

LARGE = subscriber(base=DataSubscriber, pattern={'size': 'large', 'kind': 'order'})


def policy_of(bus: Bus, orders: Any, policy: Any) -> list[Kind]:
    """Return the kinds of findings for a subscription with a filter policy."""
    bus.topic('events', to=orders, raw=True, filter_policy=policy)
    return kinds(examined(bus, orders, listener_on(bus, orders, LARGE)))


def test_a_subscription_with_the_policy_of_the_subscribers_is_accepted(
    bus: Bus, orders: str
) -> None:
    assert policy_of(bus, orders, to_filter_policy(LARGE)) == []


def test_another_policy_than_the_subscribers_need_is_found(bus: Bus, orders: str) -> None:
    assert policy_of(bus, orders, to_filter_policy({'size': 'small'})) == [Kind.OTHER_POLICY]


def test_a_subscription_without_a_policy_is_a_note(bus: Bus, orders: str) -> None:
    assert policy_of(bus, orders, None) == [Kind.NO_POLICY]


def test_a_policy_on_attributes_cannot_be_compared(bus: Bus, orders: str) -> None:
    assert policy_of(bus, orders, {'size': ['large']}) == [Kind.UNCHECKED]


def test_an_envelope_is_a_note(bus: Bus, orders: Any) -> None:
    bus.topic('events', to=orders)
    bus.topic('others', to=bus.queue('other'))
    finding = only(examined(bus, orders), Kind.ENVELOPES)
    assert finding.subject.startswith('arn:aws:sns:eu-west-1:123456789012:events:')


@pytest.mark.parametrize(
    ('raw', 'is_allowed', 'found'),
    [
        (False, True, [Kind.NO_POLICY]),
        (True, True, [Kind.REFUSED, Kind.NO_POLICY]),
        (False, False, [Kind.REFUSED, Kind.NO_POLICY]),
        (True, False, [Kind.REFUSED, Kind.NO_POLICY]),
    ],
)
def test_messages_that_a_listener_with_allowed_topics_refuses_are_an_error(
    bus: Bus, orders: Any, raw: bool, is_allowed: bool, found: list[Kind]
) -> None:
    events, others = bus.topic('events', to=orders, raw=raw), bus.topic('others')
    topics = [events if is_allowed else others]
    listener = listener_on(bus, orders, LARGE, allowed_topics=topics)
    assert kinds(examined(bus, orders, listener)) == found


def test_the_key_of_aws_stops_notifications(bus: Bus, orders: Any) -> None:
    bus.sqs.set_queue_attributes(QueueUrl=orders, Attributes={'KmsMasterKeyId': 'alias/aws/sqs'})
    assert examined(bus, orders) == []
    bus.topic('events', to=orders, raw=True)
    assert only(examined(bus, orders), Kind.KEY_OF_AWS).subject == orders


@pytest.mark.parametrize(
    ('arn', 'attributes'),
    [('PendingConfirmation', {}), ('arn:1', {'PendingConfirmation': 'true'})],
)
def test_a_subscription_that_is_not_confirmed_is_found(
    bus: Bus, arn: str, attributes: dict[str, str]
) -> None:
    def call(operation: str, request: dict[str, Any]) -> dict[str, Any]:
        if operation == 'GetSubscriptionAttributes':
            return {'Attributes': {'RawMessageDelivery': 'true', **attributes}}
        if request.get('NextToken') is None:
            return {'Subscriptions': [], 'NextToken': 'more'}
        entry = {'Endpoint': 'arn:q', 'TopicArn': 'arn:topic', 'SubscriptionArn': arn}
        return {'Subscriptions': [entry]}

    setup = setup_on(bus, 'https://sqs/1/orders')
    sns = InProcessClient('sns', call, bus.sqs.clock)
    setup.client_of = lambda service: create_client(service, None, client=sns)
    setup.queue = {'QueueArn': 'arn:q'}
    assert kinds(list(subscriptions.check(setup))) == [Kind.UNCONFIRMED]


def test_subscriptions_that_may_not_be_listed_are_a_note(bus: Bus, orders: str) -> None:
    bus.fail('ListSubscriptions', 'AuthorizationError')
    finding = only(examined(bus, orders), Kind.UNCHECKED)
    assert finding.remedy == 'Allow sns:ListSubscriptions'
    assert json.dumps(finding.problem).startswith('"cannot be checked for subscriptions')
