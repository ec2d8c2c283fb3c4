"""What stands round deliveries and subscribers: sees, replaces, does instead, and may fail."""

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
from tests.aws.sqs.subscribe.making import subscriber, warnings_of

DONE, RETRY = ProcessStatus.DONE, ProcessStatus.RETRY_LATER

Round = Generator[None, Any, Any]


class Named(Hook):
    """Notes what happens."""

    def __init__(self, name: str, notes: list[str]) -> None:
        self.name = name
        self.notes = notes

    def around_delivery(self, message: Message) -> Round:
        self.notes.append(f'{self.name} before the delivery')
        delivered = yield
        self.notes.append(f'{self.name} after the delivery: {delivered.settlement.action.value}')

    def around_subscriber(self, subscriber: Subscriber, message: Message, payload: Any) -> Round:
        self.notes.append(f'{self.name} before {subscriber.__name__}')
        outcome = yield
        self.notes.append(f'{self.name} after {subscriber.__name__}: {outcome.status.value}')


def drained(server: Server, *subscribers: Subscriber, hooks: Any, count: int = 1) -> Stats:
    """What comes of so many messages that say 'hej'."""
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
    """A hook that is made of one generator function."""
    made: Any = type('Made', (Hook,), {'around_subscriber': lambda self, *those: function(*those)})
    return made()


def around_delivery(function: Any) -> Any:
    made: Any = type('Made', (Hook,), {'around_delivery': lambda self, message: function(message)})
    return made()


# What they see


def test_the_first_hook_is_outermost_and_delivery_hooks_enclose_subscribers(
    server: Server,
) -> None:
    notes: list[str] = []
    one = subscriber(lambda payload: notes.append('one'), called='One')
    two = subscriber(lambda payload: notes.append('two'), called='Two')
    drained(server, one, two, hooks=[Named('a', notes), Named('b', notes)])
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


def test_they_see_who_gets_what_of_which_message(server: Server) -> None:
    seen: list[Any] = []

    def see(*those: Any) -> Round:
        seen.extend(those)
        yield

    made = subscriber()
    drained(server, made, hooks=[around_subscriber(see), around_delivery(see)])
    message, who, the_same, payload = seen
    assert (who, payload) == (made, 'hej')
    assert message.id == the_same.id == server.accepted()[0].message_id


def test_they_see_what_was_raised(server: Server) -> None:
    error = ValueError('no')
    seen: list[Outcome] = []

    def see(*those: Any) -> Round:
        seen.append((yield))

    drained(server, subscriber(error), hooks=[around_subscriber(see)])
    assert [(outcome.status, outcome.error) for outcome in seen] == [
        (ProcessStatus.FATAL_ERROR, error)
    ]


def test_hooks_see_unmatched_and_invalid_messages(server: Server) -> None:
    seen: list[DeliveryResult] = []

    def see(message: Message) -> Round:
        seen.append((yield))

    drained(server, subscriber(pattern='something else'), hooks=[around_delivery(see)])
    [delivered] = seen
    assert delivered.outcomes == []
    assert delivered.settlement.stats_field is StatsField.UNMATCHED


def test_they_see_how_long_it_took(server: Server) -> None:
    outcomes: list[Outcome] = []
    deliveries: list[DeliveryResult] = []

    def see(*those: Any) -> Round:
        outcomes.append((yield))

    def see_delivery(message: Message) -> Round:
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

    drained(server, Asynchronous, hooks=[Named('a', notes)])
    assert notes == [
        'a before the delivery',
        'a before Asynchronous',
        'processed',
        'a after Asynchronous: done',
        'a after the delivery: ack',
    ]


def test_one_serves_all_deliveries(server: Server) -> None:
    notes: list[str] = []
    stats = drained(server, subscriber(), hooks=[Named('a', notes)], count=3)
    assert stats.done == 3
    assert notes.count('a after Made: done') == 3


