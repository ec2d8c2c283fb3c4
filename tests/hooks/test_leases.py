"""Leases: they follow the visibility timeout of their messages, and end with their subscribers."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event, Thread
from threading import enumerate as all_threads

import pytest

from mega.aws.sqs.message import Message
from mega.hooks import leases
from mega.hooks.leases import Lease, Leases
from mega.hooks.records import MemoryStore

KEY, OWNER = 'a' * 64, 'owner'
WITHIN = 10.0


class Visibility:
    """A visibility timeout that a test extends."""

    is_lost = False

    def __init__(self, seconds: float) -> None:
        self.end = time.monotonic() + seconds

    @property
    def time_left(self) -> float:
        return max(0.0, self.end - time.monotonic())


class Renewals(MemoryStore):
    """A store that notes its renewals, and may refuse to answer."""

    def __init__(self) -> None:
        super().__init__()
        self.renewed_for: list[float] = []
        self.has_renewed = Event()
        self.answers = True

    def renew(self, key: str, owner: str, seconds: float) -> bool:
        if not self.answers:
            raise ConnectionError
        self.renewed_for.append(seconds)
        is_ours = super().renew(key, owner, seconds)
        self.has_renewed.set()
        return is_ours


def taken(store: MemoryStore, visibility: Visibility | None, seconds: float) -> Lease:
    message = Message('1', '', '', _visibility=visibility)
    now = time.monotonic()
    assert store.take(KEY, OWNER, seconds) is None
    return Lease(KEY, OWNER, message, seconds, now + seconds)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def threads() -> set[Thread]:
    return {each for each in all_threads() if each.name == 'mega-leases'}


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Waits until the thread of the test has ended, as it does after an idle time."""
    monkeypatch.setattr(leases, 'IDLE_SECONDS', 0.05)
    of_other_tests = threads()
    return lambda: wait_until(lambda: threads() <= of_other_tests)


def fail(lease: Lease, error: Exception) -> None:
    raise AssertionError(error)


def test_a_lease_is_renewed_after_the_visibility_timeout_was_extended(
    ends: Callable[[], None],
) -> None:
    store, visibility = Renewals(), Visibility(0.4)
    lease = taken(store, visibility, 0.4)
    followed = Leases(store, fail)
    followed.begin(lease)
    visibility.end += 1.0
    assert store.has_renewed.wait(WITHIN)
    record = store.take(KEY, 'another', 1.0)
    assert record is not None
    assert 0.5 < record.time_left <= 1.4
    followed.end(lease)
    ends()
    assert len(store.renewed_for) == 1


def test_a_lease_without_an_extension_ends_without_a_call(ends: Callable[[], None]) -> None:
    store, visibility = Renewals(), Visibility(0.1)
    followed = Leases(store, fail)
    followed.begin(taken(store, visibility, 0.1))
    ends()
    assert store.renewed_for == []


def test_a_late_look_at_a_lease_whose_message_is_visible_again_makes_no_call() -> None:
    store = Renewals()
    lease = taken(store, Visibility(0.0), 1.0)
    lease.until = time.monotonic() - 1.0
    Leases(store, fail).renew_if_extended(lease)
    assert store.renewed_for == []


def test_a_lease_that_ended_is_not_renewed(ends: Callable[[], None]) -> None:
    store, visibility = Renewals(), Visibility(0.4)
    lease = taken(store, visibility, 0.4)
    followed = Leases(store, fail)
    followed.begin(lease)
    followed.end(lease)
    visibility.end += 60
    ends()
    assert store.renewed_for == []


def test_a_lease_whose_record_is_lost_is_not_renewed_again(ends: Callable[[], None]) -> None:
    store, visibility = Renewals(), Visibility(0.4)
    lease = taken(store, visibility, 0.4)
    assert store.release(KEY, OWNER)
    assert store.take(KEY, 'another', 60) is None
    followed = Leases(store, fail)
    followed.begin(lease)
    visibility.end += 60
    assert store.has_renewed.wait(WITHIN)
    ends()
    assert len(store.renewed_for) == 1


def test_a_renewal_that_failed_is_tried_again() -> None:
    store, visibility = Renewals(), Visibility(0.6)
    errors: list[Exception] = []
    store.answers = False

    def note(lease: Lease, error: Exception) -> None:
        errors.append(error)
        store.answers = True

    lease = taken(store, visibility, 0.6)
    followed = Leases(store, note)
    visibility.end += 1.0
    followed.begin(lease)
    assert store.has_renewed.wait(WITHIN)
    followed.end(lease)
    assert [type(error) for error in errors] == [ConnectionError]


@pytest.mark.usefixtures('failing_thread')
def test_a_lease_whose_thread_does_not_start_is_never_renewed(ends: Callable[[], None]) -> None:
    store, visibilities = Renewals(), [Visibility(0.4), Visibility(0.4)]
    first, second = (taken(MemoryStore(), each, 0.4) for each in visibilities)
    followed = Leases(store, fail)
    with pytest.raises(RuntimeError, match='new thread'):
        followed.begin(first)
    visibilities[0].end += 60
    followed.begin(second)
    followed.end(second)
    ends()
    assert store.renewed_for == []


def test_a_message_without_a_visibility_timeout_has_a_lease_that_is_never_renewed() -> None:
    followed = Leases(Renewals(), fail)
    lease = followed.create(KEY, OWNER, Message('1', '', ''))
    assert lease.seconds == 30
    before = threads()
    followed.begin(lease)
    assert threads() <= before


@pytest.mark.parametrize(('left', 'expected'), [(20.0, 20), (0.2, 1), (0.0, 1)])
def test_a_lease_lasts_as_long_as_the_message_is_hidden(left: float, expected: float) -> None:
    message = Message('1', '', '', _visibility=Visibility(left))
    lease = Leases(Renewals(), fail).create(KEY, OWNER, message)
    assert lease.seconds == pytest.approx(expected, abs=0.1)
    assert lease.until == pytest.approx(time.monotonic() + expected, abs=0.1)
