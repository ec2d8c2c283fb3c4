"""Factories of subscribers, listeners and messages, and observers of a listener, for tests."""

from __future__ import annotations

import asyncio
import builtins
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from pathlib import Path
from threading import Event, Thread
from typing import Any, cast

import pytest

from mega.aws._hooks.work import AwaitResult, run_to_completion
from mega.aws.sqs.publish import SqsPublisher
from mega.aws.sqs.subscribe import (
    DeliveryResult,
    Message,
    MessageSubscriber,
    ProcessStatus,
    SqsListener,
    Stats,
)
from mega.aws.sqs.subscribe.processing.dispatch import dispatch
from mega.aws.sqs.subscribe.processing.hooks import Hooks
from mega.aws.sqs.subscribe.processing.outcome import Outcome
from mega.aws.sqs.subscribe.processing.pipeline import Processor
from mega.aws.sqs.subscribe.processing.settlement import SettlementPolicy
from mega.aws.sqs.subscribe.subscribers.routing import Router
from mega.aws.sqs.subscribe.subscribers.subscriber import Subscriber
from mega.testing import Bus
from tests.aws.answers import ALL_DONE, Scripted, sqs_answer
from tests.aws.fault_server import FaultServer
from tests.local_aws import LocalAws

__all__ = (
    'BEFORE_RECEIVE',
    'MESSAGE',
    'WITHIN',
    'LogWatcher',
    'botocore_event',
    'drained',
    'group',
    'is_dispatched',
    'listener_on',
    'listening',
    'on_botocore_event',
    'open_sockets',
    'outcomes',
    'process_received',
    'run_by_asyncio',
    'send',
    'statuses',
    'subscriber',
    'warnings_at_start',
    'warnings_of',
    'will_receive',
)

WITHIN = 10.0  # seconds; a test fails if an event takes longer

BEFORE_RECEIVE = 'before-send.sqs.ReceiveMessage'  # botocore's event before each receive

MESSAGE = Message(id='7c3a', body='{}', receipt_handle='handle')


def subscriber(
    answer: object = None,
    seen: list[Any] | None = None,
    base: Any = MessageSubscriber,
    called: str = 'Made',
    **declared: Any,
) -> Subscriber:
    """Return a subscriber class whose `process` appends the payload to `seen` and answers.

    `process` raises an `answer` that is an exception, calls a function with the payload, and
    returns any other `answer`.
    """

    def process(self: MessageSubscriber, payload: Any) -> Any:
        if seen is not None:
            seen.append(payload)
        if isinstance(answer, BaseException):
            raise answer
        return answer(payload) if callable(answer) else answer

    made: Any = type(called, (base,), {'process': process, **declared})
    return cast(Subscriber, made)


class BaseExceptionGroup(BaseException):
    """A group, as libraries define one for Python 3.10."""

    def __init__(self, text: str, exceptions: list[BaseException]) -> None:
        super().__init__(text, exceptions)  # its repr shows both, as that of Python 3.11 does
        self.exceptions = tuple(exceptions)


def group(*errors: BaseException) -> BaseException:
    """Return an `ExceptionGroup`, as an `asyncio.TaskGroup` raises it."""
    kind: Any = getattr(builtins, 'BaseExceptionGroup', BaseExceptionGroup)
    made: BaseException = kind('errors', list(errors))
    return made


def run_by_asyncio(awaitable: Awaitable[object]) -> AwaitResult:
    """Await an object in a new event loop."""

    async def wait() -> AwaitResult:
        try:
            return await awaitable, None
        except BaseException as error:
            return None, error

    return asyncio.run(wait())


def outcomes(
    payload: Any,
    *subscribers: Subscriber,
    message: Message = MESSAGE,
    unhandled: ProcessStatus = ProcessStatus.FATAL_ERROR,
) -> list[Outcome]:
    """Dispatch a payload to subscribers, and return their outcomes."""
    router = Router()
    for each in subscribers:
        router.register(each)
    matching, failed = router.match(payload, message)
    assert not failed
    work = dispatch(message, payload, matching, unhandled)
    return copy_context().run(run_to_completion, work, run_by_asyncio)


def process_received(received: dict[str, Any], *subscribers: Subscriber) -> DeliveryResult:
    """Process a message in boto3's form, and return its result."""
    router = Router()
    for each in subscribers:
        router.register(each)
    processor = Processor(router, SettlementPolicy(), Hooks())
    context = copy_context()
    opened = context.run(processor.open, received)
    return context.run(run_to_completion, processor.process(opened), run_by_asyncio)