def test_one_may_hand_on_to_what_it_is_made_of(server: Server) -> None:
    class Idle(Hook):
        def around_delivery(self, message: Message) -> Round:
            return (yield from super().around_delivery(message))

        def around_subscriber(self, *those: Any) -> Round:
            return (yield from super().around_subscriber(*those))

    assert drained(server, subscriber(), hooks=[Idle()]).deleted == 1


# What they change


def test_the_result_that_a_subscriber_hook_returns_applies(server: Server) -> None:
    def change(who: Subscriber, message: Message, payload: str) -> Round:
        outcome = yield
        assert outcome.status is DONE
        return Outcome(who, RETRY)

    stats = drained(server, subscriber(), hooks=[around_subscriber(change)])
    assert (stats.retried, stats.deleted) == (1, 0)


def test_outer_hooks_see_the_returned_result(server: Server) -> None:
    notes: list[str] = []

    def change(who: Subscriber, message: Message, payload: str) -> Round:
        yield
        return Outcome(who, RETRY)

    drained(server, subscriber(), hooks=[Named('a', notes), around_subscriber(change)])
    assert notes[-2:] == ['a after Made: retry later', 'a after the delivery: leave']


def test_the_result_that_a_delivery_hook_returns_applies(server: Server) -> None:
    def change(message: Message) -> Round:
        delivered = yield
        assert delivered.settlement.action is SettlementAction.LEAVE
        return DeliveryResult(delivered.outcomes, Settlement(SettlementAction.ACK, StatsField.DONE))

    stats = drained(server, subscriber(RETRY), hooks=[around_delivery(change)])
    assert (stats.done, stats.deleted) == (1, 1)


def test_a_hook_may_replace_a_subscriber(server: Server) -> None:
    """So nothing is done twice: that is what a store of what was done is made of."""
    done: set[tuple[str, str]] = set()

    def only_once(who: Subscriber, message: Message, payload: str) -> Round:
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

    def instead(who: Subscriber, message: Message, payload: str) -> Round:
        return Outcome(who, RETRY)
        yield

    hooks = [Named('a', notes), around_subscriber(instead), Named('b', notes)]
    drained(server, subscriber(), hooks=hooks)
    assert [note for note in notes if 'Made' in note] == [
        'a before Made',
        'a after Made: retry later',
    ]


def test_a_hook_may_replace_all_subscribers(server: Server) -> None:
    def instead(message: Message) -> Round:
        return DeliveryResult((), Settlement(SettlementAction.ACK, StatsField.DONE))
        yield

    seen: list[Any] = []
    stats = drained(server, subscriber(None, seen), hooks=[around_delivery(instead)])
    assert seen == []
    assert (stats.done, stats.deleted) == (1, 1)


class Asynchronous(MessageSubscriber):
    async def process(self, payload: str) -> None: ...


def test_a_coroutine_submitted_after_the_close_does_not_begin(server: Server) -> None:
    """Nor is there a warning that it was not."""

    def instead(who: Subscriber, message: Message, payload: str) -> Round:
        return Outcome(who, DONE)
        yield

    assert drained(server, Asynchronous, hooks=[around_subscriber(instead)]).deleted == 1


# When they fail


def raises_before(*those: Any) -> Round:
    raise LookupError('before')
    yield


def raises_after(*those: Any) -> Round:
    yield
    raise LookupError('after')


def yields_twice(*those: Any) -> Round:
    yield
    yield


def has_nothing_to_say(*those: Any) -> Round:
    return
    yield


FAILING = pytest.mark.parametrize(
    'function', [raises_before, raises_after, yields_twice, has_nothing_to_say]
)


@FAILING
@pytest.mark.parametrize('place', [around_subscriber, around_delivery])
def test_a_message_stays_when_a_hook_fails(server: Server, place: Any, function: Any) -> None:
    stats = drained(server, subscriber(), hooks=[place(function)])
    assert (stats.retried, stats.deleted) == (1, 0)


