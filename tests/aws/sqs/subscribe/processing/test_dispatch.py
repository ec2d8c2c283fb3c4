"""The dispatch of one message to many subscribers, and their outcomes."""

from __future__ import annotations

import asyncio
import concurrent.futures
import copy
import json
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mega.aws._hooks.work import run_to_completion
from mega.aws.sqs.subscribe import (
    DataSubscriber,
    EventSubscriber,
    Hook,
    Message,
    MessageSubscriber,
    ProcessStatus,
)
from mega.aws.sqs.subscribe.processing.dispatch import dispatch
from mega.aws.sqs.subscribe.processing.outcome import Outcome
from mega.aws.sqs.subscribe.subscribers.subscriber import Subscriber
from mega.errors import RetriableError
from tests.aws.sqs.subscribe.factories import (
    MESSAGE,
    outcomes,
    process_received,
    run_by_asyncio,
    statuses,
    subscriber,
)
from tests.event.examples import NOTIFICATION, item_added
from tests.payload_equality import with_types
from tests.strategies import carried_by_bson, data_objects, event_payloads

DONE, RETRY_LATER = ProcessStatus.DONE, ProcessStatus.RETRY_LATER
FATAL, RETRIABLE = ProcessStatus.FATAL_ERROR, ProcessStatus.RETRIABLE_ERROR


class BusyError(RetriableError):
    """An exception class of a user."""


class WordlessError(Exception):
    def __str__(self) -> str:
        raise ValueError('not even this')


