"""The state that the services of an account share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from itertools import count
from random import Random
from typing import Protocol

from mega.local.deduplication import Deduplication
from mega.local.messages import Draft, Message, md5_of_text

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
    """The clock of an account, and the messages that it accepted.

    `clock` returns seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.accepted: list[Message] = []
        self._numbers = count(1)

    def date(self) -> datetime:
        """Return the current time in whole seconds, as HTTP headers have it."""
        return datetime.fromtimestamp(int(self.clock()), timezone.utc)

    def renew(self, message: Message, destination: str) -> Message:
        """Return a message as a new one for another destination, with its own id and number."""
        return message._replace(
            destination=destination,
            id=_new_id(),
            number=next(self._numbers),
            at=self.clock(),
        )

    def accept(self, destination: Destination, draft: Draft) -> Message:
        """Give a message its id and number, and record it.

        A duplicate has the id and number of the first message.
        """
        now = self.clock()
        first = destination.deduplication.first(draft, now) if destination.is_fifo else None
        if first:
            message = first._replace(
                draft=draft, at=now, md5=md5_of_text(draft.body), is_duplicate=True
            )
        else:
            message = Message(
                destination.arn,
                draft,
                _new_id(),
                next(self._numbers),
                now,
                md5_of_text(draft.body),
                destination.is_fifo,
            )
            if destination.is_fifo:
                destination.deduplication.remember(message, now)
        if draft.topic_arn is None:  # a topic has recorded the message already
            self.accepted.append(message)
        return message


_random = Random()


def _new_id() -> str:
    """Return a random UUID of version 4, in a fifth of the time of `uuid4`."""
    digits = f'{_random.getrandbits(128):032x}'
    version, variant = f'4{digits[13:16]}', f'a{digits[17:20]}'
    return '-'.join((digits[:8], digits[8:12], version, variant, digits[20:]))
