"""Logs what happens to a session as a whole: its states at INFO, and failed calls as errors."""

from __future__ import annotations

from mega.aws._messages.destinations import queue_name
from mega.aws._transport.call_errors import Origin, origin_of
from mega.aws.sqs.subscribe.exceptions import traceback_without_text
from mega.errors import TransportError
from mega.logging import about, get_logger

__all__ = ('SessionLog',)

_log = get_logger(__name__)


class SessionLog:
    """The log of one session with a queue. Any thread may call it."""

    def __init__(self, queue_url: str) -> None:
        self._url = queue_url
        self._name = queue_name(queue_url)
        self._state = 'started'
        self._failures = 0

    def changed(self, state: str, text: str) -> None:
        """Log a new state, with a text before the URL of the queue.

        The same state is not new. A stop is final, and only a paused session resumes.
        """
        if self._state in (state, 'stopping') or (state == 'resumed' and self._state != 'paused'):
            return
        self._state = state
        _log.info('%s %s', text, self._url, extra=about(queue=self._name, state=state))

    def receive_failed(self, error: Exception, *, is_raised: bool) -> None:
        """Log a receive that failed, unless the error is about the credentials and is raised."""
        if isinstance(error, TransportError):
            if is_raised and origin_of(error) is Origin.CREDENTIALS:
                return
            problem, code = error.problem, error.code
        else:
            problem, code = traceback_without_text(error), type(error).__name__
        self._failures += 1
        extra = about(queue=self._name, operation='ReceiveMessage', error=code)
        text = 'ReceiveMessage from %s failed (%s): %s'
        _log.error(text, self._url, code, problem, code='receive-failed', extra=extra)

    def receive_answered(self) -> None:
        """Log the first receive that SQS answered after failures."""
        if self._failures:
            extra = about(queue=self._name, state='reconnected', failures=self._failures)
            text = 'receiving from %s again, after failed calls: %d'
            _log.info(text, self._url, self._failures, extra=extra)
            self._failures = 0

    def batch_failed(self, operation: str, count: int, problem: str, code: str) -> None:
        """Log a batch call that failed."""
        extra = about(queue=self._name, operation=operation, messages=count, error=code)
        text = 'the batch call %s for %d messages failed (%s): %s'
        _log.error(text, operation, count, code, problem, code='batch-failed', extra=extra)

    def thread_left(self, name: str) -> None:
        """Log a thread whose command did not end."""
        extra = about(queue=self._name, thread=name)
        problem = 'thread %s is still running after the stop'
        _log.warning(problem, name, code='thread-left-behind', extra=extra)
