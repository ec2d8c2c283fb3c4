"""The messages of committed transactions arrive, although relays and the database are killed."""

from __future__ import annotations

import logging
import os
import random
import signal
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from sqlalchemy import Column, Engine, Integer, MetaData, String, Table, func, select, text
from sqlalchemy.exc import DBAPIError

from mega.local import LocalAws
from mega.local.server.control_client import Accepted
from mega.outbox import Outbox
from tests.chaos.process_group import ProcessGroup, processes_of
from tests.databases import create_database_engine, sqlalchemy_url
from tests.local_aws import Counts
from tests.profile import amount

_log = logging.getLogger(__name__)

PHASES = amount(3, 50)
"""In each phase the writers run their transactions, and a relay is killed."""

TRANSACTIONS = amount(240, 5_000)
DATABASE_KILLED_EVERY = 4  # phases
WRITERS = 4
GROUPS_OF_A_WRITER = 5

CHANGES = Table(
    'outbox_changes',
    MetaData(),
    Column('id', String, primary_key=True),
    Column('message_group', String),
    Column('number', Integer),
)
"""The changes that commit with the messages: these must arrive, in their order."""


class Writers:
    """Threads that publish in transactions, and roll back a third of them.

    Each message group has one writer, which writes increasing numbers.
    """

    def __init__(self, engine: Engine, queue_urls: list[str]) -> None:
        self._engine = engine
        self._queue_urls = queue_urls
        self._outbox = Outbox()

    def write(self, phase: int, writer: int) -> int:
        """Run the transactions of a writer in a phase, and return the number of rollbacks."""
        count = TRANSACTIONS // PHASES // WRITERS
        choices, rollbacks = random.Random(f'{phase} {writer}'), 0
        for number in range(phase * count, (phase + 1) * count):
            group = f'group-{writer}-{choices.randrange(GROUPS_OF_A_WRITER)}'
            commits = choices.random() >= 1 / 3
            rollbacks += not commits
            try:
                self._run_transaction(group, number, commits)
            except DBAPIError:  # the database was killed: the transaction may have ended
                wait_for_database(self._engine)
        return rollbacks

    def _run_transaction(self, group: str, number: int, commits: bool) -> None:
        queue_url = self._queue_urls[number % len(self._queue_urls)]
        with self._engine.connect() as connection:
            id = self._outbox.publish(
                connection, {'number': number}, queue_url=queue_url, message_group_id=group
            )
            row = {'id': id, 'message_group': f'{group} {queue_url}', 'number': number}
            connection.execute(CHANGES.insert().values(row))
            connection.commit() if commits else connection.rollback()


def wait_for_database(engine: Engine) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            with engine.connect():
                return
        except DBAPIError:
            assert time.monotonic() < deadline, 'the database does not recover'
            time.sleep(0.02)


def kill_database(engine: Engine) -> None:
    """Kill a server process of PostgreSQL, which then ends all sessions and recovers."""
    with suppress(DBAPIError), engine.connect() as connection:
        os.kill(connection.execute(text('select pg_backend_pid()')).scalar_one(), signal.SIGKILL)
        connection.execute(text('select 1'))


def rows_left(engine: Engine) -> int:
    with suppress(DBAPIError), engine.connect() as connection:
        rows = select(func.count()).select_from(Outbox().table)
        return connection.execute(rows).scalar_one()
    return TRANSACTIONS  # unknown: the database recovers


@pytest.fixture
def engine(postgresql_url: str) -> Iterator[Engine]:
    with create_database_engine(sqlalchemy_url(postgresql_url)) as engine:
        Outbox().create_table(engine)
        CHANGES.create(engine)
        yield engine
        CHANGES.drop(engine)
        Outbox().table.drop(engine)


def relay_all(engine: Engine, processes: ProcessGroup, writers: Writers) -> int:
    """Write and relay, with kills in between, until no row is left. Return the rollbacks."""
    randomness, reports, rollbacks = random.Random(7), processes.reports(), 0
    with ThreadPoolExecutor(WRITERS) as pool:
        for phase in range(PHASES):
            running = [pool.submit(writers.write, phase, number) for number in range(WRITERS)]
            next(reports)  # a relay has sent messages
            processes.kill_one(randomness)
            if phase % DATABASE_KILLED_EVERY == 1:
                kill_database(engine)
            rollbacks += sum(future.result(60) for future in running)
    deadline = time.monotonic() + 60
    while rows_left(engine):
        assert time.monotonic() < deadline, 'the relays do not send all rows'
        time.sleep(0.05)
    return rollbacks


def test_exactly_the_committed_messages_arrive_in_the_order_of_their_groups(
    engine: Engine,
) -> None:
    with LocalAws() as server:
        queues = [server.create_queue('first', fifo=True), server.create_queue('second', fifo=True)]
        url = engine.url.render_as_string(hide_password=False)
        options = {'database_url': url, 'credentials': server.credentials}
        no_counts = lambda: Counts(0, 0)  # noqa: E731
        with processes_of('tests.chaos.relay_program', options, 2, no_counts) as processes:
            rollbacks = relay_all(engine, processes, Writers(engine, queues))
            processes.remaining_reports()  # of relays that are at work
            assert processes.stop() <= {0}
        accepted = server.accepted()
    with engine.connect() as connection:
        committed = {row.id: row for row in connection.execute(select(CHANGES))}
    assert TRANSACTIONS / 4 < rollbacks < TRANSACTIONS / 2
    assert {id_of(message) for message in accepted} == set(committed)
    delivered = [message for message in accepted if not message.is_duplicate]
    assert len(delivered) == len(committed), 'a FIFO queue drops every duplicate'
    by_group = defaultdict(list)
    for message in delivered:
        change = committed[id_of(message)]
        assert message.body == f'{{"number":{change.number}}}'
        by_group[change.message_group].append(change.number)
    assert all(numbers == sorted(numbers) for numbers in by_group.values())
    _log.info('%d committed, %d rolled back, %d sent', len(committed), rollbacks, len(accepted))


def id_of(message: Accepted) -> str:
    id: str = message.attributes['MegaMessageId']['StringValue']
    return id
