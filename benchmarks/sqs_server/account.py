"""The state of the server: queues, topics, and accepted messages."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count
from uuid import uuid4

from benchmarks.sqs_server import sns_rules, sqs_rules
from benchmarks.sqs_server.errors import AwsError, invalid_value
from benchmarks.sqs_server.fifo import Deduplication
from benchmarks.sqs_server.messages import Draft, Message
from benchmarks.sqs_server.queues import Queue, Redrive

__all__ = ('ACCOUNT_ID', 'REGION', 'Account', 'Topic')

ACCOUNT_ID = '123456789012'
REGION = 'eu-west-1'


class Topic:
    """A topic. It has no subscriptions: it accepts and records published messages."""

    def __init__(self, arn: str, attributes: Mapping[str, str]) -> None:
        self.arn = arn
        self.given = dict(attributes)
        self.attributes = {'MaximumMessageSize': '262144', **attributes, 'TopicArn': arn}
        self.is_fifo = arn.endswith('.fifo')
        self.is_content_based = self.attributes.get('ContentBasedDeduplication') == 'true'
        self.max_size = int(self.attributes['MaximumMessageSize'])
        self.deduplication = Deduplication(self.attributes)


class Account:
    """One account in one region. `clock` returns seconds, and never goes back."""

    def __init__(self, clock: Callable[[], float], on_change: Callable[[Queue], None]) -> None:
        self.clock = clock
        self.has_rules = False
        self.accepted: list[Message] = []
        self.calls: Counter[str] = Counter()
        self.queues: dict[str, Queue] = {}
        self.topics: dict[str, Topic] = {}
        self._on_change = on_change
        self._numbers = count(1)

    def queue(self, url: str) -> Queue:
        """Return the queue with the name at the end of a URL."""
        try:
            return self.queues[url.rpartition('/')[2]]
        except KeyError:
            problem = 'The specified queue does not exist.'
            raise AwsError('QueueDoesNotExist', problem) from None

    def topic(self, arn: str) -> Topic:
        try:
            return self.topics[arn]
        except KeyError:
            raise AwsError('NotFound', 'Topic does not exist', 404) from None

    def create_queue(self, name: str, attributes: Mapping[str, str]) -> Queue:
        """Create a queue, or return the existing queue with the same name and attributes."""
        if self.has_rules:
            sqs_rules.check_queue(name, attributes)
        if found := self.queues.get(name):
            if found.given != dict(attributes):
                problem = 'A queue already exists with the same name and a different value.'
                raise AwsError('QueueNameExists', problem)
            return found
        arn = f'arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{name}'
        redrive = self._redrive(attributes.get('RedrivePolicy'))
        self.queues[name] = Queue(arn, attributes, redrive, self._on_change)
        return self.queues[name]

    def create_topic(self, name: str, attributes: Mapping[str, str]) -> Topic:
        """Create a topic, or return the existing topic with the same name."""
        if self.has_rules:
            sns_rules.check_topic(name, attributes)
        arn = f'arn:aws:sns:{REGION}:{ACCOUNT_ID}:{name}'
        return self.topics.setdefault(arn, Topic(arn, attributes))

    def accept(self, destination: Queue | Topic, draft: Draft) -> Message:
        """Give a message its id and number, and record it.

        A duplicate has the id and number of the first message.
        """
        first = (
            destination.deduplication.first(draft, self.clock()) if destination.is_fifo else None
        )
        if first:
            message = replace(first, draft=draft, at=time.time(), is_duplicate=True)
        else:
            message = Message(
                destination.arn,
                draft,
                str(uuid4()),
                next(self._numbers),
                time.time(),
                destination.is_fifo,
            )
            if destination.is_fifo:
                destination.deduplication.remember(message, self.clock())
        self.accepted.append(message)
        return message

    def reset(self) -> None:
        """Delete all queues, topics and messages. The setting of the rules stays."""
        self.accepted.clear()
        self.calls.clear()
        self.queues.clear()
        self.topics.clear()

    def _redrive(self, policy: str | None) -> Redrive | None:
        if not policy:
            return None
        settings = json.loads(policy)
        target = self.queues.get(settings['deadLetterTargetArn'].rpartition(':')[2])
        if target is None:
            raise invalid_value('Value for parameter RedrivePolicy: no such dead letter target.')
        return Redrive(target, int(settings.get('maxReceiveCount', 10)))
