"""Sending to one queue or topic: a message alone, or many in batches until each is settled."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from mega.aws._executor import Executor, run_concurrently
from mega.aws._messages.batch_response import (
    BatchEntryResult,
    message_id_in,
    read_batch_response,
)
from mega.aws._publishing.batch_planner import BatchPlanner, PlannedMessage
from mega.aws._transport.backoff import backoff
from mega.aws._transport.client import AwsClient
from mega.aws.s3.upload import Upload
from mega.errors import MegaError, OffloadError, PublishError, TransportError

__all__ = ('Outgoing', 'PublishResult', 'Queued', 'Sender', 'ServiceApi', 'deliver')

MAX_TRIES = 6
"""How often a message is sent at most. Within each try botocore makes three of its own."""

FIRST_BACKOFF = 0.2
LONGEST_BACKOFF = 5.0

CONCURRENT_UPLOADS = 10
"""Uploads to S3 at a time: as many as a batch has entries."""

_OURS_TO_RETRY = 'kms'


@dataclass(frozen=True, slots=True)
class ServiceApi:
    """By which names a service takes messages."""

    operation: str
    send: str
    send_batch: str
    target: str
    body: str
    entries: str


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message as AWS takes it: body, attributes, and by AWS's names whatever else goes with it.

    `size` is in bytes, as AWS counts. `upload` is what has to be in S3 before it is sent.
    """

    body: str
    attributes: dict[str, Any]
    options: dict[str, Any]
    size: int
    upload: Upload | None = None