def statuses(
    payload: Any,
    *subscribers: Subscriber,
    unhandled: ProcessStatus = ProcessStatus.FATAL_ERROR,
) -> list[ProcessStatus]:
    return [found.status for found in outcomes(payload, *subscribers, unhandled=unhandled)]


def is_dispatched(target: Subscriber, payload: Any) -> bool:
    """Return whether the router passes a payload to a subscriber that returns `DONE`."""
    found = statuses(payload, target)
    assert found in ([], [ProcessStatus.DONE])
    return bool(found)


def client_of(aws: LocalAws | FaultServer | Bus) -> Any:
    return aws.sqs if isinstance(aws, Bus) else aws.client('sqs')


def listener_on(
    aws: LocalAws | FaultServer | Bus, queue_url: str, *subscribers: Subscriber, **settings: Any
) -> SqsListener:
    """Return a listener that makes short polls, unless `settings` says otherwise."""
    settings = {'wait_time_seconds': 0, 'client': client_of(aws), **settings}
    return SqsListener(queue_url, subscribers, **settings)


def will_receive(
    faults: FaultServer, *answers: Scripted, **by_operation: Sequence[Scripted]
) -> None:
    """Script the responses to receives. Other calls have a script in `by_operation`, or succeed."""
    scripts: dict[str, Sequence[Scripted]] = {
        'GetQueueAttributes': [sqs_answer(Attributes={'RedrivePolicy': '{}'})],
        'DeleteMessageBatch': [ALL_DONE],
        'ChangeMessageVisibilityBatch': [ALL_DONE],
    }
    faults.will(*answers, **(scripts | by_operation))


def send(aws: LocalAws | Bus, queue_url: str, *payloads: Any, **options: Any) -> list[str]:
    """Publish payloads (a `str` as a raw body), and return the ids of their messages."""
    publisher = SqsPublisher(queue_url, client=client_of(aws))
    return [
        publisher.publish_raw_message(payload, **options)
        if isinstance(payload, str)
        else publisher.publish(payload, **options)
        for payload in payloads
    ]


@contextmanager
def listening(listener: SqsListener) -> Iterator[Thread]:
    """Run a listener in a thread until the block ends, and raise the thread's exception here."""
    raised: list[BaseException] = []

    def listen() -> None:
        try:
            listener.listen()
        except BaseException as error:
            raised.append(error)

    thread = Thread(target=listen, daemon=True)
    thread.start()
    try:
        yield thread
    finally:
        listener.stop()
        thread.join(WITHIN)
    assert not thread.is_alive()
    if raised:
        raise raised[0]


@contextmanager
def on_botocore_event(aws: LocalAws, event: str, callback: Callable[[], object]) -> Iterator[None]:
    """Call `callback` at each botocore event of a server's client, such as `BEFORE_RECEIVE`."""

    def on_event(**arguments: object) -> None:
        callback()

    events = aws.client('sqs').meta.events
    events.register(event, on_event)
    try:
        yield
    finally:
        events.unregister(event, on_event)


@contextmanager
def botocore_event(aws: LocalAws, event: str) -> Iterator[Event]:
    """Return an event that is set when botocore emits the event."""
    happened = Event()
    with on_botocore_event(aws, event, happened.set):
        yield happened


def open_sockets() -> set[str]:
    """Return the open sockets of this process."""
    found = set()
    for each in Path('/proc/self/fd').iterdir():
        try:
            target = str(each.readlink())
        except OSError:  # the descriptor of this listing is closed already
            continue
        if target.startswith('socket:'):
            found.add(target)
    return found


class LogWatcher(logging.Handler):
    """A log handler that waits for a line with given words."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self.words = words
        self.event = Event()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if self.words in record.getMessage():
            self.texts.append(record.getMessage())
            self.event.set()


_CHECKS = 'mega.aws.sqs.subscribe.preflight.checks'


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the log messages of level WARNING and above, except for the checks at start."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.name.partition('.')[0] == 'mega'
        and record.name != _CHECKS
        and record.levelno >= logging.WARNING
    ]


def warnings_at_start(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the warnings of the checks at start, without the one about short polls."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.name == _CHECKS and 'wait_time_seconds=0' not in record.getMessage()
    ]


def drained(listener: SqsListener) -> Stats:
    """Drain until a drain receives nothing, and return the statistics of all drains."""
    before = listener.stats()
    while listener.drain().received:
        pass
    return listener.stats().since(before)
