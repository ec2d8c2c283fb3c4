"""Send messages to a FIFO queue. SQS keeps the order in each message group."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timezone

from examples.fifo.output import YELLOW, print_line
from examples.fifo.settings import Settings
from mega.aws.sqs import SqsPublisher

__all__ = ('Numbered', 'produce')


@dataclass(frozen=True)
class Numbered:
    id: str
    ts: datetime
    data: int


def produce(queue_url: str, settings: Settings) -> None:
    with SqsPublisher(queue_url) as publisher:
        for number in range(1, settings.messages_per_group + 1):
            for group in settings.message_groups:
                id_ = str(uuid.uuid4())
                publisher.publish(
                    Numbered(id_, datetime.now(timezone.utc), number),
                    message_group_id=group,
                    message_deduplication_id=id_,  # SQS drops a second message with the same ID
                )
                print_line(f'{group} {number} ->', YELLOW)
                time.sleep(settings.pause)
