"""An SQS with faults: random faults, and each kind of fault alone."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import ExitStack
from queue import SimpleQueue
from threading import Thread
from typing import Any

import boto3
import pytest

from mega.aws.sqs import SqsPublisher
from mega.aws.sqs.subscribe import MessageSubscriber, ProcessStatus, SqsListener
from mega.aws.sqs.subscribe.subscribers.subscriber import Subscriber
from mega.local import Fault, Faults, Server, running
from tests.chaos.process_group import REPORT_TIMEOUT
from tests.profile import amount

COUNT = amount(300, 100_000)
RANDOM_FAULTS = Faults(seed=8, fail_calls=0.05, fail_entries=0.05)


@pytest.fixture(scope='module')
def process() -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.fixture
def server(process: Server) -> Server:
    process.reset()
    return process


class Load:
    """Listeners in threads, on a queue with numbered messages, and the outcome of each message.

    Every hundredth number fails permanently, and every thirtieth one at its first receive.
    """

    def __init__(self, server: Server, count: int) -> None:
        self.queue_url = server.create_queue('work')
        self.dead_url = server.create_queue('dead')
        self.done: set[int] = set()
        self.numbers = set(range(count))
        self.client: Any = boto3.Session().client('sqs', **server.credentials)
        self._credentials: Any = server.credentials
        self._responses: SimpleQueue[tuple[int, bool]] = SimpleQueue()
        self._threads: list[Thread] = []
        self.listeners: list[SqsListener] = []
        self.publish(*self.numbers)

    def publish(self, *numbers: int) -> None:
        with SqsPublisher(self.queue_url, **self._credentials) as publisher:
            publisher.publish_batch([{'n': number} for number in numbers], concurrency=4)

    def listen(self, count: int = 1, **settings: Any) -> None:
        """Start `count` listeners, and wait until each of them has received a message."""
        options = {
            'max_number_of_messages': 10,
            'wait_time_seconds': 1,
            'visibility_timeout': 2,
            'dead_letter_queue_url': self.dead_url,
            **settings,
            **self._credentials,
        }
        for number in range(count):
            listener = SqsListener(self.queue_url, [self._subscriber()], **options)
            self._report_receives(listener, number)
            thread = Thread(target=listener.listen)
            thread.start()
            self.listeners.append(listener)
            self._threads.append(thread)
        idle = set(range(count))
        while idle:
            number, is_empty = self._responses.get(timeout=REPORT_TIMEOUT)
            if not is_empty:
                idle.discard(number)

    def until_empty(self) -> None:
        """Wait until SQS counts no message in the queue."""
        names = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible']
        while True:
            _, is_empty = self._responses.get(timeout=REPORT_TIMEOUT)
            if not is_empty:
                continue
            answer = self.client.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=names)
            if all(answer['Attributes'][name] == '0' for name in names):
                return

    def dead_letters(self) -> set[int]:
        found = set()
        while messages := self.client.receive_message(
            QueueUrl=self.dead_url, MaxNumberOfMessages=10
        ).get('Messages'):
            found |= {json.loads(message['Body'])['n'] for message in messages}
        return found

    def are_alive(self) -> bool:
        return all(thread.is_alive() for thread in self._threads)

    def close(self) -> None:
        for listener in self.listeners:
            listener.stop()
        for thread in self._threads:
            thread.join(REPORT_TIMEOUT)
        for listener in self.listeners:
            listener.close()
        self.client.close()
        assert not any(thread.is_alive() for thread in self._threads)

    def _subscriber(self) -> Subscriber:
        done = self.done

        class Worker(MessageSubscriber):
            retry_delay = 0

            def process(self, payload: dict[str, int]) -> ProcessStatus:
                number = payload['n']
                if number % 100 == 99:
                    return ProcessStatus.FATAL_ERROR
                if number % 30 == 29 and self.message.receive_count == 1:
                    return ProcessStatus.RETRY_LATER
                done.add(number)
                return ProcessStatus.DONE

        return Worker

    def _report_receives(self, listener: SqsListener, number: int) -> None:
        def on_response(parsed: dict[str, Any], **others: object) -> None:
            self._responses.put((number, not parsed.get('Messages')))

        listener._aws.client.meta.events.register('after-call.sqs.ReceiveMessage', on_response)


@pytest.fixture
def closing() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_random_faults_lose_no_message_and_end_no_listener(
    server: Server, closing: ExitStack
) -> None:
    load = Load(server, COUNT)
    closing.callback(load.close)
    load.listen(count=8, concurrency=4)
    server.configure(faults=RANDOM_FAULTS)  # after the start, which some faults would end
    server.script(*Fault)  # each kind happens, although few are drawn
    load.until_empty()
    happened = server.counts().faults
    server.configure(faults=Faults())
    assert set(happened) >= {fault.value for fault in Fault}
    assert load.done | load.dead_letters() == load.numbers
    assert load.are_alive()
    load.publish(COUNT, COUNT + 1)
    load.until_empty()
    assert load.done >= {COUNT, COUNT + 1}


OPERATIONS = (
    'ReceiveMessage', 'DeleteMessageBatch', 'ChangeMessageVisibilityBatch', 'SendMessage',
)  # fmt: skip


@pytest.mark.parametrize('operation', OPERATIONS)
def test_the_listener_continues_after_each_kind_of_fault(
    server: Server, closing: ExitStack, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    """The server injects each kind of fault once, with a successful call after each."""
    monkeypatch.setattr(random, 'uniform', lambda low, high: low / 10)
    load = Load(server, 1_500)
    closing.callback(load.close)
    load.listen(concurrency=2)
    server.script(*[step for fault in Fault for step in (fault, None)], operation=operation)
    load.until_empty()
    assert server.counts().faults == {fault.value: 1 for fault in Fault}
    assert load.done | load.dead_letters() == load.numbers
    assert load.are_alive()
