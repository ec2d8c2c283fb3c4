"""One run of listeners on a bus: what their subscribers did, and the error that ends the run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from mega.aws.sqs.subscribe.processing.outcome import Outcome, is_retriable
from mega.errors import single_line
from mega.testing.records import ProcessedMessage

if TYPE_CHECKING:
    from mega.aws.sqs.subscribe.processing.hooks import DeliveryResult
    from mega.aws.sqs.subscribe.processing.pipeline import OpenedMessage

__all__ = ('RunRecorder',)

MAX_LENGTH = 300
"""The number of characters of the text of an error."""


class RunRecorder:
    """Records the results of a run, and stops the run at an error or at too many deliveries.

    `processed` gets an entry for each subscriber and delivery. `last_errors` has the name and the
    text of the last error of each message, by the id of the message.
    """

    def __init__(
        self,
        processed: list[ProcessedMessage],
        last_errors: dict[str, tuple[str, str, str | None]],
        stop: Callable[[], None],
        max_deliveries: int,
        is_raising: bool,
    ) -> None:
        self._processed = processed
        self._last_errors = last_errors
        self._stop = stop
        self._max_deliveries = max_deliveries
        self._is_raising = is_raising
        self._deliveries: Counter[str] = Counter()
        self._error: BaseException | None = None
        self._has_too_many = False

    def observe(self, opened: OpenedMessage, result: DeliveryResult) -> None:
        """Count and record one delivery."""
        self.record(opened, result)
        self.count(opened.message.id)

    def record(self, opened: OpenedMessage, result: DeliveryResult) -> None:
        """Record the result of one delivery."""
        message = opened.message
        for outcome in result.outcomes:
            self._processed.append(
                ProcessedMessage(
                    outcome.subscriber, opened.payload, message, outcome.status, outcome.error
                )
            )
            if outcome.error is not None and _is_unexpected(outcome):
                self.fail(outcome.error)
        reason = result.settlement.reason
        if reason is not None:
            self._last_errors[message.id] = (reason.error_name, reason.text, reason.subscriber)

    def count(self, message_id: str) -> None:
        """Count a delivery of a message."""
        self._deliveries[message_id] += 1
        if not self._has_too_many and self._deliveries.total() > self._max_deliveries:
            self._has_too_many = True
            self._stop()

    def fail(self, error: BaseException) -> None:
        """End the run because of an error, unless an earlier one ended it or errors do not."""
        if self._is_raising and self._error is None:
            self._error = error
            self._stop()

    def raise_error(self) -> None:
        """Raise the error that ended the run, if there is one.

        Raises:
            BaseException: the first one of a subscriber that did not declare it as retriable.
            AssertionError: after more than the maximum number of deliveries.
        """
        __tracebackhide__ = True
        if self._error is not None:
            raise self._error
        if self._has_too_many:
            raise AssertionError(self._describe_repetition())

    def _describe_repetition(self) -> str:
        [(message_id, count)] = self._deliveries.most_common(1)
        text = (
            f'bus.run ended after {self._max_deliveries} deliveries: the message {message_id} was '
            f'delivered {count} times'
        )
        if (last := self._last_errors.get(message_id)) is not None:
            name, problem, subscriber = last
            by = f' of {subscriber}' if subscriber else ''
            text += f', and ended with {name}{by}: {single_line(problem, MAX_LENGTH)}'
        return (
            f'{text}. Give the queue a dead_letter= queue or the listener max_receives=, or raise '
            'max_deliveries'
        )


def _is_unexpected(outcome: Outcome) -> bool:
    """Return whether a subscriber raised an exception that it did not declare as retriable.

    The session itself raises an exit request.
    """
    error = outcome.error
    if error is None or outcome.exit_request is not None:
        return False
    return not is_retriable(error, outcome.subscriber)
