"""Hooks around deliveries and subscribers: they observe, change or replace results, or fail."""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import suppress
from typing import Any

import pytest

from benchmarks.sqs_server import Server
from mega.aws.sqs import SqsPublisher
from mega.aws.sqs.subscribe import (
    DeliveryResult,
    Hook,
    Message,
    MessageSubscriber,
    Outcome,
    ProcessStatus,
    SqsListener,
    Stats,
)
from mega.aws.sqs.subscribe.processing.settlement import Settlement, SettlementAction, StatsField
from mega.aws.sqs.subscribe.reason import Reason
from mega.aws.sqs.subscribe.subscribers.subscriber import Subscriber
from mega.errors import ConfigurationError
from tests.aws.sqs.subscribe.factories import subscriber, warnings_of

DONE, RETRY = ProcessStatus.DONE, ProcessStatus.RETRY_LATER

HookGenerator = Generator[None, Any, Any]


class RecordingHook(Hook):
    """A hook that records its calls under its name."""

    def __init__(self, name: str, notes: list[str]) -> None:
        self.name = name
        self.notes = notes

    def around_delivery(self, message: Message) -> HookGenerator:
        self.notes.append(f'{self.name} before the delivery')
        delivered = yield
        self.notes.append(f'{self.name} after the delivery: {delivered.settlement.action.value}')

    def around_subscriber(
        self, subscriber: Subscriber, message: Message, payload: Any
    ) -> HookGenerator:
        self.notes.append(f'{self.name} before {subscriber.__name__}')
        outcome = yield
        self.notes.append(f'{self.name} after {subscriber.__name__}: {outcome.status.value}')


def drained(server: Server, *subscribers: Subscriber, hooks: Any, count: int = 1) -> Stats:
    """Publish `count` messages 'hej', drain the queue with the hooks, and return the statistics."""
    queue_url = server.create_queue('orders')
    settings: Any = {'wait_time_seconds': 0, 'hooks': hooks, **server.credentials}
    with (
        SqsPublisher(queue_url, **server.credentials) as publisher,
        SqsListener(queue_url, subscribers, **settings) as listener,
    ):
        for _ in range(count):
            publisher.publish('hej')
        return listener.drain()


def around_subscriber(function: Any) -> Any:
    """Return a hook with `function` as its `around_subscriber`."""
    made: Any = type(
        'Made', (Hook,), {'around_subscriber': lambda self, *arguments: function(*arguments)}
    )
    return made()


def around_delivery(function: Any) -> Any:
    made: Any = type('Made', (Hook,), {'around_delivery': lambda self, message: function(message)})
    return made()


# What hooks observe


def test_the_first_hook_is_outermost_and_delivery_hooks_enclose_subscribers(
    server: Server,
) -> None:
    notes: list[str] = []
    one = subscriber(lambda payload: notes.append('one'), called='One')
    two = subscriber(lambda payload: notes.append('two'), called='Two')
    drained(server, one, two, hooks=[RecordingHook('a', notes), RecordingHook('b', notes)])
    assert notes == [
        'a before the delivery',
        'b before the delivery',
        'a before One',
        'b before One',
        'one',
        'b after One: done',
        'a after One: done',
        'a before Two',
        'b before Two',
        'two',
        'b after Two: done',
        'a after Two: done',
        'b after the delivery: ack',
        'a after the delivery: ack',
    ]


def test_a_subscriber_hook_receives_the_subscriber_the_message_and_the_payload(
    server: Server,
) -> None:
    seen: list[Any] = []

    def see(*arguments: Any) -> HookGenerator:
        seen.extend(arguments)
        yield

    made = subscriber()
    drained(server, made, hooks=[around_subscriber(see), around_delivery(see)])
    message, who, the_same, payload = seen
    assert (who, payload) == (made, 'hej')
    assert message.id == the_same.id == server.accepted()[0].message_id


def test_a_subscriber_hook_receives_the_exception_in_the_outcome(server: Server) -> None:
    error = ValueError('no')
    seen: list[Outcome] = []

    def see(*arguments: Any) -> HookGenerator:
        seen.append((yield))

    drained(server, subscriber(error), hooks=[around_subscriber(see)])
    assert [(outcome.status, outcome.error) for outcome in seen] == [
        (ProcessStatus.FATAL_ERROR, error)
    ]


