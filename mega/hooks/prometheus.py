"""Metrics for Prometheus. Extra: `prometheus`.

    listener = SqsListener(queue_url, [Invoice], hooks=[Prometheus()])

`mega listen --health PORT` serves them at `/metrics`, summed over its processes. Other programs
serve the registry themselves, for example with `prometheus_client.start_http_server`.

The counters of a queue and of a subscriber add up:

    mega_deliveries_total        = sum of mega_settlements_total + mega_deliveries_in_progress
    mega_messages_started_total  = sum of mega_messages_total    + mega_messages_in_progress

https://prometheus.io/docs/practices/naming/
"""

from __future__ import annotations

import time
from functools import lru_cache
from threading import Lock
from weakref import WeakKeyDictionary

try:
    from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram
except ModuleNotFoundError as error:
    if error.name != 'prometheus_client':
        raise
    raise ModuleNotFoundError(
        "mega.hooks.prometheus needs prometheus-client: pip install 'sqs-mega[prometheus]'",
        name='prometheus_client',
    ) from None
from msgspec import Struct

from mega.aws._hooks.publishing import Outgoing, PublishResult, RelayedBatch
from mega.aws._hooks.running import HookGenerator
from mega.aws._messages.destinations import queue_name
from mega.aws.sqs.message import Message, seconds_since_send
from mega.aws.sqs.subscribe.processing.hooks import DeliveryResult, Hook
from mega.aws.sqs.subscribe.processing.outcome import Outcome
from mega.aws.sqs.subscribe.processing.settlement import SettlementAction
from mega.aws.sqs.subscribe.subscribers.subscriber import Subscriber
from mega.codec import AnyPayload
from mega.errors import ConfigurationError, safe_repr

__all__ = ('Prometheus',)

_QUEUE_TIMES = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600, 21_600, 86_400)
"""The buckets of the time in a queue, in seconds. A message may wait for 14 days."""

_MAX_SERIES = 1_000
"""The number of combinations of labels whose series are remembered, for each metric."""

INTERRUPTED = 'interrupted'
"""The label of work without a result: another hook failed, or the event loop was closed."""


