"""Deliberate mistakes in the store and in the hook, and the law that each of them violates.

Some are mistakes that other libraries have made.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import pytest

from mega.aws._hooks.work import blocking
from mega.aws.sqs.message import Message
from mega.aws.sqs.subscribe import Outcome, ProcessStatus, Subscriber
from mega.hooks.idempotency import Idempotency
from mega.hooks.leases import Lease, Leases
from mega.hooks.records import MemoryStore, Record
from tests.simulation.idempotency.laws import RecordLaw

__all__ = ('DEFECTS', 'Defect')


@dataclass(frozen=True, slots=True)
class Defect:
    """A mistake: its name, the function that installs it, and the law that it violates.

    `seed` is the first of the schedules to search: shortly before the first that finds it.
    """

    name: str
    install: Callable[[pytest.MonkeyPatch], None]
    law: RecordLaw
    seed: int = 0


def _take_over_done(patch: pytest.MonkeyPatch) -> None:
    take = MemoryStore.take

    def broken(self: MemoryStore, key: str, owner: str, seconds: float) -> Record | None:
        record = take(self, key, owner, seconds)
        if record is None or not record.is_done:
            return record
        del self._records[key]
        return take(self, key, owner, seconds)

    patch.setattr(MemoryStore, 'take', broken)


def _take_over_taken(patch: pytest.MonkeyPatch) -> None:
    take = MemoryStore.take

    def broken(self: MemoryStore, key: str, owner: str, seconds: float) -> Record | None:
        record = take(self, key, owner, seconds)
        if record is None or record.is_done:
            return record
        del self._records[key]
        return take(self, key, owner, seconds)

    patch.setattr(MemoryStore, 'take', broken)


def _release_of_any_owner(patch: pytest.MonkeyPatch) -> None:
    def broken(self: MemoryStore, key: str, owner: str) -> bool:
        return self._records.pop(key, None) is not None

    patch.setattr(MemoryStore, 'release', broken)


def _renew_any_record(patch: pytest.MonkeyPatch) -> None:
    def broken(self: MemoryStore, key: str, owner: str, seconds: float) -> bool:
        stored = self._records.get(key)
        if stored is None:
            return False
        stored.until = self._clock() + seconds
        return True

    patch.setattr(MemoryStore, 'renew', broken)


def _leases_without_renewal(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Leases, 'renew_if_extended', lambda self, lease: None)


def _lease_of_ten_minutes(patch: pytest.MonkeyPatch) -> None:
    create = Leases.create

    def broken(self: Leases, key: str, owner: str, message: Message) -> Lease:
        lease = create(self, key, owner, message)
        lease.seconds = 600.0
        return lease

    patch.setattr(Leases, 'create', broken)


def _lease_that_never_ends(patch: pytest.MonkeyPatch) -> None:
    take = MemoryStore.take

    def broken(self: MemoryStore, key: str, owner: str, seconds: float) -> Record | None:
        return take(self, key, owner, 10 * seconds)

    patch.setattr(MemoryStore, 'take', broken)


def _done_if_taken_by_another(patch: pytest.MonkeyPatch) -> None:
    def broken(
        self: Idempotency, record: Record, subscriber: Subscriber, message: Message
    ) -> Outcome:
        return Outcome(subscriber, ProcessStatus.DONE)

    patch.setattr(Idempotency, '_outcome_of', broken)


def _finish_before_the_subscriber(patch: pytest.MonkeyPatch) -> None:
    around = Idempotency.around_subscriber

    def broken(
        self: Idempotency, subscriber: Subscriber, message: Message, payload: Any
    ) -> Generator[Any, Any, Outcome | None]:
        taken: list[str] = []
        take = self._store.take

        def take_and_finish(key: str, owner: str, seconds: float) -> Record | None:
            record = take(key, owner, seconds)
            if record is None:
                taken.append(key)
                self._store.finish(key, owner, 86_400)
            return record

        self._store.take = take_and_finish  # type: ignore[method-assign]
        try:
            return (yield from around(self, subscriber, message, payload))
        finally:
            self._store.take = take  # type: ignore[method-assign]

    patch.setattr(Idempotency, 'around_subscriber', broken)


def _finish_after_a_failure(patch: pytest.MonkeyPatch) -> None:
    end = Idempotency._end

    def broken(self: Idempotency, lease: Lease, *, is_done: bool) -> Generator[Any, Any, None]:
        yield from end(self, lease, is_done=True)

    patch.setattr(Idempotency, '_end', broken)


def _never_finish(patch: pytest.MonkeyPatch) -> None:
    def broken(self: Idempotency, lease: Lease, *, is_done: bool) -> Generator[Any, Any, None]:
        yield from blocking(self._store.release, lease.key, lease.owner)

    patch.setattr(Idempotency, '_end', broken)


DEFECTS = (
    Defect('take overwrites a record that is done', _take_over_done, RecordLaw.FINISHED_ONCE),
    Defect('take overwrites the record of a live run', _take_over_taken, RecordLaw.RUNS_ALONE),
    Defect('release does not compare the owner', _release_of_any_owner, RecordLaw.RUNS_ALONE),
    Defect('renew changes any record', _renew_any_record, RecordLaw.FINISHED_ONCE, 16_300),
    Defect('leases are not renewed', _leases_without_renewal, RecordLaw.LEASE_FOLLOWS),
    Defect('a lease does not follow the message', _lease_of_ten_minutes, RecordLaw.LEASE_IS_SHORT),
    Defect('the store keeps a record too long', _lease_that_never_ends, RecordLaw.LEASE_ENDS),
    Defect('a record in progress counts as done', _done_if_taken_by_another, RecordLaw.NOT_LOST),
    Defect('a failure counts as done', _finish_after_a_failure, RecordLaw.NOT_LOST),
    Defect('done before the subscriber', _finish_before_the_subscriber, RecordLaw.NOT_LOST),
    Defect('no record is ever done', _never_finish, RecordLaw.IS_RECORDED),
)
