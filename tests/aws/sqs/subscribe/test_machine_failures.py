"""A failure of the machine leaves messages in the queue, and the listener alive."""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from mega.aws.sqs.subscribe import MessageSubscriber, Stats
from mega.aws.sqs.subscribe.subscribers.subscriber import Subscriber
from tests.aws.sqs.subscribe.factories import group, listener_on, send, subscriber
from tests.local_aws import Counts, LocalAws


@contextmanager
def no_file_descriptors() -> Iterator[None]:
    """Let this process open no file and no socket, as with too many open ones (EMFILE)."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.open(os.devnull, os.O_RDONLY)
    os.close(lowest_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def asynchronous(function: Callable[[str], object], **declared: Any) -> Subscriber:
    """Return a subscriber with an `async def process` that calls a function."""

    async def process(self: object, payload: str) -> None:
        function(payload)

    return subscriber(base=subscriber(), process=process, **declared)


@pytest.mark.parametrize('is_async', [False, True], ids=['def', 'async def'])
def test_no_message_is_deleted_while_no_file_descriptor_is_free(
    aws: LocalAws, is_async: bool
) -> None:
    def read(payload: str) -> None:
        with no_file_descriptors(), Path(os.devnull).open():
            pytest.fail('there was a free file descriptor')

    queue_url, dead = aws.create_queue(), aws.create_queue()
    send(aws, queue_url, *'abc')
    settings: dict[str, Any] = {'dead_letter_queue_url': dead, 'max_receives': 1}
    made = asynchronous(read) if is_async else subscriber(read)
    assert listener_on(aws, queue_url, made, **settings).drain() == Stats(received=3, retried=3)
    assert aws.counts(queue_url) == Counts(visible=0, in_flight=3)


def test_a_group_with_a_retriable_exception_leaves_the_message(aws: LocalAws) -> None:
    def process(payload: str) -> None:
        raise group(ValueError(), TimeoutError())

    queue_url = aws.create_queue()
    send(aws, queue_url, 'hej')
    made = asynchronous(process, retriable_exceptions=(TimeoutError,))
    assert listener_on(aws, queue_url, made).drain() == Stats(received=1, retried=1)
    assert aws.counts(queue_url) == Counts(visible=0, in_flight=1)


class CancelsOthers(MessageSubscriber):
    """Cancels all other tasks of the event loop, also tasks that have not begun."""

    async def process(self, payload: str) -> None:
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()


class CancelsItself(MessageSubscriber):
    async def process(self, payload: str) -> None:
        task = asyncio.current_task()
        assert task
        task.cancel()
        await asyncio.Event().wait()


def test_a_cancelled_task_frees_its_place(aws: LocalAws) -> None:
    """With one place, each message can begin only after the previous one has freed it."""
    queue_url = aws.create_queue()
    send(aws, queue_url, *'abc')
    listener = listener_on(aws, queue_url, CancelsItself, max_number_of_messages=10)
    assert listener.drain() == Stats(received=3, retried=3)


def test_a_task_that_is_cancelled_before_it_begins_frees_its_place(aws: LocalAws) -> None:
    queue_url = aws.create_queue()
    send(aws, queue_url, *'abcdef')
    settings = {'max_number_of_messages': 10, 'concurrency': 6}
    stats = listener_on(aws, queue_url, CancelsOthers, **settings).drain()
    assert stats == Stats(received=6, done=6, deleted=6)


@pytest.mark.parametrize(
    ('others', 'attempts'), [([], 2), ([subscriber()], 1)], ids=['async def', 'async def and def']
)
def test_a_message_stays_if_no_event_loop_can_be_created(
    aws: LocalAws, monkeypatch: pytest.MonkeyPatch, others: list[Any], attempts: int
) -> None:
    """The listener creates the event loop for the next message."""
    failures = iter([OSError(errno.EMFILE, 'Too many open files')] * attempts)
    create = asyncio.new_event_loop
    seen: list[str] = []

    def new_event_loop() -> asyncio.AbstractEventLoop:
        for failure in failures:
            raise failure
        return create()

    monkeypatch.setattr(asyncio, 'new_event_loop', new_event_loop)
    queue_url = aws.create_queue()
    send(aws, queue_url, *'ab')
    stats = listener_on(aws, queue_url, asynchronous(seen.append), *others).drain()
    assert stats == Stats(received=2, retried=1, done=1, deleted=1)
    assert len(seen) == 1


def test_a_message_stays_if_the_thread_of_the_event_loop_cannot_be_started(
    aws: LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name == 'mega-event-loop':
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, 'start', refuse)
    queue_url = aws.create_queue()
    send(aws, queue_url, 'hej')
    made = asynchronous(print)
    assert listener_on(aws, queue_url, made).drain() == Stats(received=1, retried=1)


class FailsLater(MessageSubscriber):
    """A subscriber whose next instance cannot be created."""

    errors: ClassVar[list[BaseException]] = []

    def __init__(self) -> None:
        for error in self.errors:
            raise error

    def process(self, payload: str) -> None: ...


class KeepsNoMessage(FailsLater):
    def __setattr__(self, name: str, value: object) -> None:
        for error in self.errors:
            raise error
        super().__setattr__(name, value)


@pytest.mark.parametrize('base', [FailsLater, KeepsNoMessage])
def test_a_message_stays_if_an_exception_precedes_the_call_of_process(
    aws: LocalAws, base: Any
) -> None:
    errors: list[BaseException] = []
    queue_url = aws.create_queue()
    send(aws, queue_url, 'hej')
    made: Any = type('Made', (base,), {'errors': errors})
    listener = listener_on(aws, queue_url, made)
    errors.append(KeyError('no database'))
    assert listener.drain() == Stats(received=1, retried=1)
    assert aws.counts(queue_url) == Counts(visible=0, in_flight=1)
