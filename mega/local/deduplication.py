"""Deduplication of FIFO queues and topics, which AWS remembers for five minutes."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from itertools import takewhile
from typing import Generic, TypeVar

from mega.local.messages import Draft, Message, sha256_of_text

__all__ = ('Deduplication', 'Recent')

K = TypeVar('K', bound=Hashable)
V = TypeVar('V')

WINDOW = 300.0
"""The deduplication interval in seconds (model, SendMessage). Receive attempts have the same."""


class Recent(Generic[K, V]):
    """Values of the last five minutes by key. Callers pass the time, which never goes back."""

    def __init__(self) -> None:
        self._entries: dict[K, tuple[float, V]] = {}  # in the order of time

    def get(self, key: K, now: float) -> V | None:
        """Return a value that is not older than five minutes."""
        entries = self._entries
        for expired in list(takewhile(lambda each: now - entries[each][0] >= WINDOW, entries)):
            del entries[expired]
        found = entries.get(key)
        return found[1] if found else None

    def add(self, key: K, value: V, now: float) -> None:
        """Remember the value of a new key."""
        self._entries[key] = (now, value)

    def forget(self, key: K) -> None:
        del self._entries[key]


class Deduplication:
    """The messages sent to a FIFO queue or topic in the last five minutes, also deleted ones.

    Source: model, SendMessage: AWS keeps track of an id "even after the message is received and
    deleted". The scope is the queue or topic, or the message group if an attribute says so.
    """

    def __init__(self, attributes: Mapping[str, str]) -> None:
        self._sent: Recent[tuple[str | None, str], Message] = Recent()
        self.configure(attributes)

    def configure(self, attributes: Mapping[str, str]) -> None:
        """Apply the attributes of the queue or topic, also to messages sent before."""
        scope = attributes.get('DeduplicationScope', attributes.get('FifoThroughputScope'))
        self._is_per_group = scope in ('messageGroup', 'MessageGroup')

    def first(self, draft: Draft, now: float) -> Message | None:
        """Return the earlier message with the same deduplication id, if any."""
        return self._sent.get(self._key(draft), now)

    def remember(self, message: Message, now: float) -> None:
        self._sent.add(self._key(message.draft), message, now)

    def _key(self, draft: Draft) -> tuple[str | None, str]:
        """Return the deduplication id, or by default the hash of the body without attributes."""
        deduplication_id = draft.deduplication_id or sha256_of_text(draft.body)
        return (draft.group_id if self._is_per_group else None, deduplication_id)
