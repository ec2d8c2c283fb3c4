"""The trace context of a message: where it is written, and where it is found.

    traceparent = 00-<trace id>-<span id>-01     a message attribute; SNS copies it to each queue
    AWSTraceHeader = Root=...;Parent=...         a system attribute of SQS, which does not count
                                                 among the ten message attributes

OpenTelemetry's global propagator names the message attributes: by default `traceparent` and
`tracestate` (W3C Trace Context), and `baggage`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Set
from functools import lru_cache
from typing import Literal, TypeAlias

from opentelemetry import baggage, context, propagate, trace
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext

from mega.aws.sqs.message import Message
from mega.errors import EncodeError
from mega.hooks import Outgoing
from mega.hooks.opentelemetry.w3c import (
    TRACEPARENT,
    format_traceparent,
    is_w3c,
    parse_traceparent,
)
from mega.hooks.opentelemetry.xray import format_trace_header, parse_trace_header
from mega.logging import about

__all__ = ('Carrier', 'Propagation')

Carrier: TypeAlias = Literal['attributes', 'xray', 'both']
MessageAttributes: TypeAlias = Mapping[str, str | bytes]

MAX_VALUE_LENGTH = 8_192
"""Characters of an attribute that are read: the limit of W3C Baggage, the longest format."""

MAX_ATTRIBUTES = 10

OPTIONAL = frozenset({'tracestate', 'baggage'})
"""Attributes without which a message still has its trace."""

_log = logging.getLogger(__name__)


class Propagation:
    """Writes the context of a span to messages, and reads it. Any producer can write it, too."""

    def __init__(self, carrier: Carrier) -> None:
        self._uses_attributes = carrier != 'xray'
        self._uses_xray = carrier != 'attributes'

    def find_own_context(self, attributes: MessageAttributes) -> tuple[bool, SpanContext | None]:
        """Return whether the user gave a message a context, and its span if it is valid.

        Such a context is the one of the message, and nothing is written beside it.
        """
        if not attributes or _fields().isdisjoint(attributes):
            return False, None
        return True, _span_in(_extract(attributes, Context()))

    def inject(self, outgoing: Outgoing, own_attributes: int, span: Span) -> None:
        """Write the context of a span to a message, as far as the message has room for it."""
        if self._uses_attributes:
            _add_attributes(outgoing, own_attributes, span)
        if self._uses_xray:
            outgoing.set_trace_header(format_trace_header(span.get_span_context()))

    def extract(self, message: Message) -> tuple[Context, SpanContext | None]:
        """Return the context of a message within the current context, and its span, if any.

        Attributes in an envelope of SNS come first, then attributes of SQS, then the trace header.
        """
        current = context.get_current()
        for attributes in (message.attributes, message.sqs_attributes):
            if attributes:
                found = _extract(attributes, current)
                if found is not current and (span_context := _span_in(found)) is not None:
                    return found, span_context
        header = message.trace_header
        span_context = parse_trace_header(header) if header else None
        if span_context is None:
            return current, None
        return _with_span(span_context, current), span_context


def _add_attributes(outgoing: Outgoing, own_attributes: int, span: Span) -> None:
    headers = _headers(span)
    required = headers.keys() - OPTIONAL
    if len(required) + own_attributes > MAX_ATTRIBUTES:
        _log_loss(outgoing, 'trace context', 'it has ten attributes')
        return
    for name in sorted(headers, key=OPTIONAL.__contains__):  # the required ones first
        try:
            if outgoing.add_attribute(name, headers[name]):
                continue
            problem = 'it has no room'
        except EncodeError as error:  # not text that SQS accepts
            problem = str(error)
        _log_loss(outgoing, name, problem)


def _log_loss(outgoing: Outgoing, what: str, problem: str) -> None:
    extra = about(destination=outgoing.queue_url or outgoing.topic_arn)
    _log.debug('a message is sent without its %s: %s', what, problem, extra=extra)


def _headers(span: Span) -> dict[str, str]:
    """Return what the propagator writes for a span within the current context."""
    span_context = span.get_span_context()
    if _is_w3c() and not span_context.trace_state and not baggage.get_all():
        return {TRACEPARENT: format_traceparent(span_context)}
    headers: dict[str, str] = {}
    propagate.inject(headers, trace.set_span_in_context(span))
    return headers


def _extract(attributes: MessageAttributes, within: Context) -> Context:
    """Return the context in attributes; the same context if they have none."""
    headers = {
        name: value
        for name in _fields()
        if isinstance(value := attributes.get(name), str) and len(value) <= MAX_VALUE_LENGTH
    }
    if headers.keys() == {TRACEPARENT} and _is_w3c():
        span_context = parse_traceparent(headers[TRACEPARENT])
        if span_context is not None:
            return _with_span(span_context, within)
    return propagate.extract(headers, within) if headers else within


def _fields() -> Set[str]:
    return _describe(propagate.get_global_textmap())[0]


def _is_w3c() -> bool:
    return _describe(propagate.get_global_textmap())[1]


@lru_cache(1)
def _describe(propagator: TextMapPropagator) -> tuple[Set[str], bool]:
    return propagator.fields, is_w3c(propagator)


def _with_span(span_context: SpanContext, within: Context) -> Context:
    return trace.set_span_in_context(NonRecordingSpan(span_context), within)


def _span_in(within: Context) -> SpanContext | None:
    span_context = trace.get_current_span(within).get_span_context()
    return span_context if span_context.is_valid else None
