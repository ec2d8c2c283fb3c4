"""Draws the spans of one trace as SVG, for the guide.

    python -m tests.hooks.opentelemetry.drawing        writes docs/images/trace.svg

The bars show the order of the begins and ends of spans, and not their durations, so that the
picture is always the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from html import escape
from pathlib import Path

import boto3
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind

from mega.local import running
from tests.hooks.opentelemetry.orders import Orders
from tests.hooks.opentelemetry.recording import Recorded, context_of, parent_of

__all__ = ('PICTURE', 'draw')

PICTURE = Path(__file__).parents[3] / 'docs' / 'images' / 'trace.svg'

ROW, LEFT, STEP, MARGIN = 22, 280, 10, 12
GREY = '#7d7d7d'
# Medium brightness, visible on white and on black.
FAILED = '#d1495b'
COLOURS = {
    SpanKind.PRODUCER: '#2f80c3',
    SpanKind.CONSUMER: '#3a8f5c',
    SpanKind.INTERNAL: '#8a6fc9',
    SpanKind.CLIENT: '#a37b1f',
}


def draw(spans: Sequence[ReadableSpan]) -> str:
    """Return the picture of the spans of one trace."""
    rows = list(_tree(spans, None, 0))
    times = sorted(time for span in spans for time in _times(span))
    place = {time: number for number, time in enumerate(times)}
    width, height = LEFT + len(times) * STEP + MARGIN, (len(rows) + 1) * ROW
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="13" fill="{GREY}">',
        '<title>The spans of one trace, in the order of their begins and ends</title>',
    ]
    for number, (span, depth) in enumerate(rows):
        y = ROW // 2 + number * ROW
        began, ended = (LEFT + place[time] * STEP for time in _times(span))
        colour = COLOURS[span.kind] if span.status.is_ok else FAILED
        lines += [
            f'<text x="{MARGIN + depth * 16}" y="{y + 14}">{escape(_label(span))}</text>',
            f'<rect x="{began}" y="{y + 3}" width="{ended - began}" height="14" rx="3" '
            f'fill="{colour}"/>',
        ]
    return '\n'.join([*lines, '</svg>', ''])


def _tree(
    spans: Sequence[ReadableSpan], parent: int | None, depth: int
) -> Iterator[tuple[ReadableSpan, int]]:
    """Yield each span with its depth, a parent before its children."""
    children = [span for span in spans if parent_of(span) == parent]
    for span in sorted(children, key=_times):
        yield span, depth
        yield from _tree(spans, context_of(span).span_id, depth + 1)


def _times(span: ReadableSpan) -> tuple[int, int]:
    assert span.start_time is not None
    assert span.end_time is not None
    return span.start_time, span.end_time


def _label(span: ReadableSpan) -> str:
    attributes = span.attributes or {}
    error, receive = attributes.get('error.type'), attributes.get('mega.receive_count')
    more = [f'receive {receive}'] if receive not in (None, 1) else []
    more += [str(error)] if error else []
    return f'{span.name} ({", ".join(more)})' if more else span.name


def main() -> None:
    recorded, session = Recorded(), boto3.Session()
    with (
        running() as server,
        closing(session.client('sqs', **server.credentials)) as sqs,
        closing(session.client('sns', **server.credentials)) as sns,
    ):
        orders = Orders(server, sqs, sns)
        orders.subscribe(raw=False)
        orders.run(recorded.hook(parent='child'))
    PICTURE.write_text(draw(recorded.spans), encoding='utf-8')


if __name__ == '__main__':
    main()
