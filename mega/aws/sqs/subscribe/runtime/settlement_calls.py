"""Calls to SQS that settle messages, with a report of each to the hooks that observe it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from mega.aws._messages.destinations import queue_name
from mega.aws.sqs.subscribe.engine.commands import (
    BatchCommand,
    CallResult,
    Delete,
    SendDeadLetter,
)
from mega.aws.sqs.subscribe.engine.delivery import EXTENDABLE_PHASES, Delivery
from mega.aws.sqs.subscribe.exceptions import traceback_without_text
from mega.aws.sqs.subscribe.processing.hooks import SettlementCall
from mega.aws.sqs.subscribe.runtime.dead_letter_sender import DeadLetterSender
from mega.logging import about, get_logger

__all__ = ('make_batch_call', 'send_dead_letter')

_log = get_logger(__name__)


def make_batch_call(
    queue_url: str, call: BatchCommand, make: Callable[[Any], list[CallResult]]
) -> list[CallResult]:
    """Make a batch call, and return the result of each message.

    It is not reported for messages whose visibility timeout is only extended.

    Raises:
        TransportError: if the whole call fails.
    """
    results: Sequence[CallResult] = [CallResult.RETRY] * len(call.entries)
    began = time.perf_counter()
    try:
        results = make(call)
        return results
    finally:
        seconds = time.perf_counter() - began
        name = 'DeleteMessage' if isinstance(call, Delete) else 'ChangeMessageVisibility'
        for entry, result in zip(call.entries, results, strict=True):
            if entry.delivery.observers and entry.phase not in EXTENDABLE_PHASES:
                made = SettlementCall(name, queue_url, seconds, result is CallResult.OK)
                _report(entry.delivery, made)


def send_dead_letter(queue: DeadLetterSender, command: SendDeadLetter) -> CallResult:
    """Send a message to the dead-letter queue."""
    began, delivery = time.perf_counter(), command.delivery
    result = queue.send(delivery.received, command.reason)
    seconds = time.perf_counter() - began
    _report(delivery, SettlementCall('SendMessage', queue.url, seconds, result is CallResult.OK))
    return result


def _report(delivery: Delivery, call: SettlementCall) -> None:
    for observe in delivery.observers:
        try:
            observe(call)
        except Exception as error:  # the call was made, and the settlement goes on
            extra = about(
                queue=queue_name(call.queue_url),
                message_id=delivery.id,
                operation=call.operation,
                error=type(error).__name__,
            )
            problem = traceback_without_text(error)
            text = 'a hook failed to observe a call for message %s: %s'
            _log.error(text, delivery.id, problem, code='observer-failed', extra=extra)
