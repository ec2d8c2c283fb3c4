"""`mega dead-letters redrive`."""

from __future__ import annotations

import json
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from mega.local import FailCall, FailEntries
from tests.cli.command import mega_on_terminal, mega_process, start_mega
from tests.cli.conftest import CommandAws
from tests.cli.dead_letters.conftest import Letters, text_attribute

WORKER = """
from mega.aws.sqs.subscribe import DataSubscriber, SqsListener
from mega.match.functions import gt

class LargeOrders(DataSubscriber):
    pattern = {'amount': gt(100)}
    def process(self, payload): ...

listener = SqsListener('https://sqs.eu-west-1.amazonaws.com/123456789012/orders', [LargeOrders])
"""


def received(letters: Letters) -> list[Any]:
    """Receive the messages of the source queue."""
    found = []
    while page := letters.aws.receive(letters.orders):
        found += page
    return found


# What a message keeps, and what it loses


def test_a_message_returns_to_its_source_as_it_was(letters: Letters) -> None:
    attributes = {
        'kind': text_attribute('a'),
        'count': {'DataType': 'Number.int', 'StringValue': '5'},
        'key': {'DataType': 'Binary.png', 'BinaryValue': b'\0\xff'},
    }
    body = '{"amount": 5,  "name":"Zoë"}\n'
    id = letters.add(body, attributes=attributes, message_id='in-source')
    result = letters.run('redrive', id, '--yes', '-o', 'json')
    [message] = received(letters)
    assert (result.code, result.json()) == (
        0,
        [
            {
                'id': id,
                'first_id': 'in-source',
                'status': 'redriven',
                'destination': letters.orders,
                'sent_id': message['MessageId'],
                'problem': None,
            }
        ],
    )
    assert message['Body'] == body
    assert message['MessageAttributes'] == {
        **attributes,
        'MegaMessageId': text_attribute('in-source'),
    }
    assert letters.aws.visible(letters.dead) == 0


def test_a_message_that_sqs_moved_returns_with_its_id(letters: Letters) -> None:
    id = letters.fail('{"n": 1}')
    assert letters.run('redrive', '--all', '--yes').code == 0
    [message] = received(letters)
    assert message['MessageAttributes'] == {'MegaMessageId': text_attribute(id)}


def test_the_first_id_remains_through_several_redrives(letters: Letters) -> None:
    letters.add(attributes={'MegaMessageId': text_attribute('origin')}, message_id='in-source')
    letters.run('redrive', '--all', '--yes')
    [message] = received(letters)
    assert message['MessageAttributes'] == {'MegaMessageId': text_attribute('origin')}


def test_a_message_with_ten_attributes_is_redriven_without_its_first_id(letters: Letters) -> None:
    attributes = {f'a{n}': text_attribute('x') for n in range(10)}
    letters.send(attributes=attributes)
    assert letters.run('redrive', '--all', '--yes', '--to', letters.orders).code == 0
    [message] = received(letters)
    assert message['MessageAttributes'] == attributes


def test_group_and_trace_header_remain(letters: Letters, fifo_letters: Letters) -> None:
    header = 'Root=1-5759e988-bd862e3fe1be46a994272793'
    letters.aws.sqs.send_message(
        QueueUrl=letters.dead,
        MessageBody='{}',
        MessageGroupId='tenant-1',
        MessageSystemAttributes={'AWSTraceHeader': text_attribute(header)},
    )
    letters.run('redrive', '--all', '--yes')
    [message] = received(letters)
    assert message['Attributes']['AWSTraceHeader'] == header
    assert message['Attributes']['MessageGroupId'] == 'tenant-1'
    fifo_letters.add(group='g')
    fifo_letters.run('redrive', '--all', '--yes')
    [message] = received(fifo_letters)
    assert message['Attributes']['MessageGroupId'] == 'g'


# Selection, check and dry run


def test_only_the_selected_messages_are_redriven(letters: Letters) -> None:
    for error in ('KeyError', 'ValueError', 'KeyError', 'KeyError'):
        letters.add(error=error, message_id=f'{error}-{letters.aws.visible(letters.dead)}')
    pattern = json.dumps({'reason': {'error': ['KeyError']}})
    result = letters.run('redrive', '--where', pattern, '--limit', '2', '--yes', '-o', 'jsonl')
    assert (result.code, len(result.lines())) == (0, 2)
    assert result.err == 'Redriven: 2, kept: 0. All other messages stay as they were.\n'
    assert len(received(letters)) == 2
    groups = letters.run('list', '-o', 'json').json()
    assert {group['error']: group['count'] for group in groups} == {'KeyError': 1, 'ValueError': 1}


