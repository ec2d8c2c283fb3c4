"""A listener program, for tests that send signals.

Its arguments are the URL of a queue and a key of `KINDS`. The program writes these lines:

- `begun` at the begin of a message,
- `stopping` at a call of `stop()`,
- `done` at the end of a message, after the test wrote a line to the program's input,
- `payload: status` after the child process ended that a subscriber of a forking kind forked,
- `ended` after `listen()` returned.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import sys
from typing import Any

from mega.aws.sqs.subscribe import MessageSubscriber, SqsListener

VISIBILITY_TIMEOUT = 600  # seconds; a test advances the server's clock by them


def say(word: str) -> None:
    os.write(1, f'{word}\n'.encode())  # a signal handler must not call print() within print()


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
    """A subscriber with an `async def process` that blocks the event loop."""

    async def process(self, payload: str) -> None:
        say('begun')
        sys.stdin.readline()
        say('done')


def fork_by(payload: str) -> str | None:
    """Fork a child process, and return how it ended. In the child process, return or raise."""
    if payload == 'terminate':
        process: Any = multiprocessing.get_context('fork').Process(target=signal.pause)
        process.start()
        process.terminate()
        process.join()
        return f'{payload}: {process.exitcode}'
    if child := os.fork():
        return f'{payload}: {os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}'
    if payload == 'exit':
        sys.exit(3)
    if payload == 'raise':
        raise LookupError
    return None


class Forking(MessageSubscriber):
    def process(self, payload: str) -> None:
        if ending := fork_by(payload):
            say(ending)


class AsynchronousForking(MessageSubscriber):
    async def process(self, payload: str) -> None:
        if ending := fork_by(payload):
            say(ending)


class Mixed(Forking):
    """With this one, the worker thread waits for the event loop."""

    def process(self, payload: str) -> None:
        """Do nothing."""


def forking_pattern(payload: object) -> bool:
    """Match, in the parent and in the child process."""
    if ending := fork_by('pattern'):
        say(ending)
    return True


class PatternForking(MessageSubscriber):
    pattern = forking_pattern

    def process(self, payload: str) -> None:
        """Do nothing."""


KINDS: dict[str, Any] = {
    'plain': [Plain],
    'async': [Asynchronous],
    'blocking': [Blocking],
    'forking': [Forking],
    'async forking': [AsynchronousForking],
    'mixed forking': [AsynchronousForking, Mixed],
    'pattern forking': [PatternForking],
}


class ReportingListener(SqsListener):
    def stop(self) -> None:
        super().stop()
        say('stopping')


if __name__ == '__main__':
    # A shell lets commands that it starts in the background ignore SIGINT.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    made = KINDS[sys.argv[2]]
    settings: Any = {'max_number_of_messages': 10, 'visibility_timeout': VISIBILITY_TIMEOUT}
    with ReportingListener(sys.argv[1], made, **settings) as listener:
        listener.listen()
    say('ended')
