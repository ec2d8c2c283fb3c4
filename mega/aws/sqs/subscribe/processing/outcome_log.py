"""Logs the outcomes of subscribers.

    FATAL_ERROR with an exception         ERROR, with the traceback
    RETRIABLE_ERROR with an exception     WARNING in one line, and the traceback at DEBUG
    RETRY_LATER, which is not a failure   DEBUG
    a status that `process` returned      DEBUG

A service that is down causes many retries, and each of them with the same traceback.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from mega.aws.sqs.message import Message
from mega.aws.sqs.subscribe.exceptions import raised_in, traceback_without_text
from mega.aws.sqs.subscribe.processing.failures import EventLoopError, InvalidResultError
from mega.aws.sqs.subscribe.processing.outcome import Outcome
from mega.aws.sqs.subscribe.subscribers.subscriber import ProcessStatus
from mega.errors import InvalidPayloadError
from mega.logging import about, get_logger

__all__ = ('log_outcomes',)

_log = get_logger(__name__)

_QUOTE_NOTHING = (InvalidResultError, EventLoopError, InvalidPayloadError)
"""Errors whose texts quote nothing of a payload, and are better than a traceback."""


def log_outcomes(outcomes: Sequence[Outcome], message: Message) -> None:
    """Log the outcomes of one delivery.

    This is a function and not a hook, because a hook costs as much time for each message as the
    matching of a hundred subscribers.
    """
    is_debugging = _log.logger.isEnabledFor(logging.DEBUG)
    for outcome in outcomes:
        if outcome.error is not None:
            _log_failure(outcome, outcome.error, message)
        elif is_debugging:
            name, status = outcome.subscriber.__name__, outcome.status.value
            _log.debug('%s: %s: message %s', name, status, message.id, extra=_about(outcome))


def _log_failure(outcome: Outcome, error: BaseException, message: Message) -> None:
    name, status, extra = outcome.subscriber.__name__, outcome.status.value, _about(outcome)
    is_complete = True
    if isinstance(error, _QUOTE_NOTHING):
        text = str(error)
    elif outcome.status is ProcessStatus.FATAL_ERROR:
        text = traceback_without_text(error)
    else:
        text, is_complete = _in_one_line(error), False
    line, arguments = '%s: %s: message %s: %s', (name, status, message.id, text)
    if outcome.status is ProcessStatus.FATAL_ERROR:
        _log.error(line, *arguments, code='subscriber-failed', extra=extra)
    elif outcome.status is ProcessStatus.RETRY_LATER:
        _log.debug(line, *arguments, extra=extra)
    else:
        _log.warning(line, *arguments, code='subscriber-retried', extra=extra)
    if not is_complete and _log.logger.isEnabledFor(logging.DEBUG):
        traceback = traceback_without_text(error)
        _log.debug('%s: message %s: %s', name, message.id, traceback, extra=extra)


def _in_one_line(error: BaseException) -> str:
    cause = error.__cause__
    by = '' if cause is None else f', caused by {type(cause).__qualname__}{raised_in(cause)}'
    return f'{type(error).__qualname__}{raised_in(error)}{by}'


def _about(outcome: Outcome) -> dict[str, Any]:
    fields: dict[str, object] = {
        'subscriber': outcome.subscriber.__name__,
        'status': outcome.status.name.lower(),
        'duration': round(outcome.duration, 6),
    }
    if outcome.error is not None:
        fields['error'] = type(outcome.error).__name__
    return about(**fields)