def test_a_dry_run_changes_nothing(letters: Letters) -> None:
    id = letters.add()
    result = letters.run('redrive', '--all', '--dry-run')
    assert (result.code, result.err) == (0, '')
    assert result.out == f'{id}  would be redriven to {letters.orders}\n'
    assert (letters.aws.visible(letters.dead), letters.aws.visible(letters.orders)) == (1, 0)


def test_a_check_keeps_what_no_subscriber_matches(letters: Letters, tmp_path: Path) -> None:
    (tmp_path / 'worker.py').write_text(WORKER)
    small = letters.add('{"amount": 5}', message_id='small')
    invalid = letters.add('{"amount": ', message_id='invalid')
    large = letters.add('{"amount": 500}', message_id='large')
    target = f'{tmp_path}/worker.py:listener'
    result = letters.run('redrive', '--all', '--check', target, '--yes', '-o', 'json')
    assert result.code == 1
    assert {each['id']: each['problem'] for each in result.json()} == {
        small: f'no subscriber of {target} matches',
        invalid: 'invalid JSON object: Expecting value at character 11',
        large: None,
    }
    assert [message['Body'] for message in received(letters)] == ['{"amount": 500}']
    assert letters.aws.visible(letters.dead) == 2


def test_a_copy_of_a_redriven_message_is_kept(letters: Letters) -> None:
    ids = [letters.add(message_id='same') for _ in range(2)]
    result = letters.run('redrive', '--all', '--yes', '-o', 'json')
    assert result.code == 1
    first, second = result.json()
    assert (first['status'], second['status']) == ('redriven', 'kept')
    assert (second['id'], 'or is a copy' in second['problem']) == (ids[1], True)


def test_an_unknown_id_is_reported_and_the_others_are_redriven(letters: Letters) -> None:
    id = letters.add()
    result = letters.run('redrive', id, 'x', '--yes')
    assert result.code == 1
    assert result.err.splitlines() == [
        'Redriven: 1, kept: 0. All other messages stay as they were.',
        f"Error: {letters.dead} has no visible message 'x'",
    ]


def test_a_message_costs_two_calls(letters: Letters) -> None:
    for number in range(20):
        letters.add(message_id=f'{number}')
    before = Counter(letters.aws.server.counts().calls)
    assert letters.run('redrive', '--all', '--yes').code == 0
    calls = Counter(letters.aws.server.counts().calls) - before
    assert (calls['SendMessage'], calls['DeleteMessageBatch']) == (20, 20)
    assert (calls['ReceiveMessage'], calls['ChangeMessageVisibilityBatch']) == (3, 0)


# Destinations


def test_a_message_without_a_source_goes_to_the_only_queue_that_redrives(letters: Letters) -> None:
    letters.send()
    assert letters.run('redrive', '--all', '--yes').code == 0
    assert letters.aws.visible(letters.orders) == 1


def test_a_message_goes_where_the_user_says(letters: Letters) -> None:
    letters.add()
    other = letters.aws.queue('other')
    name = other.rpartition('/')[2]
    assert letters.run('redrive', '--all', '--yes', '--to', name).code == 0
    assert (letters.aws.visible(other), letters.aws.visible(letters.orders)) == (1, 0)


@pytest.mark.parametrize(
    ('source', 'problem'),
    [
        ('http://127.0.0.1/000000000001/orders', 'is not a queue in the account of this one'),
        ('not a queue', 'is not a queue in the account of this one'),
        ('x' * 100_000, 'is not a queue in the account of this one'),
        ('http://127.0.0.1/123456789012/missing', 'missing does not exist'),
        ('dead', 'is the dead-letter queue itself'),
    ],
    ids=['account', 'text', 'long', 'missing', 'itself'],
)
def test_a_source_that_cannot_be_right_keeps_the_message(
    letters: Letters, source: str, problem: str
) -> None:
    letters.add(source_queue=letters.dead if source == 'dead' else source)
    result = letters.run('redrive', '--all', '--yes', '-o', 'json')
    assert result.code == 1
    assert problem in result.json()[0]['problem']
    assert 'pass --to QUEUE' in result.json()[0]['problem']
    assert letters.aws.visible(letters.dead) == 1


def test_a_source_on_another_host_is_the_queue_of_that_name_here(letters: Letters) -> None:
    name = letters.orders.rpartition('/')[2]
    letters.add(source_queue=f'http://evil.example.com/123456789012/{name}')
    result = letters.run('redrive', '--all', '--yes', '-o', 'json')
    assert result.json()[0]['destination'] == letters.orders


