"""The listeners of the benchmark. The environment variable QUEUE_URL names their queue."""

from __future__ import annotations

import os

from mega.aws.sqs.subscribe import EventSubscriber, SqsListener
from mega.event import Payload

__all__ = ('computing', 'trivial')

STEPS = 40_000
"""Additions per message: some milliseconds of CPU time."""


class Trivial(EventSubscriber):
    def process(self, payload: Payload) -> None:
        pass


class Computing(EventSubscriber):
    def process(self, payload: Payload) -> None:
        sum(number for number in range(STEPS))


def _listener(subscriber: type[EventSubscriber]) -> SqsListener:
    return SqsListener(os.environ['QUEUE_URL'], [subscriber], max_number_of_messages=10)


def trivial() -> SqsListener:
    return _listener(Trivial)


def computing() -> SqsListener:
    return _listener(Computing)
