"""Concurrent messages: in threads, in an event loop, and in several processes."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from contextlib import closing
from threading import Barrier, Event, Lock
from typing import Any

import boto3
import pytest

from mega.aws.sqs import SqsPublisher
from mega.aws.sqs.subscribe import MessageSubscriber, SqsListener, Stats
from mega.aws.sqs.subscribe.subscribers.subscriber import Subscriber
from mega.local import Server
from tests.aws.conftest import Clock
from tests.aws.forking import run_lines
from tests.aws.sqs.subscribe.factories import WITHIN, listening, open_sockets, subscriber


def publish(server: Server, queue_url: str, *payloads: Any) -> None:
    with SqsPublisher(queue_url, **server.credentials) as publisher:
        publisher.publish_batch(payloads)


def listener_on(
    server: Server, queue_url: str, *subscribers: Subscriber, **settings: Any
) -> SqsListener:
    """Return a listener with its own client, which receives ten messages at a time."""
    given = {'wait_time_seconds': 0, 'max_number_of_messages': 10, 'visibility_timeout': 600}
    return SqsListener(queue_url, subscribers, **{**given, **server.credentials, **settings})


class Load:
    """Counts the messages in processing, and their maximum."""

    def __init__(self) -> None:
        self.most = self.now = self.ended = 0
        self._lock = Lock()

    def __enter__(self) -> None:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self.now -= 1
            self.ended += 1


# Threads


@pytest.mark.parametrize('concurrency', [1, 2, 8])
def test_at_most_concurrency_messages_are_in_processing(server: Server, concurrency: int) -> None:
    """The barrier requires `concurrency` threads at the same time."""
    queue_url = server.create_queue('orders')
    publish(server, queue_url, *'abcdefghijklmnopqrstuvwx')
    together, load = Barrier(concurrency), Load()

    def process(payload: str) -> None:
        with load:
            together.wait(WITHIN)

    listener = listener_on(server, queue_url, subscriber(process), concurrency=concurrency)
    with closing(listener):
        assert listener.drain() == Stats(received=24, done=24, deleted=24)
    assert load.most == concurrency


def test_messages_are_processed_in_worker_threads_that_end_with_the_listener(
    server: Server,
) -> None:
    queue_url = server.create_queue('orders')
    publish(server, queue_url, *'abc')
    together = Barrier(3)
    names: set[str] = set()

    def process(payload: str) -> None:
        names.add(threading.current_thread().name)
        together.wait(WITHIN)

    with closing(listener_on(server, queue_url, subscriber(process), concurrency=3)) as listener:
        listener.drain()
    assert len(names) == 3
    assert all(name.startswith('mega-listener-') for name in names)
    assert names.isdisjoint(thread.name for thread in threading.enumerate())


def test_a_concurrency_of_one_drains_in_the_calling_thread(server: Server) -> None:
    queue_url = server.create_queue('orders')
    publish(server, queue_url, *'abc')
    threads: set[threading.Thread] = set()
    process = subscriber(lambda payload: threads.add(threading.current_thread()))
    with closing(listener_on(server, queue_url, process)) as listener:
        listener.drain()
    assert threads == {threading.current_thread()}


def test_a_slow_message_does_not_delay_the_others(server: Server) -> None:
    queue_url = server.create_queue('orders')
    others = Event()
    seen: list[str] = []

    def process(payload: str) -> None:
        if payload == 'long':
            assert others.wait(WITHIN)
            return
        seen.append(payload)
        if len(seen) == 20:
            others.set()

    listener = listener_on(server, queue_url, subscriber(process), concurrency=2)
    publish(server, queue_url, 'long', *map(str, range(20)))
    with closing(listener):
        assert listener.drain().done == 21


@pytest.mark.parametrize('groups', [1, 4])
def test_groups_of_a_fifo_queue_run_concurrently_and_each_in_order(
    server: Server, groups: int
) -> None:
    queue_url = server.create_queue('orders', fifo=True, ContentBasedDeduplication=True)
    with SqsPublisher(queue_url, **server.credentials) as publisher:
        for number in range(5):
            for group in map(str, range(groups)):
                publisher.publish(f'{group} {number}', message_group_id=group)
    together, load = Barrier(groups), Load()
    orders: dict[str, list[int]] = {str(group): [] for group in range(groups)}

    def process(payload: str) -> None:
        group, number = payload.split()
        orders[group].append(int(number))
        with load:
            together.wait(WITHIN)

    listener = listener_on(server, queue_url, subscriber(process), concurrency=8)
    with closing(listener):
        assert listener.drain().deleted == 5 * groups
    assert load.most == groups
    assert all(order == list(range(5)) for order in orders.values())


# The event loop


class AsyncBarrier:
    """A barrier for `size` coroutines, which can be used several times."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._there = 0
        self._all_there = asyncio.Event()

    async def wait(self) -> None:
        self._there += 1
        if self._there % self._size == 0:
            self._all_there.set()
            self._all_there = asyncio.Event()
        else:
            await asyncio.wait_for(self._all_there.wait(), WITHIN)


