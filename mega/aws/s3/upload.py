"""A body on its way to S3, ahead of the message that carries its pointer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mega.aws.s3.pointer import Pointer

__all__ = ('Upload',)


class Upload:
    """A body that has to be in S3 before its pointer is sent: `body` and `attributes` carry that.

    `put` puts it there, and `remove` deletes it. Used by one thread at a time.
    `maybe_referenced` is true once the pointer may have reached SQS or SNS (the outcome of a send
    is unknown); the object is then never deleted.
    """

    def __init__(
        self,
        pointer: Pointer,
        body: str,
        attributes: dict[str, Any],
        put: Callable[[], object],
        remove: Callable[[], object],
    ) -> None:
        self.pointer = pointer
        self.body = body
        self.attributes = attributes
        self.maybe_referenced = False
        self._put: Callable[[], object] | None = put
        self._remove = remove

    def upload(self) -> None:
        """Put the body into S3, unless that is done already.

        Raises:
            OffloadError: when S3 does not say that it took it. It may be there all the same.
        """
        if self._put is not None:
            self._put()
            self._put = None  # with it goes the body

    def undo(self) -> None:
        """Delete the body again, where its pointer was refused and nobody can have it."""
        if self._put is None and not self.maybe_referenced:
            self._remove()
