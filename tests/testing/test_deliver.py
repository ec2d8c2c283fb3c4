"""`deliver` passes one payload to one subscriber class, as a listener does."""

from __future__ import annotations

import asyncio
import traceback
from typing import Any

import pytest

from mega.aws.sqs.subscribe import (
    Backoff,
    BlobSubscriber,
    DataSubscriber,
    EventSubscriber,
    Message,
    MessageSubscriber,
    Outcome,
    ProcessStatus,
    TextSubscriber,
)
from mega.errors import ConfigurationError, EncodeError, EventError, RetriableError
from mega.event import Payload, PayloadBuilder
from mega.match.functions import gt
from mega.testing import deliver
from tests.aws.sqs.subscribe.factories import subscriber
from tests.fork_server import run
from tests.programs import environment

ADDED = PayloadBuilder().with_event(name='item.added', domain='shop', quantity=3).build()


class ItemAdded(EventSubscriber):
    domain = 'shop'
    name = 'item.added'
    seen: list[Payload] = []

    def process(self, payload: Payload) -> None:
        self.seen.append(payload)


def received(payload: Any, **options: Any) -> Any:
    """Return the payload that a subscriber receives."""
    seen: list[Any] = []
    deliver(subscriber(seen=seen), payload, **options)
    return seen[0]


@pytest.mark.parametrize(
    'payload',
    [ADDED, {'a': [1, None, 2.5]}, 'hej', '{', b'\x00\xff', 'x' * 2_000_000, b'x' * 2_000_000],
    ids=['event', 'data', 'text', 'brace', 'blob', 'large text', 'large blob'],
)
def test_a_payload_arrives_as_from_a_queue(payload: Any) -> None:
    found = received(payload)
    assert found == payload
    assert type(found) is type(payload)


def test_a_payload_is_encoded_and_decoded() -> None:
    assert received({'items': (1, 2)}) == {'items': [1, 2]}
    assert received(ADDED.to_dict()) == ADDED
    assert received({'blob': b'x'}, binary_encoding=True) == {'blob': b'x'}


@pytest.mark.parametrize('payload', ['', {'a': b'x'}, {'a': float('nan')}, 5, {1: 2}])
def test_a_payload_that_no_publisher_sends_is_refused(payload: Any) -> None:
    with pytest.raises(EncodeError):
        deliver(subscriber(), payload)


def test_an_invalid_event_is_refused() -> None:
    with pytest.raises(EventError):
        deliver(subscriber(), {'protocol': 'mega'})


def test_the_subscriber_sees_the_message() -> None:
    messages: list[Message] = []

    class Seeing(MessageSubscriber):
        def process(self, payload: Any) -> None:
            messages.append(self.message)

    attributes = {'priority': 5, 'blob': b'x', 'text': 'y'}
    deliver(Seeing, 'hej', attributes=attributes, group_id='cart-1', receive_count=3)
    [message] = messages
    assert message.body == 'hej'
    assert message.attributes == {'priority': '5', 'blob': b'x', 'text': 'y'}
    assert (message.group_id, message.receive_count) == ('cart-1', 3)
    assert message.sent_time is not None
    assert not message.lost


@pytest.mark.parametrize(
    ('options', 'name'),
    [
        ({'attributes': {'MegaPayloadType': 'x'}}, 'MegaPayloadType'),
        ({'attributes': {'AWS.x': 'x'}}, 'AWS.x'),
        ({'group_id': 'with space'}, 'group_id'),
        ({'receive_count': 0}, 'receive_count'),
    ],
)
def test_options_of_no_message_are_refused(options: Any, name: str) -> None:
    with pytest.raises((EncodeError, ConfigurationError), match=name):
        deliver(subscriber(), 'hej', **options)


@pytest.mark.parametrize('status', ProcessStatus)
def test_the_outcome_has_the_status(status: ProcessStatus) -> None:
    outcome = deliver(subscriber(status), 'hej')
    assert isinstance(outcome, Outcome)
    assert (outcome.status, outcome.error) == (status, None)
    assert (outcome.reason is None) is (status is ProcessStatus.DONE)


def test_no_status_means_done() -> None:
    assert deliver(subscriber(), 'hej').status is ProcessStatus.DONE


def test_an_exception_is_raised_where_the_subscriber_raised_it() -> None:
    def fail(payload: Any) -> None:
        raise KeyError('sku')

    with pytest.raises(KeyError, match='sku') as caught:
        deliver(subscriber(fail), 'hej')
    assert traceback.extract_tb(caught.value.__traceback__)[-1].name == 'fail'


def test_an_exception_is_in_the_outcome_if_the_test_asks_for_it() -> None:
    error = KeyError('sku')
    outcome = deliver(subscriber(error), 'hej', raising=False)
    assert (outcome.status, outcome.error) == (ProcessStatus.FATAL_ERROR, error)
    assert outcome.reason is not None
    assert (outcome.reason.error_name, outcome.reason.text) == ('KeyError', "'sku'")


