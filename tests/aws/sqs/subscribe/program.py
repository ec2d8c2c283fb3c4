"""A small program that listens, for tests to send signals to.

Its arguments are the URL of a queue and the kind of its `process`. It writes a line when it has
begun with a message, when it was told to stop, and when it is done with the message: which is when
it was sent a line.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

from mega.aws.sqs.subscribe import MessageSubscriber, SqsListener

VISIBILITY_TIMEOUT = 600  # seconds: a test advances the clock of the server by as much


def say(word: str) -> None:
    os.write(1, f'{word}\n'.encode())  # print() must not interrupt itself, as a signal may


class Plain(MessageSubscriber):
    def process(self, payload: str) -> None:
        say('begun')
        sys.stdin.readline()
        say('done')


class Asynchronous(MessageSubscriber):
    async def process(self, payload: str) -> None:
        line = asyncio.Event()
        asyncio.get_running_loop().add_reader(0, line.set)
        say('begun')
        await line.wait()
        say('done')


class Blocking(MessageSubscriber):
    """Asynchronous by its looks alone: it keeps the event loop from everything else."""

    async def process(self, payload: str) -> None:
        say('begun')
        sys.stdin.readline()
        say('done')


KINDS: dict[str, Any] = {'plain': Plain, 'async': Asynchronous, 'blocking': Blocking}


class Telling(SqsListener):
    def stop(self) -> None:
        super().stop()
        say('stopping')


if __name__ == '__main__':
    made = KINDS[sys.argv[2]]
    settings: Any = {'max_number_of_messages': 10, 'visibility_timeout': VISIBILITY_TIMEOUT}
    with Telling(sys.argv[1], [made], **settings) as listener:
        listener.listen()
    say('ended')
