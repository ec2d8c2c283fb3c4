"""Measure what the hook of OpenTelemetry costs for each message.

    python -m benchmarks.telemetry [--rounds N]

A publisher whose calls cost nothing publishes a batch, and a listener's processing runs a
subscriber that does nothing for each message, without calls to AWS. The methods take turns. A
figure is the least CPU time of all rounds, because other load only adds to it, minus the same
without a hook. A round is a few milliseconds long, so that some rounds pass without interruption.

"Only a span of the SDK" is a hook that starts and ends one span, and nothing else. "Only a span and
the metrics of the SDK" also records what the hook records. These are the parts of the cost that no
such hook can avoid.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Generator, Sequence
from functools import partial
from typing import Any, TypeAlias

from opentelemetry.context import Context
from opentelemetry.metrics import MeterProvider, NoOpMeterProvider
from opentelemetry.sdk.metrics import MeterProvider as SdkMeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio
from opentelemetry.trace import NoOpTracerProvider, Span

from benchmarks.listener.workload import BODIES, EVENTS
from benchmarks.matching.tables import machine, table
from benchmarks.publishing import QUEUE_URL, FreeClient
from mega.aws._hooks.work import run_to_completion
from mega.aws._publishing.publisher import Publisher
from mega.aws.sqs.message import Message
from mega.aws.sqs.service import SQS
from mega.aws.sqs.subscribe import EventSubscriber
from mega.aws.sqs.subscribe.processing.hooks import Hooks
from mega.aws.sqs.subscribe.processing.pipeline import Processor
from mega.aws.sqs.subscribe.processing.settlement import SettlementPolicy
from mega.aws.sqs.subscribe.subscribers.routing import Router
from mega.hooks import Hook, Outgoing, PublishHook, SettlementCall
from mega.hooks.opentelemetry import OpenTelemetry
from mega.hooks.opentelemetry.descriptions import operation_on_queue
from mega.hooks.opentelemetry.metrics import Metrics

__all__ = ('own_costs',)

PAYLOADS, RECEIVED = EVENTS[:50], BODIES[:50]

Way: TypeAlias = Callable[[], object]

TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00'
"""The context of a publisher that did not sample the message."""

NOT_SHOWN = """\
## What this does not show

