"""The trace context of a message: where it is written, and where it is found.

    traceparent = 00-<trace id>-<span id>-01     a message attribute; SNS copies it to each queue
    AWSTraceHeader = Root=...;Parent=...         a system attribute of SQS, which does not count
                                                 among the ten message attributes

OpenTelemetry's global propagator names the message attributes: by default `traceparent` and
`tracestate` (W3C Trace Context), and `baggage`.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from functools import lru_cache
from typing import Literal, TypeAlias

from msgspec import Struct
from opentelemetry import baggage, context, propagate, trace
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.trace import Span, SpanContext

from mega.aws.sqs.message import Message
from mega.errors import EncodeError
from mega.hooks import Outgoing
from mega.hooks.opentelemetry.w3c import (
    TRACEPARENT,
    format_traceparent,
    has_valid_format,
    is_w3c,
    parse_traceparent,
)
from mega.hooks.opentelemetry.xray import format_trace_header, parse_trace_header
from mega.logging import about, get_logger

__all__ = ('Carrier', 'Propagation')

Carrier: TypeAlias = Literal['attributes', 'xray', 'both']
MessageAttributes: TypeAlias = Mapping[str, str | bytes]

MAX_VALUE_LENGTH = 8_192
"""Characters of an attribute that are read: the limit of W3C Baggage, the longest format."""

MAX_ATTRIBUTES = 10

OPTIONAL = frozenset({'tracestate', 'baggage'})
"""Attributes without which a message still has its trace."""

_log = get_logger(__name__)


class Propagation:
    """Writes the context of a span to messages, and reads it. Any producer can write it, too."""

    def __init__(self, carrier: Carrier) -> None:
        self._uses_attributes = carrier != 'xray'
        self._uses_xray = carrier != 'attributes'

    def find_own_context(self, attributes: MessageAttributes) -> tuple[bool, SpanContext | None]:
        """Return whether the user gave a message a context, and its span if it is valid.

        Such a context is the one of the message, and nothing is written beside it.
        """
        if not attributes or (fields := _fields()).required.isdisjoint(attributes):
            return False, None
        return True, _extract_span(attributes, fields)

    def inject(self, outgoing: Outgoing, span: Span) -> None:
        """Write the context of a span to a message, as far as the message has room for it.

        An invalid span, as without an SDK, is not written.
        """
        span_context = span.get_span_context()
        if self._uses_attributes:
            if _has_only_traceparent(span_context):
                _add_attribute(outgoing, TRACEPARENT, format_traceparent(span_context))
            else:
                _add_attributes(outgoing, span)
        if self._uses_xray and span_context.is_valid:
            outgoing.set_trace_header(format_trace_header(span_context))

    def extract(self, message: Message) -> tuple[Context, SpanContext | None]:
        """Return the current context with the baggage of a message, and the span of its sender.

        Attributes in an envelope of SNS come first, then attributes of SQS, then the trace header.
        Baggage counts only beside a valid span.
        """
        current = context.get_current()
        attributes = message.attributes
        if attributes:
            found = _extract(attributes, current)
            if found is not None:
                return found
        if message.sqs_attributes is not attributes:  # there is an envelope
            found = _extract(message.sqs_attributes, current)
            if found is not None:
                return found
        header = message.trace_header
        return current, parse_trace_header(header) if header else None


def _add_attributes(outgoing: Outgoing, span: Span) -> None:
    headers, attributes = _headers(span), outgoing.attributes
    required, optional = headers.keys() - OPTIONAL, headers.keys() & OPTIONAL
    if len(required) + len(attributes) > MAX_ATTRIBUTES:
        _log_loss(outgoing, 'trace context', 'it has ten attributes')
        return
    for name in (*required, *(optional - attributes.keys())):
        _add_attribute(outgoing, name, headers[name])


def _add_attribute(outgoing: Outgoing, name: str, value: str) -> None:
    try:
        if outgoing.add_attribute(name, value):
            return
        problem = 'it has no room'
    except EncodeError as error:  # not text that SQS accepts
        problem = str(error)
    _log_loss(outgoing, name, problem)


def _log_loss(outgoing: Outgoing, what: str, problem: str) -> None:
    extra = about(destination=outgoing.queue_url or outgoing.topic_arn)
    _log.debug('a message is sent without its %s: %s', what, problem, extra=extra)


def _has_only_traceparent(span: SpanContext) -> bool:
    """Return whether the propagator writes `traceparent` and nothing else for a span."""
    return span.is_valid and not span.trace_state and _fields().is_w3c and not _has_baggage()


def _has_baggage() -> bool:
    current = context.get_current()
    return bool(current) and bool(baggage.get_all(current))


def _headers(span: Span) -> dict[str, str]:
    """Return what the propagator writes for a span within the current context."""
    headers: dict[str, str] = {}
    if span.get_span_context().is_valid or _has_baggage():
        propagate.inject(headers, trace.set_span_in_context(span))
    return headers


def _extract(
    attributes: MessageAttributes, within: Context
) -> tuple[Context, SpanContext | None] | None:
    """Return the context with the baggage in attributes, and their span; None without a span.

    Only the attributes of the span itself are passed to the propagator first: it logs each invalid
    entry of the others, with its text.
    """
    fields = _fields()
    span_context = _extract_span(attributes, fields)
    if span_context is None:
        return None
    if fields.optional.isdisjoint(attributes):
        return within, span_context
    optional = _readable(attributes, fields.optional)
    if not optional:
        return within, span_context
    found = propagate.extract({**_readable(attributes, fields.required), **optional}, within)
    return found, trace.get_current_span(found).get_span_context()


def _extract_span(attributes: MessageAttributes, fields: _Fields) -> SpanContext | None:
    """Return the span in the required attributes; None if it is invalid."""
    header = attributes.get(TRACEPARENT) if fields.is_w3c else None
    if isinstance(header, str) and (span_context := parse_traceparent(header)) is not None:
        return span_context
    headers = _readable(attributes, fields.required)
    if not headers:
        return None
    found = trace.get_current_span(propagate.extract(headers, Context())).get_span_context()
    return found if found.is_valid else None


def _readable(attributes: MessageAttributes, names: Set[str]) -> dict[str, str]:
    """Return the attributes with these names whose values are safe to pass to the propagator."""
    # Old releases of OpenTelemetry refuse the spaces that `baggage` may have, and log the entry.
    return {
        name: ''.join(value.split()) if name == 'baggage' else value
        for name in names & attributes.keys()
        if isinstance(value := attributes[name], str)
        and len(value) <= MAX_VALUE_LENGTH
        and has_valid_format(name, value)
    }


class _Fields(Struct, frozen=True):
    """The message attributes of a propagator: those of a span, and those that may be beside it."""

    required: Set[str]
    optional: Set[str]
    is_w3c: bool


def _fields() -> _Fields:
    return _fields_of(propagate.get_global_textmap())


@lru_cache(1)
def _fields_of(propagator: TextMapPropagator) -> _Fields:
    fields = propagator.fields
    return _Fields(fields - OPTIONAL, fields & OPTIONAL, is_w3c(propagator))
