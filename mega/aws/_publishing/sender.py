"""Requests that send messages to one queue or topic, and their retries.

This is the only place that retries for a publisher: the clients of publishers have botocore try
once. Two kinds of failure are retried.

- AWS or S3 refused for now: throttling, also of KMS behind a queue, and errors of status 5xx.
- The outcome is unknown: a timeout, a reset connection, an answer without a message id. The first
  request may have sent the message, so that a standard queue or topic may deliver it twice. A FIFO
  queue or topic drops the second message, by its deduplication id, for five minutes after the first
  one. That is why a retry begins at most four minutes after the first try.

The waits between the tries grow exponentially, with jitter. They come to 6.2 seconds at most for a
single message, because its caller waits for it, and to 24 seconds for the messages of a batch.

All of this ends at a time limit. For a single message, it is the limit of the calling thread, and
includes the upload to S3. For a batch it is a `ProgressLimit`. No retry begins after the limit.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from functools import partial
from typing import Any, TypeAlias

from msgspec import Struct

from mega.aws._executor import Executor, run_concurrently
from mega.aws._hooks.publishing import PublishResult
from mega.aws._messages.backoff import backoff
from mega.aws._messages.batch_response import (
    BatchEntryResult,
    message_id_in,
    read_batch_response,
)
from mega.aws._publishing.batch_planner import BatchPlanner
from mega.aws._publishing.outgoing import OutgoingMessage, PlannedOutgoing
from mega.aws._publishing.service import ServiceApi
from mega.aws._transport.call_errors import with_advice_on_setup
from mega.aws._transport.client import AwsClient
from mega.aws._transport.clock import Clock
from mega.aws._transport.time_limits import TimeLimit, current_limit, within
from mega.aws.s3.upload import Upload
from mega.errors import MegaError, OffloadError, PublishError, TransportError

__all__ = ('ProgressLimit', 'Sender', 'send_all')

MAX_ATTEMPTS = 6
"""Requests that contain the same message, at most."""

RETRY_WINDOW = 240.0
"""A retry begins at most this number of seconds after the first try.

