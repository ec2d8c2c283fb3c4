"""`mega dead-letters list` and `show`."""

from __future__ import annotations

import json
import logging
import signal
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from mega.aws.sqs import SqsPublisher
from mega.aws.sqs.subscribe import MessageSubscriber, SqsListener
from tests.cli.command import mega, mega_on_terminal, mega_process, start_mega
from tests.cli.conftest import CommandAws
from tests.cli.dead_letters.conftest import Letters
from tests.hostile import HOSTILE_NAMES

COUNTS = 'SQS counts this as a receive of each message.\n'

# Groups


def test_messages_with_the_same_failure_are_one_group(letters: Letters) -> None:
    first = letters.add(text='the quantity of order 1 is missing')
    letters.add(text='the quantity of order 1 is missing', subscriber='Invoice')
    letters.add(error='KeyError')
    for order in (2, 30):
        letters.add(text=f'the quantity of order {order} is missing')
    result = letters.run('list', '-o', 'json')
    largest, *others = result.json()
    assert (result.code, result.err) == (0, f'{COUNTS}5 of about 5 messages.\n')
    assert {name: largest[name] for name in ('error', 'subscriber', 'text', 'count', 'id')} == {
        'error': 'ValueError',
        'subscriber': 'Restock',
        'text': 'the quantity of order 1 is missing',
        'count': 3,
        'id': first,
    }
    assert largest['source'] == letters.orders
    assert datetime.fromisoformat(largest['oldest']) <= datetime.fromisoformat(largest['newest'])
    assert [(each['error'], each['count']) for each in others] == [
        ('ValueError', 1),
        ('KeyError', 1),
    ]
    assert letters.aws.visible(letters.dead) == 5


def test_a_group_has_the_whole_text_of_its_first_message(letters: Letters) -> None:
    texts = [f'{"the address is incomplete " * 5}in order {number}' for number in (9, 10, 11)]
    ids = [letters.add(text=text) for text in texts]
    [group] = letters.run('list', '-o', 'json').json()
    assert (group['count'], group['id'], group['text']) == (3, ids[0], texts[0])
    assert letters.run('list').out.splitlines()[0] == f'3  ValueError in Restock: {texts[0]}'


def test_a_message_that_sqs_moved_is_in_a_group_of_its_source(letters: Letters) -> None:
    id = letters.fail()
    [group] = letters.run('list', '-o', 'json').json()
    arn = letters.aws.arn(letters.orders)
    assert (group['error'], group['source'], group['id']) == (None, arn, id)
    assert f'moved by SQS from {arn}' in letters.run('list').out


def test_a_group_has_three_lines(letters: Letters) -> None:
    id = letters.add()
    lines = letters.run('list').out.splitlines()
    assert lines[0] == '1  ValueError in Restock: the quantity is missing'
    assert lines[1].startswith('   sent ')
    assert lines[2] == f'   {id}'


def test_the_reason_of_a_real_listener_is_read(letters: Letters) -> None:
    class Fails(MessageSubscriber):
        def process(self, payload: object) -> None:
            raise ValueError('the amount is negative')

    credentials = letters.aws.server.credentials
    with SqsPublisher(letters.orders, **credentials) as publisher:
        id = publisher.publish({'amount': -5})
    logging.disable(logging.CRITICAL)
    try:
        with SqsListener(
            letters.orders,
            [Fails],
            dead_letter_queue_url=letters.dead,
            wait_time_seconds=0,
            **credentials,
        ) as listener:
            listener.drain()
    finally:
        logging.disable(logging.NOTSET)
    shown = letters.run('show', id)
    assert shown.code == 0
    assert 'dead letter: ValueError in Fails: the amount is negative' in shown.out
    assert f'    source queue: {letters.orders}\n' in shown.out
    assert shown.out.endswith('  {\n    "amount": -5\n  }\n')


@pytest.mark.parametrize('text', HOSTILE_NAMES.values(), ids=HOSTILE_NAMES)
def test_no_reason_controls_the_terminal(letters: Letters, text: str) -> None:
    text += '\x1b]0;title\a\u202e\r'
    letters.add(error=text, text=text, subscriber=text, source_queue=text)
    for arguments in (
        ['list'],
        ['list', '--each'],
        ['list', '-o', 'json'],
        ['list', '-o', 'jsonl'],
    ):
        result = letters.run(*arguments)
        assert result.code == 0
        assert all(line.isprintable() for line in result.out.split('\n'))


def test_a_reason_of_other_types_is_no_reason(letters: Letters) -> None:
    letters.add(error=5, text=['x'], subscriber={}, source_queue=None, message_id=True)  # type: ignore[arg-type]
    [group] = letters.run('list', '-o', 'json').json()
    assert (group['error'], group['text'], group['subscriber'], group['source']) == (None,) * 4


# Single messages, and selections


def test_each_shows_single_messages_with_their_reason(letters: Letters) -> None:
    ids = [letters.add(f'{{"n": {n}}}') for n in range(2)]
    records = letters.run('list', '--each', '-o', 'jsonl').lines()
    assert [record['id'] for record in records] == ids
    assert [record['payload'] for record in records] == [{'n': 0}, {'n': 1}]
    assert records[0]['dead_letter']['source_queue'] == letters.orders
    lines = letters.run('list', '--each').out.splitlines()
    assert lines[0].startswith(ids[0])
    assert lines[1] == '  dead letter: ValueError in Restock: the quantity is missing'
    assert len(lines) == 4


