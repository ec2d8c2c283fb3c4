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

__all__ = ('MAX_HOLD', 'HeldMessages', 'Page', 'RedrivePolicy', 'holding', 'read_redrive_policy')

MAX_HOLD = 43_200
"""Seconds of a visibility timeout, at most (API reference of ReceiveMessage)."""

MAX_SEEN = 100_000
"""The number of messages that are remembered, so that none is shown twice."""

_ATTEMPTS = 2


class RedrivePolicy(Struct, frozen=True):
    """The redrive policy of a queue: the maximum of receives, and the ARN of the other queue."""

    max_receives: int
    target: str

    def check_queue(self, url: str) -> None:
        """Refuse a queue that allows one receive of a message, which its consumer needs.

        Raises:
            CommandError: with the queue that SQS would move messages to.
        """
        if self.max_receives <= 1:
            raise CommandError(
                f'the maxReceiveCount of {url} is {self.max_receives}, so that a message that is '
                f'received here moves to {self.target} instead of its consumer. Pass --force to '
                'go on'
            )

    def check_message(self, received: dict[str, Any], receives: int = 0) -> None:
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


def read_redrive_policy(aws: AwsClient, url: str) -> RedrivePolicy | None:
    """Return the redrive policy of a queue; None if it has none.

    Raises:
        CommandError: for a policy that is not in the form of SQS.
        TransportError: if SQS refuses the attributes of the queue.
    """
    response = _call(aws, url, 'get_queue_attributes', AttributeNames=['RedrivePolicy'])
    policy = (response.get('Attributes') or {}).get('RedrivePolicy')
    if not policy:
        return None
    try:
        found = json.loads(policy)
        return RedrivePolicy(int(found['maxReceiveCount']), str(found['deadLetterTargetArn']))
    except (ValueError, LookupError, TypeError) as error:
        raise CommandError(f'{url} has the redrive policy {safe_repr(policy)}') from error


class Page(Struct, frozen=True):
    """The messages of one receive. Other receives have returned the `known` ones before."""

    new: list[dict[str, Any]]
    known: list[dict[str, Any]]


class HeldMessages:
    """Receives messages, holds each for `hold_seconds`, and gives them back.

    `wait_seconds` is the time of the long poll of a receive. With a `policy`, `messages` and
    `following_messages` end with a CommandError after a message that has no receive left.
    """

    def __init__(
        self,
        aws: AwsClient,
        url: str,
        hold_seconds: int,
        wait_seconds: int,
        policy: RedrivePolicy | None = None,
    ) -> None:
        self._aws = aws
        self._url = url
        self._hold_seconds = hold_seconds
        self._wait_seconds = wait_seconds
        self._policy = policy
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

    def messages(self, count: int = MAX_SEEN) -> Iterator[dict[str, Any]]:
        """Yield up to `count` messages, each once, until a receive returns no new message.

        Raises:
            CommandError: after a message that has no receive left.
            TransportError: if a receive fails.
        """
        while count and (page := self.receive(count)).new:
            count -= len(page.new)
            yield from page.new
            self._check(page, 0)

    def following_messages(self, count: int | None) -> Iterator[dict[str, Any]]:
        """Yield `count` messages, each once, and wait for them; None: without an end.

        Raises:
            CommandError: after a message that has no receive left, or one. Its hold ends during the
                command, which then receives it again.
            TransportError: if a receive fails.
        """
        while count is None or count > 0:
            page = self.receive(MAX_BATCH_ENTRIES if count is None else count)
            count = None if count is None else count - len(page.new)
            yield from page.new
            self._check(page, 1)

    def give_back(self) -> int:
        """Make all held messages visible, and return how many may stay hidden.

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

    def _check(self, page: Page, further_receives: int) -> None:
        if self._policy is not None:
            for each in (*page.new, *page.known):
                self._policy.check_message(each, further_receives)

    def _forget(self) -> None:
        """Forget the oldest of many messages, and the messages whose hold has ended."""
        while len(self._seen) > MAX_SEEN:
            del self._seen[next(iter(self._seen))]
        now = self._aws.clock.monotonic()
        for id, _ in list(takewhile(lambda item: item[1][1] <= now, self._held.items())):
            del self._held[id]

    def _release(self, handles: list[str]) -> list[str]:
        """Make up to ten messages visible, and return the handles to try again.

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
    aws: AwsClient, url: str, hold_seconds: int, wait_seconds: int, *, is_forced: bool = False
) -> Iterator[HeldMessages]:
    """Hold messages in a block, and give them back at its end, also after Ctrl-C.

    It tells the user that SQS counts the receives, and how many messages stay hidden. Unless it
    `is_forced`, the redrive policy of the queue limits the receives.

    Raises:
        CommandError: if the policy of the queue allows one receive of a message.
        TransportError: if SQS refuses the policy.
    """
    policy = None if is_forced else read_redrive_policy(aws, url)
    if policy is not None:
        policy.check_queue(url)
    notify('SQS counts this as a receive of each message.')
    held = HeldMessages(aws, url, hold_seconds, wait_seconds, policy)
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
