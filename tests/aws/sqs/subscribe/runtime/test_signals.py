"""The first signal stops a listener after its message, and the second one stops it at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any, Protocol

import pytest

from mega.aws.sqs.subscribe import SqsListener
from mega.aws.sqs.subscribe.runtime.signals import handler_after_first_signal
from mega.local import Server
from tests.aws._publishing.batches import Clients
from tests.aws.sqs.subscribe.factories import WITHIN, listener_on, listening, send, subscriber
from tests.aws.sqs.subscribe.program import VISIBILITY_TIMEOUT
from tests.fork_server import ForkedProgram, start
from tests.local_aws import LocalAws
from tests.programs import ROOT

ALL_WAYS = pytest.mark.parametrize('kind', ['plain', 'async', 'blocking'])
BOTH_SIGNALS = pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT], ids=str)


class Program:
    """A running listener program. The end of the block kills the program if it still runs."""

    def __init__(
        self, arguments: list[str], environment: dict[str, str], prefix: Sequence[str] = ()
    ) -> None:
        program = ['-m', 'tests.aws.sqs.subscribe.program', *arguments]
        stdin, input_end = os.pipe()
        output_end, stdout = os.pipe()
        self._input, self._output = os.fdopen(input_end, 'w'), os.fdopen(output_end)
        with os.fdopen(stdin), os.fdopen(stdout), Path(os.devnull).open('w') as errors:
            files = (stdin, stdout, errors.fileno())
            self._process = _start(program, environment, files, prefix)
        self._lines: SimpleQueue[str] = SimpleQueue()
        self._reader = Thread(target=self._read)
        self._reader.start()

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *error: object) -> None:
        with suppress(ProcessLookupError):  # a child process may have survived the program
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(WITHIN)
        self._reader.join()
        self._input.close()
        self._output.close()

    def _read(self) -> None:
        for line in self._output:
            self._lines.put(line.strip())
        self._lines.put('')

    def read_line(self) -> str:
        """Return the next line of the program, or an empty text if it has ended."""
        return self._lines.get(timeout=WITHIN)

    def continue_processing(self) -> None:
        self._input.write('\n')
        self._input.flush()

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def send_to_child(self, number: signal.Signals) -> None:
        pid = self._process.pid
        os.kill(int(Path(f'/proc/{pid}/task/{pid}/children').read_text()), number)

    def ends(self) -> int:
        return self._process.wait(WITHIN)


def _start(
    program: list[str],
    environment: dict[str, str],
    files: tuple[int, int, int],
    prefix: Sequence[str],
) -> ForkedProgram | subprocess.Popen[bytes]:
    """Start a program: as a fork, unless another program must start it."""
    if not prefix:
        return start(program, environment, *files)
    stdin, stdout, stderr = files
    return subprocess.Popen(
        [*prefix, sys.executable, *program],
        cwd=ROOT,
        env=environment,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
    )


class Run(Protocol):
    """Starts the program with a queue's URL and a kind, behind another program if there is one."""

    def __call__(self, queue_url: str, kind: str, *, prefix: Sequence[str] = ()) -> Program: ...


@pytest.fixture
def run(server: Server) -> Iterator[Run]:
    """Return a function that starts the program with the server's address in its environment."""
    credentials = server.credentials
    environment = {
        **os.environ,
        'AWS_ENDPOINT_URL': server.endpoint_url,
        'AWS_ACCESS_KEY_ID': credentials['aws_access_key_id'],
        'AWS_SECRET_ACCESS_KEY': credentials['aws_secret_access_key'],
        'AWS_DEFAULT_REGION': credentials['region_name'],
    }
    with ExitStack() as stack:

        def start(queue_url: str, kind: str, *, prefix: Sequence[str] = ()) -> Program:
            return stack.enter_context(Program([queue_url, kind], environment, prefix))

        yield start


def filled_queue(server: Server, clients: Clients, *bodies: str) -> str:
    """Create a queue with messages, and return its URL."""
    queue_url = server.create_queue('orders')
    for body in bodies:
        clients['sqs'].send_message(QueueUrl=queue_url, MessageBody=body)
    return queue_url


def received(clients: Clients, queue_url: str) -> list[tuple[str, str]]:
    """Receive messages; return the body and the receive count of each."""
    answer = clients['sqs'].receive_message(
        QueueUrl=queue_url,
        MaxNumberOfMessages=10,
        MessageSystemAttributeNames=['ApproximateReceiveCount'],
    )
    return [
        (message['Body'], message['Attributes']['ApproximateReceiveCount'])
        for message in answer.get('Messages', [])
    ]