def test_without_any_source_the_message_is_kept(aws: CommandAws) -> None:
    letters = Letters(aws)
    letters.dead = aws.queue('alone')
    for _ in range(3):
        letters.send()
    before = Counter(aws.server.counts().calls)
    result = letters.run('redrive', '--all', '--yes', '-o', 'json')
    assert result.code == 1
    assert {each['problem'] for each in result.json()} == {
        'its source queue is unknown, and 0 queues redrive to this one: pass --to QUEUE'
    }
    calls = Counter(aws.server.counts().calls) - before
    assert calls['ListDeadLetterSourceQueues'] == 1


# FIFO


def test_a_fifo_queue_is_redriven_in_the_order_of_its_groups(fifo_letters: Letters) -> None:
    for number in range(25):
        for group in 'ab':
            fifo_letters.add(f'{group}{number:02}', group=group, message_id=f'{group}{number}')
    assert fifo_letters.run('redrive', '--all', '--yes').code == 0
    accepted = fifo_letters.aws.server.accepted()
    arn = fifo_letters.aws.arn(fifo_letters.orders)
    bodies = [each.body for each in accepted if each.destination == arn]
    for group in 'ab':
        in_group = [body for body in bodies if body.startswith(group)]
        assert in_group == [f'{group}{number:02}' for number in range(25)]


def test_a_failed_message_keeps_the_later_ones_of_its_group(fifo_letters: Letters) -> None:
    ids = {
        f'{group}{number}': fifo_letters.add(
            f'{group}{number}', group=group, message_id=f'{group}{number}'
        )
        for number in range(3)
        for group in 'ab'
    }
    refused = FailCall('InvalidMessageContents')
    fifo_letters.aws.server.script(refused, operation='SendMessage')
    result = fifo_letters.run('redrive', '--all', '--yes', '-o', 'json')
    assert result.code == 1
    problems = {each['id']: each['problem'] for each in result.json()}
    assert 'InvalidMessageContents' in problems[ids['a0']]
    for name in ('a1', 'a2'):
        expected = f"message {ids['a0']}, which is before it in the group 'a', stays"
        assert problems[ids[name]] == expected
    assert [problems[ids[f'b{number}']] for number in range(3)] == [None] * 3


def test_a_message_that_is_not_selected_keeps_the_later_ones_of_its_group(
    fifo_letters: Letters,
) -> None:
    first = fifo_letters.add('{"n": 0}', group='g', message_id='0')
    second = fifo_letters.add('{"n": 1}', group='g', message_id='1')
    result = fifo_letters.run('redrive', second, '--yes', '-o', 'json')
    assert result.code == 1
    assert (
        result.json()[0]['problem']
        == f"message {first}, which is before it in the group 'g', stays"
    )


def test_a_message_that_is_sent_again_is_one_message_on_a_fifo_queue(fifo_letters: Letters) -> None:
    fifo_letters.add('{"n": 1}', group='g')
    fifo_letters.aws.server.script(FailCall('AccessDenied', 403), operation='DeleteMessageBatch')
    first = fifo_letters.run('redrive', '--all', '--yes')
    assert (first.code, fifo_letters.aws.visible(fifo_letters.dead)) == (4, 1)
    assert fifo_letters.run('redrive', '--all', '--yes').code == 0
    assert len(received(fifo_letters)) == 1


# Failures


@pytest.mark.parametrize(
    ('step', 'code'),
    [(FailCall('AccessDenied', 403), 4), (FailEntries((0,), 'InternalError', 400), 1)],
    ids=['call', 'entry'],
)
def test_a_message_that_was_sent_and_not_deleted_is_reported(
    letters: Letters, step: Any, code: int
) -> None:
    ids = [letters.add(message_id=f'{n}') for n in range(3)]
    letters.aws.server.script(step, operation='DeleteMessageBatch')
    result = letters.run('redrive', '--all', '--yes')
    assert (result.code, result.out) == (code, '')
    [message] = received(letters)
    sent = f'message {ids[0]} was sent to {letters.orders} as {message["MessageId"]}'
    assert sent in result.err
    assert letters.aws.visible(letters.dead) == 3


def test_a_refused_send_ends_the_command_before_anything_is_lost(letters: Letters) -> None:
    for number in range(3):
        letters.add(message_id=f'{number}')
    letters.aws.server.script(FailCall('AccessDenied', 403), operation='SendMessage')
    result = letters.run('redrive', '--all', '--yes')
    assert (result.code, result.out) == (4, '')
    assert result.err.splitlines()[0].startswith('Redriven: 0')
    assert 'allow sqs:SendMessage on' in result.err.splitlines()[1]
    assert letters.aws.visible(letters.dead) == 3


