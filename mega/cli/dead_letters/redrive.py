"""One pass of a redrive over a dead-letter queue.

Each message is sent, then deleted, and only then the next one is sent. At any moment, at most one
message is therefore in both queues, and none is in neither:

    SIGKILL             before the send    before the delete    after the delete
    the message is in   dead letters       both                 its queue

A standard queue then delivers the message twice after the next redrive; both copies have the same
`MegaMessageId`. A FIFO queue drops the second one, within five minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeAlias

from msgspec import Struct

from mega.aws._publishing.sender import Sender
from mega.aws._transport.call_errors import Origin, origin_of
from mega.cli.dead_letters.destinations import Destinations
from mega.cli.dead_letters.kept import KeptError
from mega.cli.dead_letters.letters import DeadLetter
from mega.cli.dead_letters.passes import KEPT, PLANNED, letter_record
from mega.cli.dead_letters.queue import DeadLetterQueue
from mega.cli.dead_letters.resending import SEND_SECONDS, outgoing_message, send
from mega.cli.dead_letters.selection import Selection, Selector
from mega.cli.exit_status import CommandError
from mega.cli.interruption import deferred_interrupt
from mega.cli.output import Record, notify
from mega.cli.pace import Pace
from mega.cli.receiving import HeldMessages
from mega.errors import TransportError, safe_repr

__all__ = ('REDRIVEN', 'Redrive', 'RedrivePass')

REDRIVEN = 'redriven'
"""The status of a message that is in its queue again."""

HOLD_SECONDS = 2 * SEND_SECONDS
"""Seconds between the send and the end of the hold, so that the delete comes first."""

_ANOTHER = 'another message with its first id is redriven in this run'

Edit: TypeAlias = Callable[[DeadLetter, Callable[[], None]], DeadLetter]
"""Lets the user change a letter. The second argument holds its message for longer."""


class Redrive(Struct, frozen=True):
    """The settings of a redrive. `check` and `edit` raise a KeptError for a letter that stays."""

    queue: DeadLetterQueue
    selection: Selection
    destinations: Destinations
    pace: Pace
    check: Callable[[DeadLetter], None] | None = None
    edit: Edit | None = None


class RedrivePass:
    """One pass: selects letters, decides where each goes, and sends it there.

    The order of a FIFO queue remains: a letter that stays keeps the later ones of its group.
    """

    def __init__(self, redrive: Redrive, held: HeldMessages) -> None:
        self._redrive = redrive
        self._held = held
        self._selector = Selector(redrive.selection)
        self._left_in_groups: dict[str, str] = {}
        self._first_ids: set[str] = set()

    @property
    def missing_ids(self) -> list[str]:
        """The selected ids that no message of the pass has."""
        return self._selector.missing_ids

    def planned(self) -> Iterator[list[Record]]:
        """Yield what would be done with each selected letter, and change nothing.

        Raises:
            CommandError, TransportError: if the queue or a destination cannot be read.
        """
        for letter in self._selected():
            try:
                _, sender = self._decide(letter)
            except KeptError as error:
                yield [self._keep(letter, error)]
            else:
                self._first_ids.add(letter.first_id)
                yield [_record(letter, PLANNED, sender.destination)]

    def performed(self) -> Iterator[list[Record]]:
        """Redrive each selected letter, and yield its record.

        Ctrl-C has its effect between two letters, after the record of the first one.

        Raises:
            CommandError, TransportError: for a failure that would be the same for other letters,
                and if a letter was sent but not deleted.
        """
        for letter in self._selected():
            self._redrive.pace.wait()
            try:
                edited, sender = self._decide(letter, self._redrive.edit)
            except KeptError as error:
                yield [self._keep(letter, error)]
                continue
            with deferred_interrupt():
                try:
                    record = self._move(edited, sender)
                except KeptError as error:
                    record = self._keep(letter, error)
                yield [record]

    def _selected(self) -> Iterator[DeadLetter]:
        for letter in self._redrive.queue.letters(self._held):
            if self._selector.takes(letter):
                yield letter
            else:
                self._leave(letter)
            if self._selector.is_done:
                return

    def _decide(self, letter: DeadLetter, edit: Edit | None = None) -> tuple[DeadLetter, Sender]:
        """Return the letter as it will be sent, and its destination.

        Raises:
            KeptError: for a letter that stays.
        """
        self._check_order(letter)
        if edit is not None:
            letter = edit(letter, partial(self._held.extend, HOLD_SECONDS))
        if self._redrive.check is not None:
            self._redrive.check(letter)
        return letter, self._redrive.destinations.of(letter)

    def _check_order(self, letter: DeadLetter) -> None:
        if letter.first_id in self._first_ids:
            raise KeptError(f'{_ANOTHER}: this one failed again, or is a copy')
        if self._held.is_fifo and (left := self._left_in_groups.get(letter.group_id or '')):
            group = safe_repr(letter.group_id)
            raise KeptError(f'message {left}, which is before it in the group {group}, stays')

    def _move(self, letter: DeadLetter, sender: Sender) -> Record:
        """Send a letter, and delete it."""
        self._held.extend(HOLD_SECONDS, [letter.id])
        if not self._held.holds(letter.id):
            raise KeptError('its hold has ended: another consumer may have received it')
        sent_id = self._send(letter, sender)
        self._first_ids.add(letter.first_id)
        url, own_url = sender.destination, self._redrive.queue.url
        report = (
            f'message {letter.id} was sent to {url} as {sent_id}, and may still be in {own_url}'
        )
        try:
            problem = self._held.delete([letter.id]).get(letter.id)
        except BaseException:
            notify(f'Not deleted: {report}')
            raise
        if problem is not None:
            raise CommandError(f'{report}: {problem}')
        return _record(letter, REDRIVEN, url, sent_id)

    def _send(self, letter: DeadLetter, sender: Sender) -> str:
        url = sender.destination
        outgoing = outgoing_message(letter, url)
        try:
            return send(sender, outgoing)
        except TransportError as error:
            if not error.retriable and origin_of(error) is Origin.REQUEST:
                raise KeptError(str(error)) from error
            if error.retriable:
                notify(f'Message {letter.id} stays, and may have been sent to {url} as well')
            raise
        except KeyboardInterrupt:  # the second one: the first one waits
            notify(f'Message {letter.id} stays, and may have been sent to {url} as well')
            raise

    def _keep(self, letter: DeadLetter, error: KeptError) -> Record:
        self._leave(letter)
        return _record(letter, KEPT, problem=str(error))

    def _leave(self, letter: DeadLetter) -> None:
        self._left_in_groups.setdefault(letter.group_id or '', letter.id)


def _record(
    letter: DeadLetter,
    status: str,
    destination: str | None = None,
    sent_id: str | None = None,
    problem: str | None = None,
) -> Record:
    return letter_record(letter, status, problem, destination=destination, sent_id=sent_id)
