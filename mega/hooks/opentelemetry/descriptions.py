"""Names and attributes of spans, and of metrics: the same for all messages of a destination."""

from __future__ import annotations

from functools import lru_cache
from typing import TypeAlias

from msgspec import Struct
from opentelemetry.trace import SpanKind

from mega.aws._messages.destinations import queue_name

__all__ = ('Attributes', 'Operation', 'operation_on_queue', 'operation_on_topic')

Attributes: TypeAlias = dict[str, str | int | float | bool]

MAX_OPERATIONS = 1_024
"""Operations on destinations that are remembered."""

_KINDS = {'send': SpanKind.PRODUCER, 'process': SpanKind.CONSUMER}


class Operation(Struct, frozen=True):
    """An operation on messages of one destination: `send orders`.

    `labels` are the attributes of metrics, and `attributes` the attributes of spans.
    """

    name: str
    kind: SpanKind
    labels: Attributes
    attributes: Attributes


@lru_cache(MAX_OPERATIONS)
def operation_on_queue(
    name: str, kind: str, queue: str | None, url: str | None = None
) -> Operation:
    """Return an operation on the messages of a queue, which is known by its name or its URL."""
    queue = queue or (queue_name(url) if url else None)
    return _operation(name, kind, 'aws_sqs', queue, {'aws.sqs.queue.url': url})


@lru_cache(MAX_OPERATIONS)
def operation_on_topic(name: str, kind: str, arn: str) -> Operation:
    """Return an operation on the messages of a topic."""
    return _operation(name, kind, 'aws.sns', arn.rpartition(':')[2], {'aws.sns.topic.arn': arn})


def _operation(
    name: str, kind: str, system: str, destination: str | None, more: dict[str, str | None]
) -> Operation:
    labels: Attributes = {'messaging.system': system, 'messaging.operation.name': name}
    if destination:
        labels['messaging.destination.name'] = destination
    attributes = {**labels, 'messaging.operation.type': kind}
    attributes.update((key, value) for key, value in more.items() if value is not None)
    title = f'{name} {destination}' if destination else name
    return Operation(title, _KINDS.get(kind, SpanKind.CLIENT), labels, attributes)