@BOTH_SIGNALS
@ALL_WAYS
def test_a_signal_ends_the_program_when_the_message_is_finished(
    server: Server, clients: Clients, run: Run, kind: str, number: signal.Signals
) -> None:
    queue_url = filled_queue(server, clients, *'abc')
    program = run(queue_url, kind)
    assert program.read_line() == 'begun'
    program.send(number)
    assert program.read_line() == 'stopping'
    program.continue_processing()
    assert [program.read_line(), program.read_line()] == ['done', 'ended']
    assert program.ends() == 0
    assert sorted(received(clients, queue_url)) == [('b', '2'), ('c', '2')]


@BOTH_SIGNALS
def test_fault_84_a_signal_in_the_middle_of_a_poll_ends_the_program(
    server: Server, clients: Clients, run: Run, number: signal.Signals
) -> None:
    """The long poll of 20 seconds is interrupted."""
    queue_url = filled_queue(server, clients, 'hej')
    program = run(queue_url, 'plain')
    assert program.read_line() == 'begun'
    program.continue_processing()
    assert program.read_line() == 'done'
    program.send(number)
    assert [program.read_line(), program.read_line()] == ['stopping', 'ended']
    assert program.ends() == 0


@pytest.mark.parametrize(
    ('kind', 'first', 'second'),
    [
        ('plain', signal.SIGINT, signal.SIGINT),
        ('plain', signal.SIGTERM, signal.SIGTERM),
        ('plain', signal.SIGTERM, signal.SIGINT),
        ('async', signal.SIGINT, signal.SIGINT),
        ('async', signal.SIGINT, signal.SIGTERM),
        ('blocking', signal.SIGINT, signal.SIGINT),
    ],
    ids=str,
)
def test_fault_86_a_second_signal_ends_the_program_at_once(
    server: Server,
    clients: Clients,
    run: Run,
    kind: str,
    first: signal.Signals,
    second: signal.Signals,
) -> None:
    queue_url = filled_queue(server, clients, 'hej')
    program = run(queue_url, kind)
    assert program.read_line() == 'begun'
    program.send(first)
    assert program.read_line() == 'stopping'
    program.send(second)
    assert program.read_line() == ''
    assert program.ends() == -second
    assert received(clients, queue_url) == []
    server.advance(VISIBILITY_TIMEOUT)
    assert received(clients, queue_url) == [('hej', '2')]


def test_fault_87_a_message_is_delivered_again_after_a_kill(
    server: Server, clients: Clients, run: Run
) -> None:
    queue_url = filled_queue(server, clients, 'hej')
    program = run(queue_url, 'plain')
    assert program.read_line() == 'begun'
    program.send(signal.SIGKILL)
    assert program.ends() == -signal.SIGKILL
    assert received(clients, queue_url) == []
    server.advance(VISIBILITY_TIMEOUT)
    assert received(clients, queue_url) == [('hej', '2')]


NEW_PROCESS_NAMESPACE = ('unshare', '--pid', '--fork', '--kill-child')


def can_create_process_namespaces() -> bool:
    try:
        return not subprocess.run([*NEW_PROCESS_NAMESPACE, 'true'], capture_output=True).returncode
    except OSError:
        return False


@pytest.mark.skipif(not can_create_process_namespaces(), reason='needs unshare, and root')
def test_a_second_signal_ends_process_1_of_a_container(
    server: Server, clients: Clients, run: Run
) -> None:
    """The kernel ignores a signal to process 1 that has no handler."""
    queue_url = filled_queue(server, clients, 'hej')
    program = run(queue_url, 'plain', prefix=NEW_PROCESS_NAMESPACE)
    assert program.read_line() == 'begun'
    program.send_to_child(signal.SIGTERM)
    assert program.read_line() == 'stopping'
    program.send_to_child(signal.SIGTERM)
    assert program.read_line() == ''
    assert program.ends() == 128 + signal.SIGTERM


def test_only_process_1_gets_a_handler_in_place_of_the_default_action() -> None:
    own = signal.default_int_handler
    assert handler_after_first_signal(signal.SIG_DFL, 2) is signal.SIG_DFL
    assert handler_after_first_signal(own, 1) is own
    assert handler_after_first_signal(signal.SIG_IGN, 1) is signal.SIG_IGN
    assert callable(handler_after_first_signal(signal.SIG_DFL, 1))


# Child processes


