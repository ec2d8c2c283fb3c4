"""The program of a child process, in this process: the test is the parent."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import TypeVar

import pytest

from mega.cli.listen.messages import (
    Connection,
    Drained,
    Failed,
    Inspected,
    InspectRequest,
    Message,
    Ready,
    Receiving,
    Reported,
    StopRequest,
    WorkerSettings,
)
from mega.cli.listen.worker import Worker
from tests.cli.conftest import CommandAws
from tests.cli.listen.conftest import Listen
from tests.cli.listen.listening import publish, wait_until

T = TypeVar('T')

SIGNALLING = """
import os, signal
from mega.aws.sqs.subscribe import SqsListener
from mega.errors import MegaError

class StoppingError(MegaError):
    def __str__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        return 'a problem'

class Listener(SqsListener):
    def with_settings(self, **settings):
        raise StoppingError

listener = Listener(os.environ['QUEUE_URL'])
"""

pytestmark = pytest.mark.usefixtures('in_this_process')


class Program:
    """Runs a worker in the main thread, and is its parent."""

    def __init__(self, settings: WorkerSettings) -> None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self._connection, self._other_side = Connection(ours), Connection(theirs)
        self._worker = Worker(settings, self._other_side)
        self._messages: list[Message] = []
        self._has_ended = False

    def received(self, kind: type[T]) -> list[T]:
        """Return the messages of a kind that have arrived."""
        if not self._has_ended:
            self._messages += self._connection.receive()
        return [message for message in self._messages if isinstance(message, kind)]

    def send(self, message: Message) -> None:
        self._connection.send(message)

    def run(self, act: Callable[[], None] = lambda: None) -> int:
        """Run the worker, while the parent acts in another thread. Return the exit code."""
        threads = [Thread(target=self._worker.serve_parent), Thread(target=act)]
        for thread in threads:
            thread.start()
        code = self._worker.run()
        threads[1].join()
        self.received(Ready)
        self._has_ended = True
        self._connection.close()
        threads[0].join()
        self._other_side.close()
        return code


def test_it_listens_and_reports_until_the_parent_asks_for_a_stop(
    aws: CommandAws, queue: str
) -> None:
    publish(aws, queue, 'a')
    program = Program(WorkerSettings('worker', concurrency=2, grace_period=7))

    def act() -> None:
        wait_until(lambda: program.received(Ready))
        wait_until(lambda: [m for m in program.received(Reported) if m.report.stats['done'] == 1])
        program.send(InspectRequest())
        wait_until(lambda: program.received(Inspected))
        program.send(StopRequest())

    assert program.run(act) == 0
    assert program.received(Receiving) == [Receiving(7, queue.rpartition('/')[2])]
    assert program.received(Ready) == [Ready()]
    [inspected] = program.received(Inspected)
    assert inspected.text.startswith(f'process {os.getpid()} (worker): received 1, done 1')
    last = program.received(Reported)[-1].report
    assert last.resident_bytes > 10_000_000
    assert not last.is_receiving


FAILING_COLLECTOR = """
from mega.hooks.prometheus import Prometheus
from prometheus_client import CollectorRegistry, Gauge

registry = CollectorRegistry()
carts = Gauge('shop_carts', 'Carts.', registry=registry)
carts.set_function(lambda: 1 / 0)
listener = SqsListener(os.environ['QUEUE_URL'], [Orders], hooks=[Prometheus(registry)])
"""


def test_a_failing_collector_of_the_application_does_not_end_the_reports(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    worker = directory / 'worker.py'
    worker.write_text(f'{worker.read_text()}\n{FAILING_COLLECTOR}')
    program = Program(WorkerSettings('worker:listener', reports_metrics=True))

    def act() -> None:
        wait_until(lambda: len(program.received(Reported)) >= 2)
        program.send(StopRequest())

    assert program.run(act) == 0
    assert not any(each.metrics for each in program.received(Reported))
    errors = capsys.readouterr().err
    assert errors.count('the metrics of the application cannot be collected') == 1
    assert 'ZeroDivisionError' in errors


STOPPING_COLLECTOR = """
import itertools, threading
from mega.hooks.prometheus import Prometheus
from prometheus_client import CollectorRegistry, Gauge

registry, numbers, last_arrived = CollectorRegistry(), itertools.count(1), threading.Event()

def number_of_report():
    number = next(numbers)
    if number == 1:
        listener.stop()
        last_arrived.wait(0.5)
    return number

