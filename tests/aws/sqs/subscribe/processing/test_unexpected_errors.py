"""Unexpected exceptions while a message is opened or matched: faults of that message alone."""

from __future__ import annotations

from contextvars import copy_context
from typing import Any

import pytest

from mega.aws._transport.client import create_client
from mega.aws.sqs.message import Message
from mega.aws.sqs.opening import OpenResult, open_message
from mega.aws.sqs.subscribe import DataSubscriber, Stats
from mega.aws.sqs.subscribe.engine.commands import CallResult
from mega.aws.sqs.subscribe.engine.delivery import Delivery
from mega.aws.sqs.subscribe.processing.hooks import Hooks
from mega.aws.sqs.subscribe.processing.pipeline import OpenedMessage, Processor
from mega.aws.sqs.subscribe.processing.settlement import (
    Settlement,
    SettlementAction,
    SettlementPolicy,
    StatsField,
)
from mega.aws.sqs.subscribe.reason import Reason
from mega.aws.sqs.subscribe.runtime.dead_letter_sender import DeadLetterSender
from mega.aws.sqs.subscribe.runtime.s3_prefetch import BodyPrefetcher
from mega.aws.sqs.subscribe.subscribers.routing import Router
from mega.match.context import Context
from mega.match.pattern import Pattern
from tests.aws._publishing.batches import QUEUE
from tests.aws.answers import sqs_answer
from tests.aws.fault_server import FaultServer
from tests.aws.s3.making import POINTER_TO_OURS, deliveries, pointing_to, store_on
from tests.aws.sqs.subscribe.factories import (
    MESSAGE,
    listener_on,
    subscriber,
    warnings_of,
    will_receive,
)

SECRET = 'secret 4111'
RECEIVED = {'MessageId': '7c3a', 'ReceiptHandle': 'a', 'Body': SECRET}
UNEXPECTED = [
    ArithmeticError(SECRET),
    KeyError(SECRET),
    RecursionError(SECRET),
    RuntimeError(SECRET),
    TypeError(SECRET),
    UnicodeDecodeError('utf-8', SECRET.encode(), 0, 1, SECRET),
    StopIteration(SECRET),
]
AN_ERROR = pytest.mark.parametrize('error', UNEXPECTED, ids=lambda error: type(error).__name__)


def processor(pattern: Any = 'never', **policy: Any) -> Processor:
    router = Router()
    router.register(subscriber(pattern=pattern))
    return Processor(router, SettlementPolicy(**policy), Hooks())


def opened(processor: Processor, *arguments: Any) -> OpenedMessage:
    """Open a message in a context of its own."""
    return copy_context().run(processor.open, *arguments)


class RaisingPattern(Pattern, frozen=True):
    """A pattern with a fault of its own: not a predicate of the user that raises."""

    error: BaseException

    def accepts(self, lhs: object, context: Context) -> bool:
        raise self.error


def opening_raises(error: BaseException, **policy: Any) -> Settlement:
    def open_body(message: Message) -> OpenResult:
        raise error

    settlement = opened(processor(**policy), RECEIVED, open_body).settlement
    assert settlement
    return settlement


def matching_raises(error: BaseException, **policy: Any) -> Settlement:
    settlement = opened(processor(RaisingPattern(error), **policy), RECEIVED).settlement
    assert settlement
    return settlement


@AN_ERROR
@pytest.mark.parametrize('has_queue', [False, True], ids=['left', 'dead-lettered'])
def test_any_exception_from_opening_a_message_is_a_fault_of_the_message(
    error: Exception, has_queue: bool
) -> None:
    settlement = opening_raises(error, has_dead_letter_queue=has_queue)
    assert settlement.stats_field is StatsField.UNOPENED
    kept = SettlementAction.DEAD_LETTER if has_queue else SettlementAction.LEAVE
    assert settlement.action is kept
    assert settlement.reason
    assert type(error).__name__ in settlement.reason.text


@AN_ERROR
def test_any_exception_from_matching_leaves_the_message_for_a_retry(error: Exception) -> None:
    settlement = matching_raises(error, has_dead_letter_queue=True)
    assert settlement.action is SettlementAction.LEAVE
    assert settlement.stats_field is StatsField.RETRIED


