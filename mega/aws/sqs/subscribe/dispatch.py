"""One message, many subscribers: who wants it, what each made of it, and what follows for it.

Nothing here talks to AWS.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from mega.aws.sqs.message import Message
from mega.aws.sqs.subscribe.registry import Registry
from mega.aws.sqs.subscribe.subscriber import ProcessStatus, Subscriber
from mega.codec import AnyPayload
from mega.errors import RetriableError, shorten
from mega.event import Payload

__all__ = ('Await', 'Outcome', 'dispatch')

_log = logging.getLogger(__name__)

Await: TypeAlias = Callable[[Awaitable[object]], object]
"""Runs something awaitable to its end, and answers or raises what it does."""

_RETRY = (ProcessStatus.RETRY_LATER, ProcessStatus.RETRIABLE_ERROR)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one subscriber for one message."""

    subscriber: Subscriber
    status: ProcessStatus
    error: BaseException | None = None

    @property
    def asks_for_retry(self) -> bool:
        return self.status in _RETRY

    @property
    def is_exit(self) -> bool:
        """Whether the subscriber asked the whole process to end."""
        return isinstance(self.error, (SystemExit, KeyboardInterrupt))

    @property
    def delay(self) -> float | None:
        """The seconds until the retry, where the subscriber asked for some."""
        return self.error.delay if isinstance(self.error, RetriableError) else None


def dispatch(
    message: Message,
    payload: AnyPayload,
    subscribers: Registry,
    await_: Await,
    unhandled: ProcessStatus,
) -> list[Outcome]:
    """Hand a payload to every subscriber that wants it, one after another.

    The answer is what came of each; an empty one says that nobody wants it.
    Every subscriber is asked before the first one processes, and each gets a payload of its own.
    `unhandled` is the status of an exception that nothing maps.
    Whatever a subscriber raises is in its outcome; after an exit no other one is started.
    """
    wanting, undecided = subscribers.match(payload)
    # Nobody can say that it did not match.
    outcomes = [
        Outcome(subscriber, ProcessStatus.RETRIABLE_ERROR, error) for subscriber, error in undecided
    ]
    for position, subscriber in enumerate(wanting, start=1):
        if any(outcome.is_exit for outcome in outcomes):
            break
        is_last = position == len(wanting)
        own = payload if is_last else _copied(payload)
        outcomes.append(_process(subscriber, _copied(message), own, await_, unhandled))
    for outcome in outcomes:
        _tell(outcome, message)
    return outcomes


def _process(
    subscriber: Subscriber,
    message: Message,
    payload: AnyPayload,
    await_: Await,
    unhandled: ProcessStatus,
) -> Outcome:
    try:
        instance = subscriber()
        instance.message = message
        answer: object = instance.process(payload)
        if inspect.isawaitable(answer):
            answer = await_(answer)
    except BaseException as error:
        return Outcome(subscriber, _status_of(error, subscriber, unhandled), error)
    if answer is None:
        return Outcome(subscriber, ProcessStatus.DONE)
    if isinstance(answer, ProcessStatus):
        return Outcome(subscriber, answer)
    wrong = TypeError(f'process returned {shorten(answer)}: return a ProcessStatus or nothing')
    return Outcome(subscriber, ProcessStatus.RETRIABLE_ERROR, wrong)


def _status_of(
    error: BaseException, subscriber: Subscriber, unhandled: ProcessStatus
) -> ProcessStatus:
    if isinstance(error, (RetriableError, *subscriber.retriable_exceptions)):
        return ProcessStatus.RETRIABLE_ERROR
    # The process or the machine is at its end, not the message: cancellation, an exit, no memory.
    of_the_process = isinstance(error, (MemoryError, CancelledError))
    if of_the_process or not isinstance(error, Exception):
        return ProcessStatus.RETRIABLE_ERROR
    return unhandled


def _tell(outcome: Outcome, message: Message) -> None:
    name, status = outcome.subscriber.__name__, outcome.status.value
    if outcome.error is None:
        _log.debug('%s: %s: message %s', name, status, message.id)
    elif outcome.status is ProcessStatus.FATAL_ERROR:
        _log.error('%s: %s: message %s', name, status, message.id, exc_info=outcome.error)
    else:
        _log.warning('%s: %s: message %s', name, status, message.id, exc_info=outcome.error)


def _copied(payload: Any) -> Any:
    """A copy that shares nothing that can change."""
    if isinstance(payload, dict):
        return {key: _copied(value) for key, value in payload.items()}
    if isinstance(payload, list):
        return [_copied(value) for value in payload]
    if isinstance(payload, Message):
        return replace(payload, attributes=dict(payload.attributes))
    if isinstance(payload, Payload):
        event, subject = payload.event, payload.object
        return replace(
            payload,
            event=replace(event, attributes=_copied(event.attributes)),
            object=subject
            and replace(
                subject, current=_copied(subject.current), previous=_copied(subject.previous)
            ),
            extra=_copied(payload.extra),
        )
    return payload
