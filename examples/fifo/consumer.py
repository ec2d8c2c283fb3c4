"""Receive the messages of a FIFO queue, and print each in the column of its message group."""

from __future__ import annotations

from queue import SimpleQueue
from typing import Any

from mega.aws.sqs.subscribe import DataSubscriber
from mega.match.functions import gt

__all__ = ('GROUPS', 'Consumer', 'consumed')

GROUPS = ('cart-1', 'cart-2', 'cart-3')

consumed: SimpleQueue[tuple[str, int]] = SimpleQueue()
"""The message group and the number of every message, in the order of processing."""


class Consumer(DataSubscriber):
    pattern = {'data': gt(0)}

    def process(self, payload: dict[str, Any]) -> None:
        group = self.message.group_id or ''
        column = 14 + 10 * GROUPS.index(group)
        print(f'{"":{column}}{group} {payload["data"]}\n', end='')
        consumed.put((group, payload['data']))