@AN_ERROR
@pytest.mark.parametrize('fails', [opening_raises, matching_raises])
def test_an_unexpected_exception_shows_its_class_and_place_and_not_its_text(
    error: Exception, fails: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settlement = fails(error)
    [line] = warnings_of(caplog)
    assert f'{type(error).__name__} while' in line
    assert 'test_unexpected_errors.py, line ' in line
    assert SECRET not in f'{caplog.text} {settlement.reason}'


@pytest.mark.parametrize('fails', [opening_raises, matching_raises])
@pytest.mark.parametrize('error', [KeyboardInterrupt, SystemExit])
def test_a_request_to_exit_ends_the_opening(error: type[BaseException], fails: Any) -> None:
    with pytest.raises(error):
        fails(error())


@pytest.mark.parametrize('fails', [opening_raises, matching_raises])
@pytest.mark.parametrize('error', [MemoryError(), OSError(24, 'too many open files')], ids=repr)
def test_a_failure_of_the_machine_is_not_an_attempt(error: Exception, fails: Any) -> None:
    settlement = fails(error, has_dead_letter_queue=True, max_receives=1)
    assert settlement.action is SettlementAction.LEAVE


@pytest.mark.parametrize('field', ['Body', 'Attributes', 'MessageAttributes'])
@pytest.mark.parametrize('value', [5, 'x', ['x'], {'x': 5}], ids=repr)
def test_a_message_with_fields_of_another_kind_is_settled(field: str, value: object) -> None:
    found = opened(processor(unmatched='leave'), {**RECEIVED, field: value})
    assert found.message.id == '7c3a'
    assert found.settlement is None or found.settlement.action is SettlementAction.LEAVE


@AN_ERROR
def test_a_listener_survives_an_unexpected_exception_while_a_body_is_fetched(
    faults: FaultServer, error: Exception
) -> None:
    def fetch(pointer: object) -> None:
        raise error

    store = store_on(faults)
    store.fetch = fetch
    good = {**RECEIVED, 'MessageId': 'good', 'Body': 'good'}
    [first, *rest] = deliveries(pointing_to(POINTER_TO_OURS))
    will_receive(faults, first, sqs_answer(Messages=[good]), *rest)
    seen: list[Any] = []
    listener = listener_on(faults, QUEUE, subscriber(None, seen), payload_store=store)
    assert listener.drain() == Stats(received=2, unopened=1, done=1, deleted=1)
    assert seen == ['good']


def test_a_listener_survives_a_pointer_in_a_body_that_is_not_a_text(faults: FaultServer) -> None:
    malformed = {**pointing_to(POINTER_TO_OURS), 'Body': 5}
    good = {**RECEIVED, 'MessageId': 'good', 'Body': 'good'}
    will_receive(faults, sqs_answer(Messages=[malformed, good]), sqs_answer())
    listener = listener_on(faults, QUEUE, subscriber(), payload_store=store_on(faults))
    assert listener.drain() == Stats(received=2, unopened=1, done=1, deleted=1)


def test_a_prefetch_never_raises_in_the_thread_of_the_receive(faults: FaultServer) -> None:
    received = {**pointing_to(POINTER_TO_OURS), 'Attributes': 5}
    delivery = Delivery('7c3a', 'a', None, received)
    prefetcher = BodyPrefetcher(store_on(faults), open_message, QUEUE, 30)
    prefetcher.submit([delivery])
    with pytest.raises(AttributeError):
        prefetcher.opener(delivery)(MESSAGE)
    prefetcher.close()


@AN_ERROR
def test_a_listener_survives_an_unexpected_exception_of_a_pattern(
    faults: FaultServer, error: Exception
) -> None:
    messages = [{**RECEIVED, 'Body': '{"a":1}'}, {**RECEIVED, 'MessageId': 'b', 'Body': 'good'}]
    will_receive(faults, sqs_answer(Messages=messages), sqs_answer())
    seen: list[Any] = []
    raising = subscriber(base=DataSubscriber, pattern={'a': RaisingPattern(error)})
    listener = listener_on(faults, QUEUE, raising, subscriber(None, seen))
    assert listener.drain() == Stats(received=2, retried=1, done=1, deleted=1)
    assert seen == ['good']


@pytest.mark.parametrize('field', ['Attributes', 'MessageAttributes'])
def test_a_message_with_fields_of_another_kind_is_not_dead_lettered_and_stays(
    faults: FaultServer, field: str
) -> None:
    queue = DeadLetterSender(create_client('sqs', QUEUE, client=faults.client('sqs')), QUEUE, QUEUE)
    assert queue.send({**RECEIVED, field: 5}, Reason('Unmatched', '')) is CallResult.FAILED
    assert faults.requests == []
