"""The parent in this process, with real child processes."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from mega.cli.listen.messages import WorkerSettings
from mega.cli.listen.parent import GaveUpError, Parent
from mega.cli.listen.snapshot import ProcessState
from mega.cli.listen.supervisor.commands import SupervisorSettings
from tests.cli.command import mega
from tests.cli.conftest import CommandAws
from tests.cli.listen.listening import publish, wait_until

pytestmark = pytest.mark.usefixtures('in_this_process')


class User:
    """Sends signals to the command, which is this process, and waits for their effect."""

    def __init__(self, parent: Parent) -> None:
        self._parent = parent

    def ready(self) -> set[int]:
        """Return the ids of the processes that are ready."""
        processes = self._parent.snapshot().processes
        return {each.pid for each in processes if each.state is ProcessState.READY}

    def wait_for_ready(self, count: int) -> set[int]:
        wait_until(lambda: len(self.ready()) == len(self._parent.snapshot().processes) == count)
        return self.ready()

    def send(self, number: signal.Signals) -> None:
        os.kill(os.getpid(), number)


@contextmanager
def acting(act: Callable[[], None]) -> Iterator[None]:
    """Let a user act in another thread while the block runs. Its failure ends the block."""
    problems: list[BaseException] = []

    def run() -> None:
        try:
            act()
        except BaseException as error:
            problems.append(error)
            for number in (signal.SIGTERM, signal.SIGINT):
                os.kill(os.getpid(), number)

    thread = Thread(target=run)
    thread.start()
    yield
    thread.join()
    assert problems == []


def test_each_signal_changes_the_processes(capfd: pytest.CaptureFixture[str]) -> None:
    parent = Parent([WorkerSettings('worker')], SupervisorSettings())
    user = User(parent)

    def act() -> None:
        [first] = user.wait_for_ready(1)
        user.send(signal.SIGHUP)
        wait_until(lambda: first not in user.ready())
        user.wait_for_ready(1)
        user.send(signal.SIGTTIN)
        user.wait_for_ready(2)
        user.send(signal.SIGTTOU)
        [last] = user.wait_for_ready(1)
        user.send(signal.SIGUSR1)
        wait_until(lambda: 'thread MainThread' in capfd.readouterr().err)
        os.kill(last, signal.SIGKILL)
        wait_until(lambda: parent.snapshot().restarts == 1)
        user.wait_for_ready(1)
        user.send(signal.SIGTERM)

    with acting(act):
        assert parent.run() == 0
    assert parent.snapshot().processes == ()


def test_the_command_drains_a_queue(
    aws: CommandAws, queue: str, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('WAIT_TIME_SECONDS', '0')
    publish(aws, queue, 'a', 'b')
    result = mega('listen', 'worker', '--drain', '--health', '0')
    assert result.code == 0
    assert (directory / 'record').read_text().count('done') == 2
    assert 'has drained its queue' in result.err


def test_the_parent_gives_up_with_the_problem_of_a_process() -> None:
    workers = [WorkerSettings('nosuch'), WorkerSettings('worker')]
    with pytest.raises(GaveUpError, match="no module named 'nosuch'") as caught:
        Parent(workers, SupervisorSettings(targets=2)).run()
    assert caught.value.exit_code == 3


def test_a_process_that_cannot_be_started_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('sys.executable', '/nosuch/python')
    with pytest.raises(GaveUpError, match=r'a process cannot be started: .*No such file') as caught:
        Parent([WorkerSettings('worker')], SupervisorSettings()).run()
    assert caught.value.exit_code == 1


def test_a_signal_to_the_process_and_to_its_group_is_one_request() -> None:
    """`timeout` sends SIGTERM twice. The second one must not kill the processes."""
    parent = Parent([WorkerSettings('worker')], SupervisorSettings())
    user = User(parent)

    def act() -> None:
        user.wait_for_ready(1)
        user.send(signal.SIGTERM)
        user.send(signal.SIGTERM)

    with acting(act):
        assert parent.run() == 0
