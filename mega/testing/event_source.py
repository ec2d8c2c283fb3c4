"""An event source mapping on a bus: it invokes a function with the messages of a queue.

    queue -> ReceiveMessage -> event -> handler(event, context) -> response -> delete

Lambda deletes the messages of a batch, except for those that the response names. It deletes none if
the function raises, ends after its timeout, or names a message that is not in the batch:

    {'batchItemFailures': [{'itemIdentifier': 'm-1'}]}    all but m-1 are deleted
    None, {}, {'batchItemFailures': []}                   all are deleted
    {'batchItemFailures': [{'itemIdentifier': ''}]}       none is deleted

The mapping has `FunctionResponseTypes: [ReportBatchItemFailures]`.
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import uuid4

from mega.aws.lambda_.invocation import OBSERVER
from mega.aws.lambda_.records import write_record
from mega.errors import ConfigurationError, check_int, safe_repr
from mega.testing.clock import VirtualClock
from mega.testing.resources import Queue
from mega.testing.run import RunRecorder

__all__ = ('EventSourceMapping', 'EventSourceRun', 'LambdaContext', 'LambdaFunction')

LambdaFunction: TypeAlias = Callable[[Any, Any], Any]
"""A handler of Lambda: a function of the event and the context."""

MAX_BATCH_SIZE = 10_000
MAX_FIFO_BATCH_SIZE = 10
"""https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html"""

MAX_TIMEOUT = 900
_MAX_RECEIVED = 10
_NEVER = float('inf')


@dataclass(frozen=True, slots=True)
class EventSourceMapping:
    """A queue whose messages invoke a function. `timeout` is that of the function, in seconds.

    Raises:
        ConfigurationError: for what AWS refuses: a batch that is too large, or a visibility timeout
            of the queue that is shorter than the timeout of the function.
    """

    queue: Queue
    function: LambdaFunction
    batch_size: int
    timeout: int
    visibility_timeout: int

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise ConfigurationError(f'{safe_repr(self.function)} is not a handler of Lambda')
        largest = MAX_FIFO_BATCH_SIZE if self.queue.name.endswith('.fifo') else MAX_BATCH_SIZE
        check_int('batch_size', self.batch_size, 1, largest)
        check_int('timeout', self.timeout, 1, MAX_TIMEOUT)
        if self.visibility_timeout < self.timeout:
            raise ConfigurationError(
                f'timeout={self.timeout}: the visibility timeout of {self.queue.name} is '
                f'{self.visibility_timeout} seconds, and AWS refuses a shorter one than the timeout'
            )


class LambdaContext:
    """The object that Lambda passes to a handler beside the event."""

    function_name = 'function'
    function_version = '$LATEST'
    invoked_function_arn = 'arn:aws:lambda:eu-west-1:123456789012:function:function'
    memory_limit_in_mb = 128
    log_group_name = '/aws/lambda/function'
    log_stream_name = 'stream'
    identity = None
    client_context = None

    def __init__(self, clock: VirtualClock, timeout: int) -> None:
        self.aws_request_id = str(uuid4())
        self._clock = clock
        self._ends_at = clock.now + timeout

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until Lambda ends the function, 0 or more."""
        return max(0, round((self._ends_at - self._clock.now) * 1_000))


class EventSourceRun:
    """The work of one mapping in `bus.run`. `sqs` is a client without faults: AWS makes the calls.

    One invocation runs at a time.
    """

    is_receiving = False
    is_idle = True
    next_time = _NEVER

    def __init__(
        self, mapping: EventSourceMapping, sqs: Any, clock: VirtualClock, recorder: RunRecorder
    ) -> None:
        self._mapping = mapping
        self._sqs = sqs
        self._clock = clock
        self._recorder = recorder
        self._is_invoking = self._is_stopping = False
        self.queue_name = mapping.queue.name
        self.is_over = False

    def step(self, can_receive: Callable[[], bool], *, may_process: bool) -> bool:
        """Invoke the function once, if there are messages. Return whether something happened."""
        if self.is_over or self._is_invoking or not may_process:
            return False
        if self._is_stopping:
            self.is_over = True
            return True
        messages = self._receive() if can_receive() else []
        if messages:
            self._is_invoking = True
            failed = self._invoke(messages)
            self._is_invoking = False
            self._delete([each for each in messages if each['MessageId'] not in failed])
        return bool(messages)

    def stop(self) -> None:
        """Invoke the function no more."""
        self._is_stopping = True

    def raise_failure(self) -> None:
        """Do nothing: the recorder raises the errors of the function."""

    def _receive(self) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = []
        while (missing := self._mapping.batch_size - len(messages)) > 0:
            answer = self._sqs.receive_message(
                QueueUrl=self._mapping.queue,
                MaxNumberOfMessages=min(missing, _MAX_RECEIVED),
                MessageAttributeNames=['All'],
                MessageSystemAttributeNames=['All'],
            )
            if not (received := answer.get('Messages')):
                break
            messages += received
        return messages

    def _invoke(self, messages: Sequence[dict[str, Any]]) -> set[str]:
        """Invoke the function, and return the ids of the messages that Lambda does not delete."""
        ids = {each['MessageId'] for each in messages}
        for message_id in ids:
            self._recorder.count(message_id)
        arn, timeout = self._mapping.queue.arn, self._mapping.timeout
        event = {'Records': [write_record(each, arn) for each in messages]}
        began, token = self._clock.now, OBSERVER.set(self._recorder.record)
        try:
            response = self._mapping.function(event, LambdaContext(self._clock, timeout))
        except (Exception, SystemExit) as error:
            self._recorder.fail(error)
            return ids
        finally:
            OBSERVER.reset(token)
        if self._clock.now - began > timeout:
            self._recorder.fail(TimeoutError(f'the function took longer than {timeout} seconds'))
            return ids
        try:
            return failed_ids(response, ids)
        except (TypeError, ValueError) as error:
            self._recorder.fail(error)
            return ids

    def _delete(self, messages: Sequence[dict[str, Any]]) -> None:
        for message in messages:
            handle = message['ReceiptHandle']
            self._sqs.delete_message(QueueUrl=self._mapping.queue, ReceiptHandle=handle)


def failed_ids(response: object, ids: set[str]) -> set[str]:
    """Return the ids that a response names. `ids` are those of the batch.

    Raises:
        TypeError: for a response that JSON cannot carry.
        ValueError: for another response after which Lambda deletes no message of the batch.
    """
    json.dumps(response)
    if response is None:
        return set()
    failures = (response.get('batchItemFailures') or []) if isinstance(response, dict) else None
    if not isinstance(failures, list):
        raise ValueError(f'the function returned {safe_repr(response)}: Lambda deletes no message')
    found: set[str] = set()
    for each in failures:
        name = each.get('itemIdentifier') if isinstance(each, dict) else None
        if not isinstance(name, str) or name not in ids:
            problem = (
                f'the function reported {safe_repr(each)}, which is not a message of the batch'
            )
            raise ValueError(f'{problem}: Lambda deletes no message')
        found.add(name)
    return found
