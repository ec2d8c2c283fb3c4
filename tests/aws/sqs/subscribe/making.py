"""Subscribers, listeners and messages in one line each, for tests that are about something else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any, cast

import pytest

from mega.aws.sqs.publish import SqsPublisher
from mega.aws.sqs.subscribe import (
    DeliveryResult,
    Message,
    MessageSubscriber,
    ProcessStatus,
    SqsListener,
)
from mega.aws.sqs.subscribe.processing.dispatch import AwaitResult, dispatch, finish
from mega.aws.sqs.subscribe.processing.hooks import Hooks
from mega.aws.sqs.subscribe.processing.outcome import Outcome
from mega.aws.sqs.subscribe.processing.pipeline import Processor
from mega.aws.sqs.subscribe.processing.settlement import Policy
from mega.aws.sqs.subscribe.subscribers.routing import Router
from mega.aws.sqs.subscribe.subscribers.subscriber import Subscriber
from tests.aws.answers import ALL_DONE, Scripted, sqs_answer
from tests.aws.fault_server import FaultServer
from tests.local_aws import LocalAws

__all__ = (
    'MESSAGE',
    'POLLS',
    'WITHIN',
    'delivered',
    'each_time',
    'listener_on',
    'listening',
    'outcomes',
    'run_by_asyncio',
    'send',
    'sockets',
    'statuses',
    'subscriber',
    'told_of',
    'wants',
    'warnings_of',
    'will_receive',
)

WITHIN = 10.0  # seconds; what takes so long does not happen

POLLS = 'before-send.sqs.ReceiveMessage'  # botocore's name of that event

MESSAGE = Message(id='7c3a', body='{}', receipt_handle='handle')


def subscriber(
    answer: object = None,
    seen: list[Any] | None = None,
    base: Any = MessageSubscriber,
    called: str = 'Made',
    **declared: Any,
) -> Subscriber:
    """A class whose `process` notes the payload in `seen`, and answers.

    An answer that is an exception is raised; a function is called with the payload.
    """

    def process(self: MessageSubscriber, payload: Any) -> Any:
        if seen is not None:
            seen.append(payload)
        if isinstance(answer, BaseException):
            raise answer
        return answer(payload) if callable(answer) else answer

    made: Any = type(called, (base,), {'process': process, **declared})
    return cast(Subscriber, made)


def run_by_asyncio(awaitable: Awaitable[object]) -> AwaitResult:
    """Await something in an event loop of its own."""

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
    """What comes of a payload that is handed to subscribers."""
    router = Router()
    for each in subscribers:
        router.register(each)
    wanting, undecided = router.match(payload)
    assert not undecided
    return finish(dispatch(message, payload, wanting, unhandled), run_by_asyncio)


def delivered(received: dict[str, Any], *subscribers: Subscriber) -> DeliveryResult:
    """What comes of a message as boto3 shows it."""
    router = Router()
    for each in subscribers:
        router.register(each)
    processor = Processor(router, Policy(), Hooks())
    return finish(processor.process(processor.open(received)), run_by_asyncio)


def statuses(
    payload: Any,
    *subscribers: Subscriber,
    unhandled: ProcessStatus = ProcessStatus.FATAL_ERROR,
) -> list[ProcessStatus]:
    return [found.status for found in outcomes(payload, *subscribers, unhandled=unhandled)]


def wants(asked: Subscriber, payload: Any) -> bool:
    """Whether a subscriber, which does nothing but answer `DONE`, gets a payload."""
    found = statuses(payload, asked)
    assert found in ([], [ProcessStatus.DONE])
    return bool(found)


def listener_on(
    aws: LocalAws | FaultServer, queue_url: str, *subscribers: Subscriber, **settings: Any
) -> SqsListener:
    """A listener that does not wait for messages, unless it is told to."""
    settings = {'wait_time_seconds': 0, 'client': aws.client('sqs'), **settings}
    return SqsListener(queue_url, subscribers, **settings)


def will_receive(
    faults: FaultServer, *answers: Scripted, **of_operations: Sequence[Scripted]
) -> None:
    """Have receives answered like this. All other calls succeed, or are answered as they say."""
    scripts: dict[str, Sequence[Scripted]] = {
        'GetQueueAttributes': [sqs_answer(Attributes={'RedrivePolicy': '{}'})],
        'DeleteMessageBatch': [ALL_DONE],
        'ChangeMessageVisibilityBatch': [ALL_DONE],
    }
    faults.will(*answers, **(scripts | of_operations))


def send(aws: LocalAws, queue_url: str, *payloads: Any, **options: Any) -> list[str]:
    """Publish payloads, a `str` as the body that it is, and answer the ids of their messages."""
    publisher = SqsPublisher(queue_url, client=aws.client('sqs'))
    return [
        publisher.publish_raw_message(payload, **options)
        if isinstance(payload, str)
        else publisher.publish(payload, **options)
        for payload in payloads
    ]


@contextmanager
def listening(listener: SqsListener) -> Iterator[Thread]:
    """Have a listener listen in a thread until the block ends. What it raises is raised here."""
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
def each_time(aws: LocalAws, event: str, do: Callable[[], object]) -> Iterator[None]:
    """Do something whenever botocore tells an event of the client of a server, such as `POLLS`."""

    def hear(**arguments: object) -> None:
        do()

    events = aws.client('sqs').meta.events
    events.register(event, hear)
    try:
        yield
    finally:
        events.unregister(event, hear)


@contextmanager
def told_of(aws: LocalAws, event: str) -> Iterator[Event]:
    """An event that is set when botocore tells one."""
    happened = Event()
    with each_time(aws, event, happened.set):
        yield happened


def sockets() -> set[str]:
    """The sockets of this process."""
    found = set()
    for each in Path('/proc/self/fd').iterdir():
        try:
            target = str(each.readlink())
        except OSError:  # that of this very look, which is closed by now
            continue
        if target.startswith('socket:'):
            found.add(target)
    return found


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What this library has warned of, or worse."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.name.partition('.')[0] == 'mega' and record.levelno >= logging.WARNING
    ]