def test_hooks_see_unmatched_and_invalid_messages(server: Server) -> None:
    seen: list[DeliveryResult] = []

    def see(message: Message) -> HookGenerator:
        seen.append((yield))

    drained(server, subscriber(pattern='something else'), hooks=[around_delivery(see)])
    [delivered] = seen
    assert delivered.outcomes == []
    assert delivered.settlement.stats_field is StatsField.UNMATCHED


def test_results_contain_the_duration(server: Server) -> None:
    outcomes: list[Outcome] = []
    deliveries: list[DeliveryResult] = []

    def see(*arguments: Any) -> HookGenerator:
        outcomes.append((yield))

    def see_delivery(message: Message) -> HookGenerator:
        deliveries.append((yield))

    hooks = [around_subscriber(see), around_delivery(see_delivery)]
    drained(server, subscriber(called='One'), subscriber(called='Two'), hooks=hooks)
    [delivered] = deliveries
    assert delivered.outcomes == outcomes
    assert len(outcomes) == 2
    assert all(outcome.duration > 0 for outcome in outcomes)
    assert delivered.duration > sum(outcome.duration for outcome in outcomes)


def test_hooks_enclose_an_async_process(server: Server) -> None:
    notes: list[str] = []

    class Asynchronous(MessageSubscriber):
        async def process(self, payload: str) -> None:
            import asyncio

            await asyncio.sleep(0)
            notes.append('processed')

    drained(server, Asynchronous, hooks=[RecordingHook('a', notes)])
    assert notes == [
        'a before the delivery',
        'a before Asynchronous',
        'processed',
        'a after Asynchronous: done',
        'a after the delivery: ack',
    ]


def test_one_hook_object_serves_all_deliveries(server: Server) -> None:
    notes: list[str] = []
    stats = drained(server, subscriber(), hooks=[RecordingHook('a', notes)], count=3)
    assert stats.done == 3
    assert notes.count('a after Made: done') == 3


def test_a_hook_may_delegate_to_its_base_class(server: Server) -> None:
    class Idle(Hook):
        def around_delivery(self, message: Message) -> HookGenerator:
            return (yield from super().around_delivery(message))

        def around_subscriber(self, *arguments: Any) -> HookGenerator:
            return (yield from super().around_subscriber(*arguments))

    assert drained(server, subscriber(), hooks=[Idle()]).deleted == 1


# What hooks change


def test_the_result_that_a_subscriber_hook_returns_applies(server: Server) -> None:
    def change(who: Subscriber, message: Message, payload: str) -> HookGenerator:
        outcome = yield
        assert outcome.status is DONE
        return Outcome(who, RETRY)

    stats = drained(server, subscriber(), hooks=[around_subscriber(change)])
    assert (stats.retried, stats.deleted) == (1, 0)


def test_outer_hooks_see_the_returned_result(server: Server) -> None:
    notes: list[str] = []

    def change(who: Subscriber, message: Message, payload: str) -> HookGenerator:
        yield
        return Outcome(who, RETRY)

    drained(server, subscriber(), hooks=[RecordingHook('a', notes), around_subscriber(change)])
    assert notes[-2:] == ['a after Made: retry later', 'a after the delivery: leave']


def test_the_result_that_a_delivery_hook_returns_applies(server: Server) -> None:
    def change(message: Message) -> HookGenerator:
        delivered = yield
        assert delivered.settlement.action is SettlementAction.LEAVE
        return DeliveryResult(delivered.outcomes, Settlement(SettlementAction.ACK, StatsField.DONE))

    stats = drained(server, subscriber(RETRY), hooks=[around_delivery(change)])
    assert (stats.done, stats.deleted) == (1, 1)


def test_a_hook_may_replace_a_subscriber(server: Server) -> None:
    """An idempotency hook works like this: it skips a subscriber that has processed the message."""
    done: set[tuple[str, str]] = set()

    def only_once(who: Subscriber, message: Message, payload: str) -> HookGenerator:
        if (who.__name__, payload) in done:
            return Outcome(who, DONE)
        outcome = yield
        done.add((who.__name__, payload))
        return outcome

    seen: list[Any] = []
    hooks = [around_subscriber(only_once)]
    stats = drained(server, subscriber(None, seen), hooks=hooks, count=3)
    assert seen == ['hej']
    assert (stats.done, stats.deleted) == (3, 3)


