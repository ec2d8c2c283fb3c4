"""Groups of dead letters with the same failure, and their numbers by hour.

    312  ValueError in Restock: the quantity is missing
         oldest 2026-03-01T09:30:00+00:00, newest 2026-03-01T11:02:10+00:00
         4f7c1d2e-2b0a-4b3e-9b0e-0a4c8d1f6e55

Letters are in one group if their error, subscriber, source queue and the beginning of the text are
equal. The end of a text often differs in each message.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from itertools import chain, count

import click

from mega.cli.dead_letters.letters import DeadLetter
from mega.cli.output import Record, terminal_width
from mega.errors import single_line

__all__ = ('Groups', 'histogram', 'render_groups')

TEXT_LENGTH = 60
"""Characters of a text that decide about the group."""

MAX_LENGTH = 300
"""Characters of any other value. A hostile producer can make a group of each message."""

MAX_BARS = 24
_ROUND_HOURS = (1, 2, 3, 6, 12, 24)

_MIN_WIDTH, _MAX_WIDTH = 40, 100
"""Characters of a line. A narrower terminal wraps it."""


@dataclass
class _Group:
    """Dead letters with the same failure. `id` is that of the first one. None: unknown."""

    error: str | None
    subscriber: str | None
    text: str | None
    source: str | None
    id: str
    count: int = 0
    oldest: datetime | None = None
    newest: datetime | None = None


class Groups:
    """Counts dead letters by their failure, and by the hour at which they were sent.

    `hours` are the counts by hours since 1970.
    """

    def __init__(self) -> None:
        self.count = 0
        self.hours: Counter[int] = Counter()
        self._groups: dict[tuple[str | None, ...], _Group] = {}

    def add(self, letter: DeadLetter) -> None:
        """Count a dead letter."""
        key = (
            _beginning(letter.reason('error')),
            _beginning(letter.reason('subscriber')),
            _beginning(letter.reason('text'), TEXT_LENGTH),
            _beginning(letter.source),
        )
        group = self._groups.setdefault(key, _Group(*key, letter.id))
        group.count += 1
        self.count += 1
        if (sent := letter.sent) is not None:
            group.oldest = min(group.oldest or sent, sent)
            group.newest = max(group.newest or sent, sent)
            self.hours[int(sent.timestamp()) // 3_600] += 1

    def records(self) -> list[Record]:
        """Return the record of each group, the largest group first."""
        groups = sorted(self._groups.values(), key=lambda group: -group.count)
        return [asdict(group) for group in groups]


def _beginning(text: str | None, length: int = MAX_LENGTH) -> str | None:
    return None if text is None else text[:length]


def render_groups(records: Sequence[Record]) -> str:
    """Return groups as text, with three lines for each."""
    size = max((len(f'{record["count"]:,}') for record in records), default=0)
    return '\n'.join(line for record in records for line in _lines(record, size))


def histogram(hours: Mapping[int, int], width: int | None = None) -> str:
    """Return a line for each hour between the first and the last one; empty without any.

    A line stands for several hours or days if there would be more than 24. `width` is that of the
    terminal; None: the present one.

    >>> print(histogram({492_321: 120, 492_323: 60}, 40))
    2026-03-01T09:00+00:00  120  ###########
    2026-03-01T10:00+00:00    0
    2026-03-01T11:00+00:00   60  ######
    """
    if not hours:
        return ''
    first, last = min(hours), max(hours)
    steps = chain(_ROUND_HOURS, count(48, 24))
    step = next(each for each in steps if last // each - first // each < MAX_BARS)
    bars = dict.fromkeys(range(first // step, last // step + 1), 0)
    for hour, number in hours.items():
        bars[hour // step] += number
    largest = max(bars.values())
    size = len(f'{largest:,}')
    starts = {bar: _start(bar * step) for bar in bars}
    taken = len(next(iter(starts.values()))) + size + 4
    available = max(1, min(terminal_width() if width is None else width, _MAX_WIDTH) - taken)
    return '\n'.join(
        f'{starts[bar]}  {number:{size},}  {"#" * -(-number * available // largest)}'.rstrip()
        for bar, number in bars.items()
    )


def _lines(record: Record, size: int) -> list[str]:
    indent = ' ' * (size + 2)
    width = max(_MIN_WIDTH, min(terminal_width(), _MAX_WIDTH)) - len(indent)
    count = click.style(f'{record["count"]:>{size},}', bold=True)
    lines = [f'{count}  {single_line(_failure(record), width)}']
    times = [f'{name} {record[name].isoformat(timespec="seconds")}' for name in _times(record)]
    together = ', '.join(times)
    details = [together] if len(together) <= width else times
    return [*lines, *(f'{indent}{each}' for each in (*details, single_line(record['id'])))]


def _times(record: Record) -> tuple[str, ...]:
    return () if record['oldest'] is None else ('oldest', 'newest')


def _failure(record: Record) -> str:
    if record['error'] is None:
        return f'moved by SQS from {record["source"]}' if record['source'] else 'without a reason'
    subscriber = f' in {record["subscriber"]}' if record['subscriber'] else ''
    return f'{record["error"]}{subscriber}: {record["text"]}'


def _start(hour: int) -> str:
    return datetime.fromtimestamp(hour * 3_600, timezone.utc).isoformat(timespec='minutes')
