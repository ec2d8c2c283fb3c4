"""Bodies that lie in S3: fetched while their messages wait, and deleted after them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from mega.aws.s3.store import S3PayloadStore
from mega.aws.sns.envelope import Confirmation
from mega.aws.sqs.message import (
    Gone,
    Message,
    may_be_offloaded,
    open_message,
    read_message,
)
from mega.aws.sqs.subscribe.dead_letter import DEAD_LETTER
from mega.aws.sqs.subscribe.engine.delivery import Delivery
from mega.codec import AnyPayload

__all__ = ('Coming', 'Fetching')

_log = logging.getLogger(__name__)

AT_ONCE = 50
"""Calls at a time: as many as a store has connections."""

FAREWELL = 1.0
"""Seconds that calls have to end, once nobody waits for them."""

T = TypeVar('T')

Found: TypeAlias = tuple[Message, AnyPayload | Confirmation | Gone]


@dataclass(frozen=True, slots=True)
class Coming:
    """A message as it was received, whose body is on its way."""

    received: dict[str, Any]
    opening: Future[Found]


class Fetching:
    """Fetches the bodies of a batch at a time, each apart from the others, and deletes bodies."""

    def __init__(self, store: S3PayloadStore, queue_url: str, at_once: int) -> None:
        self._store = store
        self._queue_url = queue_url
        self._pool = ThreadPoolExecutor(min(AT_ONCE, at_once), 'mega-s3')
        self._under_way: set[Future[Any]] = set()

    def begin(self, deliveries: Iterable[Delivery]) -> None:
        """Begin to open those messages that may have to be fetched."""
        for delivery in deliveries:
            received = delivery.content
            if may_be_offloaded(received):
                delivery.content = Coming(received, self._submit(self._open, received))

    def remove(self, message: Message) -> None:
        """Begin to delete the body of a deleted message, if no other message leads there."""
        pointer = message.pointer
        if not self._store.delete or pointer is None or DEAD_LETTER in message.attributes:
            return  # of what was sent back there may be a copy in the dead-letter queue
        if pointer.queue_url == self._queue_url:
            self._submit(self._store.remove, pointer)

    def close(self) -> None:
        """Fetch nothing more, and wait a moment for what is under way."""
        self._pool.shutdown(wait=False)
        if wait(list(self._under_way), FAREWELL).not_done:
            _log.warning('a call to S3 has not ended, and is left behind')

    def _open(self, received: dict[str, Any]) -> Found:
        return open_message(read_message(received), self._store)

    def _submit(self, call: Callable[..., T], argument: object) -> Future[T]:
        future = self._pool.submit(call, argument)
        self._under_way.add(future)
        future.add_done_callback(self._under_way.discard)
        return future
