"""Hooks around deliveries and subscribers: they observe, change or replace results."""

from __future__ import annotations

import logging
import threading
from typing import Any

import pytest

from mega.aws.sqs.subscribe import (
    DeliveryResult,
    Hook,
    Message,
    MessageSubscriber,
    Outcome,
    ProcessStatus,
    blocking,
)
from mega.aws.sqs.subscribe.processing.settlement import Settlement, SettlementAction, StatsField
from mega.aws.sqs.subscribe.subscribers.subscriber import Subscriber
from mega.errors import ConfigurationError, RetriableError
from mega.local import Server
from tests.aws.sqs.subscribe.factories import subscriber
from tests.aws.sqs.subscribe.processing.hook_factories import (
    HookGenerator,
    RecordingHook,
    around_delivery,
    around_subscriber,
    drained,
)

DONE, RETRY = ProcessStatus.DONE, ProcessStatus.RETRY_LATER


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


def test_without_hooks_the_outcome_of_each_subscriber_is_logged(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, 'mega')
    drained(server, subscriber(called='Fine'), subscriber(ValueError('no'), called='Not'), hooks=[])
    lines = {
        (record.levelname, record.getMessage().partition(': message')[0])
        for record in caplog.records
        if 'outcome_log' in record.name
    }
    assert lines == {('DEBUG', 'Fine: done'), ('ERROR', 'Not: fatal error')}


# Calls that block, and checks


async def process_in_the_loop(self: MessageSubscriber, payload: str) -> None:
    pass


@pytest.mark.parametrize('process', [None, process_in_the_loop], ids=['def', 'async def'])
def test_a_hook_makes_blocking_calls_outside_of_the_event_loop(
    server: Server, process: Any
) -> None:
    found: list[object] = []

    def call(text: str) -> str:
        found.append(threading.current_thread().name)
        return text

    def fail(*, text: str) -> str:
        raise ValueError(text)

    def calls(*arguments: Any) -> HookGenerator:
        found.append((yield from blocking(call, 'before')))
        outcome = yield
        found.append((yield from blocking(call, 'after')))
        with pytest.raises(ValueError, match='no'):
            yield from blocking(fail, text='no')
        return outcome

    made = subscriber()
    made.process = process or made.process  # type: ignore[method-assign]
    stats = drained(server, made, hooks=[around_subscriber(calls)])
    assert stats.done == 1
    assert [found[1], found[3]] == ['before', 'after']
    assert 'mega-event-loop' not in found[0::2]


def test_a_failed_blocking_call_is_an_exception_of_the_hook(server: Server) -> None:
    def call() -> None:
        raise ConnectionError('no')

    def calls(*arguments: Any) -> HookGenerator:
        yield from blocking(call)
        yield

    assert drained(server, subscriber(), hooks=[around_subscriber(calls)]).retried == 1


def test_a_listener_does_not_begin_if_a_hook_cannot_work(server: Server) -> None:
    class Failing(Hook):
        def check(self) -> None:
            raise ConfigurationError('the hook cannot work')

    with pytest.raises(ConfigurationError, match='the hook cannot work'):
        drained(server, subscriber(), hooks=[Hook(), Failing()])


@pytest.mark.parametrize(('has_begun', 'kept'), [(True, 0), (False, 1)], ids=['begun', 'not begun'])
def test_a_receive_without_a_begun_subscriber_does_not_count(
    server: Server, has_begun: bool, kept: int
) -> None:
    def postpone(who: Subscriber, *arguments: Any) -> HookGenerator:
        return Outcome(who, RETRY, RetriableError(60), has_begun=has_begun)
        yield

    settings: Any = {'max_receives': 1, 'dead_letter_queue_url': server.create_queue('dead')}
    stats = drained(server, subscriber(), hooks=[around_subscriber(postpone)], **settings)
    assert (stats.retried, stats.exhausted) == (kept, 1 - kept)
