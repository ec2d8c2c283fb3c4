from __future__ import annotations

import signal
import threading

import pytest

from mega.cli.interruption import Terminated, deferred_interrupt, sigterm_interrupts


def test_sigterm_interrupts_a_block() -> None:
    with pytest.raises(Terminated), sigterm_interrupts():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_an_ignored_sigterm_remains_ignored() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with sigterm_interrupts(), deferred_interrupt():
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def deferred(*numbers: signal.Signals, error: Exception | None = None) -> list[str]:
    """Raise signals in a block that defers them, and then an error. Return the steps that ran."""
    steps = []
    try:
        with sigterm_interrupts(), deferred_interrupt():
            for number in numbers:
                signal.raise_signal(number)
                steps.append(number.name)
            if error is not None:
                raise error
    except (KeyboardInterrupt, ArithmeticError) as raised:
        steps.append(type(raised).__name__)
    return steps


def test_a_deferred_signal_has_its_effect_at_the_end_of_the_block() -> None:
    assert deferred(signal.SIGINT) == ['SIGINT', 'KeyboardInterrupt']
    assert deferred(signal.SIGTERM) == ['SIGTERM', 'Terminated']
    assert deferred() == []


def test_a_second_signal_is_not_deferred() -> None:
    assert deferred(signal.SIGINT, signal.SIGTERM) == ['SIGINT', 'Terminated']
    assert deferred(signal.SIGTERM, signal.SIGINT) == ['SIGTERM', 'KeyboardInterrupt']


def test_an_error_of_the_block_precedes_a_deferred_signal() -> None:
    assert deferred(signal.SIGINT, error=ArithmeticError()) == ['SIGINT', 'ArithmeticError']


def test_another_thread_runs_the_block_as_it_is() -> None:
    steps = []

    def run() -> None:
        with sigterm_interrupts(), deferred_interrupt():
            steps.append('in the block')

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert steps == ['in the block']
