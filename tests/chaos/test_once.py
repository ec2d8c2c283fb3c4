"""An effect in the transaction of its record happens once, although processes are killed."""

from __future__ import annotations

import random
from collections import Counter

from sqlalchemy import select

from mega.hooks.sql import SqlStore
from tests.chaos.once_program import EFFECTS
from tests.chaos.process_group import processes_of, publish_all
from tests.databases import create_database_engine, sqlalchemy_url
from tests.local_aws import LocalAws
from tests.profile import amount

MESSAGES = amount(80, 2_000)
KILLS = amount(2, 30)


def test_each_subscriber_has_one_effect_for_each_message(
    ministack: LocalAws, postgresql_url: str
) -> None:
    queue_url = ministack.create_queue(VisibilityTimeout=2)
    bodies = [str(number) for number in range(MESSAGES)]
    publish_all(ministack, queue_url, bodies)
    url = sqlalchemy_url(postgresql_url)
    settings = {'concurrency': 4, 'max_number_of_messages': 10, 'visibility_timeout': 2}
    options = {
        'queue_url': queue_url,
        'database_url': url,
        'settings': {'wait_time_seconds': 1, 'retry_delay': 0, **settings, **ministack.credentials},
    }
    counts = lambda: ministack.counts(queue_url)  # noqa: E731
    randomness, done, kills = random.Random(5), 0, 0
    with create_database_engine(url) as engine:
        store = SqlStore(engine)
        store.create_table(engine)
        EFFECTS.create(engine)
        with processes_of('tests.chaos.once_program', options, 3, counts) as processes:
            for report in processes.until_empty():
                done += report.word == 'done'
                if done >= (kills + 1) * 2 * MESSAGES // (KILLS + 1):
                    processes.kill_one(randomness)
                    kills += 1
            assert processes.stop() == {0}
        with engine.begin() as connection:
            effects = Counter(tuple(row) for row in connection.execute(select(EFFECTS)))
            EFFECTS.drop(connection)
            store.table.drop(connection)
    wanted = {(name, body): 1 for name in ('Plain', 'Retrying') for body in bodies}
    assert effects == wanted
    assert kills >= KILLS
    assert done > 2 * MESSAGES, 'messages were delivered again'
