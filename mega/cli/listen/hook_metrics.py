"""The metrics of the hook `Prometheus` in the child processes, and their sums in the parent.

A child sends all metrics in the registry of the hook with each report. The parent adds them:

    counter, histogram, summary   the sum over the processes, also the ended ones: it never
                                  decreases
    gauge                         a sample for each process that runs, with the label `pid`

A label `pid` of a gauge of the application becomes `exported_pid`, as in a scrape of Prometheus.
Metrics of other types, such as infos and enums, are not served. Nor are the quantiles of a summary,
which have no sum.

A process that is killed has sent its last report up to a second before.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

from mega.cli.listen.exposition import Family, Labels, Sample
from mega.cli.listen.snapshot import Snapshot

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

__all__ = ('collect_metrics', 'hook_metrics', 'of_ended_process', 'sum_metrics')

_SUMMED = ('counter', 'histogram', 'summary')


def collect_metrics(hooks: Iterable[object]) -> tuple[Family, ...]:
    """Return the metrics of the types above in the registries of the hooks `Prometheus`."""
    module: Any = sys.modules.get('mega.hooks.prometheus')
    if module is None:  # the target did not import it
        return ()
    registries = [hook.registry for hook in hooks if isinstance(hook, module.Prometheus)]
    metrics = (metric for registry in dict.fromkeys(registries) for metric in registry.collect())
    return tuple(_family(each) for each in metrics if each.type in (*_SUMMED, 'gauge'))


def _family(metric: Metric) -> Family:
    samples = tuple(
        Sample(each.name, tuple(sorted(each.labels.items())), float(each.value))
        for each in metric.samples
        # JSON has no infinite numbers. `..._created` is the time of a start, which has no sum.
        if math.isfinite(each.value)
        and not each.name.endswith('_created')
        and not (metric.type == 'summary' and 'quantile' in each.labels)
    )
    name = f'{metric.name}_total' if metric.type == 'counter' else metric.name
    return Family(name, metric.type, metric.documentation, samples)


def _of_running_process(pid: int, families: Iterable[Family]) -> Iterator[Family]:
    """Yield the metrics of a process, with its id in the labels of the gauges."""
    for family in families:
        if family.kind not in _SUMMED:
            samples = (
                Sample(each.name, _with_pid(each.labels, pid), each.value)
                for each in family.samples
            )
            family = Family(family.name, family.kind, family.help, tuple(samples))
        yield family


def _with_pid(labels: Labels, pid: int) -> Labels:
    """Return labels with the id of a process. A label of that name gets a name that is free."""
    names, free_name = dict(labels), 'pid'
    while free_name in names:
        free_name = f'exported_{free_name}'
    others = ((free_name if name == 'pid' else name, value) for name, value in labels)
    return (*others, ('pid', str(pid)))


def hook_metrics(snapshot: Snapshot) -> tuple[Family, ...]:
    """Return the sums of the metrics of all processes."""
    running = (_of_running_process(each.pid, each.metrics) for each in snapshot.processes)
    return sum_metrics([*snapshot.ended_metrics, *chain.from_iterable(running)])


def of_ended_process(families: Iterable[Family]) -> Iterator[Family]:
    """Yield the metrics that continue to count after the end of their process."""
    return (family for family in families if family.kind in _SUMMED)


def sum_metrics(families: Iterable[Family]) -> tuple[Family, ...]:
    """Add the samples of the same name and labels."""
    first: dict[str, Family] = {}
    sums: dict[str, dict[tuple[str, Labels], float]] = {}
    for family in families:
        first.setdefault(family.name, family)
        values = sums.setdefault(family.name, {})
        for sample in family.samples:
            key = sample.name, sample.labels
            values[key] = values.get(key, 0.0) + sample.value
    return tuple(
        Family(
            name,
            first[name].kind,
            first[name].help,
            tuple(Sample(*key, value) for key, value in values.items()),
        )
        for name, values in sums.items()
    )
