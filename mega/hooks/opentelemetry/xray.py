"""The trace header of AWS X-Ray, which SQS keeps as the system attribute `AWSTraceHeader`.

    Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1

The two parts of `Root` are one trace id of OpenTelemetry, and `Parent` is a span id:
https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
"""

from __future__ import annotations

import re

from opentelemetry.trace import SpanContext, TraceFlags, format_span_id, format_trace_id

__all__ = ('format_trace_header', 'parse_trace_header')

MAX_LENGTH = 1_024
"""Characters of a header that are read. AWS writes fewer than two hundred."""

_ROOT = re.compile('1-([0-9a-f]{8})-([0-9a-f]{24})')
_PARENT = re.compile('[0-9a-f]{16}')


def format_trace_header(span: SpanContext) -> str:
    """Return the header of a span."""
    trace_id = format_trace_id(span.trace_id)
    root, parent = f'1-{trace_id[:8]}-{trace_id[8:]}', format_span_id(span.span_id)
    return f'Root={root};Parent={parent};Sampled={int(span.trace_flags.sampled)}'


def parse_trace_header(header: str) -> SpanContext | None:
    """Return the span of a header; None if the header is invalid. Unknown fields are ignored."""
    if len(header) > MAX_LENGTH:
        return None
    fields = dict(field.strip().partition('=')[::2] for field in header.split(';'))
    root = _ROOT.fullmatch(fields.get('Root', ''))
    parent = _PARENT.fullmatch(fields.get('Parent', ''))
    if root is None or parent is None:
        return None
    sampled = TraceFlags.SAMPLED if fields.get('Sampled') == '1' else TraceFlags.DEFAULT
    trace_id, span_id = int(root[1] + root[2], 16), int(parent[0], 16)
    span = SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(sampled))
    return span if span.is_valid else None