@dataclass(frozen=True, slots=True)
class PublishResult:
    """What came of one payload of a batch: the id of its message, or the error."""

    message_id: str | None = None
    error: MegaError | None = None


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends to one destination. Safe to share among threads."""

    aws: AwsClient
    wire: ServiceApi
    destination: str

    def send(self, outgoing: Outgoing) -> str:
        """Send one message, and answer its id. What it points to is put into S3 before that.

        Raises:
            OffloadError: when S3 does not take what it points to. Then it is not sent.
            TransportError: when AWS does not take it, or does not say that it did.
        """
        if outgoing.upload is not None:
            outgoing.upload.perform()
        tries = 1
        while True:
            result = self._send(outgoing)
            if result.message_id is not None:
                return result.message_id
            assert isinstance(result.error, TransportError)
            _delete_orphaned_upload(
                outgoing, result.error, getattr(result.error.__cause__, 'response', None) or {}
            )
            if tries == MAX_TRIES or not _is_kms_throttle(result.error):
                raise result.error
            time.sleep(backoff_after(tries))
            tries += 1

    def send_batch(self, batch: Sequence[Outgoing]) -> list[PublishResult]:
        """Send messages in one call, and tell of each what came of it. Raises nothing.

        What they point to is put into S3 before that, all at a time. One that fails stays behind.
        """
        results = _upload(batch)
        entries = [
            {'Id': str(place), **self._message(outgoing)}
            for place, outgoing in enumerate(batch)
            if place not in results
        ]
        if entries:
            results |= self._call_batch(batch, entries)
        return [results[place] for place in range(len(batch))]

    def _call_batch(
        self, batch: Sequence[Outgoing], entries: list[dict[str, Any]]
    ) -> dict[int, PublishResult]:
        parameters = {self.wire.target: self.destination, self.wire.entries: entries}
        try:
            answer = self.aws.call(self.wire.send_batch, **parameters)
        except TransportError as error:
            answer = getattr(error.__cause__, 'response', None) or {}
            told = [PublishResult(error=error)] * len(entries)
        else:
            ids = [entry['Id'] for entry in entries]
            told = [self._result(entry) for entry in read_batch_response(answer, ids)]
        results = {}
        for entry, result in zip(entries, told, strict=True):
            place = int(entry['Id'])
            results[place] = result
            _delete_orphaned_upload(batch[place], result.error, answer)
        return results

    def _send(self, outgoing: Outgoing) -> PublishResult:
        parameters = {self.wire.target: self.destination, **self._message(outgoing)}
        try:
            return self._success(message_id_in(self.aws.call(self.wire.send, **parameters)))
        except TransportError as error:
            return PublishResult(error=error)

    def _message(self, outgoing: Outgoing) -> dict[str, Any]:
        message = {self.wire.body: outgoing.body, **outgoing.options}
        if outgoing.attributes:
            message['MessageAttributes'] = outgoing.attributes
        return message

    def _result(self, entry: BatchEntryResult) -> PublishResult:
        if entry.is_successful:
            return self._success(entry.message_id)
        error = TransportError(self.wire.operation, entry.code, entry.problem, entry.is_retriable)
        return PublishResult(error=error)

    def _success(self, message_id: str | None) -> PublishResult:
        # An answer without a message id is not from AWS, whatever its status is.
        if message_id is not None:
            return PublishResult(message_id)
        problem = 'the answer holds no message id, so it is unknown whether the message was sent'
        error = TransportError(self.wire.operation, 'NoMessageId', problem, True)
        return PublishResult(error=error)


Queued: TypeAlias = Outgoing | None
"""A message of a plan; None for a payload that cannot be sent."""

Results: TypeAlias = dict[int, PublishResult]


def deliver(sender: Sender, plan: BatchPlanner[Queued], results: Results, concurrency: int) -> None:
    """Send all that a plan holds, `concurrency` calls at a time, and enter what came of each."""
    if concurrency == 1:
        _deliver_here(sender, plan, results)
    else:
        _deliver_in_threads(sender, plan, results, concurrency)


def _deliver_here(sender: Sender, plan: BatchPlanner[Queued], results: Results) -> None:
    # Without a pool: that would cost a tenth more, and takes nothing once the interpreter ends,
    # when a buffer still has to send.
    while not plan.is_finished:
        batch = plan.take(time.monotonic())
        _record_unsent(plan, results)
        if batch:
            _settle(batch, sender.send_batch(_messages(batch)), plan, results)
        else:
            time.sleep(_seconds_until(plan.wakes_at()) or 0.0)


def _deliver_in_threads(
    sender: Sender, plan: BatchPlanner[Queued], results: Results, concurrency: int
) -> None:
    calls: dict[Future[list[PublishResult]], list[PlannedMessage[Queued]]] = {}
    executor = Executor('mega-publisher', concurrency)
    try:
        while not plan.is_finished:
            while len(calls) < concurrency and (batch := plan.take(time.monotonic())):
                calls[executor.submit(partial(sender.send_batch, _messages(batch)))] = batch
            _record_unsent(plan, results)
            seconds = _seconds_until(plan.wakes_at()) if len(calls) < concurrency else None
            if calls:
                wait(calls, timeout=seconds, return_when=FIRST_COMPLETED)
            else:
                time.sleep(seconds or 0.0)
            for call in [call for call in calls if call.done()]:
                _settle(calls.pop(call), call.result(), plan, results)
    finally:
        executor.close()


def _seconds_until(instant: float | None) -> float | None:
    return None if instant is None else max(0.0, instant - time.monotonic())


def _messages(batch: list[PlannedMessage[Queued]]) -> list[Outgoing]:
    return [item.content for item in batch if item.content]


def _record_unsent(plan: BatchPlanner[Queued], results: Results) -> None:
    for item in plan.unsent():
        results[item.position] = PublishResult(error=_unsent_error(item))


def backoff_after(tries: int) -> float:
    """Draw the seconds to wait before the next try."""
    return backoff(tries, FIRST_BACKOFF, LONGEST_BACKOFF, random.uniform)


def _settle(
    batch: list[PlannedMessage[Queued]],
    answers: list[PublishResult],
    plan: BatchPlanner[Queued],
    results: Results,
) -> None:
    reschedule = []
    for item, answer in zip(batch, answers, strict=True):
        error = answer.error
        is_retriable = isinstance(error, (TransportError, OffloadError)) and error.retriable
        if is_retriable and item.tries < MAX_TRIES:
            reschedule.append(item)
            continue
        results[item.position] = answer
        if error is None:
            plan.sent(item)
        else:
            plan.failed(item)
    if reschedule:
        plan.reschedule(reschedule, time.monotonic() + backoff_after(reschedule[0].tries))


def _unsent_error(item: PlannedMessage[Queued]) -> MegaError:
    if isinstance(item.problem, MegaError):
        return item.problem
    if item.problem is not None:
        error = PublishError(
            f'not sent: {type(item.problem).__name__} of a function of the payload'
        )
        error.__cause__ = item.problem
        return error
    return PublishError(
        f'not sent: an earlier message of the group {item.order_key!r} failed, '
        'and the order is kept'
    )


def _upload(batch: Sequence[Outgoing]) -> dict[int, PublishResult]:
    """Put into S3 what messages point to, and answer by its place what came of each that fails."""
    uploads = {
        place: outgoing.upload
        for place, outgoing in enumerate(batch)
        if outgoing.upload is not None
    }
    if not uploads:
        return {}
    raised = run_concurrently(
        'mega-s3', CONCURRENT_UPLOADS, [upload.perform for upload in uploads.values()]
    )
    return {
        place: PublishResult(error=_of_upload(error))
        for place, error in zip(uploads, raised, strict=True)
        if error is not None
    }


def _of_upload(error: Exception) -> MegaError:
    if isinstance(error, MegaError):
        return error
    unforeseen = PublishError(f'not sent, since its upload failed: {type(error).__name__}')
    unforeseen.__cause__ = error
    return unforeseen


def _delete_orphaned_upload(
    outgoing: Outgoing, error: MegaError | None, answer: dict[str, Any]
) -> None:
    """Delete what a refused message points to, unless an earlier try may have sent it."""
    upload = outgoing.upload
    if upload is None or error is None:
        return
    was_tried_before = answer.get('ResponseMetadata', {}).get('RetryAttempts', 0)
    if was_tried_before or (isinstance(error, TransportError) and error.retriable):
        upload.maybe_referenced = True
    else:
        upload.undo()


def _is_kms_throttle(error: TransportError) -> bool:
    """Whether botocore leaves it to us: throttles of KMS."""
    return error.retriable and error.code.lower().startswith(_OURS_TO_RETRY)
