"""A message on its way to AWS, and its result."""

from __future__ import annotations

from typing import Any, TypeAlias

from msgspec import Struct

from mega.aws._publishing.batch_planner import PlannedMessage
from mega.aws.s3.upload import Upload
from mega.errors import MegaError

__all__ = ('OutgoingMessage', 'PlannedOutgoing', 'PublishResult')

# There is one of each for every payload. A Struct of msgspec is created in a quarter of the time of
# a frozen dataclass.


class OutgoingMessage(Struct, frozen=True):
    """A message as AWS accepts it.

    `attributes` and `options` have AWS's names and form. `size` is the size that AWS counts, in
    bytes. `upload` is the body that must be in S3 before the message is sent.
    """

    body: str
    attributes: dict[str, Any]
    options: dict[str, Any]
    size: int
    upload: Upload | None = None


class PublishResult(Struct, frozen=True):
    """The result of one payload of a batch: the id of its message, or the error."""

    message_id: str | None = None
    error: MegaError | None = None


PlannedOutgoing: TypeAlias = PlannedMessage[OutgoingMessage | None]
"""A message of a plan. Its content is None if the payload cannot be sent."""
