"""One message, many subscribers: who is asked, and what comes of each."""

from __future__ import annotations

import asyncio
import concurrent.futures
import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mega.aws.sqs.subscribe import (
    DataSubscriber,
    EventSubscriber,
    Message,
    MessageSubscriber,
    ProcessStatus,
)
from mega.aws.sqs.subscribe.subscribers.subscriber import Subscriber
from mega.errors import RetriableError
from tests.aws.sqs.subscribe.making import MESSAGE, delivered, outcomes, statuses, subscriber
from tests.event.examples import NOTIFICATION, item_added
from tests.payload_equality import with_types
from tests.strategies import carried_by_bson, data_objects, event_payloads

DONE, RETRY_LATER = ProcessStatus.DONE, ProcessStatus.RETRY_LATER
FATAL, RETRIABLE = ProcessStatus.FATAL_ERROR, ProcessStatus.RETRIABLE_ERROR


class BusyError(RetriableError):
    """A user's own."""


class WordlessError(Exception):
    def __str__(self) -> str:
        raise ValueError('not even this')


def asynchronous(answer: object) -> Callable[[Any], Any]:
    """An `async def` that answers, or raises an exception, after it has let others run."""

    async def process(payload: Any) -> object:
        await asyncio.sleep(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    return process


def both_ways(answer: object, **declared: Any) -> tuple[Subscriber, Subscriber]:
    """A subscriber whose `process` is plain, and one whose is asynchronous."""
    return subscriber(answer, **declared), subscriber(asynchronous(answer), **declared)


@pytest.mark.parametrize('status', ProcessStatus)
def test_the_returned_status_is_the_outcome(status: ProcessStatus) -> None:
    assert statuses('hej', *both_ways(status)) == [status, status]


def test_returning_nothing_is_done() -> None:
    assert statuses('hej', *both_ways(None)) == [DONE, DONE]


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


def test_a_process_that_yields_returned_an_invalid_value() -> None:
    class Yielding(MessageSubscriber):
        def process(self, payload: str) -> Iterator[None]:  # type: ignore[override]
            yield

    assert statuses('hej', Yielding) == [RETRIABLE]


@pytest.mark.parametrize(
    'error',
    [ValueError(), RecursionError(), AssertionError(), StopAsyncIteration(), WordlessError(),
     OSError(28, 'no space left on device')],
    ids=repr,
)  # fmt: skip
def test_any_exception_has_the_status_of_unhandled(error: Exception) -> None:
    made = both_ways(error, retriable_exceptions=(KeyError, TimeoutError))
    assert statuses('hej', *made, unhandled=FATAL) == [FATAL, FATAL]
    assert statuses('hej', *made, unhandled=RETRIABLE) == [RETRIABLE, RETRIABLE]


def test_it_is_kept_in_the_outcome() -> None:
    error = ValueError('no such item')
    made = subscriber(error)
    [found] = outcomes('hej', made)
    assert (found.subscriber, found.error) == (made, error)


@pytest.mark.parametrize('error', [LookupError(), KeyError('a'), ConnectionResetError()], ids=repr)
def test_retriable_exceptions_are_mapped_with_their_kinds(error: Exception) -> None:
    mapped = (LookupError, ConnectionError)
    assert statuses('hej', *both_ways(error, retriable_exceptions=mapped)) == [RETRIABLE] * 2


def test_retriable_exceptions_are_inherited_until_a_child_has_its_own() -> None:
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
    for found in outcomes('hej', *both_ways(error)):
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
def test_the_end_of_the_process_is_never_fatal_to_the_message(
    error: BaseException, unhandled: ProcessStatus
) -> None:
    assert statuses('hej', subscriber(error), unhandled=unhandled) == [RETRIABLE]


def test_an_error_of_the_constructor_counts_as_one_of_process() -> None:
    def fail(self: object) -> None:
        raise KeyError('no database')

    made = subscriber(__init__=fail)
    assert statuses('hej', made) == [FATAL]
    assert statuses('hej', subscriber(base=made, retriable_exceptions=(KeyError,))) == [RETRIABLE]


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
    """What a comparison of arrays answers: many truths, and so none."""

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
    """Nobody can say that it did not match."""
    seen: list[Any] = []
    broken = subscriber(base=DataSubscriber, pattern={'type': predicate})
    asked = [subscriber(None, seen), broken, subscriber(None, seen)]
    body = json.dumps(NOTIFICATION)
    found = delivered({'MessageId': '1', 'ReceiptHandle': 'a', 'Body': body}, *asked).outcomes
    assert sorted(outcome.status.name for outcome in found) == ['DONE', 'DONE', 'RETRIABLE_ERROR']
    assert [outcome.subscriber for outcome in found if outcome.error] == [broken]
    assert seen == [NOTIFICATION, NOTIFICATION]


def test_a_predicate_is_not_asked_about_other_kinds_of_payload_or_missing_keys() -> None:
    never = raising(AssertionError('it was asked'))
    assert outcomes(item_added(), subscriber(base=DataSubscriber, pattern=never)) == []
    assert outcomes(NOTIFICATION, subscriber(base=EventSubscriber, name=never)) == []
    assert outcomes(NOTIFICATION, subscriber(pattern={'colour': never})) == []


def test_every_subscriber_is_asked_before_the_first_one_processes() -> None:
    steps: list[str] = []

    def asked(value: object) -> bool:
        steps.append('asked')
        return True

    made = [subscriber(lambda payload: steps.append('processed'), pattern=asked) for _ in '12']
    outcomes('hej', *made)
    assert steps == ['asked', 'processed', 'processed']  # about one value it is asked once


def spoil(value: Any) -> None:
    """Change everything in a payload that can be changed."""
    if isinstance(value, dict):
        for member in value.values():
            spoil(member)
        value['spoiled'] = True
    elif isinstance(value, list):
        for member in value:
            spoil(member)
        value.append('spoiled')
    elif hasattr(value, 'event'):
        spoil(value.event.attributes)
        spoil(value.extra)
        if value.object is not None:
            spoil(value.object.current)
            spoil(value.object.previous)


@given(st.one_of(data_objects(carried_by_bson), event_payloads(carried_by_bson)))
def test_no_subscriber_sees_changes_of_another_to_the_payload(payload: Any) -> None:
    before = with_types(copy.deepcopy(payload))
    seen: list[Any] = []

    def process(received: Any) -> None:
        seen.append(with_types(copy.deepcopy(received)))
        spoil(received)

    assert statuses(payload, *[subscriber(process) for _ in '123']) == [DONE] * 3
    assert seen == [before] * 3


def test_no_subscriber_sees_changes_of_another_to_the_attributes() -> None:
    seen: list[dict[str, Any]] = []

    class Spoiling(MessageSubscriber):
        def process(self, payload: str) -> None:
            seen.append(dict(self.message.attributes))
            self.message.attributes['tenant'] = 'another'

    message = replace(MESSAGE, attributes={'tenant': 'a'})

    class Spoiled(Spoiling):
        pass

    outcomes('hej', Spoiling, subscriber(base=Spoiling), Spoiled, message=message)
    assert seen[0] == {'tenant': 'a'}
    assert seen == seen[:1] * len(seen)


def test_a_fresh_instance_serves_each_delivery() -> None:
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

    class ReadingToo(MessageSubscriber):
        async def process(self, payload: str) -> None:
            seen.append(self.message)

    assert statuses('hej', Reading, ReadingToo) == [DONE, DONE]
    assert seen == [MESSAGE, MESSAGE]
