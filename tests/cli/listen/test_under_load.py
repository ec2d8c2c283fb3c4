"""Under load, no message is lost, and no stop causes a message to start twice."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

import pytest

from mega.aws.sqs import SqsPublisher
from tests.cli.conftest import CommandAws
from tests.cli.listen.conftest import Listen
from tests.cli.listen.listening import ListenCommand, wait_until
from tests.profile import NIGHTLY

pytestmark = pytest.mark.no_cover  # its processes are others

MESSAGES = 2_000
PROCESSES = 3
DONE = "        record('done', payload)"
SLOW = "        time.sleep(0.3 if os.path.exists('slow') else 0)"


@pytest.fixture
def numbered(aws: CommandAws, queue: str, directory: Path) -> list[str]:
    """Publish the messages, and return their payloads. Each takes 0.3 s while `slow` exists."""
    source = (directory / 'worker.py').read_text()
    (directory / 'worker.py').write_text(source.replace(DONE, f'{SLOW}\n{DONE}'))
    (directory / 'slow').touch()
    payloads = [f'order {number}' for number in range(MESSAGES)]
    with SqsPublisher(queue, **aws.server.credentials) as publisher:
        publisher.publish_batch(payloads)
    return payloads


def wait_for_progress(command: ListenCommand) -> None:
    """Wait until 50 more messages are done."""
    before = len(command.recorded('done'))
    wait_until(lambda: len(command.recorded('done')) >= before + 50, 'progress')


@pytest.mark.skipif(not NIGHTLY, reason='takes long: at night only')
def test_all_messages_survive_kills_restarts_and_stops(
    aws: CommandAws, queue: str, directory: Path, listen: Listen, numbered: list[str]
) -> None:
    command = listen('worker', '-p', str(PROCESSES), '-c', '4')
    killed, *_ = command.ready(PROCESSES)
    wait_for_progress(command)
    os.kill(killed, signal.SIGKILL)
    started = len(command.ready(PROCESSES + 1))
    command.send(signal.SIGHUP)
    started = len(command.ready(started + PROCESSES))
    wait_for_progress(command)
    command.send(signal.SIGTTIN)
    command.ready(started + 1)
    command.send(signal.SIGTTOU)
    wait_until(lambda: len(command.children()) == PROCESSES)
    command.send(signal.SIGTERM)
    command.ends()
    stopped_at = len(command.recorded('done'))
    assert stopped_at < MESSAGES, 'the stop came too late to be under load'

    (directory / 'slow').unlink()
    aws.server.advance(60)  # the messages of the killed process become visible
    listen('worker', '-p', str(PROCESSES), '--drain').ends()
    assert {payload for _, payload in command.recorded('done')} == set(numbered)
    begun = Counter(payload for _, payload in command.recorded('begun'))
    of_killed = {payload for pid, payload in command.recorded('begun') if pid == killed}
    assert {payload for payload, count in begun.items() if count > 1} <= of_killed
    assert aws.visible(queue) == 0
