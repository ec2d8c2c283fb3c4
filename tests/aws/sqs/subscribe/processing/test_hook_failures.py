"""Hooks that fail, return invalid results, or are invalid themselves."""

from __future__ import annotations

import asyncio
import errno
from contextlib import suppress
from typing import Any

import pytest

from mega.aws.sqs import SqsPublisher
from mega.aws.sqs.subscribe import (
    DeliveryResult,
    Hook,
    Message,
    MessageSubscriber,
    Outcome,
    ProcessStatus,
    SqsListener,
)
from mega.aws.sqs.subscribe.processing.settlement import Settlement, SettlementAction, StatsField
from mega.aws.sqs.subscribe.reason import Reason
from mega.aws.sqs.subscribe.subscribers.subscriber import Subscriber
from mega.errors import ConfigurationError
from mega.local import Server
from tests.aws.sqs.subscribe.factories import subscriber, warnings_of
from tests.aws.sqs.subscribe.processing.hook_factories import (
    HookGenerator,
    RecordingHook,
    around_delivery,
    around_subscriber,
    drained,
)

DONE = ProcessStatus.DONE

QUEUE_URL = 'https://sqs.eu-west-1.amazonaws.com/123456789012/orders'


class Asynchronous(MessageSubscriber):
    async def process(self, payload: str) -> None: ...


def raises_before(*arguments: Any) -> HookGenerator:
    raise LookupError('before')
    yield


def raises_after(*arguments: Any) -> HookGenerator:
    yield
    raise LookupError('after')


def is_cancelled(*arguments: Any) -> HookGenerator:
    yield
    raise asyncio.CancelledError


def is_no_generator(*arguments: Any) -> Any:
    raise LookupError('at once')


def yields_twice(*arguments: Any) -> HookGenerator:
    yield
    yield


def returns_before_yield(*arguments: Any) -> HookGenerator:
    return
    yield


FAILING = pytest.mark.parametrize(
    'function',
    [raises_before, raises_after, is_cancelled, is_no_generator, yields_twice,
     returns_before_yield],
)  # fmt: skip


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


@pytest.mark.parametrize('place', [around_subscriber, around_delivery])
def test_a_hook_that_the_machine_fails_costs_no_attempt(server: Server, place: Any) -> None:
    def fails(*arguments: Any) -> HookGenerator:
        raise OSError(errno.EMFILE, 'Too many open files')
        yield

    settings: Any = {'max_receives': 1, 'dead_letter_queue_url': server.create_queue('dead')}
    stats = drained(server, subscriber(), hooks=[place(fails)], **settings)
    assert (stats.retried, stats.exhausted) == (1, 0)


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
def test_a_failed_hook_is_logged_with_its_traceback(
    server: Server, caplog: pytest.LogCaptureFixture, place: Any
) -> None:
    drained(server, subscriber(), hooks=[place(raises_after)])
    [text] = warnings_of(caplog)
    assert 'LookupError' in text
    assert 'in raises_after' in text


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


@pytest.mark.parametrize(
    'hook',
    [Hook, RecordingHook, None, 'hook', raises_before],
    ids=['Hook', 'RecordingHook', 'None', 'text', 'def'],
)
def test_an_object_that_is_not_a_hook_is_refused(hook: Any) -> None:
    with pytest.raises(
        ConfigurationError, match='is not a hook: it must be an instance of a subclass'
    ):
        SqsListener(QUEUE_URL, [subscriber()], hooks=[hook])


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
