"""A listener process, which reports the events of its messages on its output.

Its argument is JSON. Each line of the output has the process id, a word, and perhaps a body:

- `done`: the subscriber processed a message, which is not deleted yet.
- `retry`: the subscriber asks for a retry of a message.
- `empty`: a receive returned no message.
"""

from __future__ import annotations

import json
import os
import random
import sys
from threading import Event
from typing import Any, ClassVar

from mega.aws.sqs.subscribe import MessageSubscriber, ProcessStatus, SqsListener


class Worker(MessageSubscriber):
    """A subscriber that takes time, and asks for a retry at random."""

    processing_seconds: ClassVar[float]
    failure_rate: ClassVar[float]
    randomness: ClassVar = random.Random(os.getpid())

    def process(self, payload: str) -> ProcessStatus:
        Event().wait(self.processing_seconds)
        if self.randomness.random() < self.failure_rate:
            self.report('retry', payload)
            return ProcessStatus.RETRIABLE_ERROR
        self.report('done', payload)
        return ProcessStatus.DONE

    @classmethod
    def report(cls, word: str, body: str = '') -> None:
        # One call for a whole line, so that the lines of several processes do not mix.
        os.write(1, f'{os.getpid()} {word} {body}\n'.encode())

    @classmethod
    def on_response(cls, parsed: dict[str, Any], **others: object) -> None:
        """Report a response without messages."""
        if not parsed.get('Messages'):
            cls.report('empty')


def main(options: dict[str, Any]) -> None:
    Worker.processing_seconds = options['processing_seconds']
    Worker.failure_rate = options['failure_rate']
    with SqsListener(options['queue_url'], [Worker], **options['settings']) as listener:
        events = listener._aws.client.meta.events
        events.register('after-call.sqs.ReceiveMessage', Worker.on_response)
        listener.listen()


if __name__ == '__main__':
    main(json.loads(sys.argv[1]))