A deduplication id is valid for 300 seconds:
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html
"""

FIRST_BACKOFF = 0.2
LONGEST_BACKOFF = 5.0
"""Seconds to wait at most, after the first try of a message and after a later one."""

LONGEST_BATCH_BACKOFF = 16.0
BATCH_BACKOFF_FACTOR = 3.0
"""In a batch the waits grow faster, so that the same number of tries outlasts a longer outage."""

CONCURRENT_UPLOADS = 10
"""Uploads to S3 at a time: as many as a batch has entries."""

Plan: TypeAlias = BatchPlanner[OutgoingMessage | None]
Results: TypeAlias = dict[int, PublishResult]


class Sender(Struct, frozen=True):
    """Sends messages to one destination. Safe to share among threads.

    `max_attempts` limits `send`. `send_all` limits the tries of the messages of a batch.
    """

    aws: AwsClient
    api: ServiceApi
    destination: str
    max_attempts: int = MAX_ATTEMPTS

    def send(self, outgoing: OutgoingMessage) -> str:
        """Send one message, and return its id. The body that it points to is uploaded to S3 first.

        Raises:
            OffloadError: if the upload failed. The message is not sent.
            TransportError: if AWS refused the message, or the outcome of the last try is unknown.
        """
        if outgoing.upload is not None:
            outgoing.upload.upload()
        parameters = {self.api.destination_parameter: self.destination}
        self._add_message(parameters, outgoing)
        clock = self.aws.clock
        started_at = clock.monotonic()
        attempts = 1
        while True:
            result = self._attempt(parameters)
            if isinstance(result, str):
                return result
            if outgoing.upload is not None:
                _delete_orphaned_upload(outgoing, result, _response_of(result))
            elapsed = clock.monotonic() - started_at
            if attempts >= self.max_attempts or not result.retriable or elapsed > RETRY_WINDOW:
                raise result
            seconds, limit = backoff_of_message(attempts), current_limit()
            if limit is not None and seconds >= limit.seconds_left:
                raise result
            clock.sleep(seconds)
            attempts += 1

    def send_batch(self, batch: Sequence[OutgoingMessage], limit: TimeLimit) -> list[PublishResult]:
        """Send messages in one request, and return the result of each. Never raises.

        The bodies that they point to are uploaded to S3 first, at the same time. A message whose
        upload failed is left out of the request.
        """
        with within(limit):
            return self._send_batch(batch, limit)

    def _send_batch(
        self, batch: Sequence[OutgoingMessage], limit: TimeLimit
    ) -> list[PublishResult]:
        results = _upload_bodies(batch, limit)
        entries = []
        for place, outgoing in enumerate(batch):
            if place not in results:
                entry = {'Id': str(place)}
                self._add_message(entry, outgoing)
                entries.append(entry)
        if entries:
            self._send_entries(batch, entries, results)
        return [results[place] for place in range(len(batch))]

    def _send_entries(
        self, batch: Sequence[OutgoingMessage], entries: list[dict[str, Any]], results: Results
    ) -> None:
        api = self.api
        parameters = {api.destination_parameter: self.destination, api.entries_parameter: entries}
        ids = [entry['Id'] for entry in entries]
        try:
            response = self.aws.call(api.send_batch_method, **parameters)
        except TransportError as error:
            response = _response_of(error)
            advised = with_advice_on_setup(error, self.destination)
            sent = [PublishResult(error=advised)] * len(ids)
        else:
            sent = [self._result_of(entry) for entry in read_batch_response(response, ids)]
        for id, result in zip(ids, sent, strict=True):
            place = int(id)
            results[place] = result
            if result.error is not None:
                _delete_orphaned_upload(batch[place], result.error, response)

    def _attempt(self, parameters: dict[str, Any]) -> str | TransportError:
        try:
            response = self.aws.call(self.api.send_method, **parameters)
        except TransportError as error:
            return with_advice_on_setup(error, self.destination)
        return message_id_in(response) or self._no_message_id()

    def _add_message(self, parameters: dict[str, Any], outgoing: OutgoingMessage) -> None:
        parameters[self.api.body_parameter] = outgoing.body
        if outgoing.options:
            parameters.update(outgoing.options)
        if outgoing.attributes:
            parameters['MessageAttributes'] = outgoing.attributes

    def _result_of(self, entry: BatchEntryResult) -> PublishResult:
        if entry.message_id is not None:
            return PublishResult(entry.message_id)
        if entry.is_successful:
            return PublishResult(error=self._no_message_id())
        operation = self.api.send_operation
        error = TransportError(operation, entry.code, entry.problem, entry.is_retriable)
        return PublishResult(error=with_advice_on_setup(error, self.destination))

    def _no_message_id(self) -> TransportError:
        # An answer without a message id is not from AWS, even with status 200.
        problem = 'the answer has no message id, so it is unknown whether the message was sent'
        return TransportError(self.api.send_operation, 'NoMessageId', problem, True)


class ProgressLimit:
    """The time limit of a batch: AWS must accept or refuse a message within `timeout` seconds.

    The limit begins with the first request after such an answer, so that a batch may take as long
    as it makes progress. The time that an iterable needs for its payloads does not count.
    With `end`, all requests end at that limit, too.
    """

    def __init__(self, timeout: float, clock: Clock, end: TimeLimit | None = None) -> None:
        self._timeout = timeout
        self._clock = clock
        self._end = end
        self._limit: TimeLimit | None = None

    def for_request(self) -> TimeLimit:
        """Return the limit of a request that begins now."""
        if self._limit is None:
            self._limit = TimeLimit(self.seconds_left, self._clock)
        return self._limit

    def record_progress(self) -> None:
        """Record an answer of AWS."""
        self._limit = None

    @property
    def seconds_left(self) -> float:
        """The seconds until the limit."""
        left = self._timeout if self._limit is None else self._limit.seconds_left
        return left if self._end is None else min(left, self._end.seconds_left)


def send_all(
    sender: Sender, plan: Plan, results: Results, concurrency: int, limit: ProgressLimit
) -> None:
    """Send every message of a plan, in `concurrency` requests at a time, and enter the results."""
    if concurrency == 1:
        _send_in_this_thread(sender, plan, results, limit)
    else:
        _send_in_threads(sender, plan, results, concurrency, limit)


def _send_in_this_thread(
    sender: Sender, plan: Plan, results: Results, limit: ProgressLimit
) -> None:
    clock = sender.aws.clock
    while not plan.is_finished:
        batch = plan.next_batch(clock.monotonic())
        _record_unsent(plan, results)
        if batch:
            sent = sender.send_batch(_contents(batch), limit.for_request())
            _record(batch, sent, plan, results, limit, clock)
        else:
            clock.sleep(_seconds_until(plan.next_due(), clock) or 0.0)


def _send_in_threads(
    sender: Sender, plan: Plan, results: Results, concurrency: int, limit: ProgressLimit
) -> None:
    requests: dict[Future[list[PublishResult]], list[PlannedOutgoing]] = {}
    executor = Executor('mega-publisher', concurrency)
    clock = sender.aws.clock
    try:
        while not plan.is_finished:
            while len(requests) < concurrency and (batch := plan.next_batch(clock.monotonic())):
                send = partial(sender.send_batch, _contents(batch), limit.for_request())
                requests[executor.submit(send)] = batch
            _record_unsent(plan, results)
            has_room = len(requests) < concurrency
            seconds = _seconds_until(plan.next_due(), clock) if has_room else None
            if requests:
                wait(requests, timeout=seconds, return_when=FIRST_COMPLETED)
            else:
                clock.sleep(seconds or 0.0)
            for request in [request for request in requests if request.done()]:
                _record(requests.pop(request), request.result(), plan, results, limit, clock)
    finally:
        executor.close()


def _seconds_until(instant: float | None, clock: Clock) -> float | None:
    return None if instant is None else max(0.0, instant - clock.monotonic())


def _contents(batch: list[PlannedOutgoing]) -> list[OutgoingMessage]:
    return [message.content for message in batch if message.content is not None]


def backoff_of_message(attempts: int) -> float:
    """Draw the seconds to wait after a failed try of a single message."""
    return backoff(attempts, FIRST_BACKOFF, LONGEST_BACKOFF, random.uniform)


def backoff_of_batch(attempts: int) -> float:
    """Draw the seconds to wait after a failed try of messages in a batch."""
    factor = BATCH_BACKOFF_FACTOR
    return backoff(attempts, FIRST_BACKOFF, LONGEST_BATCH_BACKOFF, random.uniform, factor=factor)


def _record(
    batch: list[PlannedOutgoing],
    sent: list[PublishResult],
    plan: Plan,
    results: Results,
    limit: ProgressLimit,
    clock: Clock,
) -> None:
    """Enter the results of a request, and reschedule the messages that may succeed later."""
    if any(_is_answer(result) for result in sent):
        limit.record_progress()
    seconds = backoff_of_batch(batch[0].attempts)
    now, has_time = clock.monotonic(), seconds < limit.seconds_left
    retried = []
    for message, result in zip(batch, sent, strict=True):
        error = result.error
        if error is not None and has_time and _may_retry(message, error, now):
            retried.append(message)
            continue
        results[message.position] = _final(message, result)
        if error is None:
            plan.mark_sent(message)
        else:
            plan.mark_failed(message)
    if retried:
        plan.reschedule(retried, now + seconds)


def _is_answer(result: PublishResult) -> bool:
    """Return whether AWS accepted or refused a message."""
    error = result.error
    return error is None or (isinstance(error, TransportError) and not error.retriable)


def _may_retry(message: PlannedOutgoing, error: MegaError, now: float) -> bool:
    return (
        isinstance(error, (TransportError, OffloadError))
        and error.retriable
        and message.attempts < MAX_ATTEMPTS
        and now - message.first_attempt_at <= RETRY_WINDOW
    )


def _record_unsent(plan: Plan, results: Results) -> None:
    for message in plan.take_unsent():
        results[message.position] = _final(message, PublishResult(error=_unsent_error(message)))


def _final(message: PlannedOutgoing, result: PublishResult) -> PublishResult:
    return result if message.content is None else message.content.finished(result)


def _unsent_error(message: PlannedOutgoing) -> MegaError:
    if isinstance(message.problem, MegaError):
        return message.problem
    if message.problem is not None:
        raised = type(message.problem).__name__
        error = PublishError(f'not sent: a function of the payload raised {raised}')
        error.__cause__ = message.problem
        return error
    return PublishError(
        f'not sent: an earlier message of the group {message.message_group!r} failed, '
        'and the group keeps its order'
    )


def _upload_bodies(batch: Sequence[OutgoingMessage], limit: TimeLimit) -> Results:
    """Upload to S3 the bodies of messages that carry a pointer. Return the failures, by place."""
    uploads = {
        place: outgoing.upload
        for place, outgoing in enumerate(batch)
        if outgoing.upload is not None
    }
    if not uploads:
        return {}
    calls = [partial(_upload_within, limit, upload) for upload in uploads.values()]
    raised = run_concurrently('mega-s3', CONCURRENT_UPLOADS, calls)
    return {
        place: PublishResult(error=_upload_error(error))
        for place, error in zip(uploads, raised, strict=True)
        if error is not None
    }


def _upload_within(limit: TimeLimit, upload: Upload) -> None:
    with within(limit):
        upload.upload()


def _upload_error(error: Exception) -> MegaError:
    if isinstance(error, MegaError):
        return error
    unexpected = PublishError(f'not sent: the upload of its body raised {type(error).__name__}')
    unexpected.__cause__ = error
    return unexpected


def _response_of(error: TransportError) -> dict[str, Any]:
    return getattr(error.__cause__, 'response', None) or {}


def _delete_orphaned_upload(
    outgoing: OutgoingMessage, error: MegaError, response: dict[str, Any]
) -> None:
    """Delete the body of a refused message, unless an earlier try may have sent the message."""
    if outgoing.upload is not None:
        is_retriable = isinstance(error, TransportError) and error.retriable
        outgoing.upload.delete_unless_sent(is_retriable, response)
