"""A listener process of the stress test, which reports its messages on its output.

Its argument is JSON. Each line of the output has the process id, a word, and the key of a message:

- `start`: a subscriber starts to process the message.
- `done`: the subscriber has processed the message, which is not deleted yet.

A subscriber uses up all file descriptors of the process for a share of the messages, and asks for a
retry of another share.
"""

from __future__ import annotations

import json
import os
import random
import resource
import sys
from threading import Event
from typing import Any, ClassVar

from mega.aws.s3 import S3PayloadStore
from mega.aws.sqs.subscribe import DataSubscriber, ProcessStatus, SqsListener

DESCRIPTORS = 48
"""The limit of open files, sockets and pipes of the process."""


class Worker(DataSubscriber):
    """Reports each message, and fails at random."""

    randomness: ClassVar = random.Random(os.getpid())

    def process(self, payload: dict[str, Any]) -> ProcessStatus:
        key, luck = payload['key'], self.randomness.random()
        self.report('start', key)
        if luck < 0.002:
            use_up_descriptors()
        if luck < 0.03:
            return ProcessStatus.RETRY_LATER
        self.report('done', key)
        return ProcessStatus.DONE

    @classmethod
    def report(cls, word: str, key: str) -> None:
        # One call for a whole line, so that the lines of several processes do not mix.
        os.write(1, f'{os.getpid()} {word} {key}\n'.encode())


def use_up_descriptors() -> None:
    """Open files until the operating system refuses, keep them for a moment, and raise its error.

    Raises:
        OSError: always, with EMFILE.
    """
    opened = []
    try:
        while True:
            opened.append(os.open(os.devnull, os.O_RDONLY))
    finally:
        Event().wait(0.2)  # other threads fail meanwhile
        for descriptor in opened:
            os.close(descriptor)


def main(options: dict[str, Any]) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
    store = S3PayloadStore('stress', **options['store'])
    with SqsListener(
        options['queue_url'], [Worker], payload_store=store, **options['settings']
    ) as it:
        it.listen()


if __name__ == '__main__':
    main(json.loads(sys.argv[1]))
