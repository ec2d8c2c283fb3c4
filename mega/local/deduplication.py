"""Deduplication of FIFO queues and topics."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import takewhile

from mega.local.messages import Draft, Message, sha256_of_text

__all__ = ('WINDOW', 'Deduplication')

WINDOW = 300.0
"""The deduplication interval in seconds (model, SendMessage)."""


class Deduplication:
    """The messages sent to a FIFO queue or topic in the last five minutes, also deleted ones.

    Source: model, SendMessage: AWS keeps track of an id "even after the message is received and
    deleted". The scope is the queue or topic, or the message group if an attribute says so.
    """

    def __init__(self, attributes: Mapping[str, str]) -> None:
        self._sent: dict[tuple[str | None, str], tuple[float, Message]] = {}
        self.configure(attributes)

    def configure(self, attributes: Mapping[str, str]) -> None:
        """Apply the attributes of the queue or topic, also to messages sent before."""
        scope = attributes.get('DeduplicationScope', attributes.get('FifoThroughputScope'))
        self._is_per_group = scope in ('messageGroup', 'MessageGroup')

    def first(self, draft: Draft, now: float) -> Message | None:
        """Return the earlier message with the same deduplication id, if any."""
        expired = list(takewhile(lambda key: now - self._sent[key][0] >= WINDOW, self._sent))
        for key in expired:
            del self._sent[key]
        found = self._sent.get(self._key(draft))
        return found[1] if found else None

    def remember(self, message: Message, now: float) -> None:
        self._sent[self._key(message.draft)] = (now, message)

    def _key(self, draft: Draft) -> tuple[str | None, str]:
        """Return the deduplication id, or by default the hash of the body without attributes."""
        deduplication_id = draft.deduplication_id or sha256_of_text(draft.body)
        return (draft.group_id if self._is_per_group else None, deduplication_id)
