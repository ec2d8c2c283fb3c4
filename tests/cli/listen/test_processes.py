"""The processes of `mega listen`: their replacement, their number, and their end."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import subprocess
import termios
from contextlib import suppress
from functools import partial
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.cli.command import start_interpreter
from tests.cli.conftest import CommandAws
from tests.cli.listen.conftest import Listen
from tests.cli.listen.listening import WITHIN, ListenCommand, publish, wait_until

pytestmark = pytest.mark.no_cover  # its processes are others


def stop(command: ListenCommand) -> None:
    command.send(signal.SIGTERM)
    command.ends()


# Signals to the command


def test_sighup_replaces_each_process_when_its_successor_is_ready(listen: Listen) -> None:
    command = listen('worker', '-p', '2')
    old = command.ready(2)
    command.send(signal.SIGHUP)
    new = command.ready(4)[2:]
    command.wait_for('has stopped', 2)
    assert command.children() == set(new)
    text = '\n'.join(command.lines).partition('SIGHUP')[2]
    events = re.findall(r'process \d+ (is ready|has stopped)', text)
    assert events == ['is ready', 'has stopped'] * 2
    assert set(new).isdisjoint(old)
    stop(command)


def test_sigttin_and_sigttou_change_the_number_of_processes(listen: Listen) -> None:
    command = listen('worker')
    command.ready()
    command.send(signal.SIGTTIN)
    command.ready(2)
    assert len(command.children()) == 2
    command.send(signal.SIGTTOU)
    wait_until(lambda: len(command.children()) == 1)
    command.send(signal.SIGTTOU)
    command.wait_for('one process per target remains')
    stop(command)


ASYNC = """
import asyncio, os
from mega.aws.sqs.subscribe import SqsListener, TextSubscriber

class Slow(TextSubscriber):
    async def process(self, payload):
        await self.wait_for_the_payment()

    async def wait_for_the_payment(self):
        open('record', 'w').write('begun 0 a\\n')
        while os.path.exists('wait'):
            await asyncio.sleep(0.1)

listener = SqsListener(os.environ['QUEUE_URL'], [Slow])
"""


@pytest.mark.parametrize(
    ('target', 'place'),
    [('worker', 'in process'), ('slow', 'in wait_for_the_payment')],
    ids=['thread', 'coroutine'],
)
def test_sigusr1_prints_the_stacks_and_the_counters_of_every_process(
    aws: CommandAws, queue: str, directory: Path, listen: Listen, target: str, place: str
) -> None:
    (directory / 'slow.py').write_text(ASYNC)
    (directory / 'wait').touch()
    publish(aws, queue, 'a')
    command = listen(target)
    [pid] = command.ready()
    wait_until(lambda: command.recorded('begun'))
    command.send(signal.SIGUSR1)
    command.wait_for(f'process {pid} ({target}): received 1')
    command.wait_for(place)
    command.wait_for('thread MainThread:')
    (directory / 'wait').unlink()
    stop(command)


# Signals to a process


def test_a_process_that_is_killed_is_replaced_after_a_pause(listen: Listen) -> None:
    command = listen('worker', '-p', '2')
    [killed, other] = command.ready(2)
    os.kill(killed, signal.SIGKILL)
    command.wait_for(f'process {killed} was ended by SIGKILL')
    command.wait_for('a new process starts in 0.5 s')
    [*_, new] = command.ready(3)
    assert command.children() == {other, new}
    stop(command)


def test_signals_to_all_processes_stop_each_of_them_gracefully(
    aws: CommandAws, queue: str, directory: Path, listen: Listen
) -> None:
    """As systemd does by default. A process gets the signal, and then the request to stop."""
    (directory / 'wait').touch()
    publish(aws, queue, 'a')
    command = listen('worker')
    wait_until(lambda: command.recorded('begun'))
    command.ready()
    [pid] = command.children()
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
        os.kill(pid, number)
    os.killpg(command.process.pid, signal.SIGTERM)
    command.wait_for('SIGTERM: the processes stop')
    (directory / 'wait').unlink()
    command.ends()
    assert len(command.recorded('done')) == 1


@pytest.mark.parametrize('is_loading', [True, False], ids=['loading', 'listening'])
def test_the_processes_stop_gracefully_if_the_command_is_killed(
    aws: CommandAws, queue: str, directory: Path, listen: Listen, is_loading: bool
) -> None:
    (directory / 'wait').touch()
    slow = 'import time, pathlib\npathlib.Path("begun").touch()\ntime.sleep(600)\n'
    (directory / 'slow.py').write_text(slow)
    publish(aws, queue, 'a', 'b')
    command = listen('slow' if is_loading else 'worker')
    if is_loading:
        wait_until((directory / 'begun').exists)
    else:
        wait_until(lambda: command.recorded('begun'))
    command.send(signal.SIGKILL)
    command.process.wait()
    if not is_loading:
        wait_until(lambda: aws.visible(queue) == 1)
    (directory / 'wait').unlink()
    command.ends(-signal.SIGKILL)
    assert len(command.recorded('done')) == (0 if is_loading else 1)


def test_the_command_stops_gracefully_when_its_terminal_closes(
    aws: CommandAws, queue: str, directory: Path
) -> None:
    """The terminal sends SIGHUP to all processes."""
    terminal, child_side = pty.openpty()
    with os.fdopen(terminal, 'rb', 0) as screen:
        process = start_interpreter(
            *('listen', 'worker'),
            environment={**aws.environment, 'QUEUE_URL': queue},
            cwd=directory,
            stderr=child_side,
            start_new_session=True,
            preexec_fn=partial(fcntl.ioctl, child_side, termios.TIOCSCTTY, 0),
        )
        os.close(child_side)
        shown = b''
        while b' is ready' not in shown:
            shown += screen.read(65_536)
    with process:
        assert process.wait(WITHIN) == 0


# Limits


def test_a_process_is_replaced_after_its_number_of_messages(
    aws: CommandAws, queue: str, listen: Listen
) -> None:
    publish(aws, queue, *'abcdefghij')
    command = listen('worker', '--max-messages', '5')
    first, second = command.ready(2)
    command.wait_for(f'process {first} has received 10 messages, and is replaced')
    wait_until(lambda: command.children() == {second})
    assert len(command.recorded('done')) == 10
    stop(command)


def test_a_process_is_replaced_when_it_uses_too_much_memory(listen: Listen) -> None:
    command = listen('worker', '--max-memory', '5')
    first, second = command.ready(2)
    [line] = command.wait_for(f'process {first} uses ')
    assert 20 < int(line.partition(' uses ')[2].partition(' MB')[0]) < 1_000
    wait_until(lambda: first not in command.children())
    assert second
    stop(command)


CRASHING = """
import os
from mega.aws.sqs.subscribe import SqsListener, TextSubscriber