@pytest.mark.parametrize('kind', ['forking', 'async forking', 'mixed forking'])
def test_a_child_process_of_a_subscriber_does_not_become_a_second_listener(
    server: Server, clients: Clients, run: Run, kind: str
) -> None:
    """It ends when it returns or raises, and at a SIGTERM."""
    queue_url = filled_queue(server, clients, 'terminate', 'return', 'exit', 'raise')
    program = run(queue_url, kind)
    ends = [program.read_line() for _ in range(4)]
    assert ends == ['terminate: -15', 'return: 0', 'exit: 3', 'raise: 1']
    program.send(signal.SIGTERM)
    assert [program.read_line(), program.read_line()] == ['stopping', 'ended']
    assert program.ends() == 0
    server.advance(VISIBILITY_TIMEOUT)
    assert received(clients, queue_url) == []


def test_a_child_process_of_a_pattern_does_not_become_a_second_listener(
    server: Server, clients: Clients, run: Run
) -> None:
    queue_url = filled_queue(server, clients, 'hej')
    program = run(queue_url, 'pattern forking')
    assert program.read_line() == 'pattern: 0'
    program.send(signal.SIGTERM)
    assert [program.read_line(), program.read_line()] == ['stopping', 'ended']


def handlers() -> list[Any]:
    return [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]


@pytest.fixture
def custom_handlers() -> Iterator[list[Any]]:
    """Install signal handlers of the application for the duration of the test."""
    before = handlers()
    own = [lambda number, frame: None, lambda number, frame: None]
    signal.signal(signal.SIGTERM, own[0])
    signal.signal(signal.SIGINT, own[1])
    yield own
    signal.signal(signal.SIGTERM, before[0])
    signal.signal(signal.SIGINT, before[1])


def test_the_listener_has_signal_handlers_only_while_it_listens(
    aws: LocalAws, custom_handlers: list[Any]
) -> None:
    queue_url = aws.create_queue()
    send(aws, queue_url, 'hej')
    seen: list[Any] = []

    def process(payload: str) -> None:
        seen.extend(handlers())
        listener.stop()

    listener: SqsListener = listener_on(aws, queue_url, subscriber(process))
    listener.listen()
    assert handlers() == custom_handlers
    assert not set(seen) & set(custom_handlers)


@BOTH_SIGNALS
def test_the_first_signal_restores_the_previous_handlers(
    aws: LocalAws, custom_handlers: list[Any], number: signal.Signals
) -> None:
    queue_url = aws.create_queue()
    send(aws, queue_url, 'hej')
    stopping = Event()
    seen: list[Any] = []

    class ReportingListener(SqsListener):
        def stop(self) -> None:
            super().stop()
            stopping.set()

    def process(payload: str) -> None:
        os.kill(os.getpid(), number)
        assert stopping.wait(WITHIN)
        seen.extend(handlers())

    ReportingListener(queue_url, [subscriber(process)], client=aws.client('sqs')).listen()
    assert seen == custom_handlers
    assert handlers() == custom_handlers


def test_an_ignored_signal_remains_ignored(aws: LocalAws, custom_handlers: list[Any]) -> None:
    """A terminal sends SIGINT also to a child process, whose parent stops it gracefully."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    queue_url = aws.create_queue()
    send(aws, queue_url, 'hej')
    seen: list[Any] = []

    def process(payload: str) -> None:
        seen.extend(handlers())
        listener.stop()

    listener: SqsListener = listener_on(aws, queue_url, subscriber(process))
    listener.listen()
    assert seen[0] not in (custom_handlers[0], signal.SIG_IGN)
    assert seen[1] is signal.SIG_IGN
    assert handlers() == [custom_handlers[0], signal.SIG_IGN]


def test_the_previous_handlers_are_restored_when_a_subscriber_ends_the_program(
    aws: LocalAws, custom_handlers: list[Any]
) -> None:
    queue_url = aws.create_queue()
    send(aws, queue_url, 'hej')
    with pytest.raises(SystemExit):
        listener_on(aws, queue_url, subscriber(SystemExit(3))).listen()
    assert handlers() == custom_handlers


def test_outside_the_main_thread_no_signal_handlers_are_installed(
    aws: LocalAws, custom_handlers: list[Any]
) -> None:
    queue_url = aws.create_queue()
    send(aws, queue_url, 'hej')
    seen: list[Any] = []

    def process(payload: str) -> None:
        seen.extend(handlers())
        listener.stop()

    listener: SqsListener = listener_on(aws, queue_url, subscriber(process))
    with listening(listener) as thread:
        thread.join(WITHIN)
    assert seen == custom_handlers
