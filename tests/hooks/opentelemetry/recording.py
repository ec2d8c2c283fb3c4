"""The memory exporter and the memory reader of OpenTelemetry, and what tests ask them."""

from __future__ import annotations

from typing import Any, TypeAlias

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Sampler
from opentelemetry.trace import SpanContext

from mega.hooks.opentelemetry import OpenTelemetry

__all__ = ('Recorded', 'context_of', 'parent_of')

Point: TypeAlias = tuple[dict[str, Any], Any]


class _Counting(SpanProcessor):
    """Counts the spans that are sampled, and begin."""

    begun = 0

    def on_start(self, span: Span, parent_context: Any = None) -> None:
        self.begun += 1


class Recorded:
    """The ended spans, and the metrics, of hooks in a test."""

    def __init__(self, sampler: Sampler = ALWAYS_ON) -> None:
        self._exporter, self._reader, self._counting = (
            InMemorySpanExporter(),
            InMemoryMetricReader(),
            _Counting(),
        )
        self.tracers = TracerProvider(sampler=sampler)
        self.tracers.add_span_processor(self._counting)
        self.tracers.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.meters = MeterProvider([self._reader])

    def hook(self, **settings: Any) -> OpenTelemetry:
        """Return a hook whose spans and metrics are recorded."""
        return OpenTelemetry(tracer_provider=self.tracers, meter_provider=self.meters, **settings)

    @property
    def spans(self) -> list[ReadableSpan]:
        """All spans, in the order of their ends. Each span that began has ended."""
        ended = list(self._exporter.get_finished_spans())
        assert len(ended) == self._counting.begun, 'a span did not end'
        return ended

    @property
    def names(self) -> list[str]:
        return [span.name for span in self.spans]

    def all(self, name: str) -> list[ReadableSpan]:
        """Return the spans with a name."""
        return [span for span in self.spans if span.name == name]

    def only(self, name: str) -> ReadableSpan:
        """Return the only span with a name."""
        [span] = self.all(name)
        return span

    def children_of(self, span: ReadableSpan) -> list[str]:
        """Return the names of the children of a span."""
        parent = context_of(span).span_id
        return [each.name for each in self.spans if parent_of(each) == parent]

    def metric(self, name: str) -> list[Point]:
        """Return the labels and the value of each point: a sum, or the count of a histogram."""
        data = self._reader.get_metrics_data()
        points = [
            point
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]
        return [
            (dict(each.attributes or {}), each.count if hasattr(each, 'count') else each.value)
            for each in points
        ]

    def close(self) -> None:
        self.tracers.shutdown()
        self.meters.shutdown()


def context_of(span: ReadableSpan) -> SpanContext:
    """Return the context of a span."""
    found = span.get_span_context()
    assert found is not None
    return found


def parent_of(span: ReadableSpan) -> int | None:
    """Return the id of the parent of a span; None for a root."""
    return None if span.parent is None else span.parent.span_id
