"""The number of CPUs that this process may use."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from pathlib import Path

__all__ = ('available_cpus',)

_CGROUPS = Path('/sys/fs/cgroup')


def available_cpus(cgroups: Path = _CGROUPS) -> int:
    """Return the CPUs on which this process may run, at least 1.

    In a container with a limit of CPU time, it is at most that limit, rounded up.
    """
    try:
        cpus = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        cpus = os.cpu_count() or 1
    limit = _cpu_limit(cgroups)
    return cpus if limit is None else max(1, min(cpus, math.ceil(limit)))


def _cpu_limit(cgroups: Path) -> float | None:
    """Return the limit of the control group in CPUs; None if there is none.

    A container sees its own group as the root. The first file is of version 2, the others are of
    version 1: https://docs.kernel.org/scheduler/sched-bwc.html
    """
    texts = ''
    with suppress(OSError):
        texts = (cgroups / 'cpu.max').read_text()
    if not texts:
        with suppress(OSError):
            names = ('cpu/cpu.cfs_quota_us', 'cpu/cpu.cfs_period_us')
            texts = ' '.join((cgroups / name).read_text() for name in names)
    with suppress(ValueError):  # version 2 writes `max` for no limit
        quota, period = map(int, texts.split())
        return quota / period if quota > 0 else None  # version 1: -1
    return None
