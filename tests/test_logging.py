"""The records of the loggers: what they are about, and their JSON."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from contextvars import copy_context
from datetime import datetime
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from mega.aws.sqs.subscribe import Message
from mega.logging import (
    DeliveryFilter,
    JsonFormatter,
    about,
    bind_message,
    bind_subscriber,
    current_delivery,
    with_queue,
)

LOG = logging.getLogger('tests.shop')
MESSAGE = Message('61fc', '{}', 'handle', receive_count=2, queue_name='orders')
DELIVERY = {'queue': 'orders', 'message_id': '61fc', 'receive_count': 2}


def record(message: str = 'order %d', *args: object, **extra: Any) -> logging.LogRecord:
    return LOG.makeRecord('shop', logging.WARNING, 'f.py', 1, message, args, None, extra=extra)


def formatted(record: logging.LogRecord) -> dict[str, Any]:
    """Return the document of a record, which is one line."""
    line = JsonFormatter().format(record)
    assert len(line.splitlines()) == 1
    return dict(json.loads(line, parse_constant=pytest.fail))


# the JSON of a record


def test_a_record_is_one_line_of_json() -> None:
    found = formatted(made := record('order %d', 7))
    time = datetime.fromisoformat(found.pop('time'))
    assert time.tzinfo is not None
    assert abs(time.timestamp() - made.created) < 0.001
    assert found == {
        'level': 'WARNING',
        'logger': 'shop',
        'process': made.process,
        'message': 'order 7',
    }


def test_the_traceback_and_the_stack_are_texts() -> None:
    try:
        raise ValueError('no\u2028such\norder')
    except ValueError:
        made = LOG.makeRecord('shop', logging.ERROR, 'f.py', 1, 'x', (), sys.exc_info())
    made.stack_info = 'Stack (most recent call last):'
    found = formatted(made)
    assert found['exception'].endswith('ValueError: no\u2028such\norder')
    assert found['stack'] == 'Stack (most recent call last):'


def test_the_keys_of_extra_are_keys_of_the_document() -> None:
    found = formatted(record('x', mega={'queue': 'orders', 'receive_count': 2}, order=7))
    assert (found['mega'], found['order']) == ({'queue': 'orders', 'receive_count': 2}, 7)


def test_extra_cannot_replace_the_time_or_the_level() -> None:
    found = formatted(record('x', level=3, time='now', extra='more'))
    assert found['level'] == 'WARNING'
    assert (found['extra.level'], found['extra.time'], found['extra']) == (3, 'now', 'more')


def test_a_value_that_json_cannot_represent_is_its_text() -> None:
    cycle: list[object] = []
    cycle.append(cycle)
    found = formatted(record('x', path=Path('/a'), nan=float('nan'), keys={(1,): 2}, cycle=cycle))
    assert (found['path'], found['nan'], found['keys']) == ('/a', 'nan', '{(1,): 2}')
    assert found['cycle'] == '[[...]]'


class Secret:
    """An object of an application whose text cannot be read."""

    def __repr__(self) -> str:
        raise OSError('no text')


class Table(dict[str, int]):
    """A dict of an application whose members cannot be read."""

    def items(self) -> Any:
        raise OSError('no members')

    __repr__ = Secret.__repr__


def test_a_value_without_a_text_is_the_name_of_its_type() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    found = formatted(record('x', secret=Secret(), secrets=[Secret()], table=Table(a=1), deep=deep))
    assert (found['secret'], found['secrets']) == ('<Secret>', '<list>')
    assert (found['table'], found['deep'], found['message']) == ('<Table>', '<list>', 'x')


# the current delivery


def test_outside_of_a_delivery_there_is_nothing() -> None:
    assert current_delivery() == {}
    assert about() == {'mega': {}}


def test_a_delivery_has_its_queue_its_message_and_its_subscriber() -> None:
    def deliver() -> None:
        bind_message(MESSAGE)
        assert current_delivery() == DELIVERY
        bind_subscriber(Path)
        assert current_delivery() == {**DELIVERY, 'subscriber': 'Path'}
        bind_subscriber(None)
        assert about(status='done') == {'mega': {**DELIVERY, 'status': 'done'}}

    copy_context().run(deliver)
    assert current_delivery() == {}


def test_the_queue_applies_within_its_block() -> None:
    with with_queue('orders'):
        with with_queue('refunds'):
            assert current_delivery() == {'queue': 'refunds'}
        assert current_delivery() == {'queue': 'orders'}
    assert current_delivery() == {}


def test_a_message_without_a_queue_is_not_of_the_queue_around_it() -> None:
    with with_queue('orders'):
        context = copy_context()
        context.run(bind_message, Message('m', '', 'r'))
        assert context.run(current_delivery) == {'message_id': 'm', 'receive_count': 1}


def test_tasks_are_within_the_delivery_and_new_threads_are_not() -> None:
    seen = []

    async def process() -> None:
        seen.append(current_delivery())

    def deliver() -> None:
        bind_message(MESSAGE)
        asyncio.run(process())
        thread = Thread(target=lambda: seen.append(current_delivery()))
        thread.start()
        thread.join()

    copy_context().run(deliver)
    assert seen == [DELIVERY, {}]


# the filter


def test_records_of_other_loggers_get_the_delivery() -> None:
    def filtered(made: logging.LogRecord) -> object:
        assert DeliveryFilter().filter(made)
        return getattr(made, 'mega', None)

    assert filtered(record()) is None
    context = copy_context()
    context.run(bind_message, MESSAGE)
    assert context.run(filtered, record()) == DELIVERY
    assert context.run(filtered, record(mega={'queue': 'own'})) == {'queue': 'own'}
