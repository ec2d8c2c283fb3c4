"""The header `traceparent` of W3C Trace Context.

    00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01     version, trace id, span id, flags

OpenTelemetry's propagator also reads it, and in addition always looks for `tracestate` and for
`baggage`, which takes several times as long. Nearly all messages have neither.

https://www.w3.org/TR/trace-context/#traceparent-header
"""

from __future__ import annotations

import re

from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.trace import SpanContext, TraceFlags

__all__ = (
    'TRACEPARENT',
    'format_traceparent',
    'has_valid_format',
    'is_w3c',
    'parse_traceparent',
)

TRACEPARENT = 'traceparent'

_FIELDS = {TRACEPARENT, 'tracestate', 'baggage'}
_FORMAT = re.compile('00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})')

_TOKEN, _VALUE = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", r'[!#-+\--:<-\[\]-~]*'
_PAIR = rf'[ \t]*{_TOKEN}[ \t]*=[ \t]*{_VALUE}[ \t]*'
_VENDOR = r'[a-z0-9][a-z0-9_*/-]'
_ENTRIES = {
    'baggage': (180, re.compile(rf'{_PAIR}(;({_PAIR}|[ \t]*{_TOKEN}[ \t]*))*')),
    'tracestate': (
        32,
        re.compile(
            rf'[ \t]*(([a-z][a-z0-9_*/-]{{0,255}})|({_VENDOR}{{0,240}}@[a-z][a-z0-9_*/-]{{0,13}}))'
            r'=[ -+\--<>-~]{0,255}[!-+\--<>-~][ \t]*'
        ),
    ),
}
"""The largest number of entries of a header, and the format of an entry.

https://www.w3.org/TR/baggage/#definition
https://www.w3.org/TR/trace-context/#tracestate-header
"""

_MAX_ENTRY_LENGTH = 4_096


def is_w3c(propagator: TextMapPropagator) -> bool:
    """Return whether a propagator is OpenTelemetry's default: trace context and baggage of W3C."""
    return type(propagator) is CompositePropagator and propagator.fields == _FIELDS


def format_traceparent(span: SpanContext) -> str:
    """Return the header of a span."""
    return f'00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}'


def has_valid_format(name: str, header: str) -> bool:
    """Return whether all entries of `baggage` or `tracestate` are valid; True for other headers."""
    if name not in _ENTRIES:
        return True
    max_entries, form = _ENTRIES[name]
    entries = header.split(',')
    return len(entries) <= max_entries and all(
        len(entry) <= _MAX_ENTRY_LENGTH and form.fullmatch(entry) for entry in entries
    )


def parse_traceparent(header: str) -> SpanContext | None:
    """Return the span of a header of version 00; None for any other text."""
    found = _FORMAT.fullmatch(header)
    if found is None:
        return None
    trace_id, span_id, flags = found.groups()
    span = SpanContext(int(trace_id, 16), int(span_id, 16), True, TraceFlags(int(flags, 16)))
    return span if span.is_valid else None
