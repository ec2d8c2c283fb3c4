"""A relay leaves a destination alone after it did not answer, longer each time."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from mega.aws._hooks.publishing import PublishResult
from mega.errors import OffloadError, PayloadTooLargeError, PublishError, TransportError
from mega.outbox.pauses import Pauses

SENT = PublishResult('id')
TIMEOUT = PublishResult(error=TransportError('SendMessageBatch', 'Timeout', 'no answer', True))
DENIED = PublishResult(error=TransportError('SendMessageBatch', 'AccessDenied', 'no', False))
STOPPED = PublishResult(error=PublishError('not sent: an earlier message of the group failed'))
NOT_OFFLOADED = PublishResult(error=OffloadError('bucket', 'key', 'Timeout', True))
FORBIDDEN_BODY = PublishResult(error=OffloadError('bucket', 'key', 'AccessDenied', False))
TOO_LARGE = PublishResult(error=PayloadTooLargeError(2, 1))


class FakeRow(NamedTuple):
    position: int
    destination: str


class Case:
    """Pauses with a clock that stands still, and the longest backoffs."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses = Pauses(lambda: self.now, lambda low, high: high)

    def record(self, destination: str, *results: PublishResult) -> None:
        rows: list[Any] = [FakeRow(place, destination) for place in range(len(results))]
        self.pauses.record(rows, dict(enumerate(results)))


def test_a_pause_doubles_with_each_failure_and_ends_with_an_answer() -> None:
    case = Case()
    for seconds in (2, 4, 8, 16, 32, 64, 128, 256, 300, 300):
        case.record('queue', TIMEOUT, TIMEOUT)
        assert case.pauses.current() == {'queue': seconds}
        case.now += seconds
        assert case.pauses.current() == {}
    case.record('queue', SENT)
    case.record('queue', TIMEOUT)
    assert case.pauses.current() == {'queue': 2}


@pytest.mark.parametrize(
    ('results', 'is_paused'),
    [
        ([TIMEOUT, STOPPED], True),
        ([TIMEOUT, TOO_LARGE], True),
        ([NOT_OFFLOADED, STOPPED], True),
        ([NOT_OFFLOADED, TIMEOUT], True),
        ([NOT_OFFLOADED, SENT], False),
        ([FORBIDDEN_BODY], False),
        ([TIMEOUT, SENT], False),
        ([TIMEOUT, DENIED], False),
        ([TOO_LARGE], False),
        ([], False),
    ],
)
def test_a_destination_without_any_answer_is_paused(
    results: list[PublishResult], is_paused: bool
) -> None:
    case = Case()
    case.record('queue', *results)
    assert bool(case.pauses.current()) is is_paused


@pytest.mark.parametrize('result', [STOPPED, TOO_LARGE, NOT_OFFLOADED])
def test_only_an_answer_ends_a_pause(result: PublishResult) -> None:
    case = Case()
    case.record('queue', TIMEOUT)
    case.record('queue', result)
    assert case.pauses.current() != {}


def test_each_destination_has_its_own_pause() -> None:
    case = Case()
    case.record('first', TIMEOUT)
    case.now = 1
    case.record('second', TIMEOUT)
    assert case.pauses.current() == {'first': 1, 'second': 2}
    case.pauses.clear()
    assert case.pauses.current() == {}
