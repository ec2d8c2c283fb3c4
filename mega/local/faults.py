"""Injected faults: a random share of calls and entries, with a seed, or a script of steps."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import Enum
from random import Random
from typing import Any, TypeAlias

from mega.local.errors import AwsError, internal_error

__all__ = (
    'FailCall',
    'FailEntries',
    'Failing',
    'Fault',
    'FaultPlan',
    'Faults',
    'Step',
    'step_from',
    'step_to',
)


class Fault(str, Enum):
    """The fault of a call, in place of the proper response.

    Only the faults with the suffix AFTER perform the operation.
    """

    ERROR = 'error'  # 500 InternalError
    UNAVAILABLE = 'unavailable'  # 503 ServiceUnavailable
    THROTTLED = 'throttled'  # 400 RequestThrottled of SQS, 429 Throttled of SNS
    RESET_BEFORE = 'reset-before'  # the connection is reset
    RESET_AFTER = 'reset-after'
    GARBAGE_BEFORE = 'garbage-before'  # 200, with the HTML of a proxy
    GARBAGE_AFTER = 'garbage-after'
    TRUNCATED_BEFORE = 'truncated-before'  # 200, and the connection ends within the body
    TRUNCATED_AFTER = 'truncated-after'
    SLOW_AFTER = 'slow-after'  # the proper response, in two parts
    EXPIRED = 'expired'  # 403 ExpiredToken
    MISSING = 'missing'  # as if the queue or topic did not exist

    @property
    def has_effect(self) -> bool:
        return self.value.endswith('-after')

    @property
    def kind(self) -> str:
        """The fault without its suffix."""
        return self.value.partition('-')[0]


@dataclass(frozen=True, slots=True)
class FailCall:
    """A step of a script: a call fails with a code and an HTTP status, and has no effect.

    The code is the error's name in the service model, such as `AccessDenied`. The message is the
    text of the error.
    """

    code: str
    status: int = 400
    message: str = 'The fault was requested by a test.'


@dataclass(frozen=True, slots=True)
class FailEntries:
    """A step of a script: the entries of a batch at these positions, from 0, fail with a code.

    A status below 500 is a fault of the sender.
    """

    positions: tuple[int, ...]
    code: str = 'InternalError'
    status: int = 503


Step: TypeAlias = Fault | FailCall | FailEntries | None
"""The fault of one call. None is a call without faults, regardless of the shares."""


@dataclass(frozen=True)
class Faults:
    """Shares, from 0 to 1, of calls and of entries in batches that fail.

    A failing call gets one of `kinds`, a failing entry one of `codes` with SenderFault false, with
    equal probability. Equal seeds give equal faults to equal calls in the same order. `operations`
    are the operations that may fail: by default all except `Create*` and `Get*`.
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

    def applies_to(self, operation: str) -> bool:
        if self.operations is None:
            return not operation.startswith(('Create', 'Get'))
        return operation in self.operations


def step_to(step: Step) -> dict[str, object]:
    """Return a step as JSON: an empty object, or the fault, or the fields of the step."""
    if step is None:
        return {}
    if isinstance(step, FailCall):
        return asdict(step)
    if isinstance(step, Fault):
        return {'fault': step.value}
    return {**asdict(step), 'positions': list(step.positions)}


def step_from(json: Mapping[str, Any]) -> Step:
    if 'positions' in json:
        return FailEntries(tuple(json['positions']), json['code'], json['status'])
    if 'status' in json:
        return FailCall(**json)
    return Fault(json['fault']) if json else None


@dataclass(slots=True)
class Failing:
    """The fault of one call, or its error, and the errors of its entries."""

    fault: Fault | None
    next_entry: Callable[[], AwsError | None]
    """Return the error of the next entry of a batch, or None. Called once per entry, in order."""
    error: AwsError | None = None


class FaultPlan:
    """Decides on the faults of each call. A scripted step has precedence over the shares."""

    def __init__(self) -> None:
        self.happened: Counter[str] = Counter()
        """The number of calls by fault or code, and of failed entries by code."""
        self.configure(Faults())

    def configure(self, faults: Faults) -> None:
        """Restart with these shares, and without a script."""
        self._faults = faults
        self._scripts: defaultdict[str, deque[Step]] = defaultdict(deque)
        # Two generators, so that the sizes of batches do not change the faults of calls.
        self._calls = Random(f'calls {faults.seed}')
        self._entries = Random(f'entries {faults.seed}')

    def script(self, steps: Iterable[Step], operation: str | None) -> None:
        """Apply the steps to the next calls of an operation, or of any that may fail."""
        self._scripts[operation or ''].extend(steps)

    def for_call(self, operation: str) -> Failing:
        if script := self._scripts.get(operation):
            return self._scripted(script.popleft())
        if not self._faults.applies_to(operation):
            return Failing(None, lambda: None)
        if script := self._scripts.get(''):
            return self._scripted(script.popleft())
        fault = None
        if self._draw(self._calls, self._faults.fail_calls):
            fault = self._calls.choice(self._faults.kinds)
            self.happened[fault.value] += 1
        return Failing(fault, self._next_entry)

    def _scripted(self, step: Step) -> Failing:
        if isinstance(step, Fault):
            self.happened[step.value] += 1
            return Failing(step, lambda: None)
        if step is None:
            return Failing(None, lambda: None)
        if isinstance(step, FailCall):
            self.happened[step.code] += 1
            error = AwsError(step.code, step.message, step.status)
            return Failing(None, lambda: None, error)
        position = -1

        def next_entry() -> AwsError | None:
            nonlocal position
            position += 1
            is_failing = position in step.positions
            return self._entry_error(step.code, step.status) if is_failing else None

        return Failing(None, next_entry)

    def _next_entry(self) -> AwsError | None:
        if not self._draw(self._entries, self._faults.fail_entries):
            return None
        return self._entry_error(self._entries.choice(self._faults.codes))

    def _entry_error(self, code: str, status: int = 503) -> AwsError:
        self.happened[code] += 1
        return internal_error(code, status)

    @staticmethod
    def _draw(random: Random, share: float) -> bool:
        return bool(share) and random.random() < share
