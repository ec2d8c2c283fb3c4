"""Idempotency: a subscriber that finished a message does not process it again."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from threading import Event
from typing import Any

import pytest

from mega.aws.sqs.subscribe import (
    Hook,
    Message,
    MessageSubscriber,
    ProcessStatus,
    Stats,
    Subscriber,
)
from mega.errors import ConfigurationError, RetriableError
from mega.hooks import records
from mega.hooks.idempotency import Idempotency, IdempotencyStats, MemoryStore, Record
from mega.hooks.keys import record_key
from mega.local import Server
from mega.testing import Bus
from tests.aws.sqs.subscribe.factories import WITHIN, listener_on, send, subscriber
from tests.aws.sqs.subscribe.processing.hook_factories import drained

SECRET = 'part of the text of an error'
DONE, RETRY, FATAL = ProcessStatus.DONE, ProcessStatus.RETRY_LATER, ProcessStatus.FATAL_ERROR


class FaultyStore(MemoryStore):
    """A store that fails in the operations of `failing`."""

    def __init__(self, *failing: str) -> None:
        super().__init__()
        self.failing = set(failing)

    def take(self, key: str, owner: str, seconds: float) -> Record | None:
        self._answer('take')
        return super().take(key, owner, seconds)

    def finish(self, key: str, owner: str, seconds: float) -> bool:
        self._answer('finish')
        return super().finish(key, owner, seconds)

    def release(self, key: str, owner: str) -> bool:
        self._answer('release')
        return super().release(key, owner)

    def _answer(self, operation: str) -> None:
        if operation in self.failing:
            raise ConnectionError(SECRET)


def retrying(times: int, seen: list[Any], status: ProcessStatus = RETRY) -> Any:
    """A subscriber that asks for a retry the first times, and then is done."""
    remaining = [status] * times
    return subscriber(lambda payload: remaining.pop() if remaining else DONE, seen, called='Slow')


def run(bus: Bus, hook: Hook, *subscribers: Any, count: int = 1, **settings: Any) -> Stats:
    """Publish messages to a new queue, and run a listener until nothing is due."""
    queue_url = bus.queue('orders')
    send(bus, queue_url, *(f'message {number}' for number in range(count)))
    listener = listener_on(bus, queue_url, *subscribers, hooks=[hook], **settings)
    bus.run(listener, raising=False)
    return listener.stats()


def test_a_subscriber_that_is_done_does_not_run_again_when_another_retries(bus: Bus) -> None:
    hook = Idempotency(MemoryStore())
    fast: list[str] = []
    slow: list[str] = []
    stats = run(bus, hook, subscriber(seen=fast), retrying(3, slow), count=2, retry_delay=1)
    assert sorted(fast) == ['message 0', 'message 1']
    assert len(slow) == 5
    assert (stats.done, stats.retried, stats.deleted) == (2, 3, 2)
    assert hook.stats() == IdempotencyStats(processed=7, skipped=3)


def test_without_the_hook_it_runs_again(bus: Bus) -> None:
    fast: list[str] = []
    run(bus, Hook(), subscriber(seen=fast), retrying(3, []), retry_delay=1)
    assert len(fast) == 4


@pytest.mark.parametrize('others', [0, 1], ids=['in the event loop', 'in a thread'])
def test_async_subscribers_have_records_too(server: Server, others: int) -> None:
    hook = Idempotency(MemoryStore())
    fast: list[str] = []
    slow: list[str] = []

    class Fast(MessageSubscriber):
        async def process(self, payload: str) -> None:
            await asyncio.sleep(0)
            fast.append(payload)

    class Slow(MessageSubscriber):
        async def process(self, payload: str) -> ProcessStatus:
            slow.append(payload)
            return DONE if len(slow) == 2 else RETRY

    made: list[Subscriber] = [Fast, Slow, *[subscriber()] * others]
    drained(server, *made, hooks=[hook])
    server.advance(31)
    drained(server, *made, hooks=[hook], count=0)
    assert (len(fast), len(slow)) == (1, 2)
    assert hook.stats() == IdempotencyStats(processed=3 + others, skipped=1 + others)


class NotesOwners(MemoryStore):
    def __init__(self, owners: list[str]) -> None:
        super().__init__()
        self._owners = owners

    def take(self, key: str, owner: str, seconds: float) -> Record | None:
        self._owners.append(owner)
        return super().take(key, owner, seconds)


def test_each_run_has_an_owner_of_its_own(bus: Bus) -> None:
    owners: list[str] = []
    for _ in range(2):
        run(bus, Idempotency(NotesOwners(owners)), subscriber(), count=3)
    assert len(set(owners)) >= 6 + 2
    assert all(len(owner) <= 32 and owner.isascii() for owner in owners)


class Renewed(MemoryStore):
    """A store that waits for its first renewal."""

    def __init__(self) -> None:
        super().__init__()
        self.has_renewed = Event()

    def renew(self, key: str, owner: str, seconds: float) -> bool:
        is_ours = super().renew(key, owner, seconds)
        self.has_renewed.set()
        return is_ours


@pytest.mark.parametrize('is_async', [False, True], ids=['def', 'async def'])
def test_the_heartbeat_renews_the_record_of_a_slow_subscriber(
    server: Server, is_async: bool
) -> None:
    store = Renewed()
    hook = Idempotency(store)

    class Slow(MessageSubscriber):
        def process(self, payload: str) -> None:
            assert store.has_renewed.wait(WITHIN)

    class SlowInTheLoop(MessageSubscriber):
        async def process(self, payload: str) -> None:
            assert await asyncio.to_thread(store.has_renewed.wait, WITHIN)

    made = SlowInTheLoop if is_async else Slow
    settings = {'visibility_timeout': 2, 'max_processing_time': 60}
    stats = drained(server, made, hooks=[hook], **settings)
    assert (stats.done, hook.stats()) == (1, IdempotencyStats(processed=1))


def test_a_message_that_is_sent_twice_is_processed_once_with_a_key_of_its_payload(bus: Bus) -> None:
    seen: list[Any] = []
    queue_url = bus.queue('orders')
    send(bus, queue_url, {'order': 17}, {'order': 17}, {'order': '17'}, {'order': 18})
    hook = Idempotency(MemoryStore(), key='order')
    bus.run(listener_on(bus, queue_url, subscriber(seen=seen), hooks=[hook]))
    assert sorted(map(str, seen)) == ["{'order': '17'}", "{'order': 17}", "{'order': 18}"]


def test_a_message_without_the_explicit_key_is_a_fatal_error_and_does_not_run(bus: Bus) -> None:
    seen: list[Any] = []
    dead = bus.queue('dead')
    hook = Idempotency(MemoryStore(), key='order')
    stats = run(bus, hook, subscriber(seen=seen), dead_letter_queue_url=dead)
    assert seen == []
    assert stats.fatal == stats.dead_lettered == 1
    [letter] = bus.dead_letters()
    assert (letter.subscriber, letter.error) == ('Made', 'InvalidPayloadError')


def test_a_key_function_that_raises_leaves_the_message_in_the_queue(bus: Bus) -> None:
    failures = [KeyError('order')]

    def key(message: Message, payload: Any) -> str:
        if failures:
            raise failures.pop()
        return message.id

    seen: list[Any] = []
    stats = run(bus, Idempotency(MemoryStore(), key=key), subscriber(seen=seen), retry_delay=1)
    assert (stats.retried, stats.done, len(seen)) == (1, 1, 1)


def test_the_records_of_a_scope_are_its_own(bus: Bus) -> None:
    seen: list[Any] = []
    store = MemoryStore()
    for scope in ('billing', 'shipping', 'billing'):
        hook = Idempotency(store, key=lambda *_: 'the same', scope=scope)
        run(bus, hook, subscriber(seen=seen))
    assert len(seen) == 2


def test_a_record_that_is_done_ends_after_its_ttl(bus: Bus) -> None:
    seen: list[Any] = []
    store = MemoryStore(clock=lambda: bus.time)
    hook = Idempotency(store, key=lambda *_: 'the same', ttl=60)
    for seconds in (0, 50, 20):
        bus.advance(seconds)
        run(bus, hook, subscriber(seen=seen))
    assert len(seen) == 2


@pytest.mark.parametrize(
    'answer', [FATAL, RETRY, ValueError('no'), RetriableError(1)], ids=lambda each: str(each)
)
def test_a_subscriber_that_is_not_done_leaves_no_record(bus: Bus, answer: object) -> None:
    store = MemoryStore()
    seen: list[Any] = []
    settings: Any = {
        'retry_delay': 1,
        'max_receives': 2,
        'dead_letter_queue_url': bus.queue('dead'),
    }
    stats = run(bus, Idempotency(store), subscriber(answer, seen), **settings)
    assert stats.dead_lettered == 1
    assert len(seen) == stats.retried + 1
    assert len(store) == 0, 'a message that is redriven is processed again'


def test_a_message_in_progress_elsewhere_comes_again_when_that_lease_ends(bus: Bus) -> None:
    times: list[float] = []
    store = MemoryStore(clock=lambda: bus.time)
    hook = Idempotency(store, key=lambda *_: 'the key')
    made = subscriber(lambda payload: times.append(bus.time))
    begin = bus.time
    assert store.take(record_key(None, made, ['str:the key']), 'another', 100) is None
    settings: Any = {'dead_letter_queue_url': bus.queue('dead'), 'max_receives': 1}
    stats = run(bus, hook, made, **settings)
    assert [time - begin for time in times] == [pytest.approx(100, abs=2)]
    assert (stats.retried, stats.done) == (1, 1), 'the receive is not an attempt'
    assert hook.stats() == IdempotencyStats(processed=1, postponed=1)


def test_a_listener_does_not_begin_without_an_answer_of_the_store(bus: Bus) -> None:
    problem = 'FaultyStore failed its check: ConnectionError'
    with pytest.raises(ConfigurationError, match=problem):
        run(bus, Idempotency(FaultyStore('take')), subscriber())


TAKES_OF_CHECK = 4


class AnswersAgain(FaultyStore):
    """A store that answers the check at the start, and then fails for some time."""

    def __init__(self, failures: int) -> None:
        super().__init__()
        self._answers = [*[True] * TAKES_OF_CHECK, *[False] * failures]

    def take(self, key: str, owner: str, seconds: float) -> Record | None:
        answers = not self._answers or self._answers.pop(0)
        self.failing = set() if answers else {'take'}
        return super().take(key, owner, seconds)


def test_a_message_stays_in_the_queue_while_the_store_does_not_answer(bus: Bus) -> None:
    """However often it is received: the message is not at fault."""
    seen: list[Any] = []
    hook = Idempotency(AnswersAgain(failures=3))
    settings: Any = {
        'dead_letter_queue_url': bus.queue('dead'),
        'max_receives': 1,
        'retry_delay': 1,
    }
    stats = run(bus, hook, subscriber(seen=seen), **settings)
    assert (stats.retried, stats.done, len(seen)) == (3, 1, 1)
    assert hook.stats() == IdempotencyStats(processed=1, store_errors=3)


@pytest.mark.parametrize('operation', ['finish', 'release'])
def test_an_outcome_remains_if_the_store_fails_after_it(
    bus: Bus, operation: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = FaultyStore()
    hook = Idempotency(store)

    def process(payload: str) -> ProcessStatus:
        store.failing = {operation}
        return DONE if operation == 'finish' else FATAL

    stats = run(bus, hook, subscriber(process))
    assert stats.deleted == 1
    assert hook.stats() == IdempotencyStats(processed=1, store_errors=1)
    assert 'its record remains until its time is over: ' in caplog.text
    assert SECRET not in caplog.text


def test_a_record_that_another_owner_took_meanwhile_is_counted(
    bus: Bus, caplog: pytest.LogCaptureFixture
) -> None:
    store = MemoryStore(clock=lambda: bus.time)
    hook = Idempotency(store, key=lambda *_: 'the key')

    class Slow(MessageSubscriber):
        def process(self, payload: str) -> None:
            bus.advance(31)
            key = record_key(None, Slow, ['str:the key'])
            assert store.take(key, 'another', 60) is None

    run(bus, hook, Slow, visibility_timeout=30)
    assert hook.stats() == IdempotencyStats(processed=1, lost=1)
    assert 'another owner has its record, so that it may be processed twice' in caplog.text


def test_the_record_is_released_if_another_hook_fails_after_the_subscriber(bus: Bus) -> None:
    class Failing(Hook):
        def around_subscriber(self, *arguments: Any) -> Generator[Any, Any, None]:
            yield
            raise ValueError

    store = MemoryStore()
    queue_url = bus.queue('orders')
    send(bus, queue_url, 'hej')
    listener = listener_on(bus, queue_url, subscriber(), hooks=[Idempotency(store), Failing()])
    with pytest.raises(AssertionError):
        bus.run(listener, raising=False, max_deliveries=2)
    assert listener.stats().retried >= 2
    assert len(store) == 0


@pytest.mark.usefixtures('failing_thread')
def test_no_record_remains_if_renewals_cannot_begin(bus: Bus) -> None:
    hook = Idempotency(MemoryStore(clock=lambda: bus.time))
    begin = bus.time
    stats = run(bus, hook, subscriber(), retry_delay=1)
    assert (stats.retried, stats.done, hook.stats()) == (1, 1, IdempotencyStats(processed=1))
    assert bus.time - begin < 10, 'the next delivery waits for no record'


@pytest.mark.parametrize(
    ('arguments', 'problem'),
    [
        ({'store': object()}, "is not an IdempotencyStore: it has no method 'take'"),
        ({'ttl': 0}, 'ttl=0: must be 1 to '),
        ({'ttl': True}, 'ttl=True: must be 1 to '),
        ({'scope': 5}, 'scope=5: must be a str, or None'),
        ({'key': 5}, 'key=5: must be a path'),
    ],
    ids=['store', 'ttl', 'ttl as bool', 'scope', 'key'],
)
def test_invalid_settings_are_refused(arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        Idempotency(**{'store': MemoryStore(), **arguments})


class Careless(MemoryStore):
    """A store whose write does not depend on what is there."""

    def take(self, key: str, owner: str, seconds: float) -> Record | None:
        super().take(key, owner, seconds)
        return None


class Endless(MemoryStore):
    """A store whose records do not end."""

    def take(self, key: str, owner: str, seconds: float) -> Record | None:
        return super().take(key, owner, 10**9)


class Keeping(MemoryStore):
    """A store that does not remove records."""

    def release(self, key: str, owner: str) -> bool:
        return True


class Unending(MemoryStore):
    """A store that knows when a record ends, and does not compare it with the time."""

    def _find(self, key: str, now: float) -> Any:
        return self._records.get(key)


@pytest.mark.parametrize(
    ('store', 'problem'),
    [
        (Careless, 'two owners took one record'),
        (Endless, 'a record that was taken for 60 seconds does not end after them'),
        (Keeping, 'it does not remove a record'),
        (Unending, 'nobody can take a record whose time is over'),
    ],
)
def test_a_listener_does_not_begin_with_a_store_that_cannot_keep_records(
    bus: Bus, store: type[MemoryStore], problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, 'EXPIRY_SECONDS', 0.05)
    expected = f'{store.__name__} cannot keep records: {problem}'
    with pytest.raises(ConfigurationError, match=expected):
        run(bus, Idempotency(store()), subscriber())
