"""Possible outcomes of the subscribers of a message, and a check of the resulting settlement."""

from __future__ import annotations

from dataclasses import dataclass

from mega.aws.sqs.message import Message
from mega.aws.sqs.subscribe.processing import settlement
from mega.aws.sqs.subscribe.processing.outcome import Outcome
from mega.aws.sqs.subscribe.subscribers.retry_delay import Backoff, RetryDelay
from mega.aws.sqs.subscribe.subscribers.subscriber import MessageSubscriber, ProcessStatus
from mega.errors import RetriableError
from tests.simulation.laws import Law, Violation

__all__ = ('OUTCOMES', 'OUTCOMES_WITHOUT_RETRIES', 'SubscriberOutcomes')

_DONE = ProcessStatus.DONE
_FATAL = ProcessStatus.FATAL_ERROR
_RETRY = ProcessStatus.RETRIABLE_ERROR


class _PlainSubscriber(MessageSubscriber):
    def process(self, payload: object) -> None: ...


class _Constant(_PlainSubscriber):
    retry_delay = 5


class _Exponential(_PlainSubscriber):
    retry_delay = Backoff(first=1, longest=8)


@dataclass(frozen=True, slots=True)
class SubscriberOutcomes:
    """The outcomes of all subscribers of a message, and the facts that determine its settlement."""

    outcomes: tuple[Outcome, ...]
    asks_for_retry: bool
    is_fatal: bool
    is_process_failing: bool

    def settle(
        self, policy: settlement.SettlementPolicy, message: Message
    ) -> settlement.Settlement:
        """Return the settlement, after a check against the outcomes."""
        found = settlement.settle(self.outcomes, policy, message)
        receives = message.receive_count
        is_dead_lettered = found.action is settlement.SettlementAction.DEAD_LETTER and not (
            self.is_fatal and not self.asks_for_retry
        )
        if is_dead_lettered is not self._is_exhausted(policy, receives):
            raise Violation(
                Law.MAX_RECEIVES_KEPT, f'receive {receives}: {self}: {found.action.value}'
            )
        if self.asks_for_retry and found.action is settlement.SettlementAction.LEAVE:
            self._check_delay(found.delay, policy, receives)
        return found

    def _is_exhausted(self, policy: settlement.SettlementPolicy, receives: int) -> bool:
        limit = policy.max_receives
        may_be_dead_lettered = self.asks_for_retry and not self.is_process_failing
        return limit is not None and receives >= limit and may_be_dead_lettered

    def _check_delay(
        self, delay: int | None, policy: settlement.SettlementPolicy, receives: int
    ) -> None:
        asked = [
            wait
            for outcome in self.outcomes
            if outcome.status is _RETRY
            and (wait := _delay_bounds(outcome, policy.retry_delay, receives)) is not None
        ]
        if delay is None or not asked:
            is_kept = delay is None and not asked
        else:
            low, high = (max(ends) for ends in zip(*asked, strict=True))
            is_kept = low <= delay < high + 1
        if not is_kept:
            raise Violation(Law.DELAYS_KEPT, f'receive {receives}: {self}: after {delay} s')

    def __str__(self) -> str:
        return ' and '.join(outcome.status.name for outcome in self.outcomes)


def _delay_bounds(
    outcome: Outcome, general: RetryDelay | None, receives: int
) -> tuple[float, float] | None:
    """Return the minimum and the maximum delay in seconds that a subscriber asks for."""
    if isinstance(outcome.error, RetriableError) and outcome.error.delay is not None:
        delay = outcome.error.delay
        assert isinstance(delay, (int, float))
        return delay, delay
    own = outcome.subscriber.retry_delay
    declared = general if own is None else own
    if isinstance(declared, Backoff):
        first, longest = declared.first, declared.longest
        assert isinstance(first, (int, float))
        assert isinstance(longest, (int, float))
        return 0.0, min(first * 2.0 ** (receives - 1), longest)
    return (declared, declared) if isinstance(declared, (int, float)) else None


def _outcomes(*answers: ProcessStatus | Exception | type[MessageSubscriber]) -> SubscriberOutcomes:
    outcomes = tuple(map(_outcome, answers))
    statuses = {outcome.status for outcome in outcomes}
    is_process_failing = any(isinstance(answer, MemoryError) for answer in answers)
    return SubscriberOutcomes(outcomes, _RETRY in statuses, _FATAL in statuses, is_process_failing)


def _outcome(answer: ProcessStatus | Exception | type[MessageSubscriber]) -> Outcome:
    if isinstance(answer, ProcessStatus):
        return Outcome(_PlainSubscriber, answer)
    if isinstance(answer, Exception):
        return Outcome(_PlainSubscriber, _RETRY, answer)
    return Outcome(answer, _RETRY)


OUTCOMES_WITHOUT_RETRIES = (_outcomes(_DONE), _outcomes(_DONE, _DONE), _outcomes(_DONE, _FATAL))
"""Outcomes without a retry."""

OUTCOMES = (
    _outcomes(_DONE),
    _outcomes(_DONE),
    _outcomes(_FATAL),
    _outcomes(_DONE, _RETRY),
    _outcomes(_DONE, RetriableError(delay=0)),
    _outcomes(RetriableError(delay=1), _FATAL),
    _outcomes(RetriableError(delay=7), _RETRY),
    _outcomes(_DONE, RetriableError(delay=45)),
    _outcomes(_Constant, _RETRY),
    _outcomes(_Exponential),
    _outcomes(RetriableError(delay=2), _Constant, _Exponential),
    _outcomes(_DONE, MemoryError()),
)