def test_inner_hooks_do_not_run_and_outer_hooks_receive_the_result(
    server: Server,
) -> None:
    notes: list[str] = []

    def instead(who: Subscriber, message: Message, payload: str) -> HookGenerator:
        return Outcome(who, RETRY)
        yield

    hooks = [RecordingHook('a', notes), around_subscriber(instead), RecordingHook('b', notes)]
    drained(server, subscriber(), hooks=hooks)
    assert [note for note in notes if 'Made' in note] == [
        'a before Made',
        'a after Made: retry later',
    ]


def test_a_hook_may_replace_all_subscribers(server: Server) -> None:
    def instead(message: Message) -> HookGenerator:
        return DeliveryResult((), Settlement(SettlementAction.ACK, StatsField.DONE))
        yield

    seen: list[Any] = []
    stats = drained(server, subscriber(None, seen), hooks=[around_delivery(instead)])
    assert seen == []
    assert (stats.done, stats.deleted) == (1, 1)


class Asynchronous(MessageSubscriber):
    async def process(self, payload: str) -> None: ...


def test_a_coroutine_submitted_after_the_close_does_not_begin(server: Server) -> None:
    """Python logs no warning about a coroutine that was never awaited."""

    def instead(who: Subscriber, message: Message, payload: str) -> HookGenerator:
        return Outcome(who, DONE)
        yield

    assert drained(server, Asynchronous, hooks=[around_subscriber(instead)]).deleted == 1


# Hooks that fail


def raises_before(*arguments: Any) -> HookGenerator:
    raise LookupError('before')
    yield


def raises_after(*arguments: Any) -> HookGenerator:
    yield
    raise LookupError('after')


def yields_twice(*arguments: Any) -> HookGenerator:
    yield
    yield


def returns_before_yield(*arguments: Any) -> HookGenerator:
    return
    yield


FAILING = pytest.mark.parametrize(
    'function', [raises_before, raises_after, yields_twice, returns_before_yield]
)


@FAILING
@pytest.mark.parametrize('place', [around_subscriber, around_delivery])
def test_a_message_stays_when_a_hook_fails(server: Server, place: Any, function: Any) -> None:
    stats = drained(server, subscriber(), hooks=[place(function)])
    assert (stats.retried, stats.deleted) == (1, 0)


FATAL_REASON = Reason('Broken', 'for good')
INVALID_RESULTS: dict[str, tuple[Any, Any]] = {
    'not an outcome': (around_subscriber, lambda who: 'done'),
    'not a status': (around_subscriber, lambda who: untyped(Outcome, who, 'done')),
    'not a delivery result': (around_delivery, lambda message: DONE),
    'not a settlement': (
        around_delivery,
        lambda message: untyped(DeliveryResult, (), SettlementAction.ACK),
    ),
    'not an action': (
        around_delivery,
        lambda message: result_with_settlement('ack', StatsField.DONE),
    ),
    'not a stats field': (
        around_delivery,
        lambda message: result_with_settlement(SettlementAction.ACK, 'done'),
    ),
    'dead letter without a reason': (
        around_delivery,
        lambda message: result_with_settlement(SettlementAction.DEAD_LETTER, StatsField.FATAL),
    ),
    'dead letter without a queue': (
        around_delivery,
        lambda message: result_with_settlement(
            SettlementAction.DEAD_LETTER, StatsField.FATAL, FATAL_REASON
        ),
    ),
    'fraction of a second': (
        around_delivery,
        lambda message: result_with_settlement(
            SettlementAction.LEAVE, StatsField.RETRIED, None, 0.5
        ),
    ),
}


def untyped(kind: Any, *arguments: Any) -> Any:
    """Construct an object with arguments that its annotations do not allow."""
    return kind(*arguments)


def result_with_settlement(*arguments: Any) -> Any:
    return untyped(DeliveryResult, (), untyped(Settlement, *arguments))


@pytest.mark.parametrize('who', [subscriber(), Asynchronous], ids=['def', 'async def'])
@pytest.mark.parametrize(('place', 'make'), INVALID_RESULTS.values(), ids=INVALID_RESULTS)
def test_a_message_stays_after_an_invalid_result_of_a_hook(
    server: Server, who: Subscriber, place: Any, make: Any
) -> None:
    def answers(first: Any, *others: Any) -> HookGenerator:
        yield
        return make(first)

    stats = drained(server, who, hooks=[place(answers)])
    assert (stats.retried, stats.deleted) == (1, 0)