def test_an_exception_that_asks_for_a_retry_is_in_the_outcome() -> None:
    outcome = deliver(subscriber(RetriableError(delay=60)), 'hej')
    assert (outcome.status, outcome.delay) == (ProcessStatus.RETRIABLE_ERROR, 60)
    declared = subscriber(TimeoutError(), retriable_exceptions=(TimeoutError,), retry_delay=5)
    assert deliver(declared, 'hej').delay == 5
    assert isinstance(deliver(declared, 'hej').error, TimeoutError)


def test_the_delay_of_a_backoff_is_its_longest() -> None:
    later = subscriber(ProcessStatus.RETRY_LATER, retry_delay=Backoff(first=10))
    assert [deliver(later, 'hej', receive_count=n).delay for n in (1, 2, 3)] == [10, 20, 40]


def test_an_invalid_delay_is_raised() -> None:
    with pytest.raises(ConfigurationError, match='delay'):
        deliver(subscriber(RetriableError(delay=100_000)), 'hej')


@pytest.mark.parametrize('error', [KeyboardInterrupt(), SystemExit(1), asyncio.CancelledError()])
def test_an_exception_that_ends_a_test_is_always_raised(error: BaseException) -> None:
    with pytest.raises(type(error)):
        deliver(subscriber(error), 'hej', raising=False)


def test_a_result_that_is_not_a_status_is_an_error() -> None:
    with pytest.raises(TypeError, match="process returned 'done'"):
        deliver(subscriber('done'), 'hej')


def test_an_async_subscriber_runs_in_an_event_loop() -> None:
    class Waiting(DataSubscriber):
        async def process(self, payload: Any) -> ProcessStatus:
            await asyncio.sleep(0)
            if 'error' in payload:
                raise KeyError(payload['error'])
            return ProcessStatus.RETRY_LATER

    assert deliver(Waiting, {}).status is ProcessStatus.RETRY_LATER
    with pytest.raises(KeyError, match='sku'):
        deliver(Waiting, {'error': 'sku'})


def test_an_async_subscriber_does_not_run_within_another_event_loop() -> None:
    class Waiting(TextSubscriber):
        async def process(self, payload: str) -> None: ...

    async def test() -> None:
        deliver(Waiting, 'hej')

    with pytest.raises(ConfigurationError, match='not async def'):
        asyncio.run(test())


FORKING = """
import os
from mega.aws.sqs.subscribe import TextSubscriber
from mega.testing import deliver

class Forking(TextSubscriber):
    async def process(self, payload):
        if child := os.fork():
            print('child:', os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

deliver(Forking, 'hej')
print('delivered')
"""


def test_a_child_process_of_an_async_subscriber_ends_there() -> None:
    done = run(['-c', FORKING], environment(), 30)
    assert done.stdout.splitlines() == ['child: 0', 'delivered']


def test_a_payload_that_does_not_match_fails_with_the_explanation() -> None:
    class ManyItems(ItemAdded):
        attributes = {'quantity': gt(10)}

    with pytest.raises(AssertionError) as caught:
        deliver(ManyItems, ADDED, raising=False)
    assert str(caught.value).splitlines()[:2] == [
        'ManyItems: it does not match',
        '  - event.attributes.quantity is 3, wanted gt(10)',
    ]


def test_another_kind_of_payload_fails_with_the_explanation() -> None:
    class Blob(BlobSubscriber):
        def process(self, payload: bytes) -> None: ...

    with pytest.raises(
        AssertionError,
        match=r'wanted is_a\(bytes\) \(it is a data object; the subscriber receives blobs only\)',
    ):
        deliver(Blob, {'a': 1})


def test_an_exception_of_a_predicate_is_raised() -> None:
    def fails(payload: Any) -> bool:
        raise KeyError('sku')

    asking = subscriber(base=DataSubscriber, pattern=fails)
    with pytest.raises(KeyError, match='sku'):
        deliver(asking, {})
    outcome = deliver(asking, {}, raising=False)
    assert outcome.status is ProcessStatus.RETRIABLE_ERROR


@pytest.mark.parametrize('wrong', [ItemAdded(), object, EventSubscriber])
def test_an_object_that_no_listener_registers_is_refused(wrong: Any) -> None:
    with pytest.raises(ConfigurationError):
        deliver(wrong, ADDED)


def test_each_delivery_has_its_own_instance() -> None:
    instances: list[object] = []

    class Counting(MessageSubscriber):
        def process(self, payload: Any) -> None:
            instances.append(self)

    deliver(Counting, 'hej')
    deliver(Counting, 'hej')
    assert instances[0] is not instances[1]
