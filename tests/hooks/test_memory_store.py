"""The store in memory: the conformance tests, and what only this store has."""

from __future__ import annotations

import pytest

from mega.hooks.records import SWEEP_SECONDS, MemoryStore
from mega.testing import IdempotencyStoreTests
from mega.testing.clock import VirtualClock


class TestMemoryStore(IdempotencyStoreTests):
    @pytest.fixture(autouse=True)
    def backend(self) -> None:
        self.clock = VirtualClock(1_000.0)
        self.store = MemoryStore(clock=self.clock)

    def create_store(self) -> MemoryStore:
        return self.store

    def wait(self, seconds: float) -> None:
        self.clock.sleep(seconds)


def test_records_whose_time_is_over_leave_the_memory() -> None:
    clock = VirtualClock(0.0)
    store = MemoryStore(clock=clock)
    for number in range(100):
        store.take(f'{number:064x}', 'a', 1.0)
    store.take('f' * 64, 'a', 2 * SWEEP_SECONDS)
    clock.sleep(SWEEP_SECONDS)
    assert not store.renew('0' * 64, 'a', 1.0)
    assert len(store) == 1
