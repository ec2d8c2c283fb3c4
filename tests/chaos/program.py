"""A listener in a process of its own, which tells of all that it does on a pipe.

Its argument is JSON. Each line that it writes has its process id, a word, and a body where there is
one: `done` when it is done with a message (before that is deleted), `again` when it wants one once
more, `empty` when a receive found nothing.
"""

from __future__ import annotations

import json
import os
import random
import sys
from threading import Event
from typing import Any, ClassVar

from mega.aws.sqs.subscribe import MessageSubscriber, ProcessStatus, SqsListener


class Working(MessageSubscriber):
    """Takes its time, and fails now and then."""

    pipe: ClassVar[int]
    takes: ClassVar[float]
    fails: ClassVar[float]
    chance: ClassVar = random.Random(os.getpid())

    def process(self, payload: str) -> ProcessStatus:
        Event().wait(self.takes)
        if self.chance.random() < self.fails:
            self.say('again', payload)
            return ProcessStatus.RETRIABLE_ERROR
        self.say('done', payload)
        return ProcessStatus.DONE

    @classmethod
    def say(cls, word: str, body: str = '') -> None:
        os.write(cls.pipe, f'{os.getpid()} {word} {body}\n'.encode())  # at once, so in one piece

    @classmethod
    def hear(cls, parsed: dict[str, Any], **others: object) -> None:
        """Look at the answer of a receive."""
        if not parsed.get('Messages'):
            cls.say('empty')


def main(options: dict[str, Any]) -> None:
    Working.pipe, Working.takes, Working.fails = (
        options[name] for name in ('pipe', 'takes', 'fails')
    )
    with SqsListener(options['queue_url'], [Working], **options['settings']) as listener:
        events = listener._aws.client.meta.events
        events.register('after-call.sqs.ReceiveMessage', Working.hear)
        listener.listen()


if __name__ == '__main__':
    main(json.loads(sys.argv[1]))
