"""Send messages to a FIFO queue. SQS keeps the order in each message group."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from datetime import datetime, timezone

from mega.aws.sqs import SqsPublisher

__all__ = ('produce',)

PAUSE = 0.1  # seconds between two messages, for readability


def produce(queue_url: str, groups: Sequence[str], messages_each: int) -> None:
    with SqsPublisher(queue_url) as publisher:
        for number in range(1, messages_each + 1):
            for group in groups:
                id_ = str(uuid.uuid4())
                sent_at = datetime.now(timezone.utc).isoformat()
                publisher.publish(
                    {'id': id_, 'ts': sent_at, 'data': number},
                    message_group_id=group,
                    message_deduplication_id=id_,  # SQS drops a second message with the same ID
                )
                print(f'{group} {number} ->\n', end='')  # a single write, because two threads print
                time.sleep(PAUSE)
