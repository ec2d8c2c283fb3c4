"""The bus: SQS, SNS and S3 in the process of a test, in virtual time.

    bus = Bus()
    orders = bus.queue('orders')
    SqsPublisher(orders, client=bus.sqs).publish({'order': 1})
    bus.run(SqsListener(orders, [Ship], client=bus.sqs))
    bus.assert_processed(Ship, {'order': 1})

The test uses the publishers, listeners and payload stores of production. Their clients call the
model of `mega.local` instead of AWS, and the thread of the test runs the listeners.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from threading import RLock
from typing import TYPE_CHECKING, Any

from mega.aws._transport.in_process import InProcessClient, RefusedCallError
from mega.errors import ConfigurationError, Seconds, check_int, check_seconds, safe_repr
from mega.local.account import Account
from mega.local.errors import AwsError, older_code
from mega.local.faults import FaultPlan, Step
from mega.local.sqs.decisions import Decisions
from mega.local.sqs.stored import StoredMessage
from mega.testing.assertions import Assertions
from mega.testing.clock import VirtualClock
from mega.testing.event_source import EventSourceMapping, EventSourceRun, LambdaFunction
from mega.testing.faults import LOST, operation_of, refusal, without_batch
from mega.testing.inline import InlineRuntime
from mega.testing.queues import messages_in
from mega.testing.records import DeadLetter, PublishedMessage, reason_in
from mega.testing.resources import Bucket, Queue, Resources, Topic
from mega.testing.run import RunRecorder
from mega.testing.scheduler import ListenerRun, Run, Scheduler

if TYPE_CHECKING:
    from mega.aws.s3.store import S3PayloadStore
    from mega.aws.sqs.subscribe.listener import SqsListener

__all__ = ('Bus',)

MAX_DELIVERIES = 10_000_000
MAX_TIMES = 1_000_000
MAX_SECONDS = 100 * 365 * 86_400
SERVICES = ('sqs', 'sns', 's3')


class Bus(Assertions):
    """SQS, SNS and S3 in this process, with a clock of their own.

    Pass `client=bus.sqs` to an `SqsPublisher` or an `SqsListener`, `client=bus.sns` to an
    `SnsPublisher`, and `client=bus.s3` to an `S3PayloadStore`. They have the methods of boto3.

    The time of the bus begins now, and passes only in `run`, in `advance`, during the waits of a
    publisher before it retries, and in a long poll.

    Publishers may be used in any thread. `run` and `advance` belong to one thread.
    """

    def __init__(self) -> None:
        super().__init__()
        self._clock = VirtualClock(time.time())
        self._decisions = Decisions()
        self._account = Account(self._clock, decisions=self._decisions)
        self._scheduler = Scheduler(self._account, self._clock)
        self._lock = RLock()
        self._faults = FaultPlan()
        self.sqs, self.sns, self.s3 = (
            InProcessClient(service, partial(self._call, service), self._clock)
            for service in SERVICES
        )
        # These calls are not of the code under test, and have no faults.
        self._own = {
            service: InProcessClient(service, partial(self._perform, service), self._clock)
            for service in SERVICES
        }
        self._resources = Resources(self._own)
        self._published: list[PublishedMessage] = []
        self._seen = 0
        self._last_errors: dict[str, tuple[str, str, str | None]] = {}

    # Resources

    def queue(
        self,
        name: str,
        *,
        fifo: bool | None = None,
        dead_letter: Queue | None = None,
        max_receive_count: int | None = None,
        visibility_timeout: int | None = None,
        attributes: Mapping[str, str] | None = None,
    ) -> Queue:
        """Create a queue, and return its URL, which has its `name` and `arn`.

        SQS moves a message to the queue `dead_letter` that was received `max_receive_count` times,
        10 by default. `visibility_timeout` is in seconds. With `fifo=True` the name gets its
        suffix. A FIFO queue deduplicates by content. `attributes` are others, by AWS's names.

        Raises:
            ConfigurationError: for contradictory options, or a queue of another bus.
            botocore.exceptions.ClientError: for a name or an attribute that SQS refuses.
        """
        given = dict(attributes or {})
        if visibility_timeout is not None:
            given['VisibilityTimeout'] = str(visibility_timeout)
        return self._resources.queue(name, fifo, dead_letter, max_receive_count, given)

    def topic(
        self,
        name: str,
        *,
        to: Queue | Iterable[Queue] = (),
        raw: bool = False,
        filter_policy: Any = None,
        fifo: bool | None = None,
    ) -> Topic:
        """Create a topic, subscribe queues to it, and return its ARN.

        `raw` is for raw message delivery, without SNS's envelope. `filter_policy` is a policy on
        attributes, or the result of `to_filter_policy`. A topic whose queues are FIFO is FIFO.
        Another call with the same name subscribes other queues to the same topic.

        Raises:
            ConfigurationError: for a queue that is not of this bus.
            botocore.exceptions.ClientError: for a name or a policy that SNS refuses.
        """
        return self._resources.topic(name, to, raw, filter_policy, fifo)

    def bucket(self, name: str) -> Bucket:
        """Create a bucket in S3, and return its name.

        Raises:
            botocore.exceptions.ClientError: for a name that S3 refuses.
        """
        return self._resources.bucket(name)

    def event_source_mapping(
        self, queue: Queue, function: LambdaFunction, *, batch_size: int = 10, timeout: int = 3
    ) -> EventSourceMapping:
        """Return a mapping for `run`: it invokes a function of Lambda with the messages of a queue.

        `function` is a `LambdaHandler`, or any other handler of Lambda. `batch_size` is the maximum
        number of messages of an event. `timeout` is that of the function, in seconds. After a
        longer time, its response does not count. The bus does not end the function.

        Raises:
            ConfigurationError: for what AWS refuses, and for a queue of another bus.
        """
        return EventSourceMapping(
            queue, function, batch_size, timeout, self._resources.visibility_timeout(queue)
        )

    # Time

    @property
    def time(self) -> float:
        """The time of the bus, in seconds since the epoch."""
        return self._clock.now

    def advance(self, seconds: Seconds) -> None:
        """Let time pass. In a subscriber, it is the time that the subscriber takes.

        Outside of `run`, no listener works meanwhile.

        Raises:
            ConfigurationError: for a negative number, and for more than a hundred years.
        """
        self._clock.advance(check_seconds('seconds', seconds, 0, MAX_SECONDS))

    def run(
        self,
        *listeners: SqsListener | EventSourceMapping,
        raising: bool = True,
        max_deliveries: int = 1_000,
    ) -> None:
        """Let listeners and functions of Lambda work in this thread until nothing is due.

        That is when their queues are empty: time passes over delays, retries and visibility
        timeouts. The settings of the listeners apply, except that they have no threads: messages
        are processed one after another, also with a `concurrency` above 1.

        Raises:
            BaseException: the first exception of a subscriber that did not declare it as retriable,
                or of a function of Lambda, unless `raising=False`. Its message is settled before.
            AssertionError: after more than `max_deliveries` deliveries.
            ConfigurationError: for listeners of other buses or of AWS, and during another run.
            TransportError: if a listener cannot work, as in `SqsListener.listen`.
        """
        __tracebackhide__ = True
        check_int('max_deliveries', max_deliveries, 1, MAX_DELIVERIES)
        self._check_listeners(listeners)
        recorder = RunRecorder(
            self._processed, self._last_errors, self._scheduler.stop, max_deliveries, raising
        )
        with ExitStack() as stack:
            runs = [self._begin(listener, recorder, stack) for listener in listeners]
            self._scheduler.run(runs)
        for run in runs:
            run.raise_failure()
        recorder.raise_error()

    def _check_listeners(self, listeners: tuple[SqsListener | EventSourceMapping, ...]) -> None:
        from mega.aws.sqs.subscribe import SqsListener

        if self._scheduler.is_running:
            raise ConfigurationError('bus.run is running: a subscriber cannot begin another run')
        for listener in listeners:
            if isinstance(listener, EventSourceMapping):
                self._resources.visibility_timeout(listener.queue)
                continue
            if not isinstance(listener, SqsListener):
                raise ConfigurationError(
                    f'{safe_repr(listener)} is not an SqsListener: pass an SqsListener, or the '
                    'result of bus.event_source_mapping(queue, handler)'
                )
            if listener._aws.client is not self.sqs:
                raise ConfigurationError(
                    f'the listener of {listener.queue_url} has another client: create it with '
                    'client=bus.sqs of this bus'
                )
        if not listeners or len(set(listeners)) < len(listeners):
            problem = 'pass one or more listeners or event source mappings to bus.run'
            raise ConfigurationError(f'{problem}, each of them once')

    def _begin(
        self, listener: SqsListener | EventSourceMapping, recorder: RunRecorder, stack: ExitStack
    ) -> Run:
        if isinstance(listener, EventSourceMapping):
            return EventSourceRun(listener, self._own['sqs'], self._clock, recorder)
        runtime = InlineRuntime(self._clock, recorder.observe)
        with self._without_faults():  # they are not meant for the checks of the queue
            session = stack.enter_context(listener._begin(runtime))
        stack.callback(session.close)
        return ListenerRun(session, runtime.pool, Queue(listener.queue_url).name)

    # Faults

    def fail(self, operation: str, code: str = 'InternalError', times: int = 1) -> None:
        """Let AWS refuse the next calls of an operation with an error code, without an effect.

        `operation` is AWS's name, such as `SendMessage`. Its batch form counts as the same.

        Raises:
            ConfigurationError: for an unknown operation.
        """
        self._script(operation, refusal(code), times)

    def lose(self, operation: str, times: int = 1) -> None:
        """Let the responses to the next calls of an operation be lost. The calls have an effect.

        `operation` is AWS's name, such as `DeleteMessage`. Its batch form counts as the same.

        Raises:
            ConfigurationError: for an unknown operation.
        """
        self._script(operation, LOST, times)

    def _script(self, operation: str, step: Step, times: int) -> None:
        check_int('times', times, 1, MAX_TIMES)
        name = operation_of(operation, self._account.operation_names())
        self._faults.script([step] * times, name)

    @contextmanager
    def _without_faults(self) -> Iterator[None]:
        faults, self._faults = self._faults, FaultPlan()
        try:
            yield
        finally:
            self._faults = faults

    def duplicate_next(self) -> None:
        """Let SQS deliver the next message that is deleted from a standard queue a second time.

        The delete seems to succeed. The message is visible again after its visibility timeout.
        """
        self._decisions.duplicate_next()

    # Records

    def published(self) -> list[PublishedMessage]:
        """Return the messages that were sent to queues and topics, decoded, in order.

        Not the ones that SNS delivered or that were dead-lettered, and no duplicate that a FIFO
        queue or topic dropped.
        """
        return list(self._published)

    def dead_letters(self) -> list[DeadLetter]:
        """Return the messages in dead-letter queues, decoded, with the reason."""
        return [each for each in self._messages_left() if isinstance(each, DeadLetter)]

    def _messages_left(self) -> list[PublishedMessage]:
        with self._lock:
            return [
                self._record(Queue(self._resources.destination(queue.arn)), stored)
                for queue in self._account.sqs.queues.values()
                for stored in messages_in(queue, self._clock.now)
            ]

    def _record(self, queue: Queue, stored: StoredMessage) -> PublishedMessage:
        sent = stored.message
        reason = reason_in(sent)
        if reason is None and stored.source_arn is not None:
            name, text, subscriber = self._last_errors.get(sent.id, (None, None, None))
            count = stored.earlier_receives
            reason = {'error': name, 'text': text, 'subscriber': subscriber, 'receive_count': count}
        if reason is None:
            return PublishedMessage(sent, queue, self._read_store)
        return DeadLetter(sent, queue, self._read_store, reason)

    # Calls

    def _call(self, service: str, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """Perform a call of a client, with the faults that the test asked for."""
        with self._lock:
            failing = self._faults.for_call(without_batch(operation))
            if failing.error is not None:
                raise _refused(service, failing.error)
            if operation == 'ReceiveMessage' and not self._scheduler.is_receiving:
                self._wait_for_message(request)
            response = self._perform(service, operation, request)
        if failing.fault is LOST:
            raise TimeoutError('the response was lost, as the test asked for')
        return response

    def _perform(self, service: str, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            try:
                response = self._account.call(service, operation, request)
            except AwsError as error:
                raise _refused(service, error) from None
            self._record_published()
            return response

    def _wait_for_message(self, request: dict[str, Any]) -> None:
        """Let time pass as in a long poll."""
        with suppress(AwsError):  # the receive itself raises it
            name, seconds = self._account.sqs.long_poll(request)
            self._scheduler.wait_for_message(self._account.sqs.queues[name], seconds)

    def _record_published(self) -> None:
        accepted = self._account.state.accepted
        new, self._seen = accepted[self._seen :], len(accepted)  # before the calls below
        for sent in new:
            if not sent.is_duplicate and reason_in(sent) is None:
                destination = self._resources.destination(sent.destination)
                self._published.append(PublishedMessage(sent, destination, self._read_store))

    def _read_store(self, bucket: str) -> S3PayloadStore:
        """Return a store that reads a bucket without faults."""
        from mega.aws.s3.store import S3PayloadStore

        return S3PayloadStore(bucket, client=self._own['s3'])


def _refused(service: str, error: AwsError) -> RefusedCallError:
    if service != 'sqs':
        return RefusedCallError(error.code, error.message, error.status)
    return RefusedCallError(older_code(error.code), error.message, error.status, error.code)
