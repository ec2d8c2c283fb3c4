"""Fixtures of the tests of `mega doctor`."""

from __future__ import annotations

import pytest

from mega.testing import Bus

FOURTEEN_DAYS = '1209600'


@pytest.fixture
def bus() -> Bus:
    """AWS in this process."""
    return Bus()


@pytest.fixture
def dead(bus: Bus) -> str:
    """A dead-letter queue that keeps messages for fourteen days."""
    return bus.queue('dead', attributes={'MessageRetentionPeriod': FOURTEEN_DAYS})


@pytest.fixture
def orders(bus: Bus, dead: str) -> str:
    """A queue without a problem, with a redrive policy."""
    return bus.queue('orders', dead_letter=dead)  # type: ignore[arg-type]  # it is a Queue


@pytest.fixture(autouse=True, scope='module')
def _calls_are_direct(no_handlers_of_moto: None) -> None:
    """Let no handler of moto send calls through botocore, which the doctor would report."""
