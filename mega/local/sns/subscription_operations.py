"""The operations on subscriptions."""

from __future__ import annotations

from mega.local.errors import AwsError
from mega.local.operations import NextError, Object, Operation, optional_text, text, text_map
from mega.local.sns.rules import invalid_parameter, is_queue_arn
from mega.local.sns.subscription_attributes import configure
from mega.local.sns.topic_operations import listed
from mega.local.sns.topics import Subscription, Topics

__all__ = ('SubscriptionOperations',)


class SubscriptionOperations:
    """Subscribe and the other operations on subscriptions.

    SNS confirms a subscription of a queue of the same account at once, and does not test whether
    the queue exists.
    """

    def __init__(self, topics: Topics) -> None:
        self._topics = topics
        self.operations: dict[str, Operation] = {
            'GetSubscriptionAttributes': self._get_subscription_attributes,
            'ListSubscriptions': self._list_subscriptions,
            'ListSubscriptionsByTopic': self._list_subscriptions_by_topic,
            'SetSubscriptionAttributes': self._set_subscription_attributes,
            'Subscribe': self._subscribe,
            'Unsubscribe': self._unsubscribe,
        }

    def _subscribe(self, request: Object, next_error: NextError) -> Object:
        """Subscribe a queue, or return its subscription, which must not differ from the request.

        Source: recorded answers of AWS. An attribute that the request does not have may differ.
        """
        topic = self._topics.get(text(request, 'TopicArn'))
        endpoint = optional_text(request, 'Endpoint') or ''
        _check_endpoint(text(request, 'Protocol'), endpoint, topic.is_fifo)
        subscription = Subscription(topic, endpoint)
        configure(subscription, text_map(request, 'Attributes'), 'Attributes Reason: ')
        for existing in topic.subscriptions.values():
            if existing.queue_arn == endpoint:
                _check_equal(existing, subscription)
                return {'SubscriptionArn': existing.arn}
        topic.subscriptions[subscription.arn] = subscription
        return {'SubscriptionArn': subscription.arn}

    def _unsubscribe(self, request: Object, next_error: NextError) -> Object:
        """Delete a subscription. To delete it again is not an error, as recorded."""
        try:
            subscription = self._topics.subscription(text(request, 'SubscriptionArn'))
        except AwsError as error:
            if error.code != 'NotFound':
                raise
            return {}
        del subscription.topic.subscriptions[subscription.arn]
        subscription.topic.deleted_subscriptions += 1
        return {}

    def _get_subscription_attributes(self, request: Object, next_error: NextError) -> Object:
        return {
            'Attributes': self._topics.subscription(text(request, 'SubscriptionArn')).attributes()
        }

    def _set_subscription_attributes(self, request: Object, next_error: NextError) -> Object:
        subscription = self._topics.subscription(text(request, 'SubscriptionArn'))
        name = text(request, 'AttributeName')
        value = optional_text(request, 'AttributeValue') or ''
        configure(subscription, {**subscription.given, name: value})
        return {}

    def _list_subscriptions(self, request: Object, next_error: NextError) -> Object:
        every = {each.arn: each.summary() for each in self._topics.subscriptions()}
        return listed('Subscriptions', every, request)

    def _list_subscriptions_by_topic(self, request: Object, next_error: NextError) -> Object:
        topic = self._topics.get(text(request, 'TopicArn'))
        every = {each.arn: each.summary() for each in topic.subscriptions.values()}
        return listed('Subscriptions', every, request)


def _check_endpoint(protocol: str, endpoint: str, topic_is_fifo: bool) -> None:
    """Refuse endpoints other than queues, and FIFO queues of standard topics.

    Source: guide, SNS FIFO topics: FIFO and standard queues can subscribe to a FIFO topic. The
    text for another protocol is AWS's text for an unknown protocol.
    """
    if protocol != 'sqs':
        problem = f'Amazon SNS does not support this protocol string: {protocol[:80]}'
        raise invalid_parameter(problem)
    if not is_queue_arn(endpoint):
        raise invalid_parameter('SQS endpoint ARN')
    if endpoint.endswith('.fifo') and not topic_is_fifo:
        raise invalid_parameter(
            'Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard '
            'SNS topics'
        )


def _check_equal(existing: Subscription, given: Subscription) -> None:
    if any(existing.given.get(name) != value for name, value in given.given.items()):
        problem = 'Attributes Reason: Subscription already exists with different attributes'
        raise invalid_parameter(problem)