class Crash(TextSubscriber):
    def process(self, payload):
        os._exit(7)

listener = SqsListener(os.environ['QUEUE_URL'], [Crash])
"""


def test_too_many_restarts_end_the_command_with_1(
    aws: CommandAws, queue: str, directory: Path, listen: Listen
) -> None:
    (directory / 'crashing.py').write_text(CRASHING)
    publish(aws, queue, 'a', 'b')
    command = listen('crashing', '--max-restarts', '1')
    command.ends(1)
    assert len(command.wait_for('ended with exit code 7')) >= 1
    assert command.errors() == ['Error: more restarts in 60 s than --max-restarts allows (1)']


# Health


def test_the_state_of_all_processes_is_served_over_http(
    aws: CommandAws, queue: str, listen: Listen
) -> None:
    publish(aws, queue, 'a', 'b')
    command = listen('worker', '-p', '2', '--health', '0')
    [line] = command.wait_for('the state of all processes is at ')
    url = line.partition(' is at ')[2]
    command.ready(2)

    def stats() -> dict[str, int]:
        with urlopen(f'{url}/stats', timeout=60) as response:
            found: dict[str, int] = json.load(response)['total']
            return found

    wait_until(lambda: stats()['done'] == 2)
    with urlopen(f'{url}/readyz', timeout=60) as response:
        assert response.status == 200
    os.kill(min(command.children()), signal.SIGKILL)
    command.ready(3)
    assert stats()['done'] == 2  # counters include processes that ended
    stop(command)


# Process 1 of a container

NEW_PROCESS_NAMESPACE = ('unshare', '--pid', '--fork', '--kill-child', '--mount-proc')


def can_create_process_namespaces() -> bool:
    try:
        return not subprocess.run([*NEW_PROCESS_NAMESPACE, 'true'], capture_output=True).returncode
    except OSError:
        return False


ORPHAN = """
import subprocess
subprocess.run(['sh', '-c', 'sleep 0.1 & echo $! > orphan'], check=True)
"""
"""Leaves a process whose parent ends before it. Process 1 of the container adopts it."""


@pytest.mark.skipif(not can_create_process_namespaces(), reason='needs unshare, and root')
def test_process_1_of_a_container_stops_at_signals_and_leaves_no_zombie(
    aws: CommandAws, queue: str, directory: Path, listen: Listen
) -> None:
    source = (directory / 'worker.py').read_text()
    (directory / 'worker.py').write_text(f'{source}\n{ORPHAN}')
    (directory / 'wait').touch()
    publish(aws, queue, 'a')
    command = listen('worker', prefix=NEW_PROCESS_NAMESPACE)
    wait_until(lambda: command.recorded('begun'))
    [process_1] = command.children()  # of `unshare`
    assert (directory / 'orphan').exists()
    wait_until(lambda: children_states(process_1) == ['S'], 'the end of the orphan')
    os.kill(process_1, signal.SIGTERM)
    command.wait_for('SIGTERM: the processes stop')
    os.kill(process_1, signal.SIGINT)
    command.ends(1)


def children_states(parent: int) -> list[str]:
    """Return the state of each child of a process: S if it waits, Z if it is a zombie."""
    states = []
    for pid in Path(f'/proc/{parent}/task/{parent}/children').read_text().split():
        with suppress(OSError):  # it has ended meanwhile
            states.append(Path(f'/proc/{pid}/stat').read_text().rpartition(') ')[2][0])
    return states


# What stays behind


def test_nothing_is_left_after_the_end(directory: Path, listen: Listen) -> None:
    before = set(directory.iterdir())
    command = listen('worker', '-p', '2')
    pids = command.ready(2)
    stop(command)
    assert not any(Path(f'/proc/{pid}').exists() for pid in pids)
    assert {path.name for path in set(directory.iterdir()) - before} == {'__pycache__', 'record'}
