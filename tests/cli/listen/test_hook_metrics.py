"""The metrics of hooks: collected in a child process, and added in the parent."""

from __future__ import annotations

import math
import socket
from collections.abc import Iterator
from contextlib import closing

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, Summary
from prometheus_client.core import Metric, SummaryMetricFamily
from prometheus_client.registry import Collector

from mega.cli.listen.exposition import Family, Sample, write_metrics
from mega.cli.listen.hook_metrics import (
    collect_metrics,
    hook_metrics,
    of_ended_process,
    sum_metrics,
)
from mega.cli.listen.messages import Connection, Reported
from mega.cli.listen.snapshot import ProcessSnapshot, ProcessState, Snapshot
from mega.hooks.prometheus import Prometheus
from tests.cli.listen.test_health import FRESH


def metrics_of_a_process(value: float = 2.5) -> tuple[Family, ...]:
    """Return the metrics of a target that has metrics of its own."""
    registry = CollectorRegistry()
    hook = Prometheus(registry)
    Counter('shop_orders', 'Orders.', ['country'], registry=registry).labels('se').inc(value)
    Gauge('shop_carts', 'Carts.', registry=registry).set(3)
    Gauge('shop_ratio', 'Of nothing.', registry=registry).set(math.nan)
    Histogram('shop_seconds', 'Time.', registry=registry, buckets=(1, 10)).observe(value)
    Summary('shop_bytes', 'Bytes.', registry=registry).observe(value)
    Info('shop', 'The release.', registry=registry).info({'version': '1'})
    return collect_metrics([hook, Prometheus(registry), object()])


def samples(families: tuple[Family, ...]) -> dict[tuple[str, ...], float]:
    """Return the values of the samples of the shop, by the names with the values of labels."""
    return {
        (each.name, *(value for _, value in each.labels)): each.value
        for family in families
        for each in family.samples
        if each.name.startswith('shop')
    }


def test_all_metrics_in_the_registry_of_a_hook_are_collected_once() -> None:
    assert samples(metrics_of_a_process()) == {
        ('shop_orders_total', 'se'): 2.5,
        ('shop_carts',): 3,
        ('shop_seconds_bucket', '1.0'): 0,
        ('shop_seconds_bucket', '10.0'): 1,
        ('shop_seconds_bucket', '+Inf'): 1,
        ('shop_seconds_count',): 1,
        ('shop_seconds_sum',): 2.5,
        ('shop_bytes_count',): 1,
        ('shop_bytes_sum',): 2.5,
    }
    assert collect_metrics([object()]) == ()


def test_a_report_carries_the_metrics() -> None:
    report = Reported(FRESH, metrics_of_a_process())
    child, parent = socket.socketpair()
    with closing(Connection(child)) as sender, closing(Connection(parent)) as receiver:
        sender.send(report)
        assert receiver.receive() == [report]


def test_counters_are_added_and_gauges_have_the_id_of_their_process() -> None:
    processes = [
        ProcessSnapshot(pid, 'shop:a', ProcessState.READY, FRESH, metrics_of_a_process())
        for pid in (7, 8)
    ]
    ended = sum_metrics(of_ended_process(metrics_of_a_process()))
    found = samples(hook_metrics(Snapshot((*processes,), wanted=2, ended_metrics=ended)))
    assert found['shop_orders_total', 'se'] == 7.5
    assert found['shop_seconds_bucket', '+Inf'] == 3
    assert (found['shop_bytes_count',], found['shop_bytes_sum',]) == (3, 7.5)
    assert (found['shop_carts', '7'], found['shop_carts', '8']) == (3, 3)
    assert ('shop_carts',) not in found


def test_a_label_pid_of_the_application_keeps_its_value_under_another_name() -> None:
    registry = CollectorRegistry()
    for names in (['pid'], ['exported_pid', 'pid']):
        name = f'shop_{len(names)}'
        Gauge(name, 'Programs.', names, registry=registry).labels(*names).set(1)
    metrics = collect_metrics([Prometheus(registry)])
    process = ProcessSnapshot(7, 'shop:a', ProcessState.READY, FRESH, metrics)
    found = hook_metrics(Snapshot((process,), wanted=1))
    labels = {each.name: dict(each.samples[0].labels) for each in found if 'shop' in each.name}
    assert labels == {
        'shop_1': {'exported_pid': 'pid', 'pid': '7'},
        'shop_2': {'exported_exported_pid': 'pid', 'exported_pid': 'exported_pid', 'pid': '7'},
    }


def test_the_quantiles_of_a_summary_are_not_added() -> None:
    class Quantiles(Collector):
        def collect(self) -> Iterator[Metric]:
            metric = SummaryMetricFamily('shop_bytes', 'Bytes.', count_value=3, sum_value=6)
            metric.add_sample('shop_bytes', {'quantile': '0.5'}, 2)
            yield metric

    registry = CollectorRegistry()
    registry.register(Quantiles())
    found = samples(collect_metrics([Prometheus(registry)]))
    assert found == {('shop_bytes_count',): 3, ('shop_bytes_sum',): 6}


def test_the_text_of_metrics_is_that_of_prometheus() -> None:
    text = write_metrics(
        [
            Family('a', 'gauge', 'One\nline, \\ and "quotes".', (Sample('a', (), 2.0),)),
            Family('b_total', 'counter', 'B.', (Sample('b_total', (('x', '"\n\\'),), 0.25),)),
            Family('c', 'gauge', 'Without samples.', ()),
        ]
    )
    assert text.splitlines() == [
        r'# HELP a One\nline, \\ and "quotes".',
        '# TYPE a gauge',
        'a 2',
        '# HELP b_total B.',
        '# TYPE b_total counter',
        r'b_total{x="\"\n\\"} 0.25',
    ]
