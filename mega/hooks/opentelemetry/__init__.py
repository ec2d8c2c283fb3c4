"""Traces and metrics of messages with OpenTelemetry (extra `otel`).

    send orders                     PRODUCER  publisher, for each message, with its retries
        process orders              CONSUMER  listener or Lambda, for each delivery
            ItemAdded               INTERNAL  each subscriber
            ack orders              CLIENT    the delete of the message (nack: its early release)
            send orders-dead        PRODUCER  the send to the dead-letter queue

The context of the `send` span travels in the message. A `process` span has a link to it, or with
`parent='child'` is its child.

    hook.py         the hook: which spans there are
    descriptions.py names and attributes of spans
    propagation.py  the context in message attributes and in the header of X-Ray (xray.py)
    metrics.py      the instruments

Names and attributes follow the semantic conventions for messaging, version 1.44:
https://opentelemetry.io/docs/specs/semconv/messaging/
"""

from __future__ import annotations

try:
    import opentelemetry.context  # noqa: F401
except ModuleNotFoundError as error:
    if error.name not in ('opentelemetry', 'opentelemetry.context'):
        raise
    raise ModuleNotFoundError(
        "mega.hooks.opentelemetry needs the extra otel: pip install 'sqs-mega[otel]'",
        name=error.name,
    ) from None

from mega.hooks.opentelemetry.hook import OpenTelemetry

__all__ = ('OpenTelemetry',)