@pytest.mark.parametrize('concurrency', [1, 4, 50])
def test_one_loop_runs_concurrency_coroutines(server: Server, concurrency: int) -> None:
    queue_url = server.create_queue('orders')
    publish(server, queue_url, *map(str, range(100)))
    barriers: dict[object, AsyncBarrier] = {}
    load = Load()

    class Asynchronous(MessageSubscriber):
        async def process(self, payload: str) -> None:
            loop = asyncio.get_running_loop()
            with load:
                await barriers.setdefault(loop, AsyncBarrier(concurrency)).wait()

    listener = listener_on(server, queue_url, Asynchronous, concurrency=concurrency)
    with closing(listener):
        assert listener.drain().deleted == 100
    assert load.most == concurrency
    assert len(barriers) == 1


def test_coroutines_do_not_need_a_thread_each(server: Server) -> None:
    queue_url = server.create_queue('orders')
    publish(server, queue_url, *map(str, range(100)))
    names: set[str] = set()
    barrier: list[AsyncBarrier] = []

    class Asynchronous(MessageSubscriber):
        async def process(self, payload: str) -> None:
            if not barrier:
                barrier.append(AsyncBarrier(100))
            names.update(thread.name for thread in threading.enumerate())
            await barrier[0].wait()

    with closing(listener_on(server, queue_url, Asynchronous, concurrency=100)) as listener:
        assert listener.drain().done == 100
    assert 'mega-event-loop' in names
    assert len([name for name in names if name.startswith('mega-listener-')]) < 50


def test_a_coroutine_that_waits_does_not_block_others(server: Server) -> None:
    """The first one waits for the second."""
    queue_url = server.create_queue('orders')
    publish(server, queue_url, 'first', 'second')
    order: list[str] = []
    events: list[asyncio.Event] = []

    class Asynchronous(MessageSubscriber):
        async def process(self, payload: str) -> None:
            events.append(asyncio.Event())
            if len(events) == 1:
                await asyncio.wait_for(events[0].wait(), WITHIN)
            else:
                events[0].set()
            order.append(payload)

    with closing(listener_on(server, queue_url, Asynchronous, concurrency=2)) as listener:
        assert listener.drain().done == 2
    assert len(order) == 2


# Threads and coroutines for one message


def test_sync_subscribers_run_in_a_thread_and_async_subscribers_in_the_loop(
    server: Server,
) -> None:
    queue_url = server.create_queue('orders')
    publish(server, queue_url, *'abcd')
    together = Barrier(4)
    loops: set[object] = set()
    seen: Counter[str] = Counter()

    class Asynchronous(MessageSubscriber):
        async def process(self, payload: str) -> None:
            loops.add(asyncio.get_running_loop())
            await asyncio.sleep(0)
            seen[payload] += 1

    def process(payload: str) -> None:
        together.wait(WITHIN)
        seen[payload] += 1

    both = subscriber(process), Asynchronous
    with closing(listener_on(server, queue_url, *both, concurrency=4)) as listener:
        assert listener.drain() == Stats(received=4, done=4, deleted=4)
    assert seen == dict.fromkeys('abcd', 2)
    assert len(loops) == 1


def test_one_subscriber_that_asks_for_a_retry_keeps_the_message(server: Server) -> None:
    queue_url = server.create_queue('orders')
    publish(server, queue_url, 'hej')

    class Asynchronous(MessageSubscriber):
        retriable_exceptions = (ConnectionError,)

        async def process(self, payload: str) -> None:
            raise ConnectionError

    both = subscriber(), Asynchronous
    with closing(listener_on(server, queue_url, *both, concurrency=4)) as listener:
        assert listener.drain() == Stats(received=1, retried=1)


# Extensions


