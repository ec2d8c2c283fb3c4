"""Dispatch: one message, many subscribers."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from inspect import isawaitable
from typing import Any

from msgspec import structs

from mega.aws._hooks.running import IDLE, run_with_hooks
from mega.aws._hooks.work import AwaitingWork
from mega.aws.sqs.message import Message
from mega.aws.sqs.subscribe.processing.failures import InvalidResultError, is_system_failure
from mega.aws.sqs.subscribe.processing.forks import end_child_process
from mega.aws.sqs.subscribe.processing.hooks import Hook
from mega.aws.sqs.subscribe.processing.outcome import Outcome, is_retriable
from mega.aws.sqs.subscribe.subscribers.subscriber import ProcessStatus, Subscriber
from mega.codec import AnyPayload
from mega.errors import InvalidPayloadError, safe_repr
from mega.event import Payload
from mega.logging import bind_subscriber

__all__ = ('dispatch',)

_DONE, _RETRIABLE = ProcessStatus.DONE, ProcessStatus.RETRIABLE_ERROR


def dispatch(
    message: Message,
    payload: AnyPayload,
    subscribers: Sequence[Subscriber],
    unhandled: ProcessStatus,
    hooks: Sequence[Hook] = (),
) -> AwaitingWork[list[Outcome]]:
    """Pass a payload to subscribers, one after another, and return their outcomes.

    - Each subscriber gets its own copy of the payload and of the message. For a typed subscriber,
      the payload is converted here.
    - `unhandled` is the status for an exception without its own status.
    - An outcome contains the exception that its subscriber raised.
    - After an exit request (`SystemExit`, `KeyboardInterrupt`), no other subscriber starts.
    """
    outcomes: list[Outcome] = []
    remaining = len(subscribers)
    for subscriber in subscribers:
        remaining -= 1
        bind_subscriber(subscriber)
        own_payload, own_message = payload, message
        try:
            if remaining:  # the last subscriber gets the originals
                own_payload, own_message = _copy(payload), _copy(message)
        except MemoryError as error:
            outcomes.append(Outcome(subscriber, _RETRIABLE, error))
            continue
        work = _process(subscriber, own_message, own_payload, unhandled)
        if hooks:
            work = _process_with_hooks(hooks, work, subscriber, own_message, own_payload)
        outcome = yield from work
        outcomes.append(outcome)
        if outcome.exit_request is not None:
            break
    bind_subscriber(None)
    return outcomes


def _process(
    subscriber: Subscriber, message: Message, payload: AnyPayload, unhandled: ProcessStatus
) -> AwaitingWork[Outcome]:
    error: BaseException | None = None
    began = time.perf_counter()
    try:
        instance = subscriber()
        structs.force_setattr(message, '_subscriber', subscriber)  # this one alone has the object
        instance.message = message
    except BaseException as raised:  # the subscriber has not seen the message
        return Outcome(subscriber, _RETRIABLE, raised, time.perf_counter() - began)
    process_id, conversion = os.getpid(), subscriber.payload_conversion
    try:
        argument = payload if conversion is None else conversion.apply(instance, payload)
        answer: object = instance.process(argument)
    except BaseException as raised:
        answer, error = None, raised
    if os.getpid() != process_id:
        end_child_process(error)
    if answer is not None and isawaitable(answer):
        answer, error = yield answer
    duration = time.perf_counter() - began
    if error is not None:
        return Outcome(subscriber, _status_of(error, subscriber, unhandled), error, duration)
    if answer is None:
        return Outcome(subscriber, _DONE, None, duration)
    if isinstance(answer, ProcessStatus):
        return Outcome(subscriber, answer, None, duration)
    wrong = InvalidResultError(
        f'process returned {safe_repr(answer)}: it must return a ProcessStatus or None'
    )
    return Outcome(subscriber, _RETRIABLE, wrong, duration)


def _process_with_hooks(
    hooks: Sequence[Hook],
    work: AwaitingWork[Outcome],
    subscriber: Subscriber,
    message: Message,
    payload: AnyPayload,
) -> AwaitingWork[Outcome]:
    try:
        generators = [
            generator
            for hook in hooks
            if (generator := hook.around_subscriber(subscriber, message, payload)) is not IDLE
        ]
        if generators:
            work = run_with_hooks(generators, work)
        outcome: object = yield from work
    except GeneratorExit:  # the work is closed
        raise
    except BaseException as error:
        return Outcome(subscriber, _RETRIABLE, error)
    if isinstance(outcome, Outcome) and isinstance(outcome.status, ProcessStatus):
        return outcome
    wrong = InvalidResultError(
        f'a hook returned {safe_repr(outcome)}: it must return an Outcome with a ProcessStatus'
    )
    return Outcome(subscriber, _RETRIABLE, wrong)


def _status_of(
    error: BaseException, subscriber: Subscriber, unhandled: ProcessStatus
) -> ProcessStatus:
    if is_retriable(error, subscriber) or is_system_failure(error):
        return _RETRIABLE
    return ProcessStatus.FATAL_ERROR if isinstance(error, InvalidPayloadError) else unhandled


def _copy(value: Any) -> Any:
    """Return a copy that shares no mutable object with the original."""
    if isinstance(value, dict):
        return {key: _copy(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_copy(member) for member in value]
    if isinstance(value, Message):
        return structs.replace(
            value,
            attributes=dict(value.attributes),
            unreadable=_copy(value.unreadable),
            _sqs_attributes=_copy(value._sqs_attributes),
        )
    if isinstance(value, Payload):
        event, subject = value.event, value.object
        return structs.replace(
            value,
            event=structs.replace(event, attributes=_copy(event.attributes)),
            object=subject
            and structs.replace(
                subject, current=_copy(subject.current), previous=_copy(subject.previous)
            ),
            extra=_copy(value.extra),
        )
    return value
