"""A short stress test every day, a long one at night."""

from __future__ import annotations

import subprocess
import sys

from tests.profile import amount
from tests.programs import ROOT, environment


def test_no_message_is_lost_or_out_of_order_while_everything_fails() -> None:
    command = [sys.executable, '-m', 'tests.chaos.stress', '--messages', str(amount(800, 20_000))]
    ended = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    for fault in ('kills', 'freezes', 'resets', 'failures of the network', 'silences of S3'):
        assert ended.stdout.count(fault) == 2
