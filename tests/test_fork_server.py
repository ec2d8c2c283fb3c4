"""The programs that tests start as forks."""

from __future__ import annotations

import os
import signal

from tests.cli.command import start_mega


def test_a_signal_to_a_program_that_has_ended_is_ignored() -> None:
    with start_mega('--version') as command:
        assert command.stdout.read()
        while is_alive(command.pid):
            os.sched_yield()
        command.send_signal(signal.SIGTERM)
        assert command.wait() == 0


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