Gauge('shop_reports', 'Reports.', registry=registry).set_function(number_of_report)
listener = SqsListener(os.environ['QUEUE_URL'], [Orders], hooks=[Prometheus(registry)])
"""


def test_the_last_report_never_arrives_before_an_older_one(directory: Path) -> None:
    """The older one is slow, and begins before the listener stops."""
    worker = directory / 'worker.py'
    worker.write_text(f'{worker.read_text()}\n{STOPPING_COLLECTOR}')
    program = Program(WorkerSettings('worker:listener', reports_metrics=True))

    def numbers() -> list[float]:
        metrics = [family for each in program.received(Reported) for family in each.metrics]
        return [each.samples[0].value for each in metrics if each.name == 'shop_reports']

    def act() -> None:
        wait_until(numbers)
        sys.modules['worker'].last_arrived.set()

    assert program.run(act) == 0
    assert numbers() == [1, 2]


def test_sigterm_stops_it() -> None:
    program = Program(WorkerSettings('worker'))

    def act() -> None:
        wait_until(lambda: program.received(Ready))
        os.kill(os.getpid(), signal.SIGTERM)

    assert program.run(act) == 0
    assert program.received(Failed) == []


def test_a_drain_ends_with_a_message(
    aws: CommandAws, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('WAIT_TIME_SECONDS', '0')
    publish(aws, queue, 'a', 'b')
    program = Program(WorkerSettings('worker', drains=True))
    assert program.run() == 0
    assert program.received(Drained) == [Drained()]
    assert program.received(Reported)[-1].report.stats['done'] == 2


def test_a_stop_interrupts_an_import(directory: Path) -> None:
    slow = 'import pathlib, time\npathlib.Path("begun").touch()\ntime.sleep(600)\n'
    (directory / 'slow.py').write_text(slow)
    program = Program(WorkerSettings('slow'))

    def act() -> None:
        wait_until((directory / 'begun').exists)
        program.send(StopRequest())

    assert program.run(act) == 0
    assert program.received(Failed) == []


def test_a_stop_while_it_reports_an_error_does_not_interrupt_the_report(directory: Path) -> None:
    (directory / 'signalling.py').write_text(SIGNALLING)
    program = Program(WorkerSettings('signalling', concurrency=2))
    assert program.run() == 1
    assert [failed.problem for failed in program.received(Failed)] == ['a problem']


def test_code_that_catches_the_interrupt_does_not_prevent_the_stop(directory: Path) -> None:
    stubborn = (
        'try:\n    import slow\nexcept BaseException:\n    pass\nfrom worker import listener\n'
    )
    slow = 'import pathlib, time\npathlib.Path("begun").touch()\ntime.sleep(600)\n'
    (directory / 'stubborn.py').write_text(stubborn)
    (directory / 'slow.py').write_text(slow)
    program = Program(WorkerSettings('stubborn:listener'))

    def act() -> None:
        wait_until((directory / 'begun').exists)
        program.send(StopRequest())

    assert program.run(act) == 0
    assert program.received(Receiving) == []


@pytest.mark.parametrize(
    ('settings', 'code', 'problem'),
    [
        (WorkerSettings('nosuch'), 3, "no module named 'nosuch'"),
        (WorkerSettings('worker', queue_url='{server}/123456789012/nosuch'), 4, 'create the queue'),
    ],
    ids=['target', 'AWS'],
)
def test_a_failure_is_reported_with_the_exit_code_of_the_command(
    aws: CommandAws, settings: WorkerSettings, code: int, problem: str
) -> None:
    if settings.queue_url:
        url = settings.queue_url.format(server=aws.server.endpoint_url)
        settings = replace(settings, queue_url=url)
    program = Program(settings)
    assert program.run() == 1
    [failed] = program.received(Failed)
    assert failed.exit_code == code
    assert problem in failed.problem
    assert '\n' not in failed.problem


FORKING = """
import os, signal
from mega.aws.sqs.subscribe import SqsListener, TextSubscriber

class Fork(TextSubscriber):
    def process(self, payload):
        pid = os.fork()
        if pid == 0:
            while True:
                signal.pause()
        os.kill(pid, signal.SIGTERM)
        os.write(os.open('status', os.O_WRONLY | os.O_CREAT), str(os.wait()[1]).encode())

listener = SqsListener(os.environ['QUEUE_URL'], [Fork])
"""


@pytest.mark.no_cover
@pytest.mark.parametrize('options', [[], ['--drain']], ids=['listen', 'drain'])
def test_sigterm_ends_a_process_that_a_subscriber_forks(
    aws: CommandAws, queue: str, directory: Path, listen: Listen, options: list[str]
) -> None:
    (directory / 'forking.py').write_text(FORKING)
    publish(aws, queue, 'a')
    command = listen('forking', *options)
    wait_until(lambda: (directory / 'status').exists() and (directory / 'status').read_text())
    assert (directory / 'status').read_text() == str(int(signal.SIGTERM))
    command.send(signal.SIGTERM)
    command.ends()
