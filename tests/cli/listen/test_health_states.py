"""The health of a running `mega listen` in each of its states, and its metrics under kills."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from mega.aws.sqs import SqsPublisher
from mega.local.faults import Fault, Faults
from tests.cli.conftest import CommandAws
from tests.cli.listen.conftest import Listen
from tests.cli.listen.listening import ListenCommand, publish, wait_until
from tests.profile import amount

pytestmark = pytest.mark.no_cover  # its processes are others

TARGET = """
import os
import random
import threading
import time
from mega.aws.sqs.subscribe import ProcessStatus, SqsListener, TextSubscriber
from mega.hooks.prometheus import Prometheus

def wait_while(name):
    while os.path.exists(name):
        time.sleep(0.01)

wait_while('loading')

class Orders(TextSubscriber):
    def process(self, payload):
        wait_while('busy')

class Refunds(TextSubscriber):
    retry_delay = 0

    def process(self, payload):
        if payload.startswith('invalid'):
            return ProcessStatus.FATAL_ERROR
        if payload.startswith('number') and random.random() < 0.2:
            return ProcessStatus.RETRY_LATER

listener = SqsListener(
    os.environ['QUEUE_URL'], [Orders, Refunds], hooks=[Prometheus()], wait_time_seconds=1,
    max_number_of_messages=10, visibility_timeout=2, max_processing_time=60,
    dead_letter_queue_url=os.environ['DEAD_LETTER_QUEUE_URL'],
)

def pause_and_resume():
    while True:
        while not os.path.exists('paused'):
            time.sleep(0.01)
        listener.pause()
        wait_while('paused')
        listener.resume()

