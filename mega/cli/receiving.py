"""Receives messages of a queue in order to show them, and gives them back.

SQS has no call that only reads. A receive hides a message for its visibility timeout, here the
hold, so that the next receive returns others:

    receive (hold 30 s)  ->  show each message once  ->  visibility timeout 0 for all of them

A message whose process is killed is visible again when the hold ends. SQS counts each receive, and
the redrive policy of the queue limits them.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, takewhile
from typing import Any

from msgspec import Struct

from mega.aws._messages.batch_response import BatchEntryResult, read_batch_response
from mega.aws._messages.limits import MAX_BATCH_ENTRIES
from mega.aws._transport.client import AwsClient
from mega.cli.interruption import deferred_interrupt
from mega.cli.output import notify
from mega.cli.queue_calls import call_queue
from mega.cli.redrive_policy import RedrivePolicy, read_redrive_policy
from mega.errors import TransportError

__all__ = ('MAX_HOLD', 'MAX_SEEN', 'HeldMessages', 'Page', 'holding', 'notify_of_receives')

MAX_HOLD = 43_200
"""Seconds of a visibility timeout, at most (API reference of ReceiveMessage)."""

MAX_SEEN = 100_000
"""The number of messages that are remembered, so that none is shown twice."""

_ATTEMPTS = 2

_DELETE_PAUSES = (0, 0.5, 2)
"""Seconds before each attempt to delete a message."""

_CHANGE = 'change_message_visibility_batch'


class Page(Struct, frozen=True):
    """The messages of one receive. Other receives have returned the `known` ones before."""

    new: list[dict[str, Any]]
    known: list[dict[str, Any]]


class HeldMessages:
    """Receives messages, holds each for `hold_seconds`, and gives back those that remain.

    `wait_seconds` is the time of the long poll of a receive. With a `policy`, the iterators end
    with a CommandError after a message that has no receive left.
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
            response = call_queue(
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
        return chain.from_iterable(self.pages(count))

    def pages(self, count: int = MAX_SEEN) -> Iterator[list[dict[str, Any]]]:
        """Yield the same messages as `messages`, in a list for each receive."""
        while count and (page := self.receive(count)).new:
            count -= len(page.new)
            yield page.new
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

    def holds(self, id: str) -> bool:
        """Return whether a message is held. Otherwise another consumer may have received it."""
        return id in self._held and self._held[id][1] > self._aws.clock.monotonic()

    def extend(self, seconds: int, ids: Iterable[str] | None = None) -> None:
        """Hold messages for at least `seconds` more, if they are still held. None: all of them.

        Raises:
            TransportError: if a call fails.
        """
        now, timeout = self._aws.clock.monotonic(), max(seconds, self._hold_seconds)
        held = [id for id in (self._held if ids is None else ids) if self.holds(id)]
        for page in _pages([id for id in held if self._held[id][1] < now + seconds]):
            results = self._for_each(_CHANGE, self._handles(page), VisibilityTimeout=timeout)
            for id, result in zip(page, results, strict=True):
                if result.is_successful:
                    self._held[id] = self._held[id][0], now + timeout
                elif not result.is_retriable:  # another consumer has it, or it is deleted
                    del self._held[id]

    def delete(self, ids: Sequence[str]) -> dict[str, str]:
        """Delete up to ten messages, and return the problem of each that may not be deleted.

        Raises:
            TransportError: if a call fails.
        """
        problems = {id: 'its hold has ended' for id in ids if not self.holds(id)}
        left = [id for id in ids if id not in problems]
        for pause in _DELETE_PAUSES:
            if not left:
                break
            if pause:
                self._aws.clock.sleep(pause)
            try:
                results = self._for_each('delete_message_batch', self._handles(left))
            except TransportError as error:
                if error.retriable and pause < _DELETE_PAUSES[-1]:
                    continue
                raise
            failed = dict(zip(left, results, strict=True))
            for id in [id for id, result in failed.items() if result.is_successful]:
                del self._held[id], failed[id]
                problems.pop(id, None)
            problems.update({id: f'{each.code}: {each.problem}' for id, each in failed.items()})
            left = [id for id, result in failed.items() if result.is_retriable]
        return problems

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
            handles = [handle for page in _pages(handles) for handle in self._release(page)]
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
        try:
            results = self._for_each(_CHANGE, handles, VisibilityTimeout=0)
        except TransportError:
            return handles
        return [handle for handle, each in zip(handles, results, strict=True) if each.is_retriable]

    def _handles(self, ids: list[str]) -> list[str]:
        return [self._held[id][0] for id in ids]

    def _for_each(self, method: str, handles: list[str], **fields: int) -> list[BatchEntryResult]:
        """Call a batch operation with an entry for each of up to ten receipt handles."""
        entries = [
            {'Id': str(place), 'ReceiptHandle': handle, **fields}
            for place, handle in enumerate(handles)
        ]
        response = call_queue(self._aws, self._url, method, Entries=entries)
        return read_batch_response(response, [str(entry['Id']) for entry in entries])


def _pages(items: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(items), MAX_BATCH_ENTRIES):
        yield items[start : start + MAX_BATCH_ENTRIES]


@contextmanager
def holding(
    aws: AwsClient, url: str, hold_seconds: int, wait_seconds: int, *, is_forced: bool = False
) -> Iterator[HeldMessages]:
    """Hold messages in a block, and give them back at its end, also after Ctrl-C.

    It tells the user how many messages stay hidden. Unless it `is_forced`, the redrive policy of
    the queue limits the receives.

    Raises:
        CommandError: if the policy of the queue allows one receive of a message.
        TransportError: if SQS refuses the policy.
    """
    policy = None if is_forced else read_redrive_policy(aws, url)
    if policy is not None:
        policy.check_queue(url)
    held = HeldMessages(aws, url, hold_seconds, wait_seconds, policy)
    try:
        yield held
    finally:
        with deferred_interrupt():
            if left := held.give_back():
                notify(f'{left:,} messages stay hidden for {hold_seconds:,} seconds at most')


def notify_of_receives(url: str) -> None:
    """Tell the user what it means for a queue that a command receives messages to show them."""
    notify('SQS counts this as a receive of each message.')
    if url.endswith('.fifo'):
        notify('Until the messages are given back, SQS delivers no other message of their groups.')


def _is_message(received: object) -> bool:
    """Return whether SQS wrote a message. A proxy may answer in its place."""
    names = ('MessageId', 'ReceiptHandle')
    return isinstance(received, dict) and all(isinstance(received.get(n), str) for n in names)
