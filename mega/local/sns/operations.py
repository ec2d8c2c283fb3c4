"""SNS's operations by name."""

from __future__ import annotations

from mega.local.operations import Operation
from mega.local.sns.delivery import Send
from mega.local.sns.publishing import Publishing
from mega.local.sns.subscription_operations import SubscriptionOperations
from mega.local.sns.topic_operations import TopicOperations
from mega.local.sns.topics import Topics
from mega.local.state import State

__all__ = ('Sns',)


class Sns:
    """The operations of SNS. `send` delivers messages to the queues of the account."""

    def __init__(self, state: State, send: Send) -> None:
        self._topics = Topics()
        self.operations: dict[str, Operation] = {
            **TopicOperations(self._topics).operations,
            **SubscriptionOperations(self._topics).operations,
            **Publishing(state, self._topics, send).operations,
        }

    def reset(self) -> None:
        """Delete all topics and subscriptions."""
        self._topics.by_arn.clear()
