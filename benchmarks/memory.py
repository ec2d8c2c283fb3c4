"""Measure the memory of a process while its listener drains many messages.

    python -m benchmarks.memory                     # 50,000 messages
    python -m benchmarks.memory --messages 1000000

One listener with four threads drains all messages. The server runs in its own process. Of fifty
messages, one is dead-lettered and one is retried. The same process sends 1,000 messages at a time.
Growth is counted after the first messages, when all modules are imported and all threads run.
"""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Iterator
from itertools import count, cycle, islice
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import ClassVar

from benchmarks.listener.workload import EVENTS, Counting, Goal, subscribers
from benchmarks.matching.tables import machine, table
from benchmarks.model_server import running
from mega.aws.sqs import SqsPublisher
from mega.aws.sqs.subscribe import ProcessStatus, SqsListener
from mega.event import Payload

__all__ = ('growth', 'measured')

FIRST = 10_000
"""The number of messages after which growth is counted."""

AT_ONCE = 1_000
"""The number of messages that are sent at a time."""

LINES = 10
"""The maximum number of lines of the table."""


class ProcessedMessages(Goal):
    """Signals every processed message."""

    def __init__(self) -> None:
        super().__init__(0)
        self._processed: SimpleQueue[None] = SimpleQueue()

    def count(self) -> None:
        self._processed.put(None)

    def wait(self, messages: int) -> None:
        for _ in range(messages):
            self._processed.get()


class Mixed(Counting):
    """Of fifty messages, fail for one, retry one, and complete the others."""

    numbers: ClassVar = count()

    def process(self, payload: Payload) -> ProcessStatus:
        if self.message.receive_count > 1:
            return ProcessStatus.DONE
        number = next(self.numbers) % 50
        self.goal.count()
        if number == 0:
            raise ValueError('never succeeds')
        return ProcessStatus.RETRY_LATER if number == 1 else ProcessStatus.DONE


def measured(messages: int, at_once: int = AT_ONCE) -> Iterator[tuple[int, float]]:
    """Yield the number of processed messages and the memory in MB, every `at_once` messages."""
    processed = ProcessedMessages()
    with (
        running() as server,
        SqsPublisher(server.create_queue('work'), **server.credentials) as publisher,
        SqsListener(
            server.create_queue('work'),
            subscribers(Mixed, processed),
            max_number_of_messages=10,
            concurrency=4,
            retry_delay=0,
            dead_letter_queue_url=server.create_queue('dead'),
            **server.credentials,
        ) as listener,
    ):
        thread = Thread(target=listener.listen)
        thread.start()
        try:
            for done in range(at_once, messages + 1, at_once):
                publisher.publish_batch(islice(cycle(EVENTS), at_once))
                processed.wait(at_once)
                server.forget()
                yield done, resident()
        finally:
            listener.stop()
            thread.join()


def resident() -> float:
    """Return the resident memory of this process in MB."""
    pages = int(Path('/proc/self/statm').read_text().split()[1])
    return pages * os.sysconf('SC_PAGE_SIZE') / 1e6


def growth(found: list[tuple[int, float]], first: int = FIRST) -> float:
    """Return the largest growth of the memory after the first messages, in MB."""
    begun = next(memory for done, memory in found if done >= first)
    return max(memory for done, memory in found if done >= first) - begun


def main() -> None:
    parser = argparse.ArgumentParser('python -m benchmarks.memory', description=__doc__)
    parser.add_argument('--messages', type=int, default=50_000, metavar='N')
    messages: int = parser.parse_args().messages
    if messages < FIRST:
        parser.error(f'growth is counted after {FIRST:,} messages')
    logging.getLogger('mega').addHandler(logging.NullHandler())  # failures are intended
    logging.getLogger('mega').propagate = False
    found = list(measured(messages))
    step = max(1, len(found) // LINES)
    rows = [[f'{done:,}', f'{memory:.1f}'] for done, memory in found[step - 1 :: step]]
    print(f'# Memory of a listener\n\n{machine()}.\n')
    print(table(['messages', 'MB'], rows), end='\n\n')
    print(f'After the first {FIRST:,} messages, the memory grew by at most {growth(found):.1f} MB.')


if __name__ == '__main__':
    main()
