"""With `Idempotency`, a killed process repeats at most the effects that it had not marked yet."""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest

from mega.hooks.dynamodb import DynamoDbStore
from mega.hooks.sql import SqlStore
from tests.chaos.process_group import Report, processes_of, publish_all
from tests.databases import create_database_engine, sqlalchemy_url
from tests.local_aws import LocalAws
from tests.profile import NIGHTLY, amount

_log = logging.getLogger(__name__)

MESSAGES = amount(40, 2_000)
KILLS = amount(1, 60)
STORES = ['redis', *(['dynamodb', 'sql'] if NIGHTLY else [])]
"""By day, `test_once.py` kills listeners with records in a database."""

VISIBILITY_TIMEOUT = 5


@contextmanager
def place_of(store: str, aws: LocalAws, request: pytest.FixtureRequest) -> Iterator[str]:
    """Create a place for the records of a store: a URL, or the name of a table."""
    if store == 'redis':
        yield request.getfixturevalue('redis_url')
    elif store == 'dynamodb':
        with DynamoDbStore(f'records-{uuid4().hex}', **aws.credentials) as made:
            made.create_table()
            yield made.table_name
    else:
        url = sqlalchemy_url(request.getfixturevalue('postgresql_url'))
        with create_database_engine(url) as engine:
            SqlStore().create_table(engine)
            yield url
            SqlStore().table.drop(engine)


class Observed:
    """The effects of subscribers, and those with a record that is done: a process and a text."""

    def __init__(self) -> None:
        self.effects: list[tuple[int, str]] = []
        self.marks: set[tuple[int, str]] = set()
        self.killed: set[int] = set()
        self._marked: set[str] = set()

    def add(self, report: Report) -> None:
        if report.word == 'marked':
            self.marks.add((report.process, report.body))
            self._marked.add(report.body)
        elif report.word == 'effect':
            assert report.body not in self._marked, 'it has a record that is done'
            self.effects.append((report.process, report.body))

    def check(self, wanted: set[str]) -> str:
        """Check that no effect is missing, and that a kill explains each repetition."""
        unmarked = [effect for effect in self.effects if effect not in self.marks]
        assert {process for process, _ in unmarked} <= self.killed
        times, in_window = (Counter(body for _, body in some) for some in (self.effects, unmarked))
        assert set(times) == wanted
        repeated = {body: count - 1 for body, count in times.items() if count > 1}
        assert all(count <= in_window[body] for body, count in repeated.items())
        counts = len(self.killed), len(unmarked), sum(repeated.values()), len(wanted)
        return '{} kills, {} effects without a mark, {} of {} effects repeated'.format(*counts)


@pytest.mark.no_cover
@pytest.mark.parametrize('store', STORES)
def test_killed_listeners_lose_nothing_and_repeat_only_what_they_did_not_mark(
    store: str, ministack: LocalAws, request: pytest.FixtureRequest
) -> None:
    queue_url = ministack.create_queue(VisibilityTimeout=VISIBILITY_TIMEOUT)
    bodies = [str(number) for number in range(MESSAGES)]
    publish_all(ministack, queue_url, bodies)
    settings = {
        'concurrency': 4,
        'max_number_of_messages': 10,
        'visibility_timeout': VISIBILITY_TIMEOUT,
        'wait_time_seconds': 1,
        'retry_delay': 0,
    }
    observed, randomness = Observed(), random.Random(5)
    with place_of(store, ministack, request) as place:
        options = {
            'queue_url': queue_url,
            'store': store,
            'place': place,
            'settings': settings,
            'credentials': ministack.credentials,
        }
        counts = lambda: ministack.counts(queue_url)  # noqa: E731
        with processes_of('tests.chaos.idempotency_program', options, 3, counts) as processes:
            for report in processes.until_empty():
                observed.add(report)
                next_kill = (len(observed.killed) + 1) * 2 * MESSAGES // (KILLS + 1)
                if report.word == 'effect' and len(observed.effects) >= next_kill:
                    # The process of this effect has probably not marked it yet.
                    observed.killed.add(processes.kill_one(randomness, prefer=report.process))
            assert processes.stop() == {0}
    found = observed.check({f'{name}:{body}' for name in ('Plain', 'Retrying') for body in bodies})
    assert len(observed.killed) >= KILLS
    _log.info('%s: %s', store, found)
