"""What goes wrong: a share of everything, by the seed of a random generator, or step by step."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import Any, TypeAlias

from benchmarks.sqs_server.errors import AwsError, internal_error

__all__ = ('FailEntries', 'Failing', 'Fault', 'FaultPlan', 'Faults', 'Step', 'step_from', 'step_to')


class Fault(str, Enum):
    """What may befall a call instead of its proper answer.

    Only those that end in AFTER have the effect that was asked for.
    """

    ERROR = 'error'  # 500 InternalError
    UNAVAILABLE = 'unavailable'  # 503 ServiceUnavailable
    THROTTLED = 'throttled'  # 400 RequestThrottled of SQS, 429 Throttled of SNS
    RESET_BEFORE = 'reset-before'  # the connection is reset
    RESET_AFTER = 'reset-after'
    GARBAGE_BEFORE = 'garbage-before'  # 200, and the HTML of some proxy
    GARBAGE_AFTER = 'garbage-after'
    TRUNCATED_BEFORE = 'truncated-before'  # 200, and the connection ends within the body
    TRUNCATED_AFTER = 'truncated-after'
    SLOW_AFTER = 'slow-after'  # the proper answer, in two parts
    EXPIRED = 'expired'  # 403 ExpiredToken
    MISSING = 'missing'  # as if the queue or topic did not exist

    @property
    def has_effect(self) -> bool:
        return self.value.endswith('-after')

    @property
    def is_reset(self) -> bool:
        return self.value.startswith('reset')

    @property
    def is_truncated(self) -> bool:
        return self.value.startswith('truncated')

    @property
    def is_garbage(self) -> bool:
        return self.value.startswith('garbage')


@dataclass(frozen=True, slots=True)
class FailEntries:
    """A step of a script: the entries of a batch at these positions, from 0, fail with a code."""

    positions: tuple[int, ...]
    code: str = 'InternalError'


Step: TypeAlias = Fault | FailEntries | None
"""What happens to one call. None: nothing but what was asked for, whatever the shares are."""


@dataclass(frozen=True)
class Faults:
    """Shares, from 0 to 1, of calls and of entries in batches that fail.

    A failing call gets one of `kinds`, a failing entry one of `codes` with SenderFault false, each
    as likely as the others. The same seed gives the same faults to the same calls in the same
    order. `operations` are those that fail: by default all but those that create and look up.
    """

    seed: int = 0
    fail_calls: float = 0.0
    fail_entries: float = 0.0
    kinds: tuple[Fault, ...] = tuple(Fault)
    codes: tuple[str, ...] = ('InternalError', 'ServiceUnavailable', 'RequestThrottled')
    operations: tuple[str, ...] | None = None

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> Faults:
        """The inverse of `dataclasses.asdict`, through JSON."""
        read: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in settings.items()
        }
        if 'kinds' in read:
            read['kinds'] = tuple(map(Fault, read['kinds']))
        return cls(**read)

    def concern(self, operation: str) -> bool:
        if self.operations is None:
            return not operation.startswith(('Create', 'Get'))
        return operation in self.operations


def step_to(step: Step) -> dict[str, object]:
    """A step as JSON: `{}`, `{"fault": ...}`, or `{"positions": [...], "code": ...}`."""
    if step is None:
        return {}
    if isinstance(step, Fault):
        return {'fault': step.value}
    return {'positions': list(step.positions), 'code': step.code}


def step_from(json: Mapping[str, Any]) -> Step:
    if 'positions' in json:
        return FailEntries(tuple(json['positions']), json['code'])
    return Fault(json['fault']) if json else None


@dataclass(slots=True)
class Failing:
    """What is to befall one call, and each entry in it."""

    fault: Fault | None
    next_entry: Callable[[], AwsError | None]
    """The error of the next entry of a batch, if it is to fail. Asked once for each, in order."""


class FaultPlan:
    """Decides for each call. A scripted step comes before the shares."""

    def __init__(self) -> None:
        self.happened: Counter[str] = Counter()
        """How often each kind of fault befell a call, and each code an entry."""
        self.configure(Faults())

    def configure(self, faults: Faults) -> None:
        """Begin anew with these shares, and without a script."""
        self._faults = faults
        self._scripts: defaultdict[str, deque[Step]] = defaultdict(deque)
        self._calls = Random(f'calls {faults.seed}')  # apart, so that sizes of batches do not
        self._entries = Random(f'entries {faults.seed}')  # move the faults of calls

    def script(self, steps: Iterable[Step], operation: str | None) -> None:
        """Let these steps befall the next calls of an operation, or of any that may fail."""
        self._scripts[operation or ''].extend(steps)

    def for_call(self, operation: str) -> Failing:
        if script := self._scripts.get(operation):
            return self._scripted(script.popleft())
        if not self._faults.concern(operation):
            return Failing(None, lambda: None)
        if script := self._scripts.get(''):
            return self._scripted(script.popleft())
        fault = None
        if self._falls(self._calls, self._faults.fail_calls):
            fault = self._calls.choice(self._faults.kinds)
            self.happened[fault.value] += 1
        return Failing(fault, self._next_entry)

    def _scripted(self, step: Step) -> Failing:
        if isinstance(step, Fault):
            self.happened[step.value] += 1
            return Failing(step, lambda: None)
        if step is None:
            return Failing(None, lambda: None)
        position = -1

        def next_entry() -> AwsError | None:
            nonlocal position
            position += 1
            return self._entry_error(step.code) if position in step.positions else None

        return Failing(None, next_entry)

    def _next_entry(self) -> AwsError | None:
        if not self._falls(self._entries, self._faults.fail_entries):
            return None
        return self._entry_error(self._entries.choice(self._faults.codes))

    def _entry_error(self, code: str) -> AwsError:
        self.happened[code] += 1
        return internal_error(code, 503)

    @staticmethod
    def _falls(random: Random, share: float) -> bool:
        return bool(share) and random.random() < share
