"""`mega stats`: readings on the bus, and the command as a user calls it."""

from __future__ import annotations

import signal
from datetime import datetime, timedelta, timezone
from itertools import islice
from json import loads
from typing import Any

import pytest

from mega.aws._transport.client import AwsClient, create_client
from mega.aws._transport.in_process import InProcessClient, RefusedCallError
from mega.cli.stats.ages import OldestAges
from mega.cli.stats.display import text_of
from mega.cli.stats.readings import QueueReader, Reading, watch
from mega.errors import TransportError
from mega.testing import Bus
from tests.cli.command import mega, mega_on_terminal, start_mega
from tests.cli.conftest import CommandAws

NOON = datetime(2026, 1, 2, 12, tzinfo=timezone.utc)


class Watched:
    """A queue on a bus, with a dead-letter queue, and answers of CloudWatch."""

    def __init__(self, *ages: Any) -> None:
        self.bus = Bus()
        self.dead = self.bus.queue('dead')
        self.orders = self.bus.queue('orders', dead_letter=self.dead)
        self.notes: list[str] = []
        self.requests: list[dict[str, Any]] = []
        self._ages = list(ages)
        self.sqs = create_client('sqs', self.orders, client=self.bus.sqs)
        oldest = OldestAges(self.notes.append, self._cloudwatch)
        self.reader = QueueReader(self.sqs, self.orders, oldest, self.notes.append)

    def _cloudwatch(self, sqs: AwsClient) -> AwsClient:
        client = InProcessClient('cloudwatch', self._answer, self.bus.sqs.clock)
        return create_client('cloudwatch', None, client=client)

    def _answer(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        self.requests.append(request)
        answer = self._ages.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return {'Datapoints': answer}

    def send(self, count: int = 1, to: str = '', **options: int) -> None:
        for _ in range(count):
            self.bus.sqs.send_message(QueueUrl=to or self.orders, MessageBody='{}', **options)


def point(minutes: int, age: float) -> dict[str, Any]:
    return {'Timestamp': NOON + timedelta(minutes=minutes), 'Maximum': age}


# Readings


def test_a_reading_counts_visible_hidden_and_delayed_messages() -> None:
    watched = Watched([], [])
    watched.send(3)
    watched.send(DelaySeconds=60)
    watched.bus.sqs.receive_message(QueueUrl=watched.orders)
    watched.send(2, to=watched.dead)
    reading = watched.reader.read()
    assert (reading.visible, reading.in_flight, reading.delayed) == (2, 1, 1)
    assert reading.dead_letter_queue is not None
    assert (reading.dead_letter_queue.queue, reading.dead_letter_queue.visible) == (watched.dead, 2)


def test_a_rate_is_the_change_of_all_messages_between_two_readings() -> None:
    watched = Watched([], [])
    watched.send(10)
    readings = watch([watched.reader], 5, watched.bus.sqs.clock, watched.notes.append)
    [first] = next(readings)
    watched.send(5)
    watched.send(10, to=watched.dead)
    watched.bus.sqs.receive_message(QueueUrl=watched.orders)
    [second] = next(readings)
    watched.bus.sqs.purge_queue(QueueUrl=watched.orders)
    [third] = next(readings)
    assert [each.change_per_second for each in (first, second, third)] == [None, 1.0, -3.0]
    assert second.dead_letter_queue is not None
    assert second.dead_letter_queue.change_per_second == 2.0


def test_the_latest_age_of_cloudwatch_is_that_of_the_oldest_message() -> None:
    watched = Watched([point(0, 40.0), point(2, 160.0), point(1, 100.0)])
    watched.send()
    assert watched.reader.read().oldest_seconds == 160
    [request] = watched.requests
    assert request['Dimensions'] == [{'Name': 'QueueName', 'Value': 'orders'}]
    assert request['EndTime'].timestamp() == pytest.approx(watched.bus.time)


def test_cloudwatch_is_asked_once_a_minute_and_not_for_an_empty_queue() -> None:
    watched = Watched([point(0, 40.0)], [])
    assert watched.reader.read().oldest_seconds is None
    assert watched.requests == []
    watched.send()
    ages = []
    for _ in range(4):
        ages.append(watched.reader.read().oldest_seconds)
        watched.bus.advance(29)
    assert ages == [40, 40, 40, None]
    assert len(watched.requests) == 2


def test_without_permission_the_age_is_unknown_and_cloudwatch_is_not_asked_again() -> None:
    watched = Watched(RefusedCallError('AccessDenied', 'Not authorized', 403))
    watched.send()
    for _ in range(3):
        assert watched.reader.read().oldest_seconds is None
        watched.bus.advance(100)
    assert watched.notes == [
        'The age of the oldest message is unknown: GetMetricStatistics failed (AccessDenied): '
        'Not authorized; allow cloudwatch:GetMetricStatistics'
    ]


def test_another_refusal_of_cloudwatch_is_shown_as_it_is() -> None:
    watched = Watched(RefusedCallError('InvalidParameterValue', 'The end is wrong', 400))
    watched.send()
    watched.reader.read()
    [note] = watched.notes
    assert note.endswith('GetMetricStatistics failed (InvalidParameterValue): The end is wrong')


def test_a_temporary_failure_of_cloudwatch_is_not_a_refusal() -> None:
    watched = Watched(TimeoutError(), [point(0, 7.0)])
    watched.send()
    assert watched.reader.read().oldest_seconds is None
    watched.bus.advance(60)
    assert watched.reader.read().oldest_seconds == 7
    assert watched.notes == []


def test_a_dead_letter_queue_that_cannot_be_read_is_reported_once() -> None:
    watched = Watched()
    watched.bus.sqs.delete_queue(QueueUrl=watched.dead)
    for reading in (watched.reader.read(), watched.reader.read()):
        assert reading.dead_letter_queue is not None
        assert (reading.dead_letter_queue.name, reading.dead_letter_queue.visible) == ('dead', None)
    [note] = watched.notes
    assert note.startswith('The dead-letter queue cannot be read: GetQueueUrl failed')


def test_a_temporary_failure_does_not_end_a_watch() -> None:
    watched = Watched()
    readings = watch([watched.reader], 5, watched.bus.sqs.clock, watched.notes.append)
    next(readings)
    watched.bus.fail('GetQueueAttributes', 'ServiceUnavailable')
    next(readings)
    assert 'GetQueueAttributes failed (ServiceUnavailable)' in watched.notes[0]
    watched.bus.sqs.delete_queue(QueueUrl=watched.orders)
    with pytest.raises(TransportError, match='create the queue'):
        list(islice(readings, 2))


# The text


def reading(name: str, *counts: Any, **fields: Any) -> Reading:
    return Reading(f'https://sqs/1/{name}', NOON, *counts, **fields)


READINGS = [
    reading(
        'orders',
        1_200,
        3,
        0,
        oldest_seconds=7_300,
        change_per_second=-12.25,
        dead_letter_queue=reading('dead', None, None, None),
    ),
    reading('refunds', 0, 0, 0),
]


def test_the_text_is_a_table_with_dead_letters_below_their_queue(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv('COLUMNS', '80')
    text = text_of(READINGS, with_rates=True).replace('\x1b[1m', '').replace('\x1b[0m', '')
    assert text.splitlines() == [
        'queue    visible  in flight  delayed  oldest  change/s',
        'orders     1,200          3        0  2 h     -12.2',
        '  dead         -          -        -  -       -',
        'refunds        0          0        0  -       -',
    ]
    assert 'change/s' not in text_of(READINGS)


def test_a_narrow_terminal_has_one_line_for_each_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('COLUMNS', '30')
    assert text_of(READINGS[:1]).splitlines() == [
        'orders',
        '  visible: 1,200',
        '  in flight: 3',
        '  delayed: 0',
        '  oldest: 2 h',
        '  dead',
        '    visible: -',
        '    in flight: -',
        '    delayed: -',
        '    oldest: -',
    ]


# The command


def test_json_has_the_numbers_of_each_queue(aws: CommandAws) -> None:
    url = aws.queue()
    result = mega('stats', url, aws.arn(url), '-o', 'json', environment=aws.environment)
    assert result.code == 0
    first, second = result.json()
    assert datetime.fromisoformat(first.pop('at')).tzinfo is not None
    assert first['queue'] == second['queue'] == url
    assert (first['visible'], first['in_flight'], first['dead_letter_queue']) == (0, 0, None)


def test_a_local_aws_without_cloudwatch_is_one_short_note(aws: CommandAws) -> None:
    url = aws.queue()
    aws.sqs.send_message(QueueUrl=url, MessageBody='{}')
    result = mega('stats', url, url, environment=aws.environment)
    assert result.code == 0
    assert result.err == (
        'The age of the oldest message is unknown: '
        f'the server at {aws.server.endpoint_url} has no CloudWatch\n'
    )


def test_a_missing_queue_is_one_line_and_exit_code_4(aws: CommandAws) -> None:
    url = aws.queue()
    for queue in ('none', f'{url}-gone'):
        result = mega('stats', url, queue, environment=aws.environment)
        assert (result.code, result.out) == (4, '')
        assert result.err.count('\n') == 1
        assert 'create the queue' in result.err


def test_wrong_use_is_exit_code_2(aws: CommandAws) -> None:
    for arguments in ([], ['orders', '--watch', '0'], ['orders', '--watch', 'x']):
        assert mega('stats', *arguments, environment=aws.environment).code == 2


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM], ids=['Ctrl-C', 'SIGTERM'])
def test_a_signal_ends_a_watch_with_exit_code_0(aws: CommandAws, number: signal.Signals) -> None:
    arguments = ('stats', aws.queue(), '--watch', '0.1', '-o', 'jsonl')
    with start_mega(*arguments, environment=aws.environment) as process:
        readings = [loads(process.stdout.readline()) for _ in range(2)]
        process.send_signal(number)
        _, errors = process.communicate()
    assert (process.returncode, errors) == (0, '')
    assert [each['change_per_second'] for each in readings] == [None, 0.0]


def test_a_watch_on_a_terminal_replaces_the_numbers(aws: CommandAws) -> None:
    shown = mega_on_terminal(
        *('stats', aws.queue('q'), '--watch', '0.1'),
        keys='\x03',
        after='\x1b[3F\x1b[J',
        environment={**aws.environment, 'NO_COLOR': '1'},
    )
    assert shown.code == 0
    assert shown.out.count('in flight') >= 2
    assert '\x1b[1m' not in shown.out
