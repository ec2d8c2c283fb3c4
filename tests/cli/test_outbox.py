"""`mega outbox`: runs a relay, and shows and retries the messages that have failed."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, select

from mega.outbox import Outbox
from mega.outbox.relay import ROWS_PER_REQUEST
from tests.cli.command import Result, mega, start_mega
from tests.cli.conftest import CommandAws

TARGET = """
from sqlalchemy import NullPool, create_engine
from mega.outbox import Outbox, OutboxRelay
engine = create_engine('sqlite:///{path}', poolclass=NullPool)
relay = OutboxRelay(engine, Outbox(), poll_interval=0.05)
"""


class Shop:
    """A service with an outbox in SQLite, and a module that holds its relay."""

    def __init__(self, directory: Path, aws: CommandAws) -> None:
        self.aws = aws
        self.engine: Engine = create_engine(f'sqlite:///{directory / "shop.db"}')
        self.outbox = Outbox()
        self.outbox.create_table(self.engine)
        self.target = str(directory / 'shop_outbox.py')
        Path(self.target).write_text(TARGET.format(path=directory / 'shop.db'))
        self.queue = aws.queue()

    def publish(self, payload: Any) -> str:
        with self.engine.begin() as connection:
            return self.outbox.publish(connection, payload, queue_url=self.queue)

    def fail_all(self) -> None:
        """Let all messages have failed."""
        failed = {'state': 'failed', 'failures': 10, 'error': 'AccessDenied: \x1b[31mred'}
        with self.engine.begin() as connection:
            connection.execute(self.outbox.table.update().values(failed))

    def run(self, *arguments: str) -> Result:
        command, *rest = arguments
        return mega('outbox', command, self.target, *rest, environment=self.aws.environment)


@pytest.fixture
def shop(tmp_path: Path, aws: CommandAws) -> Iterator[Shop]:
    shop = Shop(tmp_path, aws)
    yield shop
    shop.engine.dispose()
    sys.modules.pop('shop_outbox', None)


def test_drain_sends_the_messages_that_are_due(shop: Shop) -> None:
    shop.publish({'id': 1})
    shop.publish({'id': 2})
    result = shop.run('run', '--drain')
    assert (result.code, result.out) == (0, '')
    assert result.err.endswith('2 messages sent, 0 delayed, 0 failed.\n')
    assert sorted(m['Body'] for m in shop.aws.receive(shop.queue)) == ['{"id":1}', '{"id":2}']


def test_drain_fails_if_a_message_is_not_sent(shop: Shop) -> None:
    shop.queue += '-missing'
    shop.publish('x')
    result = shop.run('run', '--drain')
    assert result.code == 1
    assert result.err.endswith('0 messages sent, 1 delayed, 0 failed.\n')


@pytest.mark.no_cover
def test_a_signal_ends_the_relay_after_its_batch(shop: Shop) -> None:
    shop.publish('first')
    arguments = ('outbox', 'run', shop.target)
    with start_mega(*arguments, environment=shop.aws.environment) as process:
        while not shop.aws.visible(shop.queue):
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate()
    assert (process.returncode, out) == (0, '')
    assert err.endswith('1 message sent, 0 delayed, 0 failed.\n')


SIGTERM_IN_THE_FIRST_BATCH = """
import signal
from mega.hooks import Hook
from sqlalchemy import NullPool, create_engine
from mega.outbox import Outbox, OutboxRelay
class Terminate(Hook):
    def around_relay(self):
        signal.raise_signal(signal.SIGTERM)
        yield
engine = create_engine('sqlite:///{path}', poolclass=NullPool)
relay = OutboxRelay(engine, Outbox(), hooks=[Terminate()])
"""


def test_sigterm_ends_a_drain_after_its_batch_with_exit_code_0(shop: Shop, tmp_path: Path) -> None:
    Path(shop.target).write_text(SIGTERM_IN_THE_FIRST_BATCH.format(path=tmp_path / 'shop.db'))
    for number in range(ROWS_PER_REQUEST + 1):
        shop.publish(str(number))
    result = shop.run('run', '--drain')
    assert (result.code, result.out) == (0, '')
    assert result.err.endswith('100 messages sent, 0 delayed, 0 failed.\n')
    with shop.engine.connect() as connection:
        (row,) = connection.execute(select(shop.outbox.table))
    assert (row.state, row.claim, row.body) == ('pending', None, str(ROWS_PER_REQUEST))


def test_list_shows_the_messages_that_have_failed(shop: Shop) -> None:
    id = shop.publish('x')
    shop.fail_all()
    shop.publish('pending')
    listed = shop.run('list')
    assert listed.code == 0
    assert listed.err == '1 message failed.\n'
    header, row = listed.out.splitlines()
    assert header.split() == ['id', 'created', 'failures', 'destination', 'group', 'error']
    assert id in row
    assert shop.queue.rpartition('/')[2] in row
    assert '\x1b' not in row
    (record,) = shop.run('list', '-o', 'json').json()
    assert record['id'] == id
    assert record['destination'] == shop.queue
    assert record['failures'] == 10


def test_list_shows_nothing_if_nothing_has_failed(shop: Shop) -> None:
    assert shop.run('list') == Result(0, '', '0 messages failed.\n')
    assert shop.run('list', '-o', 'json').json() == []


def test_retry_lets_the_relay_send_a_message_again(shop: Shop) -> None:
    first, second = shop.publish('1'), shop.publish('2')
    shop.fail_all()
    assert shop.run('retry', second) == Result(0, f'{second}\n', '1 message to be sent again.\n')
    assert shop.run('run', '--drain').code == 0
    assert [message['Body'] for message in shop.aws.receive(shop.queue)] == ['2']
    assert shop.run('retry', '--all').out == f'{first}\n'


def test_retry_of_an_unknown_message_fails(shop: Shop) -> None:
    id = shop.publish('x')
    result = shop.run('retry', id)
    assert result.code == 1
    assert result.err.startswith(f"no message that has failed has the id '{id}'\n")


@pytest.mark.parametrize('arguments', [[], ['id', '--all']], ids=['neither', 'both'])
def test_retry_needs_an_id_or_all(shop: Shop, arguments: list[str]) -> None:
    result = shop.run('retry', *arguments)
    assert result.code == 2
    assert 'pass an ID or --all: one of them' in result.err


def test_an_object_that_is_not_a_relay_is_refused(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / 'no_relay.py').write_text('relay = 5\n')
    result = mega('outbox', 'list', 'no_relay:relay', '--app-dir', str(tmp_path))
    assert result == Result(3, '', "Error: 'no_relay:relay' is 5, not an OutboxRelay\n")
    result = mega('outbox', 'list', 'no_relay', '--app-dir', str(tmp_path))
    assert result.code == 3
    assert 'holds no OutboxRelay: name a callable that returns one, as in no_relay:make_relay' in (
        result.err
    )


def test_a_missing_table_is_one_line(shop: Shop) -> None:
    shop.outbox.table.drop(shop.engine)
    drained = shop.run('run', '--drain')
    assert drained.code == 2
    assert drained.err.splitlines()[-1].startswith("Error: the database has no table 'mega_outbox'")
    listed = shop.run('list')
    assert listed.code == 1
    assert listed.err.startswith('Error: the database failed: OperationalError: no such table')
    assert listed.err.count('\n') == 1
