"""Which messages are sampled, and what happens to those that are not."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from opentelemetry import context, trace
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    Decision,
    ParentBasedTraceIdRatio,
    Sampler,
    SamplingResult,
)
from opentelemetry.trace import SpanKind

from mega.aws.sqs import SqsPublisher
from mega.aws.sqs.subscribe import DataSubscriber, Hook, HookGenerator, Outcome, SqsListener
from mega.hooks.opentelemetry import OpenTelemetry
from mega.hooks.opentelemetry.w3c import format_traceparent
from mega.testing import Bus
from tests.aws.sqs.subscribe.factories import subscriber
from tests.hooks.opentelemetry.recording import Recorded, context_of

UNSAMPLED = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00'


def send_and_process(bus: Bus, hooks: list[Hook], *subscribers: Any, count: int = 1) -> str:
    """Publish and process messages with hooks, and return the URL of the queue."""
    queue = bus.queue('orders')
    SqsPublisher(queue, client=bus.sqs, hooks=hooks).publish_batch([{}] * count)
    listener = SqsListener(queue, subscribers or [subscriber()], client=bus.sqs, hooks=hooks,
                           max_receives=1, dead_letter_queue_url=bus.queue('dead'))  # fmt: skip
    bus.run(listener, raising=False)
    return queue


def test_no_span_is_recorded_for_a_message_that_is_not_sampled(bus: Bus) -> None:
    recorded = Recorded(ALWAYS_OFF)
    send_and_process(bus, [recorded.hook()])
    assert not recorded.spans
    assert recorded.metric('messaging.client.consumed.messages')


def test_a_trace_is_sampled_completely_or_not_at_all(bus: Bus) -> None:
    recorded = Recorded(ParentBasedTraceIdRatio(0.3))
    send_and_process(bus, [recorded.hook(parent='child')], count=60)
    traces = Counter(context_of(span).trace_id for span in recorded.spans)
    assert 0 < len(traces) < 60
    assert set(traces.values()) == {4}  # send, process, the subscriber, ack


class Asked(Sampler):
    """A sampler that samples nothing, and keeps what it is asked."""

    def __init__(self) -> None:
        self.questions: list[tuple[str, Any, dict[str, Any], list[str]]] = []

    def should_sample(
        self,
        parent_context: Any,
        trace_id: int,
        name: str,
        kind: Any = None,
        attributes: Any = None,
        links: Any = None,
        *more: Any,
        **others: Any,
    ) -> SamplingResult:
        headers = [format_traceparent(link.context) for link in links]
        self.questions.append((name, kind, dict(attributes), headers))
        return SamplingResult(Decision.DROP)

    def get_description(self) -> str:
        return 'Asked'


def test_a_sampler_is_asked_about_each_message_and_sees_its_sender(bus: Bus) -> None:
    sampler = Asked()
    queue, hook = bus.queue('orders'), Recorded(sampler).hook()
    SqsPublisher(queue, client=bus.sqs, hooks=[hook]).publish({})
    attributes = {'traceparent': UNSAMPLED}
    SqsPublisher(queue, client=bus.sqs).publish({}, message_attributes=attributes)
    bus.run(SqsListener(queue, [subscriber()], client=bus.sqs, hooks=[hook]))
    sent = bus.published()[0].attributes['traceparent']
    labels = {'messaging.system': 'aws_sqs', 'messaging.destination.name': 'orders'}
    sending = {
        **labels,
        'messaging.operation.name': 'send',
        'messaging.operation.type': 'send',
        'aws.sqs.queue.url': queue,
    }
    processing = {
        **labels,
        'messaging.operation.name': 'process',
        'messaging.operation.type': 'process',
    }
    assert sampler.questions == [
        ('send orders', SpanKind.PRODUCER, sending, []),
        ('process orders', SpanKind.CONSUMER, processing, [sent]),
        ('process orders', SpanKind.CONSUMER, processing, [UNSAMPLED]),
    ]


def test_the_calls_of_a_subscriber_are_not_sampled_either(bus: Bus) -> None:
    recorded = Recorded(ParentBasedTraceIdRatio(0.3))
    tracer = recorded.tracers.get_tracer('test')

    class Order(DataSubscriber):
        def process(self, payload: Any) -> None:
            """Make a span."""
            tracer.start_span('query').end()

    send_and_process(bus, [recorded.hook()], Order, count=60)
    delivered = {context_of(span).trace_id for span in recorded.all('process orders')}
    queried = {context_of(span).trace_id for span in recorded.all('query')}
    assert 0 < len(delivered) < 60
    assert queried == delivered


class Noting(OpenTelemetry):
    """A hook whose subclass notes what happens around a subscriber."""

    notes: list[str]

    def around_subscriber(self, *arguments: Any) -> HookGenerator[Outcome]:
        """Note the begin and the end."""
        self.notes.append('begin')
        try:
            replacement = yield from super().around_subscriber(*arguments)
        except BaseException as error:
            self.notes.append(type(error).__name__)
            raise
        self.notes.append('end')
        return replacement


class Raising(Hook):
    """A hook that raises after the subscriber."""

    def around_subscriber(self, *arguments: Any) -> HookGenerator[Outcome]:
        """Raise an error."""
        yield
        raise KeyError


@pytest.mark.parametrize('sampler', [ALWAYS_ON, ALWAYS_OFF], ids=['sampled', 'not sampled'])
@pytest.mark.parametrize(
    ('within', 'notes'),
    [((), ['begin', 'end']), ((Raising(),), ['begin', 'KeyError'])],
    ids=['success', 'error'],
)
def test_a_subclass_runs_around_each_subscriber(
    within: tuple[Hook, ...], notes: list[str], sampler: Sampler, bus: Bus
) -> None:
    recorded = Recorded(sampler)
    hook = Noting(tracer_provider=recorded.tracers, meter_provider=recorded.meters)
    hook.notes = []
    send_and_process(bus, [hook, *within])
    assert hook.notes == notes
    assert len(recorded.all('Made')) == (sampler is ALWAYS_ON)
    assert not context.get_current()
    assert not trace.get_current_span().is_recording()