@pytest.mark.parametrize(
    ('arguments', 'problem'),
    [
        ((), 'select by ids, by --where or --since or both, or by --all'),
        (('x', '--all'), 'select by ids, by --where or --since or both, or by --all'),
        (('x', '--limit', '1', '--yes'), '--limit is not for ids'),
        (('--all',), 'pass --yes'),
        (('--all', '--dry-run', '--yes'), 'have no effect with --dry-run'),
        (('--all', '--yes', '--rate', '0'), "Invalid value for '--rate'"),
        (('--all', '--yes', '--to', 'not a queue'), 'is not a URL, an ARN or a name of a queue'),
    ],
)
def test_wrong_use_is_exit_code_2(
    letters: Letters, arguments: tuple[str, ...], problem: str
) -> None:
    letters.add()
    result = letters.run('redrive', *arguments)
    assert (result.code, result.out) == (2, '')
    assert problem in result.err
    assert letters.aws.visible(letters.dead) == 1


def test_the_dead_letter_queue_itself_is_not_a_destination(letters: Letters) -> None:
    result = letters.run('redrive', '--all', '--yes', '--to', letters.dead)
    assert (result.code, result.err.count('\n')) == (2, 1)


# Processes and terminals


@pytest.mark.no_cover
@pytest.mark.parametrize(('answer', 'left'), [('y\n', 0), ('n\n', 2)], ids=['yes', 'no'])
def test_a_terminal_asks_before_a_redrive(letters: Letters, answer: str, left: int) -> None:
    for number in range(2):
        letters.add(message_id=f'{number}')
    shown = mega_on_terminal(
        *('dead-letters', 'redrive', letters.dead, '--all', '--wait', '0'),
        keys=answer,
        after='[y/N]',
        columns=40,
        environment=letters.aws.environment,
    )
    question = 'Redrive 2 messages, each to all matching subscribers? [y/N]'
    assert f'2 messages to {letters.orders}\n{question}' in shown.out
    assert shown.code == (1 if left else 0)
    assert ('not confirmed: nothing was changed' in shown.out) == bool(left)
    assert letters.aws.visible(letters.dead) == left


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ('number', 'code', 'word'),
    [(signal.SIGINT, 130, 'Interrupted'), (signal.SIGTERM, 143, 'Terminated')],
    ids=['SIGINT', 'SIGTERM'],
)
def test_a_signal_ends_a_redrive_between_two_messages(
    letters: Letters, number: signal.Signals, code: int, word: str
) -> None:
    for index in range(5):
        letters.add(message_id=f'{index}')
    arguments = ('--all', '--yes', '--rate', '2', '-o', 'jsonl', '--wait', '0')
    with start_mega(
        'dead-letters', 'redrive', letters.dead, *arguments, environment=letters.aws.environment
    ) as process:
        process.stdout.readline()
        process.send_signal(number)
        out, err = process.communicate()
    redriven = 1 + out.count('redriven')
    assert process.returncode == code
    assert [line for line in err.splitlines() if line] == [
        f'Redriven: {redriven}, kept: 0. All other messages stay as they were.',
        word,
    ]
    assert letters.aws.visible(letters.dead) == 5 - redriven
    assert letters.aws.visible(letters.orders) == redriven


@pytest.mark.no_cover
def test_a_closed_pipe_ends_a_redrive_with_a_report(letters: Letters) -> None:
    for number in range(3):
        letters.add(message_id=f'{number}')
    with start_mega(
        *('dead-letters', 'redrive', letters.dead, '--all', '--yes', '--wait', '0'),
        environment=letters.aws.environment,
    ) as process:
        process.stdout.close()
        err = process.stderr.read()
    assert process.returncode == 1
    assert err.splitlines() == [
        'Redriven: 1, kept: 0. All other messages stay as they were.',
        'Error: the reader of the output closed it: the output is incomplete',
    ]
    assert (letters.aws.visible(letters.dead), letters.aws.visible(letters.orders)) == (2, 1)


@pytest.mark.no_cover
def test_a_pipe_has_one_line_for_each_message(letters: Letters) -> None:
    id = letters.add()
    result = mega_process(
        *('dead-letters', 'redrive', letters.dead, id, '--yes', '--wait', '0'),
        environment=letters.aws.environment,
    )
    assert result.code == 0
    assert result.out.startswith(f'{id}  redriven to {letters.orders} as ')
    assert result.err == 'Redriven: 1, kept: 0. All other messages stay as they were.\n'
