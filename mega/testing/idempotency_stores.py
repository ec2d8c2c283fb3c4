"""The tests of every store of the `Idempotency` hook, also of a store of your own.

    class TestMyStore(IdempotencyStoreTests):
        def create_store(self) -> MyStore:
            return MyStore(DATABASE_URL)

pytest collects the tests of the base class. Some of them wait until a record ends.
"""

from __future__ import annotations

import random
import time
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import uuid4

from mega.hooks.records import IdempotencyStore, MemoryStore, check_store

__all__ = ('IdempotencyStoreTests',)

LONG = 60.0
"""The seconds of a record that does not end within a test."""

THREADS = 8
OPERATIONS = 60


def _new_key() -> str:
    return uuid4().hex * 2


class IdempotencyStoreTests(ABC):
    """The conformance tests of a store. Inherit from it, and define `create_store`.

    `short` is the number of seconds of the records whose end the tests wait for. Make it longer if
    the backend takes long to answer: three calls must fit into it.
    """

    short: float = 0.3

    @abstractmethod
    def create_store(self) -> IdempotencyStore:
        """Return a store. All stores of one test have the same backend, as in several processes."""

    def wait(self, seconds: float) -> None:
        """Let time pass. Override it for a store with a clock of its own."""
        time.sleep(seconds)

    def test_only_the_first_owner_takes_a_record(self) -> None:
        store, key = self.create_store(), _new_key()
        assert store.take(key, 'first', LONG) is None
        record = store.take(key, 'second', LONG)
        assert record is not None
        assert not record.is_done
        assert LONG / 2 < record.time_left <= LONG

    def test_an_owner_may_repeat_a_take_and_has_the_new_time(self) -> None:
        store, key = self.create_store(), _new_key()
        assert store.take(key, 'first', LONG) is None
        assert store.take(key, 'first', 3 * LONG) is None
        record = store.take(key, 'second', LONG)
        assert record is not None
        assert 2 * LONG < record.time_left <= 3 * LONG

    def test_another_store_of_the_same_backend_sees_a_record(self) -> None:
        key = _new_key()
        assert self.create_store().take(key, 'first', LONG) is None
        other = self.create_store()
        assert other.take(key, 'second', LONG) is not None
        assert other.release(key, 'first')

    def test_keys_are_independent(self) -> None:
        store = self.create_store()
        keys = [_new_key(), _new_key()]
        assert [store.take(key, 'first', LONG) for key in keys] == [None, None]
        assert store.release(keys[0], 'first')
        assert store.take(keys[1], 'second', LONG) is not None

    def test_one_of_many_threads_takes_a_record(self) -> None:
        stores = [self.create_store() for _ in range(THREADS)]
        keys, barrier = [_new_key() for _ in range(5)], Barrier(THREADS)

        def take_all(number: int) -> list[bool]:
            barrier.wait()
            owner = f'owner {number}'
            return [stores[number].take(key, owner, LONG) is None for key in keys]

        with ThreadPoolExecutor(THREADS) as executor:
            taken = list(executor.map(take_all, range(THREADS)))
        assert [sum(column) for column in zip(*taken, strict=True)] == [1] * len(keys)

    def test_a_renewed_record_ends_at_its_new_time(self) -> None:
        store, key = self.create_store(), _new_key()
        assert store.take(key, 'first', self.short) is None
        assert store.renew(key, 'first', LONG)
        self.wait(1.5 * self.short)
        record = store.take(key, 'second', LONG)
        assert record is not None
        assert not record.is_done
        assert LONG / 2 < record.time_left <= LONG

    def test_only_its_owner_renews_or_releases_a_record(self) -> None:
        store, key = self.create_store(), _new_key()
        assert not store.renew(key, 'first', LONG)
        assert not store.release(key, 'first')
        assert store.take(key, 'first', LONG) is None
        assert not store.renew(key, 'second', 3 * LONG)
        assert not store.release(key, 'second')
        record = store.take(key, 'second', LONG)
        assert record is not None
        assert record.time_left <= LONG

    def test_a_released_record_is_absent(self) -> None:
        store, key = self.create_store(), _new_key()
        assert store.take(key, 'first', LONG) is None
        assert store.release(key, 'first')
        assert not store.release(key, 'first')
        assert store.take(key, 'second', LONG) is None

    def test_nobody_takes_a_record_that_is_done(self) -> None:
        store, key = self.create_store(), _new_key()
        assert store.take(key, 'first', LONG) is None
        assert store.finish(key, 'first', 3 * LONG)
        for owner in ('first', 'second'):
            record = store.take(key, owner, LONG)
            assert record is not None
            assert record.is_done
            assert 2 * LONG < record.time_left <= 3 * LONG

    def test_a_record_that_is_done_stays(self) -> None:
        store, key = self.create_store(), _new_key()
        assert store.take(key, 'first', LONG) is None
        assert store.finish(key, 'first', LONG)
        assert store.finish(key, 'first', LONG), 'a repeated call has the effect of one'
        for owner in ('first', 'second'):
            assert not store.release(key, owner)
            assert not store.renew(key, owner, self.short)
        assert not store.finish(key, 'second', self.short)
        self.wait(1.5 * self.short)
        record = store.take(key, 'second', LONG)
        assert record is not None
        assert record.is_done

    def test_only_its_owner_finishes_a_record(self) -> None:
        store, key = self.create_store(), _new_key()
        assert store.take(key, 'first', LONG) is None
        assert not store.finish(key, 'second', LONG)
        record = store.take(key, 'second', LONG)
        assert record is not None
        assert not record.is_done

    def test_a_record_is_absent_after_its_time(self) -> None:
        store, taken, done = self.create_store(), _new_key(), _new_key()
        for key in (taken, done):
            assert store.take(key, 'first', self.short) is None
        assert store.finish(done, 'first', self.short)
        self.wait(1.5 * self.short)
        assert not store.renew(taken, 'first', LONG)
        assert not store.release(taken, 'first')
        assert [store.take(key, 'second', LONG) for key in (taken, done)] == [None, None]

    def test_a_late_owner_does_not_change_the_record_of_the_next_one(self) -> None:
        store, key = self.create_store(), _new_key()
        assert store.take(key, 'first', self.short) is None
        self.wait(1.5 * self.short)
        assert store.take(key, 'second', LONG) is None
        assert not store.renew(key, 'first', self.short)
        assert not store.release(key, 'first')
        assert not store.finish(key, 'first', LONG)
        assert store.finish(key, 'second', LONG)

    def test_a_late_owner_finishes_a_record_that_nobody_took(self) -> None:
        store, key = self.create_store(), _new_key()
        assert store.take(key, 'first', self.short) is None
        self.wait(1.5 * self.short)
        assert store.finish(key, 'first', LONG)
        record = store.take(key, 'second', LONG)
        assert record is not None
        assert record.is_done

    def test_random_operations_have_the_results_of_the_store_in_memory(self) -> None:
        stores, expected = [self.create_store(), self.create_store()], MemoryStore()
        keys, choices = [_new_key() for _ in range(4)], random.Random(17)
        found: list[object] = []
        wanted: list[object] = []
        for _ in range(OPERATIONS):
            operation = choices.choice(('take', 'take', 'renew', 'finish', 'release'))
            key, owner = choices.choice(keys), choices.choice(('first', 'second'))
            arguments = (key, owner) if operation == 'release' else (key, owner, LONG)
            for store, results in ((choices.choice(stores), found), (expected, wanted)):
                result = getattr(store, operation)(*arguments)
                results.append((operation, getattr(result, 'is_done', result)))
        assert found == wanted

    def test_the_store_proves_that_it_works(self) -> None:
        check_store(self.create_store())
