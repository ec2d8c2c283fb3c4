"""The parameters of a schedule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from mega.aws.sqs.subscribe.engine.commands import EngineSettings
from mega.aws.sqs.subscribe.processing.settlement import SettlementPolicy
from mega.aws.sqs.subscribe.subscribers.retry_delay import Backoff
from tests.simulation.choices import Choices
from tests.simulation.decisions import QueueBehaviour
from tests.simulation.network import CallFate

__all__ = ('Disturbance', 'Plan')

Kind: TypeAlias = Literal['stop', 'crash', 'pause']

_FAULTS = (
    CallFate.FAILED,
    CallFate.LOST,
    CallFate.LATE,
    CallFate.GARBLED,
    CallFate.PARTIAL,
    CallFate.UNANSWERED,
)


@dataclass(frozen=True, slots=True)
class Disturbance:
    """A stop, a crash or a pause of a process, and its end `later` seconds after it."""

    kind: Kind
    when: float
    process: int
    later: float


@dataclass(frozen=True, slots=True)
class Plan:
    """The parameters of a schedule. All times are in seconds.

    - `sent_at` has the time of each message.
    - `durations` are the possible durations of processing.
    - `dead_letter_faults` is the percentage of calls to the dead-letter queue that fail.
    - `is_async` says whether coroutines process the messages.
    - `slowness` is by how much each answer to a receive is late, in every part of the schedule.
    - `body_times` are the possible durations of reading the body of a message. S3 may never answer.
    - `calm_at` is when all faults end.
    """

    settings: EngineSettings
    sent_at: list[float]
    groups: int
    processes: int
    durations: tuple[float, ...]
    has_retries: bool
    policy: SettlementPolicy
    queue_behaviour: QueueBehaviour
    fault_percent: int
    fates: list[CallFate]
    dead_letter_faults: int
    disturbances: list[Disturbance]
    is_async: bool
    slowness: float
    body_times: tuple[float, ...]
    calm_at: float

    @property
    def is_faultless(self) -> bool:
        """Return whether the plan has no failed call, no duplicate delivery and no crash."""
        queue_behaviour = self.queue_behaviour
        deviates = (
            queue_behaviour.duplicates
            or queue_behaviour.delivers_heads
            or queue_behaviour.max_receives
        )
        crashes = any(disturbance.kind == 'crash' for disturbance in self.disturbances)
        has_slow_bodies = max(self.body_times) >= self.settings.visibility_timeout
        return not (self.fates or crashes or deviates or self.slowness or has_slow_bodies)

    def __str__(self) -> str:
        """Return the differences from the simplest schedule."""
        simplest = Plan.draw(Choices.of_script([]))
        parts = (
            (self.settings, simplest.settings),
            (self.policy, simplest.policy),
            (self.queue_behaviour, simplest.queue_behaviour),
        )
        said = [*_differences(self, simplest)]
        for part, simple in parts:
            said.extend(_differences(part, simple))
        return '\n'.join(f'{name} = {value}' for name, value in said)

    @classmethod
    def draw(cls, choices: Choices) -> Plan:
        settings = _settings(choices)
        is_troubled = choices.chance(75)
        fates = [fate for fate in _FAULTS if is_troubled and choices.chance(35)]
        processes = choices.one_of((1, 1, 2, 3))
        has_dead_letter_queue = choices.chance(50)
        calm_at = choices.one_of((5.0, 20.0, 60.0)) * (
            1 if settings.visibility_timeout < 60 else 200
        )
        return cls(
            settings=settings,
            sent_at=_sent_at(choices),
            groups=1 + choices.below(3),
            processes=processes,
            durations=_durations(choices, settings),
            has_retries=choices.chance(50),
            policy=_policy(choices, has_dead_letter_queue, settings.is_fifo),
            queue_behaviour=_queue_behaviour(choices, is_troubled, settings.is_fifo),
            fault_percent=choices.one_of((5, 15, 40, 80)) if fates else 0,
            fates=fates,
            dead_letter_faults=choices.one_of((0, 0, 0, 50, 90)) if has_dead_letter_queue else 0,
            disturbances=_disturbances(choices, processes, calm_at) if is_troubled else [],
            is_async=settings.is_async or choices.chance(10),
            slowness=choices.one_of((0.0,) * 12 + (0.5, 2.0)),
            body_times=_body_times(choices, settings),
            calm_at=calm_at,
        )


def _differences(mine: Any, others: Any) -> Iterator[tuple[str, object]]:
    for name in type(mine).__match_args__:
        value = getattr(mine, name)
        is_part = isinstance(value, (EngineSettings, SettlementPolicy, QueueBehaviour))
        if value != getattr(others, name) and not is_part:
            yield name, value


_SENT_AT = (0.0, 0.0, 0.0, 0.5, 3.0, 12.0)
_FEW, _MANY = 10, 35
_MOST_DISTURBANCES = 4


def _sent_at(choices: Choices) -> list[float]:
    """Draw the times one by one, so that a script stays valid without some of its numbers.

    Small schedules find most bugs. Full batches need more messages.
    """
    times = [0.0]
    most, more = (_MANY, 96) if choices.chance(7) else (_FEW, 80)
    while len(times) < most and choices.chance(more):
        times.append(choices.one_of(_SENT_AT))
    return sorted(times)


def _settings(choices: Choices) -> EngineSettings:
    is_long = choices.chance(1)
    until_empty = choices.chance(12) and not is_long
    timeout = 20_000 if is_long else choices.one_of((30, 10, 4, 1))
    return EngineSettings(
        concurrency=choices.one_of((1, 2, 3, 6)),
        max_number_of_messages=choices.one_of((10, 1, 3, 10)),
        wait_time_seconds=20 if is_long else choices.one_of((20, 5, 1, 0)),
        visibility_timeout=timeout,
        max_processing_time=choices.one_of((None, 0.7 * timeout, 3.0 * timeout, 2.5 * timeout)),
        grace_period=choices.one_of((20.0, 0.0, 1.0, 6.0)),
        is_fifo=choices.chance(50),
        until_empty=until_empty,
        max_messages=choices.one_of((None, None, None, 1, 5)) if until_empty else None,
        is_async=choices.chance(20),
        timeout=choices.one_of((None, None, None, 0.0, 4.0)) if until_empty else None,
    )


def _policy(choices: Choices, has_dead_letter_queue: bool, is_fifo: bool) -> SettlementPolicy:
    delays = (None, None, 3, Backoff(first=0.5, longest=6), Backoff(first=2, longest=20))
    return SettlementPolicy(
        has_dead_letter_queue=has_dead_letter_queue,
        is_fifo=is_fifo,
        retry_delay=choices.one_of(delays),
        max_receives=choices.one_of((None, 3, 2, 1)) if has_dead_letter_queue else None,
    )


def _durations(choices: Choices, settings: EngineSettings) -> tuple[float, ...]:
    timeout = settings.visibility_timeout
    quick = (0.0, 0.1, 0.02, 0.5)
    steady = (0.3, 0.3 * timeout, 0.45 * timeout)
    slow = (0.1, 0.5 * timeout, 0.97 * timeout, 1.0 * timeout, 1.3 * timeout, 2.8 * timeout)
    return choices.one_of((quick, steady, slow))


def _body_times(choices: Choices, settings: EngineSettings) -> tuple[float, ...]:
    timeout = settings.visibility_timeout
    quick = (0.0, 0.0, 0.1 * timeout, 0.3 * timeout)
    slow = (0.0, 0.3 * timeout, 1.2 * timeout, float('inf'))
    return choices.one_of(((0.0,),) * 8 + (quick, slow))


def _queue_behaviour(choices: Choices, is_troubled: bool, is_fifo: bool) -> QueueBehaviour:
    if not is_troubled:
        disorder = choices.one_of((0, 50))
        return QueueBehaviour(disorder=disorder, names_groups=_names_groups(choices, is_fifo))
    return QueueBehaviour(
        disorder=choices.one_of((0, 50)),
        duplicates=choices.one_of((0, 0, 0, 10, 50)),
        delivers_heads=choices.chance(30),
        max_receives=choices.one_of((None, None, None, 3, 1)),
        names_groups=_names_groups(choices, is_fifo),
    )


def _names_groups(choices: Choices, is_fifo: bool) -> bool:
    return not (is_fifo and choices.chance(20))


def _disturbances(choices: Choices, processes: int, calm_at: float) -> list[Disturbance]:
    kinds: tuple[Kind, ...] = ('stop', 'crash', 'pause')
    found: list[Disturbance] = []
    while len(found) < _MOST_DISTURBANCES and choices.chance(60):
        kind = choices.one_of(kinds)
        # Most messages are in flight at the beginning, so that disturbances have an effect there.
        when = choices.one_of((0.2, 2.0, calm_at)) * choices.below(50) / 50
        later = choices.one_of((0.0, 0.3, 2.0, 15.0))
        found.append(Disturbance(kind, when, choices.below(processes), later))
    return found