- The exporter, which sends the sampled spans in a thread of its own.
- The bytes of the trace context: one attribute of some 72 bytes."""


class Every(EventSubscriber):
    """A subscriber that matches all events, and does nothing."""

    def process(self, payload: Any) -> None:
        """Do nothing."""


class _NoExporter(SpanExporter):
    def export(self, spans: Sequence[Any]) -> SpanExportResult:
        return SpanExportResult.SUCCESS


class _OnlySpan(Hook):
    """Starts and ends the span of a message."""

    def __init__(self) -> None:
        self._tracer = tracers(0.01).get_tracer('benchmark')
        self.operation = operation_on_queue('send', 'send', 'orders')

    def around_publish(self, outgoing: Outgoing) -> Generator[Any, Any, None]:
        """Make a span."""
        span = self._start()
        yield
        span.end()

    def around_delivery(self, message: Message) -> Generator[Any, Any, None]:
        """Make a span."""
        span = self._start()
        yield
        span.end()

    def _start(self) -> Span:
        operation = self.operation
        return self._tracer.start_span(
            operation.name, Context(), operation.kind, operation.attributes
        )


class _OnlySpanAndMetrics(_OnlySpan):
    """Makes the span of a message, and records the metrics that the hook records."""

    def __init__(self, meters: MeterProvider) -> None:
        super().__init__()
        self._metrics = Metrics(meters.get_meter('benchmark'))

    def around_publish(self, outgoing: Outgoing) -> Generator[Any, Any, None]:
        """Make a span, and record two metrics."""
        yield from super().around_publish(outgoing)
        self._metrics.sent(self.operation, 0.001, None)

    def around_delivery(self, message: Message) -> Generator[Any, Any, None]:
        """Make a span, and record five metrics."""
        self._metrics.began(self.operation, 0.001)
        yield from super().around_delivery(message)
        self._metrics.processed(self.operation, 0.001, 'done', None)
        self._metrics.called(self.operation, 0.001, None)


def tracers(rate: float) -> TracerProvider:
    """Return a provider that samples a part of the messages."""
    provider = TracerProvider(sampler=ParentBasedTraceIdRatio(rate))
    provider.add_span_processor(BatchSpanProcessor(_NoExporter()))
    return provider


def hook(rate: float, meters: MeterProvider) -> OpenTelemetry:
    """Return a hook that samples a part of the messages."""
    return OpenTelemetry(tracer_provider=tracers(rate), meter_provider=meters)


def publishing(*hooks: PublishHook) -> Way:
    """Return a function that publishes a batch of events."""
    client: Any = FreeClient()
    publisher = Publisher(client, SQS, QUEUE_URL, None, 30, hooks)
    return partial(publisher.publish_batch, PAYLOADS, False, None, None, {}, 1, True, None)


def processing(*hooks: PublishHook) -> Way:
    """Return a function that opens, processes and settles a message for each event."""
    router = Router()
    router.register(Every)
    processor = Processor(router, SettlementPolicy(), Hooks(hooks))
    attribute = {'DataType': 'String', 'StringValue': TRACEPARENT}
    system = {'SentTimestamp': '1700000000000', 'ApproximateReceiveCount': '1'}
    messages = [
        {
            'MessageId': 'id',
            'ReceiptHandle': 'handle',
            'Body': body,
            'Attributes': system,
            'MessageAttributes': {'traceparent': attribute},
        }
        for body in RECEIVED
    ]
    call = SettlementCall('DeleteMessage', QUEUE_URL, 0.001, True)

    def process() -> None:
        for received in messages:
            work = processor.process(processor.open(received, queue_name='orders'))
            result = run_to_completion(work, _no_awaitables)
            for observe in result.call_observers:
                observe(call)

    return process


def _no_awaitables(awaitable: object) -> Any:
    raise AssertionError('the subscriber is not async def')


def own_costs(rounds: int) -> dict[str, tuple[float, float]]:
    """Return for each hook its CPU time for a sent and for a received message, in microseconds."""
    none, sdk = NoOpMeterProvider(), SdkMeterProvider([InMemoryMetricReader()])
    hooks: dict[str, Hook] = {
        'only a span of the SDK, 1 % sampled': _OnlySpan(),
        'only a span and the metrics of the SDK': _OnlySpanAndMetrics(sdk),
        'the hook without an SDK': OpenTelemetry(
            tracer_provider=NoOpTracerProvider(), meter_provider=none
        ),
        'traces, 1 % sampled': hook(0.01, none),
        'traces, 1 % sampled, and metrics': hook(0.01, sdk),
        'traces, all sampled, and metrics': hook(1.0, sdk),
    }
    sent = _differences(
        {name: publishing(each) for name, each in hooks.items()}, publishing(), rounds
    )
    received = _differences(
        {name: processing(each) for name, each in hooks.items()}, processing(), rounds
    )
    return {name: (sent[name], received[name]) for name in hooks}


def _differences(ways: dict[str, Way], base: Way, rounds: int) -> dict[str, float]:
    least = dict.fromkeys(['', *ways], math.inf)
    for _ in range(rounds):
        for name, way in {'': base, **ways}.items():
            least[name] = min(least[name], _cpu_seconds(way))
    return {name: (least[name] - least['']) / len(PAYLOADS) * 1e6 for name in ways}


def _cpu_seconds(way: Way) -> float:
    began = time.thread_time()
    way()
    return time.thread_time() - began


def main() -> None:
    parser = argparse.ArgumentParser('python -m benchmarks.telemetry', description=__doc__)
    parser.add_argument('--rounds', type=int, default=400, metavar='N')
    costs = own_costs(parser.parse_args().rounds)
    rows = [[name, f'{sent:.1f}', f'{received:.1f}'] for name, (sent, received) in costs.items()]
    print(f'# The cost of tracing and metrics\n\n{machine()}\n')
    print(table(['CPU us a message', 'sent', 'received'], rows), end=f'\n\n{NOT_SHOWN}\n')


if __name__ == '__main__':
    main()