@pytest.mark.parametrize('is_async', [False, True], ids=['a thread', 'a coroutine'])
def test_waiting_and_processing_messages_are_extended(
    server: Server, clock: Clock, is_async: bool
) -> None:
    """The first message ends after one call that extends both."""
    queue_url = server.create_queue('orders')
    publish(server, queue_url, 'first', 'second')
    extended, ended = Event(), Barrier(2)
    started: list[str] = []

    def note(params: dict[str, Any], **others: object) -> None:
        if len(params['Entries']) == 2:
            extended.set()

    def process(payload: str) -> None:
        started.append(payload)
        if len(started) == 2:
            ended.wait(WITHIN)
            return
        clock.sleep(20)
        assert extended.wait(WITHIN)

    class Asynchronous(MessageSubscriber):
        async def process(self, payload: str) -> None:
            await asyncio.to_thread(process, payload)

    session: Any = boto3.Session()
    with closing(session.client('sqs', **server.credentials)) as client:
        event = 'provide-client-params.sqs.ChangeMessageVisibilityBatch'
        client.meta.events.register(event, note)
        listener = SqsListener(
            queue_url,
            [Asynchronous if is_async else subscriber(process)],
            client=client,
            max_number_of_messages=2,
            visibility_timeout=30,
            max_processing_time=600,
            wait_time_seconds=0,
        )
        with listening(listener):
            ended.wait(WITHIN)
        stats = listener.stats()
        assert (stats.received, stats.done, stats.deleted) == (2, 2, 2)


# Clients and processes


def test_one_client_serves_all_threads_with_no_more_connections_than_threads(
    server: Server,
) -> None:
    made: list[Any] = []

    class Counting(boto3.Session):
        def client(self, *arguments: Any, **settings: Any) -> Any:
            made.append(super().client(*arguments, **settings))
            return made[-1]

    queue_url = server.create_queue('orders')
    publish(server, queue_url, *map(str, range(192)))
    session = Counting('testing', 'testing', region_name='eu-west-1')
    together = Barrier(16)
    most = 0

    def process(payload: str) -> None:
        nonlocal most
        if together.wait(WITHIN) == 0:
            threads = [each for each in threading.enumerate() if 'mega' in each.name]
            most = max(most, len(open_sockets() - before) - len(threads))

    with SqsListener(
        queue_url,
        [subscriber(process)],
        concurrency=16,
        max_number_of_messages=10,
        wait_time_seconds=0,
        session=session,
        endpoint_url=server.endpoint_url,
    ) as listener:
        before = open_sockets()
        assert listener.drain().done == 192
    assert len(made) == 1
    assert most <= 0


def test_fault_97_a_listener_created_before_a_fork_listens_in_the_child(
    server: Server,
) -> None:
    queue_url = server.create_queue('orders')
    printed = run_lines(
        """
        from mega.aws.sqs.subscribe import MessageSubscriber, SqsListener

        class Everything(MessageSubscriber):
            def process(self, payload):
                print(os.getpid() == parent, payload, flush=True)
                listener.stop()

        parent = os.getpid()
        listener = SqsListener(url, [Everything], concurrency=4)
        for n in range(2):
            publisher.publish(f'{n}')
            wait_for(in_child(listener.listen))
        publisher.publish('2')
        listener.listen()
        """,
        server,
        queue_url,
    )
    assert printed.split() == ['False', '0', 'False', '1', 'True', '2']


def test_a_listener_also_listens_in_a_child_that_was_forked_while_it_listened(
    server: Server,
) -> None:
    """The child has no thread of the listener. Both receive messages until the child has one."""
    queue_url = server.create_queue('orders')
    printed = run_lines(
        """
        from mega.aws.sqs.subscribe import MessageSubscriber, SqsListener

        class Everything(MessageSubscriber):
            def process(self, payload):
                if os.getpid() == parent:
                    processed.set()
                else:
                    print(payload, flush=True)
                    listener.stop()

        parent = os.getpid()
        processed = threading.Event()
        listener = SqsListener(url, [Everything])
        listening = threading.Thread(target=listener.listen)
        listening.start()
        publisher.publish('first')
        processed.wait()
        child = in_child(listener.listen)
        while not (ended := os.waitpid(child, os.WNOHANG))[0]:
            publisher.publish('more')
        listener.stop()
        listening.join()
        sys.exit(ended[1])
        """,
        server,
        queue_url,
    )
    assert printed.split() == ['more']
