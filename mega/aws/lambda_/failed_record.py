"""A record that Lambda must not delete, and the reason."""

from __future__ import annotations

from msgspec import Struct

from mega.aws.lambda_.records import LambdaRecord
from mega.aws.sqs.subscribe.reason import Reason

__all__ = ('NOT_PROCESSED', 'FailedRecord')

NOT_PROCESSED = Reason('NotProcessed', 'the message did not begin in this invocation')


class FailedRecord(Struct, frozen=True):
    """A record that Lambda must not delete.

    `delay` is the number of seconds until SQS delivers it again; None: when its visibility timeout
    ends.
    """

    record: LambdaRecord
    reason: Reason = NOT_PROCESSED
    delay: int | None = None