class Prometheus(Hook):
    """Counts and measures deliveries, subscribers, published messages and relayed batches.

    `registry` is a registry of prometheus-client; None is its default registry. Hooks of one
    registry share its metrics, so that listeners and publishers may have separate hooks.

    Labels are names of queues, topics, subscriber classes, statuses and classes of errors. Nothing
    of a payload is a label. Pass the hook as the first one: it then counts what other hooks do.

    Safe to share among threads, listeners and publishers.

    Raises:
        ConfigurationError: for another object, and for a registry that has another metric with one
            of these names.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        if registry is None:
            registry = REGISTRY
        if not isinstance(registry, CollectorRegistry):
            problem = 'must be a CollectorRegistry of prometheus_client, or None'
            raise ConfigurationError(f'registry={safe_repr(registry)}: {problem}')
        self.registry = registry
        self._metrics = metrics = _metrics_of(registry)
        # To find the series of labels takes longer than to change it.
        self._of_queue = lru_cache(_MAX_SERIES)(metrics.of_queue)
        self._of_subscriber = lru_cache(_MAX_SERIES)(metrics.of_subscriber)
        self._settlement = lru_cache(_MAX_SERIES)(metrics.settlements.labels)
        self._status = lru_cache(_MAX_SERIES)(metrics.messages.labels)

    def around_delivery(self, message: Message) -> HookGenerator[DeliveryResult]:
        """Count a delivery, and its settlement."""
        queue = message.queue_name or ''
        series = self._of_queue(queue)
        queue_seconds = seconds_since_send(message)
        if queue_seconds is not None:
            series.seconds.observe(queue_seconds)
        series.started.inc()
        series.in_progress.inc()
        labels = 'leave', INTERRUPTED
        try:
            settlement = (yield).settlement
            labels = settlement.action.value, settlement.stats_field.value
            if settlement.action is SettlementAction.DEAD_LETTER and settlement.reason is not None:
                self._metrics.dead_letters.labels(queue, settlement.reason.error_name).inc()
        finally:
            self._settlement(queue, *labels).inc()
            series.in_progress.dec()
        return None

    def around_subscriber(
        self, subscriber: Subscriber, message: Message, payload: AnyPayload
    ) -> HookGenerator[Outcome]:
        """Count and measure the processing of a message by one subscriber."""
        queue, name = message.queue_name or '', subscriber.__name__
        series = self._of_subscriber(queue, name)
        series.started.inc()
        series.in_progress.inc()
        status = INTERRUPTED
        try:
            outcome = yield
            status = outcome.status.name.lower()
            series.seconds.observe(outcome.duration)
        finally:
            self._status(queue, name, status).inc()
            series.in_progress.dec()
        return None

    def around_publish(self, outgoing: Outgoing) -> HookGenerator[PublishResult]:
        """Count and measure a message that is published."""
        destination = queue_name(outgoing.topic_arn or outgoing.queue_url or '')
        began, result = time.perf_counter(), INTERRUPTED
        try:
            result = 'sent' if (yield).error is None else 'failed'
            seconds = time.perf_counter() - began
            self._metrics.publish_seconds.labels(destination).observe(seconds)
        finally:
            self._metrics.published.labels(destination, result).inc()
        return None

    def around_relay(self) -> HookGenerator[RelayedBatch]:
        """Count the messages of an outbox, and measure the age of the oldest one."""
        batch, metrics = (yield), self._metrics
        metrics.relayed.labels('sent').inc(batch.sent)
        metrics.relayed.labels('delayed').inc(batch.delayed)
        metrics.relayed.labels('failed').inc(batch.failed)
        metrics.relay_lag.set(batch.lag)
        return None


class _Series(Struct, frozen=True):
    """The series of one queue or subscriber."""

    started: Counter
    in_progress: Gauge
    seconds: Histogram


class _Metrics:
    """The metrics of one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(name, text, labels, registry=registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(name, text, labels, registry=registry)

        def histogram(name: str, text: str, *labels: str) -> Histogram:
            return Histogram(name, text, labels, registry=registry)

        of_queue, of_subscriber = ('queue',), ('queue', 'subscriber')
        # A registry is read in this order: ends before their beginnings, so that they add up.
        text = 'Deliveries whose processing ended, by what happens to the message and why.'
        self.settlements = counter('mega_settlements_total', text, *of_queue, 'action', 'reason')
        text = 'Deliveries of messages whose processing began.'
        self.deliveries = counter('mega_deliveries_total', text, *of_queue)
        text = 'Deliveries in processing.'
        self.deliveries_in_progress = gauge('mega_deliveries_in_progress', text, *of_queue)
        text = 'Time from the acceptance of a message by SQS to the begin of its processing.'
        self.queue_time = Histogram(
            'mega_queue_time_seconds', text, of_queue, registry=registry, buckets=_QUEUE_TIMES
        )
        text = 'Messages that the listener sends to its dead-letter queue, by the reason.'
        self.dead_letters = counter('mega_dead_letters_total', text, *of_queue, 'error')
        text = 'Messages whose processing by a subscriber ended.'
        self.messages = counter('mega_messages_total', text, *of_subscriber, 'status')
        text = 'Messages that a subscriber began to process.'
        self.started = counter('mega_messages_started_total', text, *of_subscriber)
        text = 'Messages that a subscriber is processing.'
        self.in_progress = gauge('mega_messages_in_progress', text, *of_subscriber)
        text = 'Duration of the processing of a message by a subscriber.'
        self.process = histogram('mega_process_seconds', text, *of_subscriber)
        text = 'Messages that a publisher sent, or failed to send.'
        self.published = counter('mega_published_total', text, 'destination', 'result')
        text = 'Duration of the publishing of a message, with its upload and its retries.'
        self.publish_seconds = histogram('mega_publish_seconds', text, 'destination')
        text = 'Messages of an outbox that a relay sent, will send again, or gave up.'
        self.relayed = counter('mega_outbox_messages_total', text, 'result')
        text = 'Age of the oldest message that waits in the outbox.'
        self.relay_lag = gauge('mega_outbox_lag_seconds', text)

    def of_queue(self, queue: str) -> _Series:
        """Return the series of deliveries from a queue."""
        return _Series(
            self.deliveries.labels(queue),
            self.deliveries_in_progress.labels(queue),
            self.queue_time.labels(queue),
        )

    def of_subscriber(self, queue: str, subscriber: str) -> _Series:
        """Return the series of a subscriber of a queue."""
        labels = queue, subscriber
        return _Series(
            self.started.labels(*labels),
            self.in_progress.labels(*labels),
            self.process.labels(*labels),
        )


_registries: WeakKeyDictionary[CollectorRegistry, _Metrics] = WeakKeyDictionary()
_lock = Lock()


def _metrics_of(registry: CollectorRegistry) -> _Metrics:
    """Return the metrics of a registry, which the first hook creates.

    Raises:
        ConfigurationError: if the registry has another metric with one of their names.
    """
    with _lock:
        if registry not in _registries:
            try:
                _registries[registry] = _Metrics(registry)
            except ValueError as error:
                raise ConfigurationError(f'registry: {error}: pass another registry') from error
        return _registries[registry]
