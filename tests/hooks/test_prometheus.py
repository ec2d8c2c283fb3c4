"""The metrics for Prometheus add up."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from prometheus_client import REGISTRY, CollectorRegistry, Counter

from mega.aws.sqs.publish import SqsPublisher
from mega.aws.sqs.subscribe import Hook, MessageSubscriber, ProcessStatus
from mega.errors import ConfigurationError, RetriableError
from mega.hooks.prometheus import Prometheus
from mega.testing import Bus
from tests.aws.sqs.subscribe.factories import listener_on, send, subscriber


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def total(registry: CollectorRegistry, name: str, **labels: str) -> float:
    """Return the sum of the samples of a name that have certain labels."""
    return sum(
        sample.value
        for metric in registry.collect()
        for sample in metric.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


class Refunds(MessageSubscriber):
    """Answers the first delivery as the payload says."""

    def process(self, payload: Any) -> Any:
        if self.message.receive_count == 1:
            if payload == 'later':
                return ProcessStatus.RETRY_LATER
            if payload == 'retry':
                raise RetriableError(delay=0)
        if payload == 'fail':
            raise ValueError
        return ProcessStatus.DONE


class FailingOnce(Hook):
    def around_delivery(self, message: Any) -> Any:
        if message.body == 'hook' and message.receive_count == 1:
            raise KeyError
        yield


def test_the_counters_of_a_queue_and_of_each_subscriber_add_up(
    bus: Bus, registry: CollectorRegistry
) -> None:
    queue, dead = bus.queue('refunds'), bus.queue('dead')
    send(bus, queue, 'done', 'later', 'retry', 'fail', 'hook', '{not json', 'other')
    hooks = [Prometheus(registry), FailingOnce()]
    made: list[Any] = [Refunds, subscriber(called='Other', pattern='other')]
    listener = listener_on(bus, queue, *made, dead_letter_queue_url=dead, hooks=hooks)
    bus.run(listener, raising=False)
    of_queue = {'queue': 'refunds'}
    assert total(registry, 'mega_deliveries_total', **of_queue) == listener.stats().received == 10
    settled = {
        (action, reason): total(registry, 'mega_settlements_total', action=action, reason=reason)
        for action, reason in (
            ('ack', 'done'), ('leave', 'retried'), ('leave', 'interrupted'),
            ('dead-letter', 'fatal'), ('dead-letter', 'unopened'),
        )
    }  # fmt: skip
    assert [*settled.values()] == [5, 2, 1, 1, 1]
    assert total(registry, 'mega_deliveries_in_progress', **of_queue) == 0
    assert total(registry, 'mega_dead_letters_total', error='ValueError', **of_queue) == 1
    assert total(registry, 'mega_dead_letters_total', **of_queue) == 2
    assert total(registry, 'mega_queue_time_seconds_count', **of_queue) == 10
    statuses = {
        status: total(registry, 'mega_messages_total', subscriber='Refunds', status=status)
        for status in ('done', 'retry_later', 'retriable_error', 'fatal_error', 'interrupted')
    }
    assert [*statuses.values()] == [5, 1, 1, 1, 0]
    for name, count in (('Refunds', 8), ('Other', 1)):
        labels = {**of_queue, 'subscriber': name}
        assert total(registry, 'mega_messages_started_total', **labels) == count
        assert total(registry, 'mega_messages_total', **labels) == count
        assert total(registry, 'mega_process_seconds_count', **labels) == count
        assert total(registry, 'mega_messages_in_progress', **labels) == 0


def test_a_message_in_processing_is_in_progress(bus: Bus, registry: CollectorRegistry) -> None:
    seen: list[tuple[float, float]] = []

    def process(payload: object) -> None:
        in_progress = total(registry, 'mega_messages_in_progress', subscriber='Made')
        seen.append((total(registry, 'mega_deliveries_in_progress', queue='refunds'), in_progress))

    queue = bus.queue('refunds')
    send(bus, queue, 'a', 'b')
    bus.run(listener_on(bus, queue, subscriber(process), hooks=[Prometheus(registry)]))
    assert seen == [(1, 1), (1, 1)]


def test_published_messages_are_counted_by_their_result(
    bus: Bus, registry: CollectorRegistry
) -> None:
    publisher = SqsPublisher(bus.queue('refunds'), client=bus.sqs, hooks=[Prometheus(registry)])
    publisher.publish({'a': 1})
    bus.fail('SendMessage', 'InvalidMessageContents', 1)
    with pytest.raises(Exception, match='InvalidMessageContents'):
        publisher.publish({'a': 1})
    labels = {'destination': 'refunds'}
    assert total(registry, 'mega_published_total', result='sent', **labels) == 1
    assert total(registry, 'mega_published_total', result='failed', **labels) == 1
    assert total(registry, 'mega_publish_seconds_count', **labels) == 2


def test_hooks_of_one_registry_share_its_metrics(bus: Bus, registry: CollectorRegistry) -> None:
    for name in ('refunds', 'orders'):
        queue = bus.queue(name)
        send(bus, queue, 'a')
        bus.run(listener_on(bus, queue, subscriber(), hooks=[Prometheus(registry)]))
    assert total(registry, 'mega_deliveries_total') == 2
    assert Prometheus().registry is Prometheus().registry is REGISTRY


def test_a_registry_with_another_metric_of_that_name_is_refused(
    registry: CollectorRegistry,
) -> None:
    Counter('mega_deliveries', 'of parcels', registry=registry)
    with pytest.raises(ConfigurationError, match=r'Duplicated .* pass another registry'):
        Prometheus(registry)
    with pytest.raises(ConfigurationError, match='must be a CollectorRegistry'):
        Prometheus('default')  # type: ignore[arg-type]


def test_the_names_and_units_follow_the_conventions_of_prometheus(
    registry: CollectorRegistry,
) -> None:
    Prometheus(registry)
    for metric in registry.collect():
        assert metric.name.startswith('mega_')
        assert metric.documentation.endswith('.')
        if metric.type == 'histogram':
            assert metric.name.endswith('_seconds')


def test_without_the_extra_the_error_says_what_to_install() -> None:
    program = 'import sys; sys.modules["prometheus_client"] = None; import mega.hooks.prometheus'
    run = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True)
    assert "pip install 'sqs-mega[prometheus]'" in run.stderr.splitlines()[-1]
