"""The hook of OpenTelemetry: spans and metrics of publishers, listeners and Lambda functions."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Literal

from msgspec import structs
from opentelemetry import context, metrics, trace
from opentelemetry.context import Context
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    StatusCode,
    TracerProvider,
)

from mega.aws._hooks.running import IDLE
from mega.aws.sqs.message import Message, seconds_since_send
from mega.aws.sqs.subscribe.exceptions import traceback_without_text
from mega.codec import AnyPayload
from mega.errors import ConfigurationError, MegaError, TransportError, safe_repr
from mega.hooks import (
    DeliveryResult,
    Hook,
    HookGenerator,
    Instrumentation,
    Outcome,
    Outgoing,
    PublishResult,
    SettlementCall,
    StatsField,
)
from mega.hooks.opentelemetry.descriptions import (
    Operation,
    operation_on_queue,
    operation_on_topic,
)
from mega.hooks.opentelemetry.metrics import Metrics
from mega.hooks.opentelemetry.propagation import Carrier, Propagation

__all__ = ('OpenTelemetry',)

_NAME = 'mega'
_ROOT = Context()
_DONE = StatsField.DONE
_SETTLEMENTS = {'DeleteMessage': 'ack', 'ChangeMessageVisibility': 'nack'}


@contextmanager
def _suppressed() -> Iterator[None]:
    """Let no instrumentation make spans in this thread."""
    token = context.attach(context.set_value('suppress_instrumentation', True))
    try:
        yield
    finally:
        context.detach(token)


class OpenTelemetry(Hook):
    """Traces messages from their publishers to their subscribers, and measures both.

    Pass one instance as `hooks=` to publishers, listeners and Lambda handlers.

    `carrier` is where a publisher writes the trace context: `'attributes'` (message attributes, by
    the global propagator), `'xray'` (the header of AWS X-Ray, which only SQS accepts), or `'both'`.
    It never adds an eleventh attribute, and writes nothing to a message whose attributes have a
    context already. Both carriers are read in any case. Without an SDK, it writes no context.

    `parent='link'` starts a trace for each delivery, with a link to the span of the publisher.
    `'child'` continues the trace of the publisher: one trace for each message and all its
    deliveries, at the sampling rate of the publisher. A delivery of a message without a context is
    then a child of the current span, if there is one.

    Instrumentation of botocore makes no spans for the calls of publishers and listeners with this
    hook, and does not slow them down. Other calls of boto3, also those to S3, keep their spans.
    A span has the traceback of an exception, but not its text, which may quote the payload.

    `tracer_provider` and `meter_provider` replace the global providers.

    Raises:
        ConfigurationError: for another carrier or parent.
    """

    replaced_instrumentation = Instrumentation('opentelemetry.instrumentation', _suppressed)

    def __init__(
        self,
        *,
        carrier: Carrier = 'attributes',
        parent: Literal['link', 'child'] = 'link',
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        if carrier not in ('attributes', 'xray', 'both'):
            choices = "'attributes', 'xray' or 'both'"
            raise ConfigurationError(f'carrier={safe_repr(carrier)}: must be {choices}')
        if parent not in ('link', 'child'):
            raise ConfigurationError(f"parent={safe_repr(parent)}: must be 'link' or 'child'")
        self._continues_trace = parent == 'child'
        self._propagation = Propagation(carrier)
        self._tracer = trace.get_tracer(_NAME, tracer_provider=tracer_provider)
        self._metrics = Metrics(metrics.get_meter(_NAME, meter_provider=meter_provider))

    def around_publish(self, outgoing: Outgoing) -> HookGenerator[PublishResult]:
        """Make a span from the encoding of a message to the answer of AWS."""
        operation = _send_operation(outgoing)
        has_context, own = self._propagation.find_own_context(outgoing.attributes)
        span = self._tracer.start_span(
            operation.name, None, operation.kind, operation.attributes, [Link(own)] if own else ()
        )
        began = time.perf_counter()
        try:
            if not has_context:
                self._propagation.inject(outgoing, span)
            result = yield
            error = None if result.error is None else _error_type(result.error)
            if span.is_recording():
                _describe_result(span, result.message_id, error)
        except BaseException as raised:
            _set_error(span, type(raised).__qualname__)
            raise
        finally:
            span.end()
        self._metrics.sent(operation, time.perf_counter() - began, error)
        return None

    def around_delivery(self, message: Message) -> HookGenerator[DeliveryResult]:
        """Make a span for the processing of a message, and let others be made for its calls."""
        operation = operation_on_queue('process', 'process', message.queue_name)
        within, sender = self._propagation.extract(message)
        span = self._start_delivery(operation, within, sender)
        queue_seconds = seconds_since_send(message)
        if span.is_recording():
            _describe_message(span, message, queue_seconds)
        self._metrics.began(operation, queue_seconds)
        try:
            result: DeliveryResult = yield from _run_within(span, within)
            settlement, error = result.settlement, _error_of(result)
            if span.is_recording():
                span.set_attribute('mega.settlement', settlement.action.value)
                _set_error(span, error)
            observer = self._call_observer(span, message)
            observers = [*result.call_observers, observer]
            replacement = structs.replace(result, call_observers=observers)
        except BaseException as raised:
            _set_error(span, type(raised).__qualname__)
            raise
        finally:
            span.end()
        self._metrics.processed(operation, result.duration, settlement.stats_field.value, error)
        return replacement

    def around_subscriber(
        self, subscriber: Any, message: Message, payload: AnyPayload
    ) -> HookGenerator[Outcome]:
        """Make a span for one subscriber, within that of the delivery."""
        if trace.get_current_span().is_recording():
            return self._trace_subscriber(subscriber)
        return IDLE

    def _trace_subscriber(self, subscriber: Any) -> HookGenerator[Outcome]:
        name = subscriber.__name__
        span = self._tracer.start_span(name, attributes={'mega.subscriber': name})
        try:
            outcome: Outcome = yield from _run_within(span, context.get_current())
            span.set_attribute('mega.status', outcome.status.name.lower())
            if outcome.error is not None:
                _record_exception(span, outcome.error)
        except BaseException as raised:
            _set_error(span, type(raised).__qualname__)
            raise
        finally:
            span.end()
        return None

    def _start_delivery(
        self, operation: Operation, within: Context, sender: SpanContext | None
    ) -> Span:
        """Start the span of a delivery: of the trace of its sender, or of a new one."""
        links: Sequence[Link] = ()
        if not self._continues_trace:
            within = _ROOT  # not a child of the span within which the listener was started
            links = [Link(sender)] if sender is not None else ()
        elif sender is not None:
            within = trace.set_span_in_context(NonRecordingSpan(sender), within)
        return self._tracer.start_span(
            operation.name, within, operation.kind, operation.attributes, links
        )

    def _call_observer(
        self, delivery: Span, message: Message
    ) -> Callable[[SettlementCall], object]:
        """Return the function that records the calls that settle a message, or fail to."""
        if delivery.get_span_context().trace_flags.sampled:
            return partial(self._trace_call, delivery, message)
        return self._measure_call

    def _measure_call(self, call: SettlementCall) -> tuple[Operation, str | None]:
        """Measure a call that has ended, and return what it did, and its error."""
        name = _SETTLEMENTS.get(call.operation)
        kind = 'send' if name is None else 'settle'
        operation = operation_on_queue(name or 'send', kind, None, call.queue_url)
        error = None if call.is_successful else 'failed'
        self._metrics.called(operation, call.duration, error)
        return operation, error

    def _trace_call(self, delivery: Span, message: Message, call: SettlementCall) -> None:
        """Measure a call that has ended, and make a span for it."""
        operation, error = self._measure_call(call)
        ended_at = time.time_ns()
        span = self._tracer.start_span(
            operation.name,
            trace.set_span_in_context(delivery),
            operation.kind,
            operation.attributes,
            start_time=ended_at - int(call.duration * 1e9),
        )
        span.set_attribute('messaging.message.id', message.id)
        _set_error(span, error)
        span.end(ended_at)


def _run_within(span: Span, within: Context) -> Generator[Any, Any, Any]:
    """Yield once, with a span as the current one, and return the result."""
    token = context.attach(trace.set_span_in_context(span, within))
    try:
        result = yield
    except GeneratorExit:  # the hook is closed, perhaps in another thread
        raise
    except BaseException:
        context.detach(token)
        raise
    context.detach(token)
    return result


def _send_operation(outgoing: Outgoing) -> Operation:
    topic_arn = outgoing.topic_arn
    if topic_arn is not None:
        return operation_on_topic('send', 'send', topic_arn)
    return operation_on_queue('send', 'send', None, outgoing.queue_url)


def _describe_message(span: Span, message: Message, queue_seconds: float | None) -> None:
    span.set_attribute('messaging.message.id', message.id)
    span.set_attribute('mega.receive_count', message.receive_count)
    if queue_seconds is not None:
        span.set_attribute('mega.queue_time', queue_seconds)
    if message.topic_arn is not None:
        span.set_attribute('aws.sns.topic.arn', message.topic_arn)


def _describe_result(span: Span, message_id: str | None, error: str | None) -> None:
    if message_id is not None:
        span.set_attribute('messaging.message.id', message_id)
    _set_error(span, error)


def _error_type(error: MegaError) -> str:
    return error.code if isinstance(error, TransportError) else type(error).__name__


def _error_of(result: DeliveryResult) -> str | None:
    """Return the name of the error of a delivery; None if it succeeded or matched no subscriber."""
    settlement = result.settlement
    if settlement.stats_field is _DONE or settlement.stats_field is StatsField.UNMATCHED:
        return None
    return settlement.reason.error_name if settlement.reason is not None else 'failed'


def _set_error(span: Span, error: str | None) -> None:
    if error is not None and span.is_recording():
        span.set_attribute('error.type', error)
        span.set_status(StatusCode.ERROR)


def _record_exception(span: Span, error: BaseException) -> None:
    """Record an exception without its text, which may quote the payload."""
    name = type(error).__qualname__
    _set_error(span, name)
    details = {'exception.type': name, 'exception.stacktrace': traceback_without_text(error)}
    span.add_event('exception', details)
