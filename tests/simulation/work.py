"""What subscribers make of a message, and what that means for it."""

from __future__ import annotations

from dataclasses import dataclass

from mega.aws.sqs.message import Message
from mega.aws.sqs.subscribe.processing import settlement
from mega.aws.sqs.subscribe.processing.outcome import Outcome
from mega.aws.sqs.subscribe.subscribers.retry_delay import Backoff, RetryDelay
from mega.aws.sqs.subscribe.subscribers.subscriber import MessageSubscriber, ProcessStatus
from mega.errors import RetriableError
from tests.simulation.laws import Law, Violation

__all__ = ('WORKS', 'WORKS_WITHOUT_RETRIES', 'Work')

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
class Work:
    """What all the subscribers of a message answer, and what is asked for by them."""

    outcomes: tuple[Outcome, ...]
    asks_for_retry: bool
    is_fatal: bool
    is_at_its_end: bool

    def settle(self, policy: settlement.Policy, message: Message) -> settlement.Settlement:
        """The verdict, which is held to what was asked for."""
        found = settlement.settle(self.outcomes, policy, message)
        receives = message.receive_count
        is_given_up = found.action is settlement.SettlementAction.DEAD_LETTER and not (
            self.is_fatal and not self.asks_for_retry
        )
        if is_given_up is not self._is_enough(policy, receives):
            raise Violation(Law.TRIED_ENOUGH, f'receive {receives}: {self}: {found.action.value}')
        if self.asks_for_retry and found.action is settlement.SettlementAction.LEAVE:
            self._is_as_asked(found.delay, policy, receives)
        return found

    def _is_enough(self, policy: settlement.Policy, receives: int) -> bool:
        most = policy.max_receives
        may_be_given_up = self.asks_for_retry and not self.is_at_its_end
        return most is not None and receives >= most and may_be_given_up

    def _is_as_asked(self, delay: int | None, policy: settlement.Policy, receives: int) -> None:
        asked = [
            wait
            for outcome in self.outcomes
            if outcome.status is _RETRY
            and (wait := _wait(outcome, policy.retry_delay, receives)) is not None
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


def _wait(
    outcome: Outcome, general: RetryDelay | None, receives: int
) -> tuple[float, float] | None:
    """What a subscriber waits for at least and at most."""
    if isinstance(outcome.error, RetriableError) and outcome.error.delay is not None:
        return outcome.error.delay, outcome.error.delay
    own = outcome.subscriber.retry_delay
    delay = general if own is None else own
    if isinstance(delay, Backoff):
        most: float = delay.first * 2 ** (receives - 1)
        return 0.0, min(most, delay.longest)
    return (delay, delay) if isinstance(delay, (int, float)) else None


def _work(*answers: ProcessStatus | Exception | type[MessageSubscriber]) -> Work:
    outcomes = tuple(map(_outcome, answers))
    statuses = {outcome.status for outcome in outcomes}
    is_at_its_end = any(isinstance(answer, MemoryError) for answer in answers)
    return Work(outcomes, _RETRY in statuses, _FATAL in statuses, is_at_its_end)


def _outcome(answer: ProcessStatus | Exception | type[MessageSubscriber]) -> Outcome:
    if isinstance(answer, ProcessStatus):
        return Outcome(_PlainSubscriber, answer)
    if isinstance(answer, Exception):
        return Outcome(_PlainSubscriber, _RETRY, answer)
    return Outcome(answer, _RETRY)


WORKS_WITHOUT_RETRIES = (_work(_DONE), _work(_DONE, _DONE), _work(_DONE, _FATAL))
"""What no subscriber wants again."""

WORKS = (
    _work(_DONE),
    _work(_DONE),
    _work(_FATAL),
    _work(_DONE, _RETRY),
    _work(_DONE, RetriableError(delay=0)),
    _work(RetriableError(delay=1), _FATAL),
    _work(RetriableError(delay=7), _RETRY),
    _work(_DONE, RetriableError(delay=45)),
    _work(_Constant, _RETRY),
    _work(_Exponential),
    _work(RetriableError(delay=2), _Constant, _Exponential),
    _work(_DONE, MemoryError()),
)
