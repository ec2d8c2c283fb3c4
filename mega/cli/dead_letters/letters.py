"""Dead letters: the messages of a dead-letter queue, and what is known about their failure.

A message comes into such a queue in two ways:

- A listener sends it, with the reason in the attribute `MegaDeadLetter`. It has a new id; the
  reason names the id in the source queue.
- SQS moves it after too many receives. It keeps its id, and SQS notes the source queue.

An attribute is external input: a value that is not a text counts as absent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from mega.aws._messages.attributes import MESSAGE_ID_ATTRIBUTE, first_message_id
from mega.cli.exit_status import CommandError
from mega.cli.message_view import message_record
from mega.cli.output import Record
from mega.errors import safe_repr

__all__ = ('FIFO_NOTE', 'DeadLetter', 'find_letter', 'missing_ids', 'read_letter')

FIFO_NOTE = 'of each message group, SQS returns only the first messages'
"""https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-understanding-logic.html"""


class DeadLetter(Struct, frozen=True):
    """A message as ReceiveMessage returned it, and its record: see `message_record`."""

    received: dict[str, Any]
    record: Record

    @property
    def id(self) -> str:
        id: str = self.received['MessageId']
        return id

    @property
    def first_id(self) -> str:
        """The id of the message that was sent first: into the source queue, or even before."""
        in_source = {MESSAGE_ID_ATTRIBUTE: self.reason('message_id') or ''}
        origin: str | None = self.record.get('origin')
        return origin or first_message_id(in_source) or self.id

    @property
    def group_id(self) -> str | None:
        group_id: str | None = self.record.get('group_id')
        return group_id

    @property
    def source(self) -> str | None:
        """The URL of the source queue by the reason, or its ARN by SQS; None if it is unknown."""
        source_arn: str | None = self.record.get('source_arn')
        return self.reason('source_queue') or source_arn

    @property
    def sent(self) -> datetime | None:
        """The time at which the message was sent to the queue.

        On a standard queue, SQS keeps the first time of a message that it moves itself.
        """
        sent: datetime | None = self.record.get('sent')
        return sent

    def reason(self, name: str) -> str | None:
        """Return a text of the reason that a listener gave; None if there is none."""
        value = self.record.get('dead_letter', {}).get(name)
        return value if isinstance(value, str) else None

    def has_id(self, id: str) -> bool:
        """Return whether this is the id of the message, or an id that it had before."""
        return id in (self.id, self.first_id, self.reason('message_id'))


def read_letter(received: dict[str, Any]) -> DeadLetter:
    """Return the dead letter in a message that ReceiveMessage returned."""
    return DeadLetter(received, message_record(received))


def find_letter(id: str, letters: Iterable[DeadLetter], url: str) -> DeadLetter:
    """Return the first letter of a queue that has an id.

    Raises:
        CommandError: if none has it.
    """
    for letter in letters:
        if letter.has_id(id):
            return letter
    raise CommandError(missing_ids([id], url))


def missing_ids(ids: Sequence[str], url: str) -> str:
    """Return the problem of ids that no visible message of a queue has."""
    names = ', '.join(map(safe_repr, ids))
    note = f': {FIFO_NOTE}' if url.endswith('.fifo') else ''
    return f'{url} has no visible message {names}{note}'
