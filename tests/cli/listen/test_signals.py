from __future__ import annotations

import signal

import pytest

from mega.cli.listen.signals import SIGNALS, SignalReader, blocked_signals

pytestmark = pytest.mark.usefixtures('unchanged_process')


def test_each_signal_is_read_once_in_its_order() -> None:
    with SignalReader() as signals:
        assert signals.read() == []
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGTERM):
            signal.raise_signal(number)
        assert signals.read() == [signal.SIGHUP, signal.SIGTERM, signal.SIGTERM]
        assert signals.read() == []


def test_a_signal_that_was_ignored_remains_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with SignalReader() as signals:
        signal.raise_signal(signal.SIGHUP)
        assert signals.read() == []


def test_signals_do_not_change_the_exit_code_after_the_block() -> None:
    with SignalReader():
        pass
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.raise_signal(number)


def test_a_process_that_starts_in_the_block_begins_with_blocked_signals() -> None:
    """The signal arrives after the block."""
    with SignalReader() as signals:
        with blocked_signals():
            assert set(SIGNALS) <= signal.pthread_sigmask(signal.SIG_BLOCK, ())
            signal.raise_signal(signal.SIGTERM)
            assert signals.read() == []
        assert signals.read() == [signal.SIGTERM]
    assert not set(SIGNALS) & signal.pthread_sigmask(signal.SIG_BLOCK, ())
