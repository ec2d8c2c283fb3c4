"""The dead letters that a command applies to: by id, by pattern, by time, or all of them.

    mega dead-letters redrive QUEUE 4f7c1d2e-2b0a-4b3e-9b0e-0a4c8d1f6e55
    mega dead-letters redrive QUEUE --where '{"reason": {"error": ["TimeoutError"]}}' --since 2h
    mega dead-letters redrive QUEUE --all

The pattern of `--where` applies to an object with the `reason` of a listener, the `payload` and the
message `attributes`. What a message does not have is absent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta, timezone
from functools import wraps
from typing import Any, TypeVar, cast

import click
from msgspec import Struct

from mega.cli.dead_letters.letters import DeadLetter
from mega.cli.event_pattern import read_pattern
from mega.match import Pattern, evaluate
from mega.timestamps import parse_timestamp

__all__ = ('Selection', 'Selector', 'filter_options', 'selection_options')

Command = TypeVar('Command', bound=Callable[..., Any])

_DURATION = re.compile(r'(\d{1,5})(s|m|h|d)', re.A)
_SECONDS = {'s': 1, 'm': 60, 'h': 3_600, 'd': 86_400}

_FIELDS = {'reason': 'dead_letter', 'payload': 'payload', 'attributes': 'attributes'}
"""The fields of a record that the pattern of `--where` applies to."""


class Selection(Struct, frozen=True):
    """The criteria of a user, which a dead letter must all meet. The default selects all letters.

    `ids` name single letters, and `limit` is the greatest number of letters.
    """

    ids: tuple[str, ...] = ()
    where: Pattern | None = None
    since: datetime | None = None
    limit: int | None = None

    def filter(self, letters: Iterable[DeadLetter]) -> Iterator[DeadLetter]:
        """Yield the selected letters."""
        selector = Selector(self)
        for letter in letters:
            if selector.takes(letter):
                yield letter
            if selector.is_done:
                return


class Selector:
    """Selects dead letters in one pass over the queue.

    `missing_ids` are the ids that no letter had yet.
    """

    def __init__(self, selection: Selection) -> None:
        self.missing_ids = list(selection.ids)
        self.count = 0
        self._selection = selection

    @property
    def is_done(self) -> bool:
        """Whether no other letter will be selected."""
        if self._selection.ids:
            return not self.missing_ids
        return self.count == self._selection.limit

    def takes(self, letter: DeadLetter) -> bool:
        """Return whether a letter is selected."""
        is_taken = not self.is_done and self._meets(letter)
        self.count += is_taken
        return is_taken

    def _meets(self, letter: DeadLetter) -> bool:
        where, since = self._selection.where, self._selection.since
        if self._selection.ids:
            found = [id for id in self.missing_ids if letter.has_id(id)]
            self.missing_ids = [id for id in self.missing_ids if id not in found]
            return bool(found)
        if since is not None and (letter.sent is None or letter.sent < since):
            return False
        return where is None or evaluate(_document(letter), where)


def filter_options(command: Command) -> Command:
    """Add `--where` and `--since`. The command receives a `Selection` as `selection`."""

    @wraps(command)
    def selecting(*args: Any, where: Pattern | None, since: datetime | None, **given: Any) -> Any:
        return command(*args, selection=Selection(where=where, since=since), **given)

    return cast(Command, _with_filters(selecting))


def selection_options(command: Command) -> Command:
    """Add ID..., `--where`, `--since`, `--all` and `--limit`. A selection is necessary.

    The command receives a `Selection` as `selection`.
    """

    @wraps(command)
    def selecting(
        *args: Any,
        ids: tuple[str, ...],
        where: Pattern | None,
        since: datetime | None,
        selects_all: bool,
        limit: int | None,
        **given: Any,
    ) -> Any:
        is_filtered = where is not None or since is not None
        if bool(ids) + is_filtered + selects_all != 1:
            raise click.UsageError('select by ids, by --where or --since or both, or by --all')
        if ids and limit is not None:
            raise click.UsageError('--limit is not for ids')
        return command(*args, selection=Selection(ids, where, since, limit), **given)

    for option in (
        click.option(
            '--limit', type=click.IntRange(1), metavar='N', help='Select N messages at most.'
        ),
        click.option('--all', 'selects_all', is_flag=True, help='Select all messages.'),
        _with_filters,
        click.argument('ids', metavar='[ID]...', nargs=-1),
    ):
        selecting = option(selecting)
    return cast(Command, selecting)


def _with_filters(command: Command) -> Command:
    for option in (
        click.option(
            '--since',
            callback=_read_since,
            metavar='TIME',
            help='Select messages sent since then: 30m, 2h, 1d, or a timestamp in ISO-8601. SQS '
            'keeps the first time of a message that it moves itself.',
        ),
        click.option(
            '--where',
            callback=read_pattern,
            metavar='JSON',
            help='Select messages that match this event pattern of EventBridge. It applies to '
            '{"reason": {...}, "payload": ..., "attributes": {...}}.',
        ),
    ):
        command = option(command)
    return command


def _read_since(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> datetime | None:
    """Return the instant in the text of an option: a callback of click.

    Raises:
        click.BadParameter: for another text.
    """
    if text is None:
        return None
    if found := _DURATION.fullmatch(text):
        number, unit = found.groups()
        now = datetime.now(timezone.utc)
        return now - timedelta(seconds=int(number) * _SECONDS[unit])
    instant = parse_timestamp(text)
    if instant is None:
        raise click.BadParameter('must be a time such as 30m, 2h or 1d, or 2026-03-01T09:30')
    return instant


def _document(letter: DeadLetter) -> dict[str, Any]:
    return {name: letter.record[field] for name, field in _FIELDS.items() if field in letter.record}
