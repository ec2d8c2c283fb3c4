"""What subscribers make of a message, and what that means for it."""

from __future__ import annotations

from dataclasses import dataclass

from mega.aws.sqs.subscribe import verdict
from mega.aws.sqs.subscribe.outcome import Outcome
from mega.aws.sqs.subscribe.subscriber import MessageSubscriber, ProcessStatus
from mega.errors import RetriableError

__all__ = ('CALM', 'WORKS', 'Work')

_DONE = ProcessStatus.DONE
_FATAL = ProcessStatus.FATAL_ERROR
_RETRY = ProcessStatus.RETRIABLE_ERROR


class _Somebody(MessageSubscriber):
    def process(self, payload: object) -> None: ...


@dataclass(frozen=True, slots=True)
class Work:
    """What all the subscribers of a message answer, and what is asked for by them."""

    outcomes: tuple[Outcome, ...]
    asks_for_retry: bool
    is_fatal: bool

    def judged(self, policy: verdict.Policy) -> verdict.Verdict:
        return verdict.judge(self.outcomes, policy)

    def __str__(self) -> str:
        return ' and '.join(outcome.status.name for outcome in self.outcomes)


def _work(*answers: ProcessStatus | RetriableError) -> Work:
    outcomes = tuple(map(_outcome, answers))
    statuses = {outcome.status for outcome in outcomes}
    return Work(outcomes, _RETRY in statuses, _FATAL in statuses)


def _outcome(answer: ProcessStatus | RetriableError) -> Outcome:
    if isinstance(answer, RetriableError):
        return Outcome(_Somebody, _RETRY, answer)
    return Outcome(_Somebody, answer)


CALM = (_work(_DONE), _work(_DONE, _DONE), _work(_DONE, _FATAL))
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
)