threading.Thread(target=pause_and_resume, daemon=True).start()
"""
"""Files in the working directory control it: `loading`, `busy` and `paused`."""


class Health:
    """The answers of the health server of a command."""

    def __init__(self, command: ListenCommand) -> None:
        [line] = command.wait_for('the state of all processes is at ')
        self._url = line.partition(' is at ')[2]

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urlopen(f'{self._url}{path}', timeout=60) as response:
                return response.status, response.read().decode()
        except HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def statuses(self) -> tuple[int, int]:
        """Return the status of `/livez` and of `/readyz`."""
        return self.get('/livez')[0], self.get('/readyz')[0]

    def process(self) -> dict[str, Any]:
        """Return the state of the only process."""
        [found] = json.loads(self.get('/stats')[1])['processes']
        return dict(found)

    def metrics(self) -> dict[str, float]:
        """Return the values of all samples, by their names with labels."""
        lines = re.findall(r'^(\w+(?:\{.*\})?) (\S+)$', self.get('/metrics')[1], re.MULTILINE)
        return {name: float(value) for name, value in lines}

    def total(self, name: str, *labels: str) -> float:
        return total(self.metrics(), name, *labels)


def total(metrics: dict[str, float], name: str, *labels: str) -> float:
    """Return the sum of the samples of a name that have certain labels."""
    return sum(
        value
        for sample, value in metrics.items()
        if sample.partition('{')[0] == name and all(label in sample for label in labels)
    )


@pytest.fixture
def observed(aws: CommandAws, directory: Path, listen: Listen) -> Callable[..., ListenCommand]:
    """Return a function that starts the command with the target above."""
    (directory / 'observed.py').write_text(TARGET)
    dead = aws.queue('dead')
    return partial(listen, 'observed', '--health', '0', DEAD_LETTER_QUEUE_URL=dead)


def test_the_health_follows_the_states_of_the_command(
    aws: CommandAws, queue: str, directory: Path, observed: Callable[..., ListenCommand]
) -> None:
    loading, busy, paused = (directory / name for name in ('loading', 'busy', 'paused'))
    loading.touch()
    running = observed()
    health = Health(running)

    # starting
    wait_until(lambda: bool(running.children()))
    assert health.statuses() == (200, 503)
    assert health.process()['state'] == 'starting'

    # running
    loading.unlink()
    wait_until(lambda: health.statuses() == (200, 200), 'readiness')
    assert health.process()['is_receiving']

    # a stuck subscriber: a restart would not help its message
    busy.touch()
    publish(aws, queue, 'a')
    wait_until(lambda: health.process()['in_flight'] == 1, 'a message in flight')
    wait_until(lambda: health.total('mega_messages_in_progress', 'Orders') == 1, 'its metric')
    assert health.statuses() == (200, 200)
    busy.unlink()
    wait_until(lambda: health.process()['in_flight'] == 0, 'no message in flight')
    wait_until(lambda: health.total('mega_messages_in_progress', 'Orders') == 0, 'its metric')

    # a pause
    paused.touch()
    wait_until(lambda: health.statuses() == (200, 503), 'the pause')
    assert health.process()['state'] == 'ready'
    paused.unlink()
    wait_until(lambda: health.statuses() == (200, 200), 'the end of the pause')

    # AWS is down: a restart would not help
    aws.server.configure(faults=Faults(fail_calls=1.0, kinds=(Fault.UNAVAILABLE,)))
    wait_until(lambda: health.total('mega_listener_errors_total') >= 1, 'an error')
    assert health.statuses() == (200, 200)
    aws.server.configure(faults=Faults())
    running.wait_for('again, after failed calls')

    # a process is stopped by the kernel, and ages
    [pid] = running.children()
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: health.process()['seconds_since_loop'] > 2, 'the age of the loop')
    os.kill(pid, signal.SIGCONT)
    wait_until(lambda: health.process()['seconds_since_loop'] < 2, 'another turn')

    # a process is killed
    before = health.metrics()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: health.statuses() == (200, 503), 'the end of the process')
    wait_until(lambda: health.statuses() == (200, 200), 'the next process')
    assert health.total('mega_listener_restarts_total') == 1
    assert health.total('mega_deliveries_total') == total(before, 'mega_deliveries_total') == 1

    # draining: the message in progress has its grace period
    busy.touch()
    publish(aws, queue, 'b')
    wait_until(lambda: health.process()['in_flight'] == 1, 'a message in flight')
    running.send(signal.SIGTERM)
    wait_until(lambda: health.statuses() == (200, 503), 'the stop')
    assert health.get('/readyz')[1] == 'the command is stopping\n'
    assert health.process()['state'] == 'stopping'
    busy.unlink()
    running.ends()


def test_a_process_that_cannot_connect_to_sqs_is_live_and_not_ready(
    observed: Callable[..., ListenCommand],
) -> None:
    with socket.create_server(('127.0.0.1', 0)) as closed:
        endpoint = f'http://127.0.0.1:{closed.getsockname()[1]}'
    running = observed(AWS_ENDPOINT_URL=endpoint)
    health = Health(running)
    running.wait_for('Could not connect', 2)  # the second receive begins a second after the first
    running.wait_for('ReceiveMessage', 2)
    wait_until(lambda: health.total('mega_listener_errors_total') >= 2, 'the errors')
    assert health.statuses() == (200, 503)
    assert health.get('/readyz')[1] == '0 of 1 processes receive messages\n'
    assert health.process()['state'] == 'starting'
    assert not any('is ready' in line for line in running.lines)
    running.send(signal.SIGTERM)
    running.ends()


def test_sighup_keeps_the_old_process_while_sqs_does_not_answer_its_successor(
    aws: CommandAws, observed: Callable[..., ListenCommand]
) -> None:
    running = observed()
    health = Health(running)
    [old] = running.ready()
    aws.server.configure(faults=Faults(fail_calls=1.0, kinds=(Fault.UNAVAILABLE,)))
    running.send(signal.SIGHUP)
    wait_until(lambda: len(running.children()) == 2, 'the successor')
    [new] = running.children() - {old}

    def errors_of_new() -> int:
        reports = json.loads(health.get('/stats')[1])['processes']
        return sum(
            each['stats']['errors'] for each in reports if each['pid'] == new and 'stats' in each
        )

    wait_until(lambda: errors_of_new() >= 2, 'two receives of the successor')
    assert running.children() == {old, new}
    assert running.ready() == [old]
    aws.server.configure(faults=Faults())
    assert running.ready(2) == [old, new]
    running.wait_for('has stopped')
    assert running.children() == {new}
    running.send(signal.SIGTERM)
    running.ends()


def test_a_drain_is_live_and_ready_until_its_end(
    aws: CommandAws, queue: str, directory: Path, observed: Callable[..., ListenCommand]
) -> None:
    (directory / 'busy').touch()
    publish(aws, queue, 'a')
    draining = observed('--drain')
    health = Health(draining)
    wait_until(lambda: health.statuses() == (200, 200), 'readiness')
    wait_until(lambda: health.process()['in_flight'] == 1, 'a message in flight')
    assert health.statuses() == (200, 200)
    (directory / 'busy').unlink()
    draining.ends()


def left(aws: CommandAws, queue: str) -> int:
    """Return the number of messages in a queue, with those in flight."""
    names: list[Any] = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible']
    found = aws.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)['Attributes']
    return sum(map(int, found.values()))


MESSAGES = amount(200, 10_000)
KILLS = amount(2, 50)
CONCURRENCY = 4


def test_the_metrics_add_up_and_never_decrease_when_processes_are_killed(
    aws: CommandAws, queue: str, directory: Path, observed: Callable[..., ListenCommand]
) -> None:
    with SqsPublisher(queue, **aws.server.credentials) as publisher:
        publisher.publish_batch([f'number {number}' for number in range(MESSAGES)])
        publisher.publish_batch([f'invalid {number}' for number in range(10)])
    running = observed('-p', '2', '-c', str(CONCURRENCY), '--max-restarts', str(KILLS))
    health = Health(running)
    running.ready(2)
    seen: list[dict[str, float]] = []

    def settled() -> float:
        seen.append(health.metrics())
        return total(seen[-1], 'mega_settlements_total')

    for kill in range(1, KILLS + 1):
        enough = kill * MESSAGES / (2 * KILLS)
        wait_until(partial(lambda enough: settled() >= enough, enough), 'progress')
        os.kill(max(running.children()), signal.SIGKILL)
        running.ready(2 + kill)
    aws.server.advance(60)  # the messages of the killed processes become visible
    wait_until(lambda: settled() and not left(aws, queue), 'an empty queue')
    wait_until(lambda: settled() and not total(seen[-1], 'mega_listener_in_flight'), 'the reports')

    for before, after in pairwise(seen):
        lower = {name for name, value in before.items() if after.get(name, 0.0) < value}
        assert not {name for name in lower if re.match(r'\w+_(total|count|sum|bucket)\b', name)}
    found = seen[-1]
    ended = total(found, 'mega_settlements_total')
    in_progress = total(found, 'mega_deliveries_in_progress')
    killed = total(found, 'mega_deliveries_total') - ended - in_progress
    assert 0 <= killed <= KILLS * CONCURRENCY
    for name in ('"Orders"', '"Refunds"'):
        started = total(found, 'mega_messages_started_total', name)
        statuses = total(found, 'mega_messages_total', name)
        in_progress = total(found, 'mega_messages_in_progress', name)
        assert in_progress == 0
        assert 0 <= started - statuses <= KILLS * CONCURRENCY
    assert total(found, 'mega_settlements_total', 'reason="retried"') > 0
    assert total(found, 'mega_messages_total', 'retry_later') >= total(
        found, 'mega_settlements_total', 'reason="retried"'
    )
    running.send(signal.SIGTERM)
    running.ends()
