"""A listener process whose subscribers have their effects in PostgreSQL, by `SqlStore.once`.

Its argument is JSON. It reports as `listener_program.py` does. Each subscriber inserts a row for
each message, in the transaction of the record. `Retrying` asks for a retry of a third of the
deliveries.
"""

from __future__ import annotations

import json
import random
import sys
from typing import Any, ClassVar

from sqlalchemy import Column, Engine, MetaData, String, Table, create_engine

from mega.aws.sqs.subscribe import ProcessStatus, SqsListener, TextSubscriber
from mega.hooks.sql import SqlStore
from tests.chaos.listener_program import Worker

EFFECTS = Table('once_effects', MetaData(), Column('subscriber', String), Column('body', String))


class Plain(TextSubscriber):
    """Adds a row for each message."""

    engine: ClassVar[Engine]
    store: ClassVar[SqlStore]

    def process(self, payload: str) -> ProcessStatus:
        name = type(self).__name__
        with self.engine.begin() as connection:
            if self.store.once(connection, self.message):
                connection.execute(EFFECTS.insert().values(subscriber=name, body=payload))
        Worker.report('done', payload)
        return ProcessStatus.DONE


class Retrying(Plain):
    """Also asks for a retry after its effect, at random."""

    def process(self, payload: str) -> ProcessStatus:
        super().process(payload)
        return ProcessStatus.RETRIABLE_ERROR if random.random() < 1 / 3 else ProcessStatus.DONE


def main(options: dict[str, Any]) -> None:
    Plain.engine = create_engine(options['database_url'])
    Plain.store = SqlStore(Plain.engine)
    with SqsListener(options['queue_url'], [Plain, Retrying], **options['settings']) as listener:
        events = listener._aws.client.meta.events
        events.register('after-call.sqs.ReceiveMessage', Worker.on_response)
        listener.listen()


if __name__ == '__main__':
    main(json.loads(sys.argv[1]))
