"""An outbox in each database, and a local AWS over HTTP for its messages."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import count
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import Engine, select, update

from mega.hooks import Hook, HookGenerator, Outgoing, PublishResult, RelayedBatch
from mega.local import LocalAws
from mega.local.faults import Faults
from mega.local.server.control_client import Accepted
from mega.outbox import Outbox, OutboxRelay
from tests.databases import database_engine  # noqa: F401  # the fixture `engine`

_numbers = count(1)


class OutboxCase:
    """An outbox with an empty table, a relay, and the server that gets its messages."""

    def __init__(self, engine: Engine, server: LocalAws) -> None:
        self.engine = engine
        self.server = server
        self.outbox = Outbox(f'outbox_{next(_numbers)}')
        self.outbox.create_table(engine)
        self.relay = self.relay_with()
        self._accepted_before = len(server.accepted())

    def relay_with(self, **options: Any) -> OutboxRelay:
        return OutboxRelay(self.engine, self.outbox, **{**self.server.credentials, **options})

    def queue(self, fifo: bool = False, **attributes: object) -> str:
        """Create a queue with a unique name, and return its URL."""
        return self.server.create_queue(f'queue-{next(_numbers)}', fifo, **attributes)

    def publish(self, payload: Any, queue_url: str, **options: Any) -> str:
        """Publish in a new transaction."""
        with self.engine.begin() as connection:
            return self.outbox.publish(connection, payload, queue_url=queue_url, **options)

    def accepted(self) -> list[Accepted]:
        """Return the messages that the server accepted in this test."""
        return self.server.accepted(self._accepted_before)

    def bodies(self) -> list[str]:
        return [message.body for message in self.accepted()]

    def rows(self) -> list[Any]:
        table = self.outbox.table
        with self.engine.connect() as connection:
            return list(connection.execute(select(table).order_by(table.c.position)))

    def set_all(self, **values: Any) -> None:
        """Change columns of all rows."""
        with self.engine.begin() as connection:
            connection.execute(update(self.outbox.table).values(values))

    def make_due(self) -> None:
        """End all backoffs and all claims, as if their time had passed."""
        self.set_all(due_at=self.outbox.table.c.created_at)

    def close(self) -> None:
        self.relay.close()
        self.outbox.table.drop(self.engine)
        self.server.configure(faults=Faults())


class AfterEachBatch(Hook):
    """Calls a function after each batch of a relay."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function = function

    def around_relay(self) -> HookGenerator[RelayedBatch]:
        yield
        self._function()
        return None


class FailsAfterwards(Hook):
    """A hook with a bug, after the message was sent."""

    def around_publish(self, outgoing: Outgoing) -> HookGenerator[PublishResult]:
        yield
        raise ValueError('a bug of a hook')


Run = Callable[[OutboxRelay], None]


@pytest.fixture(scope='session')
def _server() -> Iterator[LocalAws]:
    with LocalAws() as server:
        yield server


@pytest.fixture
def case(engine: Engine, _server: LocalAws) -> Iterator[OutboxCase]:
    case = OutboxCase(engine, _server)
    yield case
    case.close()


@pytest.fixture
def running() -> Iterator[Run]:
    """Run a relay in a thread, and stop it at the end of the test."""
    started: list[tuple[OutboxRelay, Thread]] = []

    def run(relay: OutboxRelay) -> None:
        thread = Thread(target=relay.run)
        thread.start()
        started.append((relay, thread))

    yield run
    for relay, thread in started:
        relay.stop()
        thread.join(10)
        assert not thread.is_alive()
        relay.close()


def wait_for(condition: Callable[[], bool], seconds: float = 20.0) -> float:
    """Wait for a condition, and return how long that took."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, 'the condition does not become true'
        time.sleep(0.01)
    return time.monotonic() - started
