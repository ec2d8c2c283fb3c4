"""The upload of a body to S3, before the message that carries its pointer is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mega.aws.s3.pointer import Pointer

__all__ = ('Upload',)


class Upload:
    """A body to upload, and the message that points to it: `body` and `attributes`.

    `put` uploads the body; None if it is in S3. `remove` deletes it. Used by one thread at a time.
    `maybe_referenced` is true once the pointer may have reached SQS or SNS, because the outcome of
    a request is unknown. The object is then never deleted.
    """

    def __init__(
        self,
        pointer: Pointer,
        body: str,
        attributes: dict[str, Any],
        put: Callable[[], object] | None,
        remove: Callable[[], object],
    ) -> None:
        self.pointer = pointer
        self.body = body
        self.attributes = attributes
        self.maybe_referenced = False
        self._put = put
        self._remove = remove

    def upload(self) -> None:
        """Upload the body, unless it was uploaded before.

        Raises:
            OffloadError: if S3 did not confirm the upload. The object may exist all the same.
        """
        if self._put is not None:
            self._put()
            self._put = None  # frees the memory of the body

    def delete_unless_sent(self, is_retriable: bool, response: Mapping[str, Any]) -> None:
        """Delete the body of a message that was not sent, unless a request may have sent it.

        `is_retriable` is whether the outcome of the request is unknown, or the request may succeed
        later. `response` is the answer of AWS; empty if there is none.
        """
        # botocore may retry for a client that the user passed.
        was_tried_before = response.get('ResponseMetadata', {}).get('RetryAttempts', 0)
        if was_tried_before or is_retriable:
            self.maybe_referenced = True
        else:
            self.delete()

    def delete(self) -> None:
        """Delete the body, unless its pointer may have reached AWS."""
        if self._put is None and not self.maybe_referenced:
            self._remove()
