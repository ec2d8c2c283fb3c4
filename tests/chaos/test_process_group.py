"""The processes of the chaos tests end when they are killed."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests import fork_server


@pytest.mark.parametrize('moment', range(5))
def test_a_program_that_is_killed_at_its_start_ends(moment: int) -> None:
    with Path(os.devnull).open('w') as nothing:
        program = fork_server.start_reporting(
            ['-c', 'import time; time.sleep(60)'], nothing.fileno()
        )
    program.kill()
    assert program.wait(0) == -signal.SIGKILL
