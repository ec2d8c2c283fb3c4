"""Groups of dead letters with the same failure, and their numbers by hour.

    312  ValueError in Restock: order 17 has no quantity
         oldest 2026-03-01T09:30:00+00:00, newest 2026-03-01T11:02:10+00:00
         4f7c1d2e-2b0a-4b3e-9b0e-0a4c8d1f6e55

Letters are in one group if their error, subscriber, source queue and text are equal. Texts are
compared without their words that have a digit, because numbers and ids differ in each message. The
first 200 of the remaining characters are compared. The group shows the text of its first letter.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from itertools import chain, count

import click

from mega.cli.dead_letters.letters import DeadLetter
from mega.cli.output import Record, terminal_width
from mega.errors import single_line

__all__ = ('Groups', 'histogram', 'render_groups', 'without_ids')

MAX_LENGTH = 300
"""The maximum number of characters of a value. A listener sends at most as many.

A hostile producer may send longer values. Each value makes a group, so the limit bounds the memory.
"""

COMPARED_LENGTH = 200
"""The maximum number of characters of a text without its ids.

A listener cuts a text, so that its end depends on the lengths of the ids.
"""

MAX_BARS = 24
_ROUND_HOURS = (1, 2, 3, 6, 12, 24)

_MIN_WIDTH = 40
"""Characters of a line. A narrower terminal wraps it."""

_MAX_HISTOGRAM_WIDTH = 100

_HEX = '[0-9a-fA-F]'
_VARYING = re.compile(
    rf'{_HEX}{{8}}(?:-{_HEX}{{4}}){{3}}-{_HEX}{{12}}'  # a UUID: some of its parts have no digit
    r'|-?\d+(?:\.\d+)*(?!\w)'
    r'|\w*\d\w*'
)


@dataclass
class _Group:
    """Dead letters with the same failure. `id` and `text` are those of the first. None: unknown."""

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
        error, subscriber, text, source = (
            None if value is None else _bounded(value)
            for value in (*map(letter.reason, ('error', 'subscriber', 'text')), letter.source)
        )
        key = (error, subscriber, text and without_ids(text)[:COMPARED_LENGTH], source)
        group = self._groups.setdefault(key, _Group(error, subscriber, text, source, letter.id))
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


def without_ids(text: str) -> str:
    """Return a text with `#` in place of each number, UUID and other word with a digit.

    >>> without_ids("order 9f3a has -1.5 items: '5b0e6a34-91f4-4c55-9f68-abcdabcdabcd'")
    "order # has # items: '#'"
    """
    return _VARYING.sub('#', text)


def _bounded(text: str) -> str:
    return text if len(text) <= MAX_LENGTH else f'{text[: MAX_LENGTH - 3]}...'


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
    available = max(
        1, min(terminal_width() if width is None else width, _MAX_HISTOGRAM_WIDTH) - taken
    )
    return '\n'.join(
        f'{starts[bar]}  {number:{size},}  {"#" * -(-number * available // largest)}'.rstrip()
        for bar, number in bars.items()
    )


def _lines(record: Record, size: int) -> list[str]:
    indent = ' ' * (size + 2)
    width = max(_MIN_WIDTH, terminal_width()) - len(indent)
    count = click.style(f'{record["count"]:>{size},}', bold=True)
    lines = [f'{count}  {single_line(_failure(record), width)}']
    times = _times(record)
    together = ', '.join(times)
    details = [together] if len(together) <= width else times
    return [*lines, *(f'{indent}{each}' for each in (*details, single_line(record['id'])))]


def _times(record: Record) -> list[str]:
    if record['oldest'] is None:
        return []
    oldest, newest = (record[name].isoformat(timespec='seconds') for name in ('oldest', 'newest'))
    return [f'sent {oldest}'] if record['count'] == 1 else [f'oldest {oldest}', f'newest {newest}']


def _failure(record: Record) -> str:
    if record['error'] is None:
        return f'moved by SQS from {record["source"]}' if record['source'] else 'without a reason'
    subscriber = f' in {record["subscriber"]}' if record['subscriber'] else ''
    return f'{record["error"]}{subscriber}: {record["text"]}'


def _start(hour: int) -> str:
    return datetime.fromtimestamp(hour * 3_600, timezone.utc).isoformat(timespec='minutes')
