"""Metrics in the text format of Prometheus.

    # HELP mega_listener_done_total Messages that all matching subscribers processed.
    # TYPE mega_listener_done_total counter
    mega_listener_done_total{target="shop.worker:listener"} 42

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from msgspec import Struct

__all__ = ('CONTENT_TYPE', 'Family', 'Labels', 'Sample', 'write_metrics')

CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

Labels: TypeAlias = tuple[tuple[str, str], ...]
"""The names of labels with their values."""


class Sample(Struct, frozen=True):
    """One value of a metric. A histogram has samples of several names, such as `..._bucket`."""

    name: str
    labels: Labels
    value: float


class Family(Struct, frozen=True):
    """A metric with its samples. `kind` is a type of Prometheus, such as `counter`."""

    name: str
    kind: str
    help: str
    samples: tuple[Sample, ...]


def write_metrics(families: Iterable[Family]) -> str:
    """Return the text of metrics. A metric without samples has no lines."""
    return ''.join(f'{line}\n' for family in families if family.samples for line in _lines(family))


def _lines(family: Family) -> Iterator[str]:
    yield f'# HELP {family.name} {_escaped(family.help)}'
    yield f'# TYPE {family.name} {family.kind}'
    for sample in family.samples:
        yield f'{sample.name}{_labels(sample.labels)} {_number(sample.value)}'


def _labels(labels: Labels) -> str:
    if not labels:
        return ''
    texts = (f'{name}="{_escaped(value, quote=True)}"' for name, value in labels)
    return f'{{{",".join(texts)}}}'


def _escaped(text: str, *, quote: bool = False) -> str:
    text = text.replace('\\', r'\\').replace('\n', r'\n')
    return text.replace('"', r'\"') if quote else text


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() else repr(value)