@pytest.mark.parametrize(
    ('pattern', 'numbers'),
    [
        pytest.param({'reason': {'error': ['KeyError']}}, [1], id='reason'),
        pytest.param({'payload': {'n': [{'numeric': ['>=', 1]}]}}, [1, 2], id='payload'),
        pytest.param({'attributes': {'kind': ['b']}}, [2], id='attributes'),
        pytest.param({'reason': {'error': [{'exists': False}]}}, [], id='no reason'),
    ],
)
def test_a_pattern_selects_messages(
    letters: Letters, pattern: dict[str, object], numbers: list[int]
) -> None:
    letters.add('{"n": 0}')
    letters.add('{"n": 1}', error='KeyError')
    kind = {'kind': {'DataType': 'String', 'StringValue': 'b'}}
    letters.add('{"n": 2}', attributes=kind)
    result = letters.run('list', '--each', '--where', json.dumps(pattern), '-o', 'jsonl')
    assert [record['payload']['n'] for record in result.lines()] == numbers
    assert f'{len(numbers)} of about 3 messages.' in result.err


def test_since_selects_messages_by_the_time_they_were_sent(aws: CommandAws) -> None:
    letters = Letters(aws)
    letters.add('{"n": 0}')
    now = datetime.now(timezone.utc)
    for since, count in (
        ('1h', 1),
        ((now - timedelta(minutes=5)).isoformat(), 1),
        ((now + timedelta(days=9_000)).isoformat(), 0),
    ):
        assert len(letters.run('list', '--since', since, '--each', '-o', 'json').json()) == count


@pytest.mark.parametrize(
    ('arguments', 'problem'),
    [
        (('--since', 'yesterday'), 'must be a time such as 30m, 2h or 1d'),
        (('--since', '999999d'), 'must be a time such as'),
        (('--where', '{'), 'is not JSON'),
        (('--where', '{"reason": 5}'), "Invalid value for '--where'"),
    ],
)
def test_an_invalid_selection_is_a_usage_error(
    letters: Letters, arguments: tuple[str, ...], problem: str
) -> None:
    result = letters.run('list', *arguments)
    assert (result.code, result.out) == (2, '')
    assert problem in result.err


def test_an_empty_queue_has_no_groups(letters: Letters) -> None:
    result = letters.run('list', '-o', 'json')
    assert (result.code, result.json()) == (0, [])
    assert result.err == f'{COUNTS}0 of about 0 messages.\n'


def test_a_fifo_queue_shows_the_first_messages_of_each_group(fifo_letters: Letters) -> None:
    for number in range(12):
        fifo_letters.add(f'{{"n": {number}}}', group='a')
    fifo_letters.add('{"n": 12}', group='b')
    result = fifo_letters.run('list', '--each', '-o', 'jsonl')
    assert {record['group_id'] for record in result.lines()} == {'a', 'b'}
    assert len(result.lines()) < 13
    assert 'of each message group, SQS returns only the first messages' in result.err


# One message


def test_a_message_is_shown_by_each_of_its_ids(letters: Letters) -> None:
    letters.add('{"n": 0}')
    first = {'MegaMessageId': {'DataType': 'String', 'StringValue': 'origin-1'}}
    id = letters.add('{"n": 1}', message_id='in-source-1', attributes=first)
    for each in (id, 'origin-1', 'in-source-1'):
        result = letters.run('show', each, '-o', 'json')
        assert (result.code, result.json()['payload']) == (0, {'n': 1})
    assert letters.aws.visible(letters.dead) == 2


def test_an_unknown_id_is_one_line(letters: Letters, fifo_letters: Letters) -> None:
    result = letters.run('show', 'x')
    assert (result.code, result.out) == (1, '')
    assert result.err == f"{COUNTS}Error: {letters.dead} has no visible message 'x'\n"
    assert 'returns only the first messages' in fifo_letters.run('show', 'x').err


# The queue


def test_a_listener_stands_for_its_dead_letter_queue(letters: Letters, tmp_path: Path) -> None:
    letters.add()
    (tmp_path / 'shop_of_letters.py').write_text(
        'from mega.aws.sqs.subscribe import SqsListener\n'
        f'own = SqsListener({letters.orders!r}, dead_letter_queue_url={letters.dead!r})\n'
        f'policy = SqsListener({letters.orders!r})\n'
        f'none = SqsListener({letters.dead!r})\n'
    )
    arguments = ('--app-dir', str(tmp_path), '--wait', '0', '-o', 'json')
    for name, code in (('own', 0), ('policy', 0), ('none', 1)):
        result = mega(
            *('dead-letters', 'list', f'shop_of_letters:{name}', *arguments),
            environment=letters.aws.environment,
        )
        assert result.code == code
        if code == 0:
            assert [group['count'] for group in result.json()] == [1]
        else:
            assert result.err.count('\n') == 1
            assert 'name the queue of its dead letters' in result.err


# Processes and terminals


@pytest.mark.no_cover
def test_a_terminal_also_shows_a_histogram(letters: Letters) -> None:
    letters.add()
    environment = {**letters.aws.environment, 'NO_COLOR': '1'}
    arguments = ('dead-letters', 'list', letters.dead, '--wait', '0')
    shown = mega_on_terminal(*arguments, columns=30, environment=environment)
    assert shown.code == 0
    assert '+00:00  1  #' in shown.out
    assert '1 of about 1 message read' in shown.out
    assert '\x1b[1m' not in shown.out
    piped = mega_process(*arguments, environment=environment)
    assert '#' not in piped.out
    assert piped.err == f'{COUNTS}1 of about 1 message.\n'


@pytest.mark.no_cover
def test_ctrl_c_gives_all_messages_back(letters: Letters) -> None:
    for _ in range(15):
        letters.add()
    arguments = ('dead-letters', 'list', letters.dead, '--wait', '2', '--each', '-o', 'jsonl')
    with start_mega(*arguments, environment=letters.aws.environment) as process:
        for _ in range(15):
            process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.communicate()
    assert process.returncode == 130
    assert letters.aws.visible(letters.dead) == 15
