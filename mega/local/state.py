"""The state that the services of an account share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Protocol
from uuid import uuid4

from mega.local.deduplication import Deduplication
from mega.local.messages import Draft, Message

__all__ = ('ACCOUNT_ID', 'REGION', 'Destination', 'State', 'arn_of')

ACCOUNT_ID = '123456789012'
REGION = 'eu-west-1'


def arn_of(service: str, name: str) -> str:
    """Return the ARN of a queue or topic."""
    return f'arn:aws:{service}:{REGION}:{ACCOUNT_ID}:{name}'


class Destination(Protocol):
    """A queue or a topic."""

    arn: str
    is_fifo: bool
    deduplication: Deduplication


class State:
    """The clock and the settings of an account, and the messages that it accepted.

    `clock` returns seconds since the epoch. With `has_rules`, AWS's limits apply.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.has_rules = True
        self.accepted: list[Message] = []
        self._numbers = count(1)

    def accept(self, destination: Destination, draft: Draft) -> Message:
        """Give a message its id and number, and record it.

        A duplicate has the id and number of the first message.
        """
        now = self.clock()
        first = destination.deduplication.first(draft, now) if destination.is_fifo else None
        if first:
            message = replace(first, draft=draft, at=now, is_duplicate=True)
        else:
            message = Message(
                destination.arn,
                draft,
                str(uuid4()),
                next(self._numbers),
                now,
                destination.is_fifo,
            )
            if destination.is_fifo:
                destination.deduplication.remember(message, now)
        if draft.topic_arn is None:  # a topic has recorded the message already
            self.accepted.append(message)
        return message