@FAILING
def test_the_other_subscribers_receive_the_message(server: Server, function: Any) -> None:
    seen: list[Any] = []

    def fails_for_one(who: Subscriber, *arguments: Any) -> HookGenerator:
        return (
            yield from (
                function() if who.__name__ == 'One' else Hook().around_subscriber(who, *arguments)
            )
        )

    one = subscriber(None, [], called='One')
    two = subscriber(None, seen, called='Two')
    drained(server, one, two, hooks=[around_subscriber(fails_for_one)])
    assert seen == ['hej']


@pytest.mark.parametrize('place', [around_subscriber, around_delivery])
def test_a_failed_hook_is_logged_with_its_exception(
    server: Server, caplog: pytest.LogCaptureFixture, place: Any
) -> None:
    drained(server, subscriber(), hooks=[place(raises_after)])
    assert warnings_of(caplog)
    errors = [record.exc_info[1] for record in caplog.records if record.exc_info]
    assert [(type(error), str(error)) for error in errors] == [(LookupError, 'after')]


def test_an_exception_of_a_hook_is_raised_in_the_outer_hooks(server: Server) -> None:
    """An outer hook can then end its span of a trace, or release its lock."""
    notes: list[str] = []

    def ending(*arguments: Any) -> HookGenerator:
        try:
            yield
        except LookupError as error:
            notes.append(str(error))
            raise
        finally:
            notes.append('ended')

    for fails in (raises_before, raises_after):
        drained(server, subscriber(), hooks=[around_subscriber(ending), around_subscriber(fails)])
    assert notes == ['before', 'ended', 'after', 'ended']


def test_an_outer_hook_may_replace_an_exception_with_a_result(server: Server) -> None:
    def forgiving(who: Subscriber, message: Message, payload: str) -> HookGenerator:
        try:
            yield
        except LookupError:
            return Outcome(who, DONE)

    hooks = [around_subscriber(forgiving), around_subscriber(raises_after)]
    assert drained(server, subscriber(), hooks=hooks).deleted == 1


def test_a_message_stays_when_an_outer_hook_replaces_an_exception_with_nothing(
    server: Server,
) -> None:
    def silent(*arguments: Any) -> HookGenerator:
        with suppress(LookupError):
            yield

    hooks = [around_subscriber(silent), around_subscriber(raises_after)]
    assert drained(server, subscriber(), hooks=hooks).retried == 1


def test_the_listener_continues_after_a_failed_hook(server: Server) -> None:
    hooks = [around_delivery(raises_before)]
    assert drained(server, subscriber(), hooks=hooks, count=3).retried == 3


# Invalid hooks and exits


@pytest.mark.parametrize(
    'hook',
    [Hook, RecordingHook, None, 'hook', raises_before],
    ids=['Hook', 'RecordingHook', 'None', 'text', 'def'],
)
def test_an_object_that_is_not_a_hook_is_refused(hook: Any) -> None:
    with pytest.raises(
        ConfigurationError, match='is not a hook: it must be an instance of a subclass'
    ):
        SqsListener('http://127.0.0.1/1/orders', [subscriber()], hooks=[hook], region_name='eu-1')


@pytest.mark.parametrize('concurrency', [1, 2])
@pytest.mark.parametrize('error', [SystemExit(3), KeyboardInterrupt()], ids=repr)
def test_an_exit_ends_the_work_at_once_and_the_message_stays(
    server: Server, error: BaseException, concurrency: int
) -> None:
    def exit_(*arguments: Any) -> HookGenerator:
        raise error
        yield

    queue_url = server.create_queue('work')
    SqsPublisher(queue_url, **server.credentials).publish('hej')
    seen: list[Any] = []
    with SqsListener(
        queue_url,
        [subscriber(None, seen)],
        hooks=[around_subscriber(exit_)],
        wait_time_seconds=0,
        concurrency=concurrency,
        **server.credentials,
    ) as listener:
        with pytest.raises(type(error)) as caught:
            listener.drain()
        assert caught.value is error
        assert (seen, listener.stats().deleted) == ([], 0)


def test_without_hooks_the_outcome_of_each_subscriber_is_logged(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, 'mega')
    drained(server, subscriber(called='Fine'), subscriber(ValueError('no'), called='Not'), hooks=[])
    lines = {
        (record.levelname, record.getMessage().partition(': message')[0])
        for record in caplog.records
        if 'hooks' in record.name
    }
    assert lines == {('DEBUG', 'Fine: done'), ('ERROR', 'Not: fatal error')}
