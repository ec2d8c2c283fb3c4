"""Assertions about the messages on a bus. A failing one shows the nearest messages."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mega.aws._messages.destinations import queue_name
from mega.aws.sqs.subscribe.subscribers.subscriber import explain_match
from mega.errors import single_line
from mega.testing.matching import check_count, list_messages, list_nearest, matching
from mega.testing.records import DeadLetter, ProcessedMessage, PublishedMessage

if TYPE_CHECKING:
    from mega.aws._messages.destinations import queue_name
from mega.aws.sqs.subscribe.subscribers.subscriber import Subscriber

__all__ = ('Assertions',)


class Assertions(ABC):
    """The assertions of a `Bus`.

    A pattern is applied to the whole payload; an event is in its normal form:
    `{'event': {'name': 'item.added'}}`. Without a pattern, every message counts.
    """

    def __init__(self) -> None:
        self._processed: list[ProcessedMessage] = []
        self._expected: set[str] = set()

    @abstractmethod
    def published(self) -> list[PublishedMessage]:
        """Return the published messages."""

    def processed(self) -> list[ProcessedMessage]:
        """Return one entry for each subscriber and delivery in `run`, in order, with its status."""
        return list(self._processed)

    @abstractmethod
    def dead_letters(self) -> list[DeadLetter]:
        """Return the messages in dead-letter queues."""

    @abstractmethod
    def _messages_left(self) -> list[PublishedMessage]:
        """Return the messages in all queues."""

    def assert_published(
        self, pattern: object = None, times: int | None = None, *, to: str | None = None
    ) -> None:
        """Check that a message was published that matches a pattern, or that number of them.

        `to` is the queue or topic of the message; None: any.

        Raises:
            AssertionError: if not. It explains the nearest messages.
        """
        __tracebackhide__ = True
        candidates = [each for each in self.published() if to in (None, each.destination)]
        found = matching(pattern, candidates)
        self._expected.update(each.id for each in found)
        check_count('published messages', pattern, times, found, candidates, _describe_published)

    def assert_nothing_published(self) -> None:
        """Check that no message was published.

        Raises:
            AssertionError: if one was.
        """
        __tracebackhide__ = True
        _check_none('messages were published', self.published())

    def assert_nothing_else_published(self) -> None:
        """Check that no message was published except for the ones that `assert_published` found.

        Raises:
            AssertionError: if one was.
        """
        __tracebackhide__ = True
        others = [each for each in self.published() if each.id not in self._expected]
        _check_none('other messages were published', others)

    def assert_processed(
        self, subscriber: Subscriber, pattern: object = None, times: int | None = None
    ) -> None:
        """Check that a subscriber processed a message that matches a pattern, with success.

        Raises:
            AssertionError: if not. It explains the nearest messages.
        """
        __tracebackhide__ = True
        candidates = [each for each in self._processed if each.subscriber is subscriber]
        found = [each for each in matching(pattern, candidates) if each.status.name == 'DONE']
        what = f'messages processed by {subscriber.__name__}'
        if not candidates and times != 0:
            raise AssertionError(f'0 {what}{self._explain_mismatch(subscriber)}')
        check_count(what, pattern, times, found, candidates, _describe_processed)

    def _explain_mismatch(self, subscriber: Subscriber) -> str:
        """Explain why a subscriber received none of the published messages."""
        published = [each for each in self.published() if each.problem is None]
        if not published:
            return ', and no message was published'
        explained = [
            (each, explain_match(subscriber, each.payload, {'attributes': each.attributes}))
            for each in published
        ]
        lines = list_nearest(explained, _describe_published)
        return '\n'.join([f'. The nearest of {len(published)} published messages:', *lines])

    def assert_dead_lettered(
        self,
        pattern: object = None,
        error: type[BaseException] | str | None = None,
        times: int | None = None,
    ) -> None:
        """Check that a message is in a dead-letter queue that matches a pattern.

        `error` is the class of the last exception, or its name.

        Raises:
            AssertionError: if not. It explains the nearest messages.
        """
        __tracebackhide__ = True
        name = error.__name__ if isinstance(error, type) else error
        candidates = self.dead_letters()
        found = [each for each in matching(pattern, candidates) if name in (None, each.error)]
        what = 'dead letters' if name is None else f'dead letters with {name}'
        check_count(what, pattern, times, found, candidates, _describe_dead_letter)

    def assert_nothing_left(self) -> None:
        """Check that all queues are empty, except for dead letters.

        Raises:
            AssertionError: if a message is left, visible or hidden.
        """
        __tracebackhide__ = True
        left = [each for each in self._messages_left() if not isinstance(each, DeadLetter)]
        _check_none('messages are left', left)


def _check_none(what: str, messages: Sequence[PublishedMessage]) -> None:
    __tracebackhide__ = True
    if messages:
        lines = [f'{len(messages)} {what}:', *list_messages(messages, _describe_published)]
        raise AssertionError('\n'.join(lines))


def _describe_published(message: PublishedMessage) -> str:
    return queue_name(message.destination)


def _describe_processed(message: ProcessedMessage) -> str:
    raised = '' if message.error is None else f', {type(message.error).__name__}'
    return f'{message.status.name}{raised}, receive {message.message.receive_count}'


def _describe_dead_letter(message: DeadLetter) -> str:
    reason = single_line(f'{message.error}: {message.reason}', 200)
    return f'{_describe_published(message)}, {reason}'
