"""An event source mapping on a bus behaves as AWS documents.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mega.aws.lambda_ import LambdaHandler
from mega.aws.sqs import SqsPublisher
from mega.errors import ConfigurationError
from mega.hooks.idempotency import Idempotency, MemoryStore
from mega.testing import Bus, Queue
from tests.testing.conftest import Listen, Publish, recorder, subscriber

Event = dict[str, Any]
Respond = Callable[[list[str]], Any]


class Function:
    """A function of Lambda. Its first response is made from the ids of the batch."""

    def __init__(self, respond: Respond) -> None:
        self.respond = respond
        self.events: list[Event] = []

    def __call__(self, event: Event, context: Any) -> Any:
        self.events.append(event)
        if len(self.events) > 1:
            return None
        return self.respond([each['messageId'] for each in event['Records']])

    @property
    def sizes(self) -> list[int]:
        return [len(each['Records']) for each in self.events]


def reporting(*identifiers: Any) -> Any:
    return {'batchItemFailures': [{'itemIdentifier': each} for each in identifiers]}


def raising(error: BaseException) -> Respond:
    def respond(ids: list[str]) -> Any:
        raise error

    return respond


@pytest.fixture
def three(publish: Publish) -> None:
    for n in range(3):
        publish({'n': n})


@pytest.mark.usefixtures('three')
@pytest.mark.parametrize(
    'response',
    [None, {}, {'batchItemFailures': []}, {'batchItemFailures': None}, {'statusCode': 200}],
    ids=repr,
)
def test_all_messages_are_deleted_after_a_response_without_failures(
    bus: Bus, queue: Queue, response: Any
) -> None:
    function = Function(lambda ids: response)
    bus.run(bus.event_source_mapping(queue, function))
    assert function.sizes == [3]
    bus.assert_nothing_left()


@pytest.mark.usefixtures('three')
def test_the_messages_that_the_response_names_come_again(bus: Bus, queue: Queue) -> None:
    function = Function(lambda ids: reporting(ids[1], ids[2]))
    before = bus.time
    bus.run(bus.event_source_mapping(queue, function))
    assert function.sizes == [3, 2]
    assert [each['messageId'] for each in function.events[0]['Records'][1:]] == [
        each['messageId'] for each in function.events[1]['Records']
    ]
    assert bus.time - before == pytest.approx(30)  # the visibility timeout


@pytest.mark.usefixtures('three')
@pytest.mark.parametrize(
    'respond',
    [
        pytest.param(lambda ids: reporting(*ids), id='all-failed'),
        pytest.param(lambda ids: reporting(ids[0], 'unknown'), id='unknown-id'),
        pytest.param(lambda ids: reporting(''), id='empty-id'),
        pytest.param(lambda ids: reporting(None), id='null-id'),
        pytest.param(lambda ids: reporting([]), id='list-as-id'),
        pytest.param(lambda ids: {'batchItemFailures': [{'itemIdentifer': ids[0]}]}, id='misspelt'),
        pytest.param(lambda ids: {'batchItemFailures': ids}, id='ids-alone'),
        pytest.param(lambda ids: {'batchItemFailures': 'all'}, id='text-as-list'),
        pytest.param(lambda ids: {'batchItemFailures': [], 'set': {1}}, id='not-json'),
        pytest.param(lambda ids: 'done', id='text'),
        pytest.param(raising(ValueError()), id='exception'),
        pytest.param(raising(SystemExit()), id='exit'),
    ],
)
def test_no_message_is_deleted_after_a_total_failure(
    bus: Bus, queue: Queue, respond: Respond
) -> None:
    function = Function(respond)
    bus.run(bus.event_source_mapping(queue, function), raising=False)
    assert function.sizes == [3, 3]
    bus.assert_nothing_left()


@pytest.mark.parametrize(
    ('respond', 'problem'),
    [
        (raising(KeyError('total')), 'total'),
        (lambda ids: reporting('unknown'), "reported {'itemIdentifier': 'unknown'}, which is not"),
        (lambda ids: 5, 'returned 5: Lambda deletes no message'),
    ],
    ids=['exception', 'unknown-id', 'number'],
)
def test_the_failure_of_a_function_ends_the_run(
    bus: Bus, queue: Queue, publish: Publish, respond: Respond, problem: str
) -> None:
    publish({'n': 1})
    with pytest.raises((KeyError, ValueError), match=problem):
        bus.run(bus.event_source_mapping(queue, Function(respond)))


def test_a_function_that_takes_too_long_fails_as_a_whole(
    bus: Bus, queue: Queue, publish: Publish
) -> None:
    publish({'n': 1})

    def respond(ids: list[str]) -> None:
        bus.advance(4)

    function = Function(respond)
    mapping = bus.event_source_mapping(queue, function)
    bus.run(mapping, raising=False)
    assert function.sizes == [1, 1]
    publish({'n': 2})
    with pytest.raises(TimeoutError, match='took longer than 3 seconds'):
        bus.run(bus.event_source_mapping(queue, Function(respond)))


def test_the_context_tells_the_remaining_time(bus: Bus, queue: Queue, publish: Publish) -> None:
    publish({'n': 1})
    seen: list[int] = []

    def function(event: Event, context: Any) -> None:
        seen.append(context.get_remaining_time_in_millis())
        bus.advance(2)
        seen.append(context.get_remaining_time_in_millis())

    bus.run(bus.event_source_mapping(queue, function, timeout=9))
    assert seen == [9_000, 7_000]


def test_a_batch_has_at_most_its_size(bus: Bus, queue: Queue, publish: Publish) -> None:
    for n in range(30):
        publish({'n': n})
    function = Function(lambda ids: None)
    bus.run(bus.event_source_mapping(queue, function, batch_size=12))
    assert function.sizes == [12, 12, 6]


def test_a_record_has_the_shape_of_lambda(bus: Bus, queue: Queue, publish: Publish) -> None:
    id = publish({'n': 1}, message_attributes={'tenant': 'acme', 'key': b'\0\1'})
    function = Function(lambda ids: None)
    bus.run(bus.event_source_mapping(queue, function))
    [record] = function.events[0]['Records']
    assert (record['messageId'], record['body']) == (id, '{"n":1}')
    assert record['attributes']['ApproximateReceiveCount'] == '1'
    assert record['messageAttributes']['tenant'] == {
        'stringValue': 'acme',
        'stringListValues': [],
        'binaryListValues': [],
        'dataType': 'String',
    }
    assert record['messageAttributes']['key']['binaryValue'] == 'AAE='
    assert record['eventSourceARN'] == queue.arn
    assert record['awsRegion'] == 'eu-west-1'


def test_a_run_ends_after_too_many_deliveries_to_a_function(
    bus: Bus, queue: Queue, publish: Publish
) -> None:
    id = publish({'n': 1})

    def function(event: Event, context: Any) -> Any:
        return reporting(id)

    with pytest.raises(AssertionError, match=f'ended after 5 deliveries: the message {id} was'):
        bus.run(bus.event_source_mapping(queue, function), max_deliveries=5)


def test_the_subscribers_of_a_handler_are_recorded_within_another_function(
    bus: Bus, queue: Queue, publish: Publish
) -> None:
    publish({'n': 1})
    seen: list[Any] = []
    order = recorder(seen)
    handler = LambdaHandler([order])

    def function(event: Event, context: Any) -> Any:
        return handler(event, context)

    bus.run(bus.event_source_mapping(queue, function))
    bus.assert_processed(order, {'n': 1}, times=1)
    assert seen == [{'n': 1}]


def test_the_exception_of_a_subscriber_is_raised(bus: Bus, queue: Queue, publish: Publish) -> None:
    def process(self: Any, payload: Any) -> None:
        raise KeyError('total')

    publish({'n': 1})
    with pytest.raises(KeyError, match='total'):
        bus.run(bus.event_source_mapping(queue, LambdaHandler([subscriber(process)])))


@pytest.mark.parametrize(('hooks', 'times'), [(0, 2), (1, 1)], ids=['plain', 'idempotent'])
def test_sqs_may_deliver_a_message_to_a_function_twice(
    bus: Bus, queue: Queue, publish: Publish, hooks: int, times: int
) -> None:
    publish({'n': 1})
    bus.duplicate_next()
    seen: list[Any] = []
    handler = LambdaHandler([recorder(seen)], hooks=[Idempotency(MemoryStore())] * hooks)
    bus.run(bus.event_source_mapping(queue, handler))
    assert len(seen) == times
    bus.assert_nothing_left()


def test_a_message_with_a_delay_is_passed_to_a_function_later(bus: Bus, queue: Queue) -> None:
    SqsPublisher(queue, client=bus.sqs).publish({'n': 1}, delay_seconds=60)
    before, function = bus.time, Function(lambda ids: None)
    bus.run(bus.event_source_mapping(queue, function))
    assert function.sizes == [1]
    assert bus.time - before == pytest.approx(60)


def test_a_function_and_a_listener_work_in_one_run(
    bus: Bus, queue: Queue, publish: Publish, listen: Listen
) -> None:
    seen: list[Any] = []
    other = bus.queue('other')

    def forward(self: Any, payload: Any) -> None:
        SqsPublisher(other, client=bus.sqs).publish({'forwarded': payload})

    publish({'n': 1})
    mapping = bus.event_source_mapping(queue, LambdaHandler([subscriber(forward)]))
    bus.run(listen(recorder(seen), other), mapping)
    assert seen == [{'forwarded': {'n': 1}}]


def test_a_function_is_not_invoked_again_while_it_lets_time_pass(
    bus: Bus, queue: Queue, publish: Publish
) -> None:
    depth: list[int] = []

    def process(self: Any, payload: Any) -> None:
        depth.append(1)
        assert len(depth) == 1
        bus.advance(1)
        depth.clear()

    publish({'n': 1})
    publish({'n': 2})
    handler = LambdaHandler([subscriber(process)])
    bus.run(bus.event_source_mapping(queue, handler, batch_size=1))
    bus.assert_nothing_left()


@pytest.mark.parametrize(
    ('options', 'problem'),
    [
        ({'batch_size': 10_001}, 'batch_size=10001: must be 1 to 10,000'),
        ({'timeout': 31}, 'the visibility timeout of orders is 30 seconds, and AWS refuses'),
        ({'timeout': 901}, 'timeout=901: must be 1 to 900'),
        ({'function': 'shop.handler'}, "'shop.handler' is not a handler of Lambda"),
    ],
    ids=['batch', 'visibility', 'timeout', 'function'],
)
def test_a_mapping_that_aws_refuses(
    bus: Bus, queue: Queue, options: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        bus.event_source_mapping(queue, **{'function': Function(lambda ids: None), **options})


def test_a_batch_of_a_fifo_queue_has_at_most_ten_messages(bus: Bus) -> None:
    with pytest.raises(ConfigurationError, match='batch_size=11: must be 1 to 10'):
        bus.event_source_mapping(bus.queue('a', fifo=True), print, batch_size=11)


def test_a_queue_of_another_bus_is_refused(bus: Bus, queue: Queue) -> None:
    mapping = bus.event_source_mapping(queue, print)
    with pytest.raises(ConfigurationError, match='is a queue of another bus'):
        Bus().run(mapping)
