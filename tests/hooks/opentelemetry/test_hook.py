"""The spans and metrics of deliveries and of published messages."""

from __future__ import annotations

import asyncio
import re
import sys
from collections import Counter
from contextvars import copy_context
from importlib import import_module
from typing import Any

import pytest
from opentelemetry import context, trace

from mega.aws.lambda_ import LambdaHandler
from mega.aws.sns import SnsPublisher
from mega.aws.sqs import SqsPublisher
from mega.aws.sqs.subscribe import (
    DataSubscriber,
    Hook,
    HookGenerator,
    Message,
    MessageSubscriber,
    Outcome,
    ProcessStatus,
    SqsListener,
)
from mega.errors import ConfigurationError, PublishError, TransportError
from mega.hooks import DeliveryResult, Settlement, SettlementAction, StatsField
from mega.hooks.opentelemetry import OpenTelemetry
from mega.local import FailEntries, Server
from mega.testing import Bus
from tests.aws.sqs.subscribe.factories import subscriber
from tests.hooks.opentelemetry.recording import Recorded, context_of, parent_of


def process(bus: Bus, hooks: list[Hook], *subscribers: Any, **settings: Any) -> None:
    """Publish a message, and process it with hooks."""
    queue = bus.queue('orders')
    SqsPublisher(queue, client=bus.sqs).publish({})
    listener = SqsListener(queue, subscribers, client=bus.sqs, hooks=hooks, **settings)
    bus.run(listener, raising=False)


