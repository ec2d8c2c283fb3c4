"""One invocation: the records of an event in their order, and the ones that Lambda must not delete.

    group a   a1 done, a2 asks for a retry, a3     ->  a2 and a3 fail: a3 must not overtake a2
    group b   b1 done, b2 done                     ->  deleted by Lambda
    near the deadline, c1 did not begin            ->  c1 fails

On a standard queue, each record is independent of the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar, copy_context
from typing import TypeAlias

from mega.aws._hooks.work import run_to_completion
from mega.aws._transport.clock import Clock
from mega.aws._transport.time_limits import within
from mega.aws.lambda_.deadline import Deadline
from mega.aws.lambda_.failed_record import NOT_PROCESSED, FailedRecord
from mega.aws.lambda_.records import LambdaRecord
from mega.aws.sqs.opening import MessageOpener
from mega.aws.sqs.subscribe.processing.hooks import DeliveryResult
from mega.aws.sqs.subscribe.processing.pipeline import OpenedMessage, Processor
from mega.aws.sqs.subscribe.processing.settlement import Settlement, SettlementAction
from mega.aws.sqs.subscribe.reason import Reason
from mega.aws.sqs.subscribe.runtime.inline_event_loop import InlineEventLoop
from mega.logging import about, get_logger

__all__ = ('OBSERVER', 'DeadLetter', 'Invocation')

_log = get_logger(__name__)

DeadLetter: TypeAlias = Callable[[LambdaRecord, Reason], bool]
"""Sends a message to the dead-letter queue, and returns whether it is there."""

OBSERVER: ContextVar[Callable[[OpenedMessage, DeliveryResult], None] | None] = ContextVar(
    'OBSERVER', default=None
)
"""A function that is called with the result of each message. `mega.testing` sets it."""


class Invocation:
    """Processes the records of one event, one after another."""

    def __init__(
        self,
        processor: Processor,
        open_message: MessageOpener,
        event_loop: InlineEventLoop,
        dead_letter: DeadLetter,
        deadline: Deadline,
        clock: Clock,
    ) -> None:
        self._processor = processor
        self._open_message = open_message
        self._event_loop = event_loop
        self._dead_letter = dead_letter
        self._deadline = deadline
        self._clock = clock

    def process(self, records: Sequence[LambdaRecord]) -> list[FailedRecord]:
        """Process records, and return those that failed or did not begin, in their order.

        Raises:
            KeyboardInterrupt: if a subscriber raised it.
        """
        failed: list[FailedRecord] = []
        delays: dict[object, int | None] = {}
        late = []
        for record in records:
            order = record.ordered_with
            failure: FailedRecord | None = FailedRecord(record)
            if order in delays:  # it follows a failed record, and has its delay
                failure = FailedRecord(record, delay=delays[order])
            elif self._deadline.is_near:
                late.append(record)
            else:
                failure = copy_context().run(self._process_record, record)
            if failure is not None:
                failed.append(failure)
                if order is not None:
                    delays[order] = failure.delay
        if late:
            problem = '%d of %d messages did not begin: Lambda ends the function in %.1f seconds'
            extra = about(queue=late[0].queue_name, messages=len(late))
            seconds = self._deadline.time_left
            _log.warning(problem, len(late), len(records), seconds, code='not-begun', extra=extra)
        return failed

    def _process_record(self, record: LambdaRecord) -> FailedRecord | None:
        """Process and settle one record. Return it if it failed."""
        visibility = self._deadline if self._deadline.is_known else None
        with within(self._deadline.limit_of_fetch(self._clock)):
            opened = self._processor.open(
                record.received, self._open_message, visibility, record.queue_name
            )
        settlement = self._settlement(opened)
        if settlement.action is SettlementAction.ACK:
            return None
        reason = settlement.reason or NOT_PROCESSED
        if settlement.action is SettlementAction.DEAD_LETTER:
            with within(self._deadline.limit_of_settlement(self._clock)):
                if self._dead_letter(record, reason):
                    return None
        return FailedRecord(record, reason, settlement.delay)

    def _settlement(self, opened: OpenedMessage) -> Settlement:
        result = run_to_completion(self._processor.process(opened), self._event_loop.run)
        if (observe := OBSERVER.get()) is not None:
            observe(opened, result)
        for outcome in result.outcomes:
            if isinstance(outcome.exit_request, KeyboardInterrupt):
                raise outcome.exit_request
        return result.settlement
