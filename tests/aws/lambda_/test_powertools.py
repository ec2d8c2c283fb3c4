"""A handler beside Powertools for AWS Lambda: within its decorators, and with its events."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from typing import Any, get_args, get_origin

import botocore
import pytest
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.middleware_factory import lambda_handler_decorator
from aws_lambda_powertools.shared import user_agent
from aws_lambda_powertools.utilities.data_classes import SQSEvent, event_source
from aws_lambda_powertools.utilities.parser.models import SnsModel, SqsModel
from pydantic import BaseModel

from mega.aws.lambda_ import LambdaHandler
from mega.aws.sqs import SqsPublisher
from mega.aws.sqs.subscribe import DataSubscriber, MessageSubscriber, ProcessStatus
from mega.codec import decode
from mega.testing import Bus, Queue
from tests.aws.lambda_.events import Context, event_of, failed

pytestmark = pytest.mark.no_cover

# Once imported, Powertools adds a handler to every client of the process, so that the calls of
# other tests would go through botocore.
botocore.unregister_initializer(user_agent._initializer_botocore_session)


class Order(DataSubscriber):
    """Asks for a retry of the orders without an amount."""

    def process(self, payload: dict[str, Any]) -> ProcessStatus | None:
        return None if 'amount' in payload else ProcessStatus.RETRY_LATER


@pytest.fixture
def orders(bus: Bus) -> Queue:
    queue = bus.queue('orders')
    with SqsPublisher(queue, client=bus.sqs) as publisher:
        publisher.publish({'amount': 5})
    return queue


def invoke(function: Callable[[Any, Any], Any]) -> Any:
    """Invoke a function with two messages. The second fails. Return its response."""
    bus, responses = Bus(), []
    queue = bus.queue('orders', dead_letter=bus.queue('dead'), max_receive_count=1)
    with SqsPublisher(queue, client=bus.sqs) as publisher:
        publisher.publish({'amount': 5})
        publisher.publish({})

    def recorded(event: Any, context: Any) -> Any:
        responses.append(function(event, context))
        return responses[-1]

    bus.run(bus.event_source_mapping(queue, recorded))
    bus.assert_dead_lettered({}, times=1)
    bus.assert_nothing_left()
    return responses


def test_a_handler_within_the_decorator_of_the_logger() -> None:
    output = io.StringIO()
    logger = Logger(service='logged orders', stream=output)

    class Logged(Order):
        def process(self, payload: dict[str, Any]) -> ProcessStatus | None:
            logger.info('processed', extra={'payload': payload})
            return super().process(payload)

    handler = LambdaHandler([Logged])
    [response] = invoke(logger.inject_lambda_context(handler))
    assert len(failed(response)) == 1
    lines = [json.loads(line) for line in output.getvalue().splitlines()]
    assert [line['payload'] for line in lines] == [{'amount': 5}, {}]
    assert {line['function_name'] for line in lines} == {'function'}
    assert all(line['function_request_id'] for line in lines)


def test_a_handler_within_the_decorator_of_the_metrics(capsys: pytest.CaptureFixture[str]) -> None:
    metrics = Metrics(namespace='shop', service='orders')

    class Counted(Order):
        def process(self, payload: dict[str, Any]) -> ProcessStatus | None:
            metrics.add_metric(name='Orders', unit=MetricUnit.Count, value=1)
            return super().process(payload)

    handler = LambdaHandler([Counted])
    [response] = invoke(metrics.log_metrics(handler, capture_cold_start_metric=False))
    assert len(failed(response)) == 1
    [line] = capsys.readouterr().out.splitlines()
    assert json.loads(line)['Orders'] == [1.0, 1.0]


def test_a_handler_in_a_function_with_several_decorators() -> None:
    logger = Logger(service='orders', stream=io.StringIO())
    handler, seen = LambdaHandler([Order]), []

    @lambda_handler_decorator
    def middleware(function: Any, event: Any, context: Any) -> Any:
        seen.append(len(event['Records']))
        return function(event, context)

    @logger.inject_lambda_context(correlation_id_path=correlation_paths.EVENT_BRIDGE)
    @middleware
    def lambda_handler(event: Any, context: Any) -> Any:
        return handler(event, context)

    assert len(failed(invoke(lambda_handler)[0])) == 1
    assert seen == [2]


def test_a_handler_accepts_the_event_of_a_data_class() -> None:
    handler = LambdaHandler([Order])

    @event_source(data_class=SQSEvent)
    def lambda_handler(event: SQSEvent, context: Any) -> Any:
        return handler(event, context)

    context: Any = Context(3_000)
    assert failed(lambda_handler(event_of({'amount': 5}, {}), context)) == ['m-2']


def test_powertools_reads_the_events_of_a_bus(bus: Bus, orders: Queue) -> None:
    seen: list[SqsModel] = []

    def function(event: Any, context: Any) -> None:
        seen.append(SqsModel.model_validate(event))
        [record] = SQSEvent(event).records
        assert record.json_body == {'amount': 5}
        assert record.attributes.approximate_receive_count == '1'

    bus.run(bus.event_source_mapping(orders, function))
    assert [each.Records[0].body for each in seen] == ['{"amount":5}']


def example_of(model: type[BaseModel]) -> dict[str, Any]:
    """Return an event of a model of Powertools, from the examples of its fields."""
    return {
        name: example_of_field(field.annotation, field.examples or [])
        for name, field in model.model_fields.items()
    }


def example_of_field(annotation: Any, examples: list[Any]) -> Any:
    kind, arguments = get_origin(annotation), get_args(annotation)
    if kind in (list, Sequence):
        return [example_of_field(arguments[0], examples)]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return example_of(annotation)
    return next(each for each in reversed(examples) if each is not None)


@pytest.mark.parametrize('model', [SqsModel, SnsModel], ids=['sqs', 'sns'])
def test_a_handler_reads_the_examples_of_powertools(model: type[BaseModel]) -> None:
    seen: list[Any] = []

    class Recorder(MessageSubscriber):
        def process(self, payload: Any) -> None:
            seen.append((self.message.id, payload))

    event = example_of(model)
    model.model_validate(event)
    assert failed(LambdaHandler([Recorder])(event, Context(3_000))) == []
    [record] = event['Records']
    sent = record['Sns'] if model is SnsModel else record
    id_name, body_name = ('MessageId', 'Message') if model is SnsModel else ('messageId', 'body')
    assert seen == [(sent[id_name], decode(sent[body_name]))]
