"""A long stress test, at night."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.profile import NIGHTLY
from tests.programs import ROOT, environment


@pytest.mark.skipif(not NIGHTLY, reason='takes long: at night only')
def test_no_message_is_lost_or_out_of_order_while_everything_fails() -> None:
    command = [sys.executable, '-m', 'tests.chaos.stress', '--messages', str(20_000)]
    ended = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    for fault in ('kills', 'freezes', 'resets', 'failures of the network', 'silences of S3'):
        assert ended.stdout.count(fault) == 2
