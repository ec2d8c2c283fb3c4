"""How much the generated tests run: a little every day, far more at night.

scripts/test                          every day: the whole suite, in six minutes on two cores
MEGA_PROFILE=nightly scripts/test     at night: hours, and other examples in every run
MEGA_PROFILE=mutation                 for each mutant of scripts/mutate: a few seconds
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

__all__ = ('NIGHTLY', 'PROFILE', 'amount', 'some')

T = TypeVar('T')

PROFILE = os.environ.get('MEGA_PROFILE', 'default')
NIGHTLY = PROFILE == 'nightly'


def amount(every_day: int, at_night: int) -> int:
    """Choose a number of examples, schedules, messages or kills by the profile."""
    if PROFILE == 'mutation':
        return -(-every_day // 4)
    return at_night if NIGHTLY else every_day


def some(cases: Sequence[T], step: int) -> Sequence[T]:
    """Return every case at night, and every `step`-th one by day: other tests cover the same."""
    return cases if NIGHTLY else cases[::step]