@pytest.mark.parametrize(
    ('setting', 'problem'),
    [
        ({'carrier': 'header'}, "carrier='header': must be 'attributes', 'xray' or 'both'"),
        ({'parent': 'root'}, "parent='root': must be 'link' or 'child'"),
    ],
)
def test_another_carrier_or_parent_is_refused(setting: Any, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        OpenTelemetry(**setting)


@pytest.mark.parametrize(
    ('missing', 'problem'),
    [
        ('opentelemetry.context', "needs the extra otel: pip install 'sqs-mega[otel]'"),
        ('opentelemetry.environment_variables', 'import of opentelemetry.environment_variables'),
    ],
    ids=['the API', 'another module'],
)
def test_a_missing_module_is_named(
    missing: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ('mega.hooks.opentelemetry', 'opentelemetry.context'):
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ModuleNotFoundError, match=re.escape(problem)) as raised:
        import_module('mega.hooks.opentelemetry')
    assert raised.value.name == missing


# Spans of publishers


def test_a_send_has_the_attributes_of_the_conventions(bus: Bus, recorded: Recorded) -> None:
    queue, hook = bus.queue('orders'), recorded.hook()
    id = SqsPublisher(queue, client=bus.sqs, hooks=[hook]).publish({})
    span = recorded.only('send orders')
    assert span.kind is trace.SpanKind.PRODUCER
    assert dict(span.attributes or {}) == {
        'messaging.system': 'aws_sqs',
        'messaging.operation.name': 'send',
        'messaging.operation.type': 'send',
        'messaging.destination.name': 'orders',
        'messaging.message.id': id,
        'aws.sqs.queue.url': str(queue),
    }


def test_a_send_to_a_topic_names_the_topic(bus: Bus, recorded: Recorded) -> None:
    topic = bus.topic('orders')
    SnsPublisher(topic, client=bus.sns, hooks=[recorded.hook()]).publish({})
    attributes = recorded.only('send orders').attributes or {}
    assert attributes['messaging.system'] == 'aws.sns'
    assert attributes['aws.sns.topic.arn'] == str(topic)


def test_each_message_of_a_batch_has_its_own_context(bus: Bus, recorded: Recorded) -> None:
    queue, hook = bus.queue('orders'), recorded.hook()
    SqsPublisher(queue, client=bus.sqs, hooks=[hook]).publish_batch([{}] * 12)
    bus.run(SqsListener(queue, [subscriber()], client=bus.sqs, hooks=[hook]))
    sent = {context_of(span).span_id for span in recorded.all('send orders')}
    links = [link for span in recorded.all('process orders') for link in span.links]
    assert sorted(link.context.span_id for link in links) == sorted(sent)
    assert len(sent) == 12


def test_a_message_that_is_not_sent_has_a_span_with_the_error(
    server: Server, recorded: Recorded
) -> None:
    server.script(FailEntries((0,), 'InvalidMessageContents', status=400))
    url = server.create_queue('orders')
    with SqsPublisher(url, hooks=[recorded.hook()], **server.credentials) as publisher:
        publisher.publish_batch([{}, {}], raise_on_failure=False)
    failed, sent = recorded.all('send orders')
    assert (failed.attributes or {})['error.type'] == 'InvalidMessageContents'
    assert (failed.status.is_ok, sent.status.is_ok) == (False, True)
    labels = {'messaging.system': 'aws_sqs', 'messaging.operation.name': 'send',
              'messaging.destination.name': 'orders'}  # fmt: skip
    assert recorded.metric('messaging.client.sent.messages') == [
        ({**labels, 'error.type': 'InvalidMessageContents'}, 1),
        (labels, 1),
    ]


def test_a_failed_call_names_its_code(bus: Bus, recorded: Recorded) -> None:
    queue, hook = bus.queue('orders'), recorded.hook()
    bus.fail('SendMessage', 'AccessDenied', 1)
    with pytest.raises(TransportError):
        SqsPublisher(queue, client=bus.sqs, hooks=[hook]).publish({})
    assert (recorded.only('send orders').attributes or {})['error.type'] == 'AccessDenied'


def test_an_interrupted_batch_ends_its_spans(bus: Bus, recorded: Recorded) -> None:
    publisher = SqsPublisher(bus.queue('orders'), client=bus.sqs, hooks=[recorded.hook()])

    def payloads() -> Any:
        yield {}
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        publisher.publish_batch(payloads())
    assert (recorded.only('send orders').attributes or {})['error.type'] == 'GeneratorExit'


# Spans of deliveries


@pytest.mark.parametrize('status', list(ProcessStatus))
def test_a_subscriber_has_its_status(status: ProcessStatus, bus: Bus, recorded: Recorded) -> None:
    process(bus, [recorded.hook()], subscriber(status), max_receives=1,
            dead_letter_queue_url=bus.queue('dead'))  # fmt: skip
    attributes = recorded.only('Made').attributes or {}
    assert attributes == {'mega.subscriber': 'Made', 'mega.status': status.name.lower()}
    is_done = status is ProcessStatus.DONE
    assert recorded.only('process orders').status.is_ok is is_done
    assert ('send dead' in recorded.names) is not is_done


def test_each_subscriber_has_a_span(bus: Bus, recorded: Recorded) -> None:
    process(bus, [recorded.hook()], subscriber(called='One'), subscriber(called='Two'))
    assert recorded.children_of(recorded.only('process orders')) == ['One', 'Two', 'ack orders']


def test_an_unmatched_message_is_not_an_error(bus: Bus, recorded: Recorded) -> None:
    process(bus, [recorded.hook()], subscriber(pattern='another'))
    delivery = recorded.only('process orders')
    assert delivery.status.is_ok
    assert (delivery.attributes or {})['mega.settlement'] == 'ack'


def test_a_body_that_cannot_be_opened_is_an_error(bus: Bus, recorded: Recorded) -> None:
    queue, dead = bus.queue('orders'), bus.queue('dead')
    SqsPublisher(queue, client=bus.sqs).publish_raw_message('{')
    hook = recorded.hook()
    listener = SqsListener(
        queue, [subscriber()], client=bus.sqs, hooks=[hook], dead_letter_queue_url=dead
    )
    bus.run(listener, raising=False)
    assert (recorded.only('process orders').attributes or {})['error.type'] == 'DecodeError'


class Nested(MessageSubscriber):
    """A subscriber that makes a span."""

    tracer: Any = None

    async def process(self, payload: Any) -> None:
        """Make a span, before and after a wait."""
        with self.tracer.start_as_current_span('before'):
            await asyncio.sleep(0)
        with self.tracer.start_as_current_span('after'):
            await asyncio.sleep(0)


class NestedSync(MessageSubscriber):
    """A subscriber that makes a span."""

    tracer: Any = None

    def process(self, payload: Any) -> None:
        """Make a span."""
        with self.tracer.start_as_current_span('sync'):
            pass


@pytest.mark.parametrize(
    'kinds', [(Nested,), (Nested, NestedSync), (NestedSync,)], ids=['async', 'mixed', 'sync']
)
def test_many_deliveries_at_a_time_keep_their_own_spans(
    kinds: tuple[Any, ...], server: Server, recorded: Recorded
) -> None:
    """In threads and in the event loop. Afterwards no context is left."""
    Nested.tracer = NestedSync.tracer = recorded.tracers.get_tracer('test')
    url, hook = server.create_queue('orders'), recorded.hook()
    settings: Any = {'hooks': [hook], **server.credentials}
    with (
        SqsPublisher(url, **settings) as publisher,
        SqsListener(url, kinds, concurrency=8, wait_time_seconds=0, **settings) as listener,
    ):
        publisher.publish_batch([{}] * 40)
        listener.drain()
    assert trace.get_current_span() is trace.INVALID_SPAN
    expected = {'before': Nested, 'after': Nested, 'sync': NestedSync}
    for name, kind in expected.items():
        made = recorded.all(name)
        assert len(made) == (40 if kind in kinds else 0)
        parents = {context_of(span).span_id for span in recorded.all(kind.__name__)}
        assert {parent_of(span) for span in made} == (parents if made else set())
        traces = Counter(context_of(span).trace_id for span in made)
        assert set(traces.values()) <= {1}


class Raising(Hook):
    """A hook that raises before or after its `yield`."""

    def __init__(self, is_before: bool) -> None:
        self.is_before = is_before

    def around_delivery(self, message: Any) -> HookGenerator[DeliveryResult]:
        """Raise an error."""
        if self.is_before:
            raise KeyError
        yield
        raise KeyError

    def around_subscriber(self, *arguments: Any) -> HookGenerator[Outcome]:
        """Raise an error."""
        if self.is_before:
            raise KeyError
        yield
        raise KeyError


@pytest.mark.parametrize('is_before', [True, False])
def test_spans_end_when_a_hook_within_raises(is_before: bool, bus: Bus, recorded: Recorded) -> None:
    process(bus, [recorded.hook(), Raising(is_before)], subscriber(), max_receives=1,
            dead_letter_queue_url=bus.queue('dead'))  # fmt: skip
    delivery = recorded.only('process orders')
    assert (delivery.attributes or {})['error.type'] == 'KeyError'
    assert not context.get_current()


class Invalid(Hook):
    """A hook that returns an object that is not a result."""

    def around_delivery(self, message: Any) -> HookGenerator[Any]:
        """Return a text."""
        yield
        return 'invalid'

    def around_subscriber(self, *arguments: Any) -> HookGenerator[Any]:
        """Return a text."""
        yield
        return 'invalid'


def test_spans_end_when_a_hook_within_returns_an_invalid_result(
    bus: Bus, recorded: Recorded
) -> None:
    process(bus, [recorded.hook(), Invalid()], subscriber(), max_receives=1,
            dead_letter_queue_url=bus.queue('dead'))  # fmt: skip
    assert (recorded.only('Made').attributes or {})['error.type'] == 'AttributeError'
    assert (recorded.only('process orders').attributes or {})['error.type'] == 'AttributeError'
    assert not context.get_current()


@pytest.mark.parametrize('parent', ['link', 'child'])
def test_a_listener_within_a_span_begins_a_trace_for_each_delivery(
    parent: str, server: Server, recorded: Recorded
) -> None:
    """With `parent='child'`, the trace continues: that of the sender, or else the current one."""
    url, hook = server.create_queue('orders'), recorded.hook(parent=parent)
    with (
        SqsPublisher(url, **server.credentials) as publisher,
        SqsPublisher(url, hooks=[hook], **server.credentials) as traced,
        SqsListener(
            url, [subscriber()], hooks=[hook], wait_time_seconds=0, **server.credentials
        ) as listener,
    ):
        publisher.publish({})
        traced.publish({})
        with recorded.tracers.get_tracer('test').start_as_current_span('main'):
            listener.drain()
    main = context_of(recorded.only('main')).span_id
    sent = context_of(recorded.only('send orders')).span_id
    parents = {parent_of(span) for span in recorded.all('process orders')}
    assert parents == ({main, sent} if parent == 'child' else {None})
    traces = {context_of(span).trace_id for span in recorded.spans if span.name != 'Made'}
    assert len(traces) == (2 if parent == 'child' else 4)


def test_a_result_that_a_hook_returns_twice_keeps_no_observers(recorded: Recorded) -> None:
    reused = DeliveryResult((), Settlement(SettlementAction.ACK, StatsField.DONE))
    for _ in range(2):
        work = recorded.hook().around_delivery(Message('id', '{}', 'handle'))
        next(work)
        with pytest.raises(StopIteration) as ended:
            work.send(reused)
        assert len(ended.value.value.call_observers) == 1
    assert not reused.call_observers


def test_deliveries_of_lambda_have_spans(recorded: Recorded) -> None:
    handler = LambdaHandler([subscriber()], hooks=[recorded.hook()])
    record = {
        'messageId': 'id', 'receiptHandle': 'h', 'body': '{}', 'eventSource': 'aws:sqs',
        'attributes': {'AWSTraceHeader': 'Root=1-5759e988-bd862e3fe1be46a994272793;'
                                         'Parent=53995c3f42cd8ad8;Sampled=1'},
        'eventSourceARN': 'arn:aws:sqs:eu-west-1:123456789012:orders',
    }  # fmt: skip
    assert handler({'Records': [record]}) == {'batchItemFailures': []}
    [delivery] = [span for span in recorded.spans if span.name.startswith('process')]
    [link] = delivery.links
    assert f'{link.context.span_id:x}' == '53995c3f42cd8ad8'
    assert recorded.children_of(delivery) == ['Made']


def test_the_span_of_a_closed_delivery_ends(recorded: Recorded) -> None:
    work = recorded.hook().around_delivery(Message('id', '{}', 'handle'))
    copy_context().run(next, work)
    work.close()
    assert recorded.names == ['process']


# Metrics


def test_metrics_count_each_message(bus: Bus, recorded: Recorded) -> None:
    queue, dead, hook = bus.queue('orders'), bus.queue('dead'), recorded.hook()
    SqsPublisher(queue, client=bus.sqs, hooks=[hook]).publish_batch([{'n': n} for n in range(5)])

    class Order(DataSubscriber):
        def process(self, payload: dict[str, int]) -> ProcessStatus:
            if payload['n'] == 0:
                return ProcessStatus.FATAL_ERROR
            is_late = payload['n'] == 1 and self.message.receive_count == 1
            return ProcessStatus.RETRY_LATER if is_late else ProcessStatus.DONE

    bus.run(
        SqsListener(
            queue, [Order], client=bus.sqs, hooks=[hook], dead_letter_queue_url=dead, retry_delay=9
        ),
        raising=False,
    )
    assert total(recorded, 'messaging.client.sent.messages') == {None: 5}
    assert total(recorded, 'messaging.client.consumed.messages') == {None: 6}
    processed = total(recorded, 'messaging.process.duration')
    assert processed == {None: 4, 'RETRY_LATER': 1, 'FATAL_ERROR': 1}
    assert total(recorded, 'mega.messages', 'mega.status') == {'done': 4, 'retried': 1, 'fatal': 1}
    operations = total(recorded, 'messaging.client.operation.duration', 'messaging.operation.name')
    assert operations == {'send': 5 + 1, 'ack': 5, 'nack': 1}
    assert total(recorded, 'mega.message.queue_time') == {None: 6}


def total(recorded: Recorded, name: str, label: str = 'error.type') -> dict[Any, int]:
    """Return the sums of a metric by a label."""
    sums: Counter[Any] = Counter()
    for labels, value in recorded.metric(name):
        sums[labels.get(label)] += value
    return dict(sums)


def test_the_api_without_an_sdk_is_enough(bus: Bus) -> None:
    queue, hook = bus.queue('orders'), OpenTelemetry()
    SqsPublisher(queue, client=bus.sqs, hooks=[hook]).publish({})
    assert 'traceparent' not in bus.published()[-1].attributes
    bus.run(SqsListener(queue, [subscriber()], client=bus.sqs, hooks=[hook]))
    with pytest.raises(PublishError):
        SqsPublisher(queue, client=bus.sqs, hooks=[hook]).publish({'n': float('nan')})
