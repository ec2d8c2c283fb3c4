"""Topics and subscriptions of SNS: their attributes, and how they are found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from uuid import uuid4

from mega.local.deduplication import Deduplication
from mega.local.errors import AwsError
from mega.local.messages import Attributes
from mega.local.sns.rules import invalid_parameter
from mega.local.state import ACCOUNT_ID

__all__ = ('Filter', 'Subscription', 'Topic', 'Topics', 'missing_topic')

DEFAULT_MAX_SIZE = '262144'
"""The default MaximumMessageSize in bytes (model, CreateTopicInput)."""

Filter = Callable[[str, Attributes], bool]
"""Return whether a subscription receives a message with this body and these attributes."""


class Topic:
    """A topic with its subscriptions, in the order of their creation."""

    def __init__(self, arn: str, attributes: Mapping[str, str], tags: Mapping[str, str]) -> None:
        self.arn = arn
        self.is_fifo = arn.endswith('.fifo')
        self.given = dict(attributes)
        self.tags = dict(tags)
        self.subscriptions: dict[str, Subscription] = {}
        self.deleted_subscriptions = 0
        self.deduplication = Deduplication(attributes)

    @property
    def is_content_based(self) -> bool:
        return self.given.get('ContentBasedDeduplication') == 'true'

    @property
    def max_size(self) -> int:
        """The maximum size of a message in bytes."""
        return int(self.given.get('MaximumMessageSize', DEFAULT_MAX_SIZE))

    @property
    def signature_version(self) -> str:
        return self.given.get('SignatureVersion', '1')

    def set(self, name: str, value: str) -> None:
        """Change an attribute. Messages sent before remain in the deduplication."""
        self.given[name] = value
        self.deduplication.configure(self.given)

    def attributes(self) -> dict[str, str]:
        """Return the attributes as GetTopicAttributes lists them."""
        fifo = {'FifoTopic': 'true', 'ContentBasedDeduplication': 'false'} if self.is_fifo else {}
        return {
            'DisplayName': '',
            'MaximumMessageSize': DEFAULT_MAX_SIZE,
            **fifo,
            **self.given,
            'TopicArn': self.arn,
            'Owner': ACCOUNT_ID,
            'SubscriptionsConfirmed': str(len(self.subscriptions)),
            'SubscriptionsPending': '0',
            'SubscriptionsDeleted': str(self.deleted_subscriptions),
        }


@dataclass(slots=True, eq=False)
class Subscription:
    """The subscription of a queue. `accepts` decides by its filter policy, if it has one."""

    topic: Topic
    queue_arn: str
    given: dict[str, str] = field(default_factory=dict)
    accepts: Filter | None = None
    dead_letter_arn: str | None = None
    """The ARN of the dead-letter queue, if the subscription has one."""

    arn: str = field(init=False)

    def __post_init__(self) -> None:
        self.arn = f'{self.topic.arn}:{uuid4()}'

    @property
    def is_raw(self) -> bool:
        return self.given.get('RawMessageDelivery', '').lower() == 'true'

    def summary(self) -> dict[str, str]:
        """Return the subscription as lists contain it."""
        return {
            'SubscriptionArn': self.arn,
            'Owner': ACCOUNT_ID,
            'Protocol': 'sqs',
            'Endpoint': self.queue_arn,
            'TopicArn': self.topic.arn,
        }

    def attributes(self) -> dict[str, str]:
        """Return the attributes as GetSubscriptionAttributes lists them."""
        scope = {'FilterPolicyScope': 'MessageAttributes'} if 'FilterPolicy' in self.given else {}
        return {
            **self.summary(),
            'ConfirmationWasAuthenticated': 'true',
            'PendingConfirmation': 'false',
            'SubscriptionPrincipal': f'arn:aws:iam::{ACCOUNT_ID}:user/testing',
            **scope,
            **self.given,
            'RawMessageDelivery': 'true' if self.is_raw else 'false',
        }


class Topics:
    """The topics of an account by ARN."""

    def __init__(self) -> None:
        self.by_arn: dict[str, Topic] = {}

    def get(self, arn: str, parameter: str = 'TopicArn') -> Topic:
        """Return a topic.

        Raises:
            AwsError: InvalidParameter for text that is not an ARN; NotFound.
        """
        _check_arn(arn, parameter)
        try:
            return self.by_arn[arn]
        except KeyError:
            raise missing_topic() from None

    def subscription(self, arn: str) -> Subscription:
        """Return a subscription, with the errors of `get`."""
        _check_arn(arn, 'SubscriptionArn')
        topic = self.by_arn.get(arn.rpartition(':')[0])
        subscription = topic.subscriptions.get(arn) if topic else None
        if subscription is None:
            raise AwsError('NotFound', 'Subscription does not exist', 404)
        return subscription

    def subscriptions(self) -> Iterable[Subscription]:
        for topic in self.by_arn.values():
            yield from topic.subscriptions.values()


def missing_topic() -> AwsError:
    return AwsError('NotFound', 'Topic does not exist', 404)


def _check_arn(arn: str, parameter: str) -> None:
    parts = arn.count(':') + 1
    if parts < 6:
        problem = f'{parameter} Reason: An ARN must have at least 6 elements, not {parts}'
        raise invalid_parameter(problem)
