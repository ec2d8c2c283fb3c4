"""Readings of queues: the numbers of their messages at one moment.

    reader = QueueReader(aws, queue_url, ages, notify)
    first, second = reader.read(), reader.read()    # the second one has a rate

A rate is the change of all messages between two readings, per second. SQS does not tell how many
messages were sent and deleted in between.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from typing import Any

from mega.aws._messages.destinations import queue_name
from mega.aws._transport.call_errors import with_advice
from mega.aws._transport.client import AwsClient
from mega.aws._transport.clock import Clock
from mega.cli.stats.ages import OldestAges
from mega.errors import TransportError

__all__ = ('QueueReader', 'Reading', 'watch')

_COUNTS = {
    'visible': 'ApproximateNumberOfMessages',
    'in_flight': 'ApproximateNumberOfMessagesNotVisible',
    'delayed': 'ApproximateNumberOfMessagesDelayed',
}
_ATTRIBUTES = [*_COUNTS.values(), 'RedrivePolicy']


@dataclass(frozen=True)
class Reading:
    """The numbers of messages in a queue. SQS calls them approximate.

    `oldest_seconds` is the age of the oldest message, and `change_per_second` the change of all
    messages since the reading before. None: unknown.
    """

    queue: str
    at: datetime
    visible: int | None
    in_flight: int | None
    delayed: int | None
    oldest_seconds: int | None = None
    change_per_second: float | None = None
    dead_letter_queue: Reading | None = None

    @property
    def name(self) -> str:
        """The name of the queue."""
        return queue_name(self.queue)

    def record(self) -> Mapping[str, Any]:
        """Return the reading as a record."""
        return asdict(self)


class QueueReader:
    """Reads one queue, and the dead-letter queue of its redrive policy."""

    def __init__(
        self, aws: AwsClient, url: str, ages: OldestAges, report: Callable[[str], None]
    ) -> None:
        self._aws = aws
        self._url = url
        self._ages = ages
        self._report = report
        self._before: tuple[float, int] | None = None
        self._dead_letters: dict[str, QueueReader | None] = {}

    def read(self) -> Reading:
        """Read the queue now.

        Raises:
            TransportError: if SQS does not return its attributes.
        """
        reading, attributes = self._read()
        if arn := _dead_letter_arn(attributes):
            return replace(reading, dead_letter_queue=self._read_dead_letters(arn))
        return reading

    def _read(self) -> tuple[Reading, Mapping[str, str]]:
        try:
            answer = self._aws.call(
                'get_queue_attributes', QueueUrl=self._url, AttributeNames=_ATTRIBUTES
            )
        except TransportError as error:
            raise with_advice(error, self._url) from error.__cause__
        attributes: Mapping[str, str] = answer.get('Attributes', {})
        counts: dict[str, Any] = {key: int(attributes[name]) for key, name in _COUNTS.items()}
        total = sum(counts.values())
        name = queue_name(self._url)
        oldest = self._ages.seconds(self._aws, name) if total else None
        reading = Reading(
            self._url,
            self._now(),
            **counts,
            oldest_seconds=oldest,
            change_per_second=self._change(total),
        )
        return reading, attributes

    def _change(self, total: int) -> float | None:
        before, now = self._before, self._aws.clock.monotonic()
        self._before = now, total
        if before is None or now <= before[0]:
            return None
        return round((total - before[1]) / (now - before[0]), 2)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._aws.clock.time(), timezone.utc)

    def _read_dead_letters(self, arn: str) -> Reading:
        """Read the dead-letter queue. A failure is reported once."""
        if arn not in self._dead_letters:
            self._dead_letters[arn] = self._find(arn)
        reader = self._dead_letters[arn]
        try:
            if reader is not None:
                return reader._read()[0]
        except TransportError as error:
            self._refuse(arn, error)
        return Reading(arn, self._now(), None, None, None)

    def _find(self, arn: str) -> QueueReader | None:
        _, account, name = arn.rsplit(':', 2)
        try:
            answer = self._aws.call('get_queue_url', QueueName=name, QueueOwnerAWSAccountId=account)
        except TransportError as error:
            self._refuse(arn, error)
            return None
        return QueueReader(self._aws, answer['QueueUrl'], self._ages, self._report)

    def _refuse(self, arn: str, error: TransportError) -> None:
        self._dead_letters[arn] = None
        self._report(f'The dead-letter queue cannot be read: {with_advice(error, arn)}')


def watch(
    readers: Sequence[QueueReader], seconds: float, clock: Clock, report: Callable[[str], None]
) -> Iterator[list[Reading]]:
    """Yield the readings of all queues, again and again. A failure that may pass is reported.

    Raises:
        TransportError: if the first reading fails, or for a failure that does not pass.
    """
    yield [reader.read() for reader in readers]
    while True:
        clock.sleep(seconds)
        try:
            readings = [reader.read() for reader in readers]
        except TransportError as error:
            if not error.retriable:
                raise
            report(str(error))
        else:
            yield readings


def _dead_letter_arn(attributes: Mapping[str, str]) -> str | None:
    try:
        arn = json.loads(attributes['RedrivePolicy'])['deadLetterTargetArn']
    except (KeyError, TypeError, ValueError):
        return None
    return str(arn)
