"""The instruments: four of the semantic conventions, and two of this library.

messaging.client.operation.duration   s   sends and settlements, with their retries
messaging.client.sent.messages            messages that a publisher sent, or could not send
messaging.client.consumed.messages        deliveries that began
messaging.process.duration            s   from the first subscriber to the settlement
mega.message.queue_time               s   from the send of a message to the start of a delivery
mega.messages                             settled deliveries, by `mega.status` as in `Stats`
"""

from __future__ import annotations

from opentelemetry.metrics import Meter

from mega.hooks.opentelemetry.descriptions import Attributes, Operation

__all__ = ('Metrics',)

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""The bounds of the buckets of a duration, from the semantic conventions."""

QUEUE_SECONDS = (0.01, 0.1, 1.0, 10.0, 60.0, 600.0, 3_600.0, 21_600.0, 86_400.0, 345_600.0)
"""The bounds for the time in a queue: up to four days, the default retention of SQS."""


class Metrics:
    """Records what happened to messages. No value of a payload is a label."""

    def __init__(self, meter: Meter) -> None:
        self._operation = meter.create_histogram(
            'messaging.client.operation.duration',
            unit='s',
            description='Duration of sends and settlements.',
            explicit_bucket_boundaries_advisory=SECONDS,
        )
        self._sent = meter.create_counter(
            'messaging.client.sent.messages',
            unit='{message}',
            description='Messages that were sent, or could not be sent.',
        )
        self._consumed = meter.create_counter(
            'messaging.client.consumed.messages',
            unit='{message}',
            description='Deliveries that began.',
        )
        self._process = meter.create_histogram(
            'messaging.process.duration',
            unit='s',
            description='Duration of the processing of a delivery.',
            explicit_bucket_boundaries_advisory=SECONDS,
        )
        self._queue_time = meter.create_histogram(
            'mega.message.queue_time',
            unit='s',
            description='Time from the send of a message to the start of its delivery.',
            explicit_bucket_boundaries_advisory=QUEUE_SECONDS,
        )
        self._messages = meter.create_counter(
            'mega.messages', unit='{message}', description='Settled deliveries.'
        )

    def sent(self, operation: Operation, seconds: float, error: str | None) -> None:
        """Record a message that was sent, or could not be sent."""
        labels = _with_error(operation.labels, error)
        self._operation.record(seconds, labels)
        self._sent.add(1, labels)

    def called(self, operation: Operation, seconds: float, error: str | None) -> None:
        """Record a call that settled a message, or failed to."""
        self._operation.record(seconds, _with_error(operation.labels, error))

    def began(self, operation: Operation, queue_seconds: float | None) -> None:
        """Record a delivery that begins."""
        self._consumed.add(1, operation.labels)
        if queue_seconds is not None:
            self._queue_time.record(queue_seconds, operation.labels)

    def processed(
        self, operation: Operation, seconds: float, status: str, error: str | None
    ) -> None:
        """Record a delivery whose settlement is decided."""
        labels = _with_error(operation.labels, error)
        self._process.record(seconds, labels)
        self._messages.add(1, {**labels, 'mega.status': status})


def _with_error(labels: Attributes, error: str | None) -> Attributes:
    return labels if error is None else {**labels, 'error.type': error}
