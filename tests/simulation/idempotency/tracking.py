"""What the simulation knows about the records and the runs, beside the store."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING

from mega.aws.sqs.subscribe import Outcome, ProcessStatus
from mega.hooks.records import Record
from tests.simulation.idempotency.laws import RecordLaw
from tests.simulation.laws import Violation

if TYPE_CHECKING:
    from tests.simulation.idempotency.process import Delivery

__all__ = ('Fate', 'Run', 'Tracker')

EXACT = 1e-6
"""Seconds: a difference of two sums of floats."""


class Fate(Enum):
    """What happens to a call to the store."""

    ANSWERED = auto()
    REQUEST_LOST = auto()
    RESPONSE_LOST = auto()


@dataclass(eq=False, slots=True)
class Run:
    """One subscriber on one delivery.

    - `outcome` is that of the subscriber itself.
    - `is_running` is true from the answer that lets it run to its last call.
    - `has_lost_call` is true if the store did not answer one of its calls.
    - `has_finished` is true after its call of `finish`.
    """

    name: str
    delivery: Delivery
    outcome: Outcome | None = None
    is_running: bool = False
    has_lost_call: bool = False
    has_finished: bool = False

    def __str__(self) -> str:
        return f'{self.name} of {self.delivery}'


@dataclass(slots=True)
class _Lease:
    owner: str
    run: Run
    end: float


@dataclass(slots=True)
class Tracker:
    """Checks each change of the store against the laws. `tolerance` is in seconds.

    `run` is the run that makes the present call.
    """

    tolerance: float
    longest_lease: float
    run: Run | None = None
    effects: Counter[tuple[str, str]] = field(default_factory=Counter)
    _leases: dict[str, _Lease] = field(default_factory=dict)
    _done_until: dict[str, float] = field(default_factory=dict)

    def took(self, key: str, owner: str, seconds: float, record: Record | None, now: float) -> None:
        run, lease = self.run, self._leases.get(key)
        assert run
        if record is not None:
            if not record.is_done and (lease is None or now > lease.end + self.tolerance):
                raise Violation(RecordLaw.LEASE_ENDS, f'{run} is refused at {now:.2f}')
            return
        if seconds > self.longest_lease + EXACT:
            raise Violation(RecordLaw.LEASE_IS_SHORT, f'{run} took its record for {seconds} s')
        if now < self._done_until.get(key, 0.0) - self.tolerance:
            raise Violation(RecordLaw.FINISHED_ONCE, f'{run} runs again at {now:.2f}')
        if lease is not None and lease.owner != owner:
            self._check_other(run, lease, now)
        self._leases[key] = _Lease(owner, run, now + seconds)

    def _check_other(self, run: Run, lease: _Lease, now: float) -> None:
        """Check that the run before this one has no right to its record any more."""
        before = lease.run
        if now < lease.end - self.tolerance:
            raise Violation(RecordLaw.RUNS_ALONE, f'{run} runs beside {before}')
        is_hidden = now < before.delivery.known_until - self.tolerance
        may_run = before.is_running and before.delivery.process.is_alive
        if may_run and is_hidden and not before.has_lost_call:
            raise Violation(RecordLaw.LEASE_FOLLOWS, f'{run} runs beside {before}')

    def renewed(self, key: str, owner: str, seconds: float, answer: bool, now: float) -> None:
        lease = self._leases.get(key)
        if answer and lease is not None and lease.owner == owner:
            lease.end = now + seconds

    def finished(self, key: str, owner: str, seconds: float, answer: bool, now: float) -> None:
        if self.run is not None:
            self.run.has_finished = True
        if answer:
            self._done_until[key] = now + seconds
            self._leases.pop(key, None)

    def ended(self, run: Run) -> None:
        """Check a run after the last call of its hook."""
        is_done = run.outcome is not None and run.outcome.status is ProcessStatus.DONE
        if is_done and not run.has_finished and not run.has_lost_call:
            raise Violation(RecordLaw.IS_RECORDED, f'{run} is done, and has no record of it')

    def released(self, key: str, owner: str, answer: bool) -> None:
        lease = self._leases.get(key)
        if answer and lease is not None and lease.owner == owner:
            del self._leases[key]
