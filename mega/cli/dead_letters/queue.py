"""The dead-letter queue of a command, and one pass over its messages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from msgspec import Struct

from mega.aws._messages.destinations import queue_name
from mega.aws._transport.client import AwsClient
from mega.cli.dead_letters.letters import DeadLetter, read_letter
from mega.cli.progress import with_progress
from mega.cli.queue_calls import call_queue
from mega.cli.receiving import MAX_HOLD, HeldMessages, holding

__all__ = ('DeadLetterQueue',)

MIN_HOLD = 120
READS_PER_SECOND = 50
"""The hold lasts long enough for a pass that reads as slowly as this."""

_COUNT = 'ApproximateNumberOfMessages'


class DeadLetterQueue(Struct, frozen=True):
    """A dead-letter queue. `count` is the approximate number of its visible messages."""

    aws: AwsClient
    url: str
    count: int
    wait_seconds: int
    is_forced: bool

    @classmethod
    def read(cls, aws: AwsClient, url: str, wait_seconds: int, is_forced: bool) -> DeadLetterQueue:
        """Return a queue with the number of its messages.

        Raises:
            TransportError: if SQS refuses the attributes of the queue.
        """
        answer = call_queue(aws, url, 'get_queue_attributes', AttributeNames=[_COUNT])
        count = int(answer.get('Attributes', {}).get(_COUNT, 0))
        return cls(aws, url, count, wait_seconds, is_forced)

    @property
    def name(self) -> str:
        return queue_name(self.url)

    @contextmanager
    def holding(self, per_second: float = READS_PER_SECOND) -> Iterator[HeldMessages]:
        """Hold the messages for a pass of `per_second` messages, and then give them back.

        Raises:
            CommandError: if the queue allows one receive of a message.
            TransportError: if SQS refuses the redrive policy of the queue.
        """
        hold = min(MAX_HOLD, MIN_HOLD + int(self.count / per_second))
        with holding(self.aws, self.url, hold, self.wait_seconds, is_forced=self.is_forced) as held:
            yield held

    def letters(self, held: HeldMessages) -> Iterator[DeadLetter]:
        """Yield the messages of a pass, and show the progress.

        Raises:
            CommandError: after a message that has no receive left.
            TransportError: if a receive fails.
        """
        return with_progress(map(read_letter, held.messages()), self.count, 'read')

    def pages(self, held: HeldMessages) -> Iterator[list[DeadLetter]]:
        """Yield the same messages as `letters`, in a list for each receive."""
        pages = ([*map(read_letter, page)] for page in held.pages())
        return with_progress(pages, self.count, 'read', len)