def asynchronous(answer: object) -> Callable[[Any], Any]:
    """Return an `async def` that yields to the event loop, and then answers or raises."""

    async def process(payload: Any) -> object:
        await asyncio.sleep(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    return process


def sync_and_async(answer: object, **declared: Any) -> tuple[Subscriber, Subscriber]:
    """Return two subscribers: one with a `def process`, and one with an `async def process`."""
    return subscriber(answer, **declared), subscriber(asynchronous(answer), **declared)


@pytest.mark.parametrize('status', ProcessStatus)
def test_the_returned_status_is_the_outcome(status: ProcessStatus) -> None:
    assert statuses('hej', *sync_and_async(status)) == [status, status]


def test_the_return_value_none_means_done() -> None:
    assert statuses('hej', *sync_and_async(None)) == [DONE, DONE]


def test_process_may_be_a_coroutine_function() -> None:
    class Asynchronous(MessageSubscriber):
        async def process(self, payload: str) -> ProcessStatus:
            await asyncio.sleep(0)
            return RETRY_LATER

    assert statuses('hej', Asynchronous) == [RETRY_LATER]


@pytest.mark.parametrize(
    'answer',
    [True, False, 0, 'done', 'DONE', [], (DONE,), ProcessStatus, {'status': DONE}, object()],
    ids=lambda answer: type(answer).__name__ + str(answer)[:5],
)
def test_an_invalid_return_value_is_a_retriable_error(answer: object) -> None:
    made = subscriber(lambda payload: answer), subscriber(asynchronous(answer))
    for found in outcomes('hej', *made):
        assert found.status is RETRIABLE
        assert 'it must return a ProcessStatus or None' in str(found.error)


@pytest.mark.parametrize(
    'error',
    [ValueError(), RecursionError(), AssertionError(), StopAsyncIteration(), WordlessError(),
     FileNotFoundError(2, 'no such file'), PermissionError(13, 'denied')],
    ids=repr,
)  # fmt: skip
def test_an_unhandled_exception_has_the_status_of_unhandled(error: Exception) -> None:
    made = sync_and_async(error, retriable_exceptions=(KeyError, TimeoutError))
    assert statuses('hej', *made, unhandled=FATAL) == [FATAL, FATAL]
    assert statuses('hej', *made, unhandled=RETRIABLE) == [RETRIABLE, RETRIABLE]


def test_the_outcome_contains_the_exception() -> None:
    error = ValueError('no such item')
    made = subscriber(error)
    [found] = outcomes('hej', made)
    assert (found.subscriber, found.error) == (made, error)


@pytest.mark.parametrize('error', [LookupError(), KeyError('a'), ConnectionResetError()], ids=repr)
def test_retriable_exceptions_include_their_subclasses(error: Exception) -> None:
    mapped = (LookupError, ConnectionError)
    assert statuses('hej', *sync_and_async(error, retriable_exceptions=mapped)) == [RETRIABLE] * 2


def test_a_child_inherits_retriable_exceptions_unless_it_declares_its_own() -> None:
    parent = subscriber(KeyError(), retriable_exceptions=(KeyError,))
    child = subscriber(KeyError(), base=parent)
    other_child = subscriber(KeyError(), base=parent, retriable_exceptions=())
    assert statuses('hej', parent, child, other_child) == [RETRIABLE, RETRIABLE, FATAL]


@pytest.mark.parametrize(
    ('error', 'delay'),
    [
        (RetriableError(), None),
        (RetriableError(0), 0),
        (RetriableError(delay=2.5), 2.5),
        (RetriableError('the lock is taken'), None),
        (BusyError(7), 7),
    ],
    ids=['none', 'zero', 'seconds', 'reason', 'subclass'],
)
def test_a_retriable_error_asks_for_a_retry_after_its_delay(
    error: RetriableError, delay: float | None
) -> None:
    for found in outcomes('hej', *sync_and_async(error)):
        assert found.status is RETRIABLE
        assert found.asks_for_retry
        assert found.delay == delay


@pytest.mark.parametrize(
    'error',
    [MemoryError(), asyncio.CancelledError(), concurrent.futures.CancelledError(), GeneratorExit(),
     SystemExit(1), KeyboardInterrupt()],
    ids=lambda error: f'{type(error).__module__}.{type(error).__name__}',
)  # fmt: skip
@pytest.mark.parametrize('unhandled', [FATAL, RETRIABLE], ids=['fatal', 'retry'])
def test_a_failure_of_the_operating_system_process_never_dead_letters_a_message(
    error: BaseException, unhandled: ProcessStatus
) -> None:
    assert statuses('hej', subscriber(error), unhandled=unhandled) == [RETRIABLE]


def test_a_payload_that_no_subscriber_matches_has_no_outcomes() -> None:
    assert outcomes('hej') == []
    assert outcomes('hej', subscriber(pattern='hallo'), subscriber(base=DataSubscriber)) == []


def test_a_failed_subscriber_does_not_affect_the_others() -> None:
    seen: list[Any] = []
    asked = [subscriber(answer, seen) for answer in (ValueError(), FATAL, RETRY_LATER, None)]
    assert statuses('hej', *asked) == [FATAL, FATAL, RETRY_LATER, DONE]
    assert seen == ['hej'] * 4


def raising(error: BaseException) -> Callable[[object], bool]:
    def predicate(value: object) -> bool:
        raise error

    return predicate


class Undecided:
    """The result of a comparison of arrays: it has no truth value."""

    def __bool__(self) -> bool:
        raise ValueError('the truth value of an array is ambiguous')


@pytest.mark.parametrize(
    'predicate',
    [
        raising(KeyError('a')),
        raising(RecursionError()),
        raising(MemoryError()),
        raising(asyncio.CancelledError()),
        lambda value: Undecided(),
    ],
    ids=['KeyError', 'RecursionError', 'MemoryError', 'CancelledError', '__bool__'],
)
def test_a_predicate_that_raises_is_a_retriable_error_and_others_process(
    predicate: Callable[[object], bool],
) -> None:
    """The subscriber might match, so that the message stays for a retry."""
    seen: list[Any] = []
    broken = subscriber(base=DataSubscriber, pattern={'type': predicate})
    asked = [subscriber(None, seen), broken, subscriber(None, seen)]
    body = json.dumps(NOTIFICATION)
    found = process_received(
        {'MessageId': '1', 'ReceiptHandle': 'a', 'Body': body}, *asked
    ).outcomes
    assert sorted(outcome.status.name for outcome in found) == ['DONE', 'DONE', 'RETRIABLE_ERROR']
    assert [outcome.subscriber for outcome in found if outcome.error] == [broken]
    assert seen == [NOTIFICATION, NOTIFICATION]


def test_a_predicate_is_not_called_for_other_payload_types_or_missing_keys() -> None:
    never = raising(AssertionError('it was asked'))
    assert outcomes(item_added(), subscriber(base=DataSubscriber, pattern=never)) == []
    assert outcomes(NOTIFICATION, subscriber(base=EventSubscriber, name=never)) == []
    assert outcomes(NOTIFICATION, subscriber(pattern={'colour': never})) == []


def test_all_patterns_are_evaluated_before_the_first_subscriber_processes() -> None:
    steps: list[str] = []

    def asked(value: object) -> bool:
        steps.append('asked')
        return True

    made = [subscriber(lambda payload: steps.append('processed'), pattern=asked) for _ in '12']
    outcomes('hej', *made)
    assert steps == ['asked', 'processed', 'processed']  # one call for each value


def mutate(value: Any) -> None:
    """Change each mutable part of a payload."""
    if isinstance(value, dict):
        for member in value.values():
            mutate(member)
        value['spoiled'] = True
    elif isinstance(value, list):
        for member in value:
            mutate(member)
        value.append('spoiled')
    elif hasattr(value, 'event'):
        mutate(value.event.attributes)
        mutate(value.extra)
        if value.object is not None:
            mutate(value.object.current)
            mutate(value.object.previous)


@given(st.one_of(data_objects(carried_by_bson), event_payloads(carried_by_bson)))
def test_changes_of_a_subscriber_to_the_payload_are_invisible_to_the_others(payload: Any) -> None:
    before = with_types(copy.deepcopy(payload))
    seen: list[Any] = []

    def process(received: Any) -> None:
        seen.append(with_types(copy.deepcopy(received)))
        mutate(received)

    assert statuses(payload, *[subscriber(process) for _ in '123']) == [DONE] * 3
    assert seen == [before] * 3


def test_changes_of_a_subscriber_to_the_attributes_are_invisible_to_the_others() -> None:
    seen: list[dict[str, Any]] = []

    class Mutating(MessageSubscriber):
        def process(self, payload: str) -> None:
            seen.append(dict(self.message.attributes))
            self.message.attributes['tenant'] = 'another'

    message = replace(MESSAGE, attributes={'tenant': 'a'})

    class Observing(Mutating):
        pass

    outcomes('hej', Mutating, subscriber(base=Mutating), Observing, message=message)
    assert seen[0] == {'tenant': 'a'}
    assert seen == seen[:1] * len(seen)


def test_each_delivery_has_a_new_subscriber_instance() -> None:
    instances: list[MessageSubscriber] = []

    class Counting(MessageSubscriber):
        def __init__(self) -> None:
            self.count = 0

        def process(self, payload: str) -> None:
            self.count += 1
            instances.append(self)
            assert self.count == 1

    for _ in '123':
        assert statuses('hej', Counting) == [DONE]
    assert len({id(instance) for instance in instances}) == 3


def test_the_message_is_available_during_processing() -> None:
    seen: list[Message] = []

    class Reading(MessageSubscriber):
        def process(self, payload: str) -> None:
            seen.append(self.message)

    class AlsoReading(MessageSubscriber):
        async def process(self, payload: str) -> None:
            seen.append(self.message)

    assert statuses('hej', Reading, AlsoReading) == [DONE, DONE]
    assert seen == [MESSAGE, MESSAGE]


def slow(seconds: float) -> Callable[[Any], None]:
    """Return a `process` that keeps a thread busy without sleeping."""

    def process(payload: Any) -> None:
        ends = time.perf_counter() + seconds
        while time.perf_counter() < ends:
            pass

    return process


def refusing(error: BaseException) -> Subscriber:
    """Return a subscriber that can be created only once, at its registration."""
    created: list[object] = []

    class Refusing(MessageSubscriber):
        def __init__(self) -> None:
            if created:
                raise error
            created.append(self)

        def process(self, payload: object) -> None:
            raise AssertionError('it was called')

    return Refusing


@pytest.mark.parametrize(
    'made',
    [*sync_and_async(None), subscriber(ValueError()), subscriber('wrong'), refusing(OSError())],
    ids=['def', 'async def', 'raises', 'wrong result', 'no instance'],
)
def test_the_duration_of_an_outcome_is_that_of_its_subscriber(made: Subscriber) -> None:
    before = time.perf_counter()
    _, found, _ = outcomes('hej', subscriber(slow(0.02)), made, subscriber(slow(0.02)))
    assert 0.0 < found.duration < time.perf_counter() - before - 0.04


def test_a_subscriber_that_cannot_be_created_asks_for_a_retry_and_others_process() -> None:
    seen: list[Any] = []
    error = OSError(24, 'too many open files')
    found = outcomes('hej', refusing(error), subscriber(None, seen))
    assert [(each.status, each.error) for each in found] == [(RETRIABLE, error), (DONE, None)]
    assert seen == ['hej']


class Huge(dict[str, Any]):
    """A payload without memory for a copy."""

    def items(self) -> Any:
        raise MemoryError


def test_without_memory_for_a_copy_only_the_last_subscriber_processes() -> None:
    seen: list[Any] = []
    made, last = subscriber(None, seen), subscriber(None, seen)
    payload = Huge()
    found = run_to_completion(dispatch(MESSAGE, payload, [made, made, last], FATAL), run_by_asyncio)
    assert [each.status for each in found] == [RETRIABLE, RETRIABLE, DONE]
    assert [type(each.error) for each in found] == [MemoryError, MemoryError, type(None)]
    assert seen == [payload]
    assert seen[0] is payload


@pytest.mark.parametrize('error', [SystemExit(1), KeyboardInterrupt()], ids=repr)
def test_no_subscriber_starts_after_an_exit_request(error: BaseException) -> None:
    seen: list[Any] = []
    found = outcomes('hej', subscriber(None, seen), subscriber(error), subscriber(None, seen))
    assert [each.error for each in found] == [None, error]
    assert seen == ['hej']


@pytest.mark.parametrize(
    'result',
    ['wrong', DONE, Outcome(subscriber(), cast(Any, 'done')), SimpleNamespace(status=DONE)],
    ids=['text', 'status', 'outcome without a status', 'not an outcome'],
)
def test_an_invalid_result_of_a_hook_is_a_retriable_error(result: Any) -> None:
    class Replacing(Hook):
        def around_subscriber(self, *arguments: Any) -> Any:
            yield
            return result

    work = dispatch(MESSAGE, 'hej', [subscriber()], FATAL, [Replacing()])
    [found] = run_to_completion(work, run_by_asyncio)
    assert found.status is RETRIABLE
    assert 'it must return an Outcome with a ProcessStatus' in str(found.error)


def test_only_the_last_subscriber_gets_the_original_payload_and_message() -> None:
    seen: list[tuple[Any, Message]] = []

    class Keeping(DataSubscriber):
        def process(self, payload: Any) -> None:
            seen.append((payload, self.message))

    payload = {'lines': [{'sku': 'A'}]}
    message = replace(MESSAGE, attributes={'tenant': 'a'}, unreadable={'trace': {'Type': 'X'}})
    outcomes(
        payload, Keeping, subscriber(base=Keeping), type('Last', (Keeping,), {}), message=message
    )
    (first, first_message), (last, last_message) = seen[0], seen[-1]
    assert first == last == payload
    assert first_message == last_message == message
    assert (last is payload, last_message is message) == (True, True)
    assert first is not payload
    assert first['lines'][0] is not payload['lines'][0]
    assert first_message.attributes is not message.attributes
    assert first_message.unreadable is not message.unreadable