TO_NOBODY = Reason('Broken', 'for good')
NONSENSE: dict[str, tuple[Any, Any]] = {
    'no outcome': (around_subscriber, lambda who: 'done'),
    'no status': (around_subscriber, lambda who: made(Outcome, who, 'done')),
    'no delivered': (around_delivery, lambda message: DONE),
    'no verdict': (around_delivery, lambda message: made(DeliveryResult, (), SettlementAction.ACK)),
    'no action': (around_delivery, lambda message: verdict('ack', StatsField.DONE)),
    'no count': (around_delivery, lambda message: verdict(SettlementAction.ACK, 'done')),
    'no reason': (
        around_delivery,
        lambda message: verdict(SettlementAction.DEAD_LETTER, StatsField.FATAL),
    ),
    'no queue': (
        around_delivery,
        lambda message: verdict(SettlementAction.DEAD_LETTER, StatsField.FATAL, TO_NOBODY),
    ),
    'no whole seconds': (
        around_delivery,
        lambda message: verdict(SettlementAction.LEAVE, StatsField.RETRIED, None, 0.5),
    ),
}


def made(kind: Any, *arguments: Any) -> Any:
    """What types would refuse."""
    return kind(*arguments)


def verdict(*arguments: Any) -> Any:
    return made(DeliveryResult, (), made(Settlement, *arguments))


@pytest.mark.parametrize('who', [subscriber(), Asynchronous], ids=['def', 'async def'])
@pytest.mark.parametrize(('place', 'make'), NONSENSE.values(), ids=NONSENSE)
def test_a_message_stays_after_an_invalid_result_of_a_hook(
    server: Server, who: Subscriber, place: Any, make: Any
) -> None:
    def answers(first: Any, *others: Any) -> Round:
        yield
        return make(first)

    stats = drained(server, who, hooks=[place(answers)])
    assert (stats.retried, stats.deleted) == (1, 0)


@FAILING
def test_the_other_subscribers_receive_the_message(server: Server, function: Any) -> None:
    seen: list[Any] = []

    def fails_for_one(who: Subscriber, *those: Any) -> Round:
        return (
            yield from (
                function() if who.__name__ == 'One' else Hook().around_subscriber(who, *those)
            )
        )

    one = subscriber(None, [], called='One')
    two = subscriber(None, seen, called='Two')
    drained(server, one, two, hooks=[around_subscriber(fails_for_one)])
    assert seen == ['hej']


@pytest.mark.parametrize('place', [around_subscriber, around_delivery])
def test_it_is_logged_with_what_was_raised(
    server: Server, caplog: pytest.LogCaptureFixture, place: Any
) -> None:
    drained(server, subscriber(), hooks=[place(raises_after)])
    assert warnings_of(caplog)
    errors = [record.exc_info[1] for record in caplog.records if record.exc_info]
    assert [(type(error), str(error)) for error in errors] == [(LookupError, 'after')]


def test_an_exception_of_a_hook_is_raised_in_the_outer_hooks(server: Server) -> None:
    """So what they have begun can be ended: the span of a trace, a lock."""
    notes: list[str] = []

    def ending(*those: Any) -> Round:
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


def test_they_may_answer_in_its_place(server: Server) -> None:
    def forgiving(who: Subscriber, message: Message, payload: str) -> Round:
        try:
            yield
        except LookupError:
            return Outcome(who, DONE)

    hooks = [around_subscriber(forgiving), around_subscriber(raises_after)]
    assert drained(server, subscriber(), hooks=hooks).deleted == 1


def test_but_not_without_an_answer(server: Server) -> None:
    def silent(*those: Any) -> Round:
        with suppress(LookupError):
            yield

    hooks = [around_subscriber(silent), around_subscriber(raises_after)]
    assert drained(server, subscriber(), hooks=hooks).retried == 1


def test_the_loop_goes_on(server: Server) -> None:
    hooks = [around_delivery(raises_before)]
    assert drained(server, subscriber(), hooks=hooks, count=3).retried == 3


# What is none


@pytest.mark.parametrize(
    'hook', [Hook, Named, None, 'hook', raises_before], ids=['Hook', 'Named', 'None', 'text', 'def']
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
    def exit_(*those: Any) -> Round:
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


def test_without_hooks_what_came_of_each_subscriber_is_logged(
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
