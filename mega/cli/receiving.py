"""Receives messages of a queue in order to show them, and gives them back.

SQS has no call that only reads. A receive hides a message for its visibility timeout, here the
hold, so that the next receive returns others:

    receive (hold 30 s)  ->  show each message once  ->  visibility timeout 0 for all of them

A message whose process is killed is visible again when the hold ends. SQS counts each receive. It
moves a message to the dead-letter queue at the receive after the maximum of the redrive policy, so
that a command stops before its own receives reach that number.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile
from typing import Any

from msgspec import Struct

from mega.aws._messages.batch_response import read_batch_response
from mega.aws._messages.limits import MAX_BATCH_ENTRIES
from mega.aws._transport.client import AwsClient
from mega.aws.sqs.message import read_message
from mega.aws.sqs.subscribe.call_errors import with_advice
from mega.cli.exit_status import CommandError
from mega.cli.interruption import deferred_interrupt
from mega.cli.output import notify
from mega.errors import TransportError, safe_repr

__all__ = ('MAX_HOLD', 'HeldMessages', 'Page', 'ReceiveLimit', 'holding', 'read_receive_limit')

MAX_HOLD = 43_200
"""Seconds of a visibility timeout, at most (API reference of ReceiveMessage)."""

MAX_SEEN = 100_000
"""Messages that are remembered, so that none is shown twice. Beyond that, the oldest are not."""

_ATTEMPTS = 2


class ReceiveLimit(Struct, frozen=True):
    """The redrive policy of a queue: the receives of a message, and the queue it then moves to."""

    max_receives: int
    target: str

    def check(self, received: dict[str, Any], receives: int = 0) -> None:
        """Refuse to go on if `receives` more receives would use up those of a message.

        Raises:
            CommandError: with the message, and the queue that SQS would move it to.
        """
        message = read_message(received)
        if message.receive_count + receives >= self.max_receives:
            raise CommandError(
                f'message {message.id} was received {message.receive_count:,} times, and the '
                f'maxReceiveCount of its queue is {self.max_receives:,}: another receive may move '
                f'it to {self.target}. Pass --force to go on'
            )


def read_receive_limit(aws: AwsClient, url: str) -> ReceiveLimit | None:
    """Return the limit of a queue; None without a redrive policy.

    Raises:
        CommandError: if one receive reaches the limit of every message.
        TransportError: if SQS refuses the attributes of the queue.
    """
    response = _call(aws, url, 'get_queue_attributes', AttributeNames=['RedrivePolicy'])
    policy = (response.get('Attributes') or {}).get('RedrivePolicy')
    if not policy:
        return None
    try:
        found = json.loads(policy)
        limit = ReceiveLimit(int(found['maxReceiveCount']), str(found['deadLetterTargetArn']))
    except (ValueError, LookupError, TypeError) as error:
        raise CommandError(f'{url} has the redrive policy {safe_repr(policy)}') from error
    if limit.max_receives <= 1:
        raise CommandError(
            f'the maxReceiveCount of {url} is {limit.max_receives}, so that a message that is '
            f'received here moves to {limit.target} instead of its consumer. Pass --force to go on'
        )
    return limit


class Page(Struct, frozen=True):
    """The messages of one receive: the new ones, and those that were received before."""

    new: list[dict[str, Any]]
    known: list[dict[str, Any]]


class HeldMessages:
    """Receives messages, holds each for `hold_seconds`, and gives them back.

    `wait_seconds` is the time of the long poll of a receive.
    """

    def __init__(self, aws: AwsClient, url: str, hold_seconds: int, wait_seconds: int) -> None:
        self._aws = aws
        self._url = url
        self._hold_seconds = hold_seconds
        self._wait_seconds = wait_seconds
        self._held: dict[str, tuple[str, float]] = {}  # the receipt handle, and the end of its hold
        self._seen: dict[str, None] = {}

    def receive(self, count: int) -> Page:
        """Receive up to `count` messages, and ten at most.

        A Ctrl-C during the call has its effect after it, so that no received message is lost.

        Raises:
            TransportError: if the call fails.
        """
        with deferred_interrupt():
            ends = self._aws.clock.monotonic() + self._hold_seconds
            response = _call(
                self._aws,
                self._url,
                'receive_message',
                MaxNumberOfMessages=min(count, MAX_BATCH_ENTRIES),
                WaitTimeSeconds=self._wait_seconds,
                VisibilityTimeout=self._hold_seconds,
                # After a lost response, the call is repeated, and SQS returns the same messages.
                ReceiveRequestAttemptId=str(uuid.uuid4()) if self.is_fifo else None,
                MessageAttributeNames=['All'],
                AttributeNames=['All'],
                MessageSystemAttributeNames=['All'],  # some servers know only one of the two names
            )
            messages = [each for each in response.get('Messages') or () if _is_message(each)]
            for each in messages:
                self._held.pop(each['MessageId'], None)
                self._held[each['MessageId']] = each['ReceiptHandle'], ends
        new: list[dict[str, Any]] = []
        known: list[dict[str, Any]] = []
        for each in messages:
            (known if each['MessageId'] in self._seen else new).append(each)
            self._seen[each['MessageId']] = None
        self._forget()
        return Page(new, known)

    @property
    def is_fifo(self) -> bool:
        return self._url.endswith('.fifo')

    def receive_all(self, count: int = MAX_SEEN) -> Iterator[Page]:
        """Receive until `count` new messages, or until a receive without a new message.

        Raises:
            TransportError: if a receive fails.
        """
        left = count
        while left:
            page = self.receive(left)
            if not page.new:
                return
            left -= len(page.new)
            yield page

    def give_back(self) -> int:
        """Make all held messages visible, and return the number of those that may stay hidden.

        The last message of a FIFO group is the first to return, so that no consumer receives a
        later message of the group before an earlier one.
        """
        now, attempt = self._aws.clock.monotonic(), 0
        handles = [handle for handle, ends in self._held.values() if ends > now]
        if self.is_fifo:
            handles.reverse()
        self._held.clear()
        while handles and attempt < _ATTEMPTS:
            attempt += 1
            pages = range(0, len(handles), MAX_BATCH_ENTRIES)
            handles = [
                handle
                for start in pages
                for handle in self._release(handles[start : start + MAX_BATCH_ENTRIES])
            ]
        return len(handles)

    def _forget(self) -> None:
        """Forget the oldest of many messages, and the messages whose hold has ended."""
        while len(self._seen) > MAX_SEEN:
            del self._seen[next(iter(self._seen))]
        now = self._aws.clock.monotonic()
        for id, _ in list(takewhile(lambda item: item[1][1] <= now, self._held.items())):
            del self._held[id]

    def _release(self, handles: list[str]) -> list[str]:
        """Make up to ten messages visible, and return the handles for which that may be repeated.

        An entry that SQS refuses for good is of a message that is deleted or visible.
        """
        entries = [
            {'Id': str(place), 'ReceiptHandle': handle, 'VisibilityTimeout': 0}
            for place, handle in enumerate(handles)
        ]
        try:
            response = _call(
                self._aws, self._url, 'change_message_visibility_batch', Entries=entries
            )
        except TransportError:
            return handles
        results = read_batch_response(response, [str(entry['Id']) for entry in entries])
        return [
            handle
            for handle, result in zip(handles, results, strict=True)
            if not result.is_successful and result.is_retriable
        ]


@contextmanager
def holding(
    aws: AwsClient, url: str, hold_seconds: int, wait_seconds: int
) -> Iterator[HeldMessages]:
    """Hold messages in a block, and give them back at its end, also after Ctrl-C.

    It tells the user that SQS counts the receives, and how many messages stay hidden.
    """
    notify('SQS counts this as a receive of each message.')
    held = HeldMessages(aws, url, hold_seconds, wait_seconds)
    if held.is_fifo:
        notify('Until the messages are given back, SQS delivers no other message of their groups.')
    try:
        yield held
    finally:
        with deferred_interrupt():
            if left := held.give_back():
                notify(f'{left:,} messages stay hidden for {hold_seconds:,} seconds at most')


def _call(aws: AwsClient, url: str, method: str, **parameters: Any) -> dict[str, Any]:
    try:
        return aws.call(method, QueueUrl=url, **parameters)
    except TransportError as error:
        raise with_advice(error, url) from error.__cause__


def _is_message(received: object) -> bool:
    """Return whether SQS wrote a message. A proxy may answer in its place."""
    names = ('MessageId', 'ReceiptHandle')
    return isinstance(received, dict) and all(isinstance(received.get(n), str) for n in names)
