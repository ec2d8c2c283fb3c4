"""The two passes of a command: the plan, and its performance.

    plan       receive, decide, give back    the summary on which the user decides
    perform    receive, decide, change       the records of what was done

Each pass selects the messages anew. A message that arrives after the first pass is therefore
selected by the second one, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeAlias

import click

from mega.cli.dead_letters.letters import DeadLetter, missing_ids
from mega.cli.dead_letters.queue import DeadLetterQueue
from mega.cli.exit_status import FAILURE, SUCCESS, CommandError
from mega.cli.output import Record, counted, notify
from mega.cli.receiving import HeldMessages
from mega.errors import single_line

__all__ = (
    'KEPT',
    'PLANNED',
    'LetterPass',
    'Passes',
    'Tally',
    'letter_record',
    'render_record',
)

PLANNED, KEPT = 'planned', 'kept'
"""The status of a message that the plan would change, and of a message that stays."""

MESSAGES_PER_SECOND = 10
"""The hold lasts long enough for a pass that changes messages as slowly as this."""

MAX_LINES = 20
"""Lines of a summary, at most."""


def letter_record(
    letter: DeadLetter, status: str, problem: str | None = None, **fields: str | None
) -> Record:
    """Return the record of a letter in a pass. With a problem, its status is `kept`."""
    ids = {'id': letter.id, 'first_id': letter.first_id}
    return {**ids, 'status': KEPT if problem else status, **fields, 'problem': problem}


def render_record(record: Record, outcome: str) -> str:
    """Return the line of a record: the outcome, or the problem of a message that stays."""
    id, problem = click.style(single_line(record['id']), bold=True), record['problem']
    if problem is not None:
        return f'{id}  {click.style("kept", fg="yellow")}: {single_line(problem)}'
    return f'{id}  {single_line(outcome)}'


_Consume: TypeAlias = Callable[[Iterator[Record]], object]


def _discard(records: Iterator[Record]) -> None:
    for _ in records:
        pass


class LetterPass(Protocol):
    """One pass over held messages.

    `planned` and `performed` yield a record for each selected letter, in lists: the letters of a
    list are changed together. Only `performed` changes the queue. `missing_ids` are the selected
    ids that no letter had.
    """

    @property
    def missing_ids(self) -> list[str]: ...

    def planned(self) -> Iterator[list[Record]]: ...

    def performed(self) -> Iterator[list[Record]]: ...


class Tally:
    """Counts the records of a pass by their status, and by their destination or problem."""

    def __init__(self) -> None:
        self.statuses: Counter[str] = Counter()
        self._outcomes: Counter[str] = Counter()

    @property
    def exit_code(self) -> int:
        return FAILURE if self.statuses[KEPT] else SUCCESS

    def count(self, records: Iterable[list[Record]]) -> Iterator[Record]:
        """Yield records. All records of a list are counted before the first of them is yielded."""
        for together in records:
            for record in together:
                self._add(record)
            yield from together

    def lines(self) -> list[str]:
        """Return a line for each destination and problem, the most frequent ones first."""
        lines = [
            f'{counted(number, "message")} {single_line(outcome)}'
            for outcome, number in self._outcomes.most_common(MAX_LINES)
        ]
        left = len(self._outcomes) - len(lines)
        return [*lines, f'and {left:,} other destinations and problems'] if left else lines

    def _add(self, record: Record) -> None:
        self.statuses[record['status']] += 1
        if (problem := record['problem']) is not None:
            self._outcomes[f'kept: {problem}'] += 1
        elif destination := record.get('destination'):
            self._outcomes[f'to {destination}'] += 1


class Passes:
    """Makes the passes of a command. `begin` returns a pass over the messages that are held."""

    def __init__(self, queue: DeadLetterQueue, begin: Callable[[HeldMessages], LetterPass]) -> None:
        self._queue = queue
        self._begin = begin

    def plan(self, consume: _Consume = _discard) -> Tally:
        """Change nothing, and let `consume` have the records of what would be done.

        Raises:
            CommandError: if no message has one of the selected ids.
        """
        tally = Tally()
        with self._queue.holding() as held:
            letters = self._begin(held)
            consume(tally.count(letters.planned()))
        self._check_ids(letters)
        return tally

    def perform(
        self, consume: _Consume, report: Callable[[Tally], str], rate: float | None = None
    ) -> Tally:
        """Change the queue, and let `consume` have the records of what was done.

        The user gets the report also after a failure or an interruption. `rate` is the number of
        messages per second; None: unlimited.

        Raises:
            CommandError: if no message has one of the selected ids. The others are done.
        """
        tally = Tally()
        try:
            with self._queue.holding(min(MESSAGES_PER_SECOND, rate or MESSAGES_PER_SECOND)) as held:
                letters = self._begin(held)
                consume(tally.count(letters.performed()))
        finally:
            notify(report(tally))
        self._check_ids(letters)
        return tally

    def _check_ids(self, letters: LetterPass) -> None:
        if letters.missing_ids:
            raise CommandError(missing_ids(letters.missing_ids, self._queue.url))
