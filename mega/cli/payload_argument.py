"""PAYLOAD: the payload that the user gives: `-` for stdin, `@FILE` for a file, or the text itself.

A text that is a JSON object is an event or a data object, as in the body of a message. Any other
text is a text payload. A literal is never fetched or expanded: `http://...` is a text.
"""

from __future__ import annotations

import sys
from pathlib import Path

from mega.cli.exit_status import CommandError
from mega.cli.output import notify
from mega.codec import WirePayload, decode
from mega.errors import ConsumeError, EventError

__all__ = ('read_payload', 'read_text')


def read_text(argument: str) -> str:
    """Return the text that an argument names, exactly.

    Raises:
        CommandError: for a file that cannot be read, or is not UTF-8.
    """
    source = {'-': 'stdin', '@': '@'}.get(argument, argument[1:])
    try:
        if argument == '-':
            if sys.stdin.isatty():
                notify('Reading from the terminal, until Ctrl-D.')
            return sys.stdin.buffer.read().decode('utf-8')
        if argument.startswith('@'):
            return Path(argument[1:]).read_text(encoding='utf-8')
    except OSError as error:
        raise CommandError(f'{source} cannot be read: {error.strerror or error}') from error
    except UnicodeDecodeError as error:
        raise CommandError(f'{source} is not UTF-8 text, at byte {error.start}') from error
    return argument


def read_payload(argument: str) -> WirePayload:
    """Return the payload that an argument names, read as a listener reads a body.

    Raises:
        CommandError: for a text that is not a payload, or cannot be read.
    """
    text = read_text(argument)
    if argument == '-' or argument.startswith('@'):
        text = text.removesuffix('\n').removesuffix('\r')  # editors end a file with a line break
    try:
        return decode(text)
    except (ConsumeError, EventError) as error:
        raise CommandError(f'the payload cannot be read: {error}') from error
