"""The payload of a dead letter in the editor of the user.

The editor shows JSON with indentation, and any other text as it is. A payload that the user does
not change keeps its body byte for byte. Changed JSON is sent without spaces.

    body                                     editor                  changed body
    {"amount":-5}                            {                       {"amount":5}
                                               "amount": -5
                                             }
    {"Type":"Notification","Message":"..."}  the message inside      the envelope with the new one
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import msgspec

from mega.aws._messages.limits import check_body
from mega.cli.dead_letters.kept import KeptError
from mega.cli.dead_letters.letters import DeadLetter, read_letter
from mega.cli.exit_status import CommandError
from mega.cli.output import notify
from mega.errors import TransportError, safe_repr

__all__ = ('edited',)

EXTENSION_SECONDS = 20
"""Seconds between the calls that hold the messages while the editor is open."""

_JSON_KINDS = ('event', 'data')
_TEXT_KINDS = (*_JSON_KINDS, 'text', 'invalid')
_BOM = '\ufeff'


def edited(letter: DeadLetter, hold: Callable[[], None]) -> DeadLetter:
    """Let the user edit the payload of a letter, and return the letter with the new body.

    `hold` is called from time to time, so that the messages remain held.

    Raises:
        KeptError: for a payload that is not text, and an invalid change that the user gives up.
        CommandError: if the editor cannot be run.
    """
    shown = before = _shown(letter)
    while True:
        text = _edit(shown, _suffix(letter), hold)
        if text in (before, f'{before}\n'):
            return letter
        try:
            return _with_payload(letter, text)
        except ValueError as error:
            notify(f'The payload of message {letter.id} is invalid: {error}')
            if not (sys.stdin.isatty() and click.confirm('Edit it again?', True, err=True)):
                raise KeptError(f'the edited payload is invalid: {error}') from error
        shown = text


def _shown(letter: DeadLetter) -> str:
    """Return the text for the editor."""
    kind, text = letter.record['kind'], _payload_text(letter)
    is_json = text.lstrip(_BOM).lstrip().startswith('{')
    if kind not in _TEXT_KINDS or (kind in _JSON_KINDS and not is_json):
        raise KeptError('its payload is binary or in S3: --edit is for JSON and text')
    return _formatted(text, indent=2) if kind in _JSON_KINDS else text


def _suffix(letter: DeadLetter) -> str:
    return '.json' if letter.record['kind'] in _JSON_KINDS else '.txt'


def _payload_text(letter: DeadLetter) -> str:
    body: str = letter.received.get('Body', '')
    return _envelope(body)['Message'] if 'topic_arn' in letter.record else body


def _envelope(body: str) -> dict[str, str]:
    envelope: dict[str, str] = json.loads(body.lstrip(_BOM))
    return envelope


def _formatted(text: str, indent: int) -> str:
    """Return JSON with other white space; a text that msgspec does not accept as it is."""
    try:
        return msgspec.json.format(text.lstrip(_BOM), indent=indent)
    except msgspec.MsgspecError:
        return text


def _with_payload(letter: DeadLetter, text: str) -> DeadLetter:
    """Return a letter with another payload.

    Raises:
        ValueError: if it is invalid, or not of the same kind.
    """
    kind, body = letter.record['kind'], letter.received.get('Body', '')
    if kind in _JSON_KINDS:
        text = _formatted(text, indent=-1)
    elif text.endswith('\n') and not _payload_text(letter).endswith('\n'):
        text = text[:-1]  # an editor ends a file with a newline
    if 'topic_arn' in letter.record:
        envelope = {**_envelope(body), 'Message': text}
        text = json.dumps(envelope, ensure_ascii=False, separators=(',', ':'))
    check_body(text)
    changed = read_letter({**letter.received, 'Body': text})
    new_kind = changed.record['kind']
    if new_kind == 'invalid':
        raise ValueError(changed.record['problem'])
    if kind not in (new_kind, 'invalid'):
        raise ValueError(f'it would be read as {new_kind}, and was {kind}')
    return changed


def _edit(text: str, suffix: str, hold: Callable[[], None]) -> str:
    """Return a text as the user saves it in the editor."""
    with TemporaryDirectory(prefix='mega-') as directory:
        file = Path(directory, f'payload{suffix}')
        file.write_bytes(text.encode())
        if code := _run([*_editor(), str(file)], hold):
            raise KeptError(f'the editor ended with the exit code {code}')
        try:
            return file.read_bytes().decode()
        except UnicodeDecodeError as error:
            raise KeptError('the edited payload is not UTF-8 text') from error


def _editor() -> list[str]:
    editor = os.environ.get('VISUAL') or os.environ.get('EDITOR')
    if not editor:
        raise CommandError('no editor: set the environment variable EDITOR')
    try:
        return shlex.split(editor)
    except ValueError as error:
        raise CommandError(f'EDITOR is {safe_repr(editor)}: {error}') from error


def _run(program: list[str], hold: Callable[[], None]) -> int:
    """Run the editor, and return its exit code. Ctrl-C is for the editor alone."""
    try:
        process = subprocess.Popen(program)
    except OSError as error:
        raise CommandError(f'{program[0]!r} cannot be run: {error.strerror}') from error
    with process, _ignored_interrupts():
        while True:
            with suppress(TransportError):  # the send will find out whether the message is held
                hold()
            with suppress(subprocess.TimeoutExpired):
                return process.wait(EXTENSION_SECONDS)


@contextmanager
def _ignored_interrupts() -> Iterator[None]:
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
