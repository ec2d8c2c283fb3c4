"""The conformance tests of stores fail for a store with a mistake."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mega.errors import ConfigurationError
from mega.hooks.records import MemoryStore, Record
from mega.testing import IdempotencyStoreTests
from mega.testing.clock import VirtualClock


class TakesWhatIsThere(MemoryStore):
    """As a `SET` without `NX`."""

    def take(self, key: str, owner: str, seconds: float) -> Record | None:
        self._records.pop(key, None)
        return super().take(key, owner, seconds)


class TakesWhatIsDone(MemoryStore):
    def take(self, key: str, owner: str, seconds: float) -> Record | None:
        if key in self._records and self._records[key].is_done:
            del self._records[key]
        return super().take(key, owner, seconds)


class RefusesARepeatedTake(MemoryStore):
    def take(self, key: str, owner: str, seconds: float) -> Record | None:
        return super().take(key, owner if key not in self._records else 'another', seconds)


class NeverEnds(MemoryStore):
    def take(self, key: str, owner: str, seconds: float) -> Record | None:
        return super().take(key, owner, 1e9)


class EndsAtOnce(MemoryStore):
    def finish(self, key: str, owner: str, seconds: float) -> bool:
        return super().finish(key, owner, 1e-9)


class ReleasesForAnyOwner(MemoryStore):
    def release(self, key: str, owner: str) -> bool:
        return self._records.pop(key, None) is not None


class RenewsForAnyOwner(MemoryStore):
    def renew(self, key: str, owner: str, seconds: float) -> bool:
        return super().renew(key, self._records[key].owner if key in self._records else '', seconds)


class FinishesForAnyOwner(MemoryStore):
    def finish(self, key: str, owner: str, seconds: float) -> bool:
        self._records.pop(key, None)
        return super().finish(key, owner, seconds)


class DoesNotFinishLate(MemoryStore):
    def finish(self, key: str, owner: str, seconds: float) -> bool:
        return key in self._records and super().finish(key, owner, seconds)


class HasOneKey(MemoryStore):
    def take(self, key: str, owner: str, seconds: float) -> Record | None:
        return super().take('the only key', owner, seconds)


class RenewsWhatIsAbsent(MemoryStore):
    def renew(self, key: str, owner: str, seconds: float) -> bool:
        return super().renew(key, owner, seconds) or super().take(key, owner, seconds) is None


MISTAKES = [
    TakesWhatIsThere,
    TakesWhatIsDone,
    RefusesARepeatedTake,
    NeverEnds,
    EndsAtOnce,
    ReleasesForAnyOwner,
    RenewsForAnyOwner,
    FinishesForAnyOwner,
    DoesNotFinishLate,
    HasOneKey,
    RenewsWhatIsAbsent,
]


@pytest.mark.parametrize('mistake', MISTAKES)
def test_a_store_with_a_mistake_fails(mistake: type[MemoryStore]) -> None:
    clock = VirtualClock(0.0)
    store = mistake(clock=clock)

    class Suite(IdempotencyStoreTests):
        def create_store(self) -> MemoryStore:
            return store

        def wait(self, seconds: float) -> None:
            clock.sleep(seconds)

    names = [name for name in dir(Suite) if name.startswith('test_')]
    assert [name for name in names if fails(getattr(Suite(), name))]


def test_stores_that_do_not_share_records_fail() -> None:
    class Suite(IdempotencyStoreTests):
        def create_store(self) -> MemoryStore:
            return MemoryStore()

    assert fails(Suite().test_another_store_of_the_same_backend_sees_a_record)
    assert fails(Suite().test_one_of_many_threads_takes_a_record)


def fails(test: Callable[[], None]) -> bool:
    try:
        test()
    except (AssertionError, ConfigurationError):
        return True
    return False
