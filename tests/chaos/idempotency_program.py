"""A listener process with the hook `Idempotency`, whose store the options name.

Its argument is JSON. It reports as `listener_program.py` does, and:

- `effect`: a subscriber has its effect for a message. Its record is not done yet.
- `marked`: the record of that subscriber is done.
"""

from __future__ import annotations

import json
import random
import sys
from typing import Any

from sqlalchemy import create_engine

from mega.aws.sqs.subscribe import (
    Hook,
    Message,
    Outcome,
    ProcessStatus,
    SqsListener,
    Subscriber,
    TextSubscriber,
)
from mega.codec import AnyPayload
from mega.hooks import HookGenerator
from mega.hooks.dynamodb import DynamoDbStore
from mega.hooks.idempotency import Idempotency, IdempotencyStore
from mega.hooks.redis import RedisStore
from mega.hooks.sql import SqlStore
from tests.chaos.listener_program import Worker


class Plain(TextSubscriber):
    """Has an effect for each message."""

    def process(self, payload: str) -> ProcessStatus:
        Worker.report('effect', f'{type(self).__name__}:{payload}')
        return ProcessStatus.DONE


class Retrying(Plain):
    """Asks for a retry in place of its effect, at random."""

    def process(self, payload: str) -> ProcessStatus:
        if random.random() < 1 / 3:
            return ProcessStatus.RETRIABLE_ERROR
        return super().process(payload)


class ReportMarks(Hook):
    """Reports that the hook within it has marked a subscriber as done, if the subscriber ran."""

    def around_subscriber(
        self, subscriber: Subscriber, message: Message, payload: AnyPayload
    ) -> HookGenerator[Outcome]:
        outcome = yield
        if outcome.status is ProcessStatus.DONE and outcome.duration > 0:
            Worker.report('marked', f'{subscriber.__name__}:{payload!s}')
        return None


def create_store(name: str, place: str, credentials: Any) -> IdempotencyStore:
    """Return the store of a name, at a URL or in a table."""
    if name == 'redis':
        return RedisStore(place)
    if name == 'dynamodb':
        return DynamoDbStore(place, **credentials)
    return SqlStore(create_engine(place))


def main(options: dict[str, Any]) -> None:
    store = create_store(options['store'], options['place'], options['credentials'])
    settings = {**options['settings'], **options['credentials']}
    hooks = [ReportMarks(), Idempotency(store)]
    with SqsListener(options['queue_url'], [Plain, Retrying], hooks=hooks, **settings) as listener:
        events = listener._aws.client.meta.events
        events.register('after-call.sqs.ReceiveMessage', Worker.on_response)
        listener.listen()


if __name__ == '__main__':
    main(json.loads(sys.argv[1]))
