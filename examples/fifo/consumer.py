"""Receive the messages of a FIFO queue, and print each in the column of its message group."""

from __future__ import annotations

from examples.fifo.output import GREEN, print_line
from examples.fifo.producer import Numbered
from examples.fifo.settings import Settings
from mega.aws.sqs import SqsReceiver

__all__ = ('consume',)


def consume(queue_url: str, settings: Settings) -> dict[str, list[int]]:
    """Receive until the queue is empty. Return the numbers of each group, in their order."""
    received: dict[str, list[int]] = {group: [] for group in settings.message_groups}
    columns = {group: 14 + 10 * index for index, group in enumerate(received)}
    empty_receives = 0
    with SqsReceiver(
        queue_url, max_number_of_messages=10, wait_time_seconds=settings.wait_time_seconds
    ) as receiver:
        while empty_receives < settings.max_empty_receives:
            messages = receiver.receive()
            empty_receives = 0 if messages else empty_receives + 1
            for each in messages:
                group, number = each.message.group_id or '', each.payload_as(Numbered).data
                print_line(f'{"":{columns[group]}}{group} {number}', GREEN)
                received[group].append(number)
                each.ack()  # then SQS delivers the next message of the group
    return received
