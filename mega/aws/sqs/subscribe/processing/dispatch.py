"""One message, many subscribers: each processes it, and what each made of it.

Nothing here talks to AWS or waits: whatever is awaitable is yielded, and whoever drives it, in a
thread or in an event loop, sends back what came of it.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Generator, Sequence
from inspect import isawaitable
from typing import Any, TypeAlias, TypeVar

from msgspec import structs

from mega.aws.sqs.message import Message
from mega.aws.sqs.subscribe.processing.hooks import Hook, run_with_hooks
from mega.aws.sqs.subscribe.processing.outcome import Outcome, is_process_failure
from mega.aws.sqs.subscribe.subscribers.subscriber import ProcessStatus, Subscriber
from mega.codec import AnyPayload
from mega.errors import RetriableError, safe_repr
from mega.event import Payload

__all__ = ('AwaitResult', 'AwaitingWork', 'dispatch', 'finish')

T = TypeVar('T')

_DONE = ProcessStatus.DONE

AwaitResult: TypeAlias = tuple[object, BaseException | None]
"""What an awaitable answered, or what it raised."""

AwaitingWork: TypeAlias = Generator[Awaitable[object], AwaitResult, T]
"""Work that may have to await something before it can answer."""


def dispatch(
    message: Message,
    payload: AnyPayload,
    subscribers: Sequence[Subscriber],
    unhandled: ProcessStatus,
    hooks: Sequence[Hook] = (),
) -> AwaitingWork[list[Outcome]]:
    """Hand a payload to subscribers, one after another, and answer what came of each.

    Each gets a payload and a message of its own. `unhandled` is the status of an exception that
    nothing maps. Whatever a subscriber raises is in its outcome; after an exit no other one is
    started.
    """
    outcomes: list[Outcome] = []
    left = len(subscribers)
    for subscriber in subscribers:
        left -= 1
        own, own_message = payload, message
        if left:
            own, own_message = _copied(payload), _copied(message)
        work = _process(subscriber, own_message, own, unhandled)
        if hooks:
            work = _within(hooks, work, subscriber, own_message, own)
        outcome = yield from work
        outcomes.append(outcome)
        if outcome.is_exit_request:
            break
    return outcomes


def finish(work: AwaitingWork[T], await_: Callable[[Awaitable[object]], AwaitResult]) -> T:
    """Do work in this thread, with somebody who awaits for it."""
    try:
        awaitable = next(work)
        while True:
            awaitable = work.send(await_(awaitable))
    except StopIteration as end:
        answer: T = end.value
        return answer


def _process(
    subscriber: Subscriber, message: Message, payload: AnyPayload, unhandled: ProcessStatus
) -> AwaitingWork[Outcome]:
    error: BaseException | None = None
    began = time.perf_counter()
    try:
        instance = subscriber()
        instance.message = message
        answer: object = instance.process(payload)
    except BaseException as raised:
        answer, error = None, raised
    else:
        if answer is not None and isawaitable(answer):
            answer, error = yield answer
    duration = time.perf_counter() - began
    if error is not None:
        return Outcome(subscriber, _status_of(error, subscriber, unhandled), error, duration)
    if answer is None:
        return Outcome(subscriber, _DONE, None, duration)
    if isinstance(answer, ProcessStatus):
        return Outcome(subscriber, answer, None, duration)
    wrong = TypeError(f'process returned {safe_repr(answer)}: return a ProcessStatus or nothing')
    return Outcome(subscriber, ProcessStatus.RETRIABLE_ERROR, wrong, duration)


def _within(
    hooks: Sequence[Hook],
    work: AwaitingWork[Outcome],
    subscriber: Subscriber,
    message: Message,
    payload: AnyPayload,
) -> AwaitingWork[Outcome]:
    rounds = [hook.around_subscriber(subscriber, message, payload) for hook in hooks]
    try:
        outcome: object = yield from run_with_hooks(rounds, work)
    except Exception as error:
        return Outcome(subscriber, ProcessStatus.RETRIABLE_ERROR, error)
    if isinstance(outcome, Outcome) and isinstance(outcome.status, ProcessStatus):
        return outcome
    wrong = TypeError(f'a hook answered {safe_repr(outcome)}: an Outcome with a ProcessStatus')
    return Outcome(subscriber, ProcessStatus.RETRIABLE_ERROR, wrong)


def _status_of(
    error: BaseException, subscriber: Subscriber, unhandled: ProcessStatus
) -> ProcessStatus:
    if isinstance(error, (RetriableError, *subscriber.retriable_exceptions)):
        return ProcessStatus.RETRIABLE_ERROR
    return ProcessStatus.RETRIABLE_ERROR if is_process_failure(error) else unhandled


def _copied(payload: Any) -> Any:
    """A copy that shares nothing that can change."""
    if isinstance(payload, dict):
        return {key: _copied(value) for key, value in payload.items()}
    if isinstance(payload, list):
        return [_copied(value) for value in payload]
    if isinstance(payload, Message):
        return structs.replace(payload, attributes=dict(payload.attributes))
    if isinstance(payload, Payload):
        event, subject = payload.event, payload.object
        return structs.replace(
            payload,
            event=structs.replace(event, attributes=_copied(event.attributes)),
            object=subject
            and structs.replace(
                subject, current=_copied(subject.current), previous=_copied(subject.previous)
            ),
            extra=_copied(payload.extra),
        )
    return payload
