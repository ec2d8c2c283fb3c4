"""Files with one line for each message: opened to read them, and created to write them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import BinaryIO

from mega.cli.exit_status import CommandError
from mega.cli.output import notify

__all__ = ('LineFile', 'create_line_file', 'name_of', 'open_lines')


def name_of(source: str) -> str:
    """Return the name of a source in an error."""
    return 'stdin' if source == '-' else source


@contextmanager
def open_lines(source: str) -> Iterator[BinaryIO]:
    """Open a file; `-` is stdin.

    Raises:
        CommandError: for a file that cannot be opened.
    """
    if source == '-':
        if sys.stdin.isatty():
            notify('Reading from the terminal, until Ctrl-D.')
        yield sys.stdin.buffer
    else:
        with _open(Path(source)) as file:
            yield file


class LineFile:
    """A new file. `size` is the number of its bytes."""

    def __init__(self, path: Path, file: FileIO) -> None:
        self.path = path
        self.size = 0
        self._file = file

    def write(self, lines: Iterable[bytes]) -> None:
        """Write all of the lines, with their line breaks, or none.

        Raises:
            OSError: if there is no space for them.
        """
        rest = data = b''.join(lines)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError:
            with suppress(OSError):
                self._file.truncate(self.size)
                self._file.seek(self.size)
            raise
        self.size += len(data)

    def sync(self) -> None:
        """Wait until the lines are on the disk.

        Raises:
            OSError: if they cannot be written there.
        """
        os.fsync(self._file.fileno())


@contextmanager
def create_line_file(path: Path, purpose: str) -> Iterator[LineFile]:
    """Create a file for a block, and delete it at the end if it is empty.

    `purpose` describes the file in an error, such as `the backup`.

    Raises:
        CommandError: for a file that exists, or cannot be created.
    """
    with _create(path, purpose) as file:
        created = LineFile(path, file)
        try:
            yield created
        finally:
            if not created.size:
                path.unlink(missing_ok=True)


def _open(path: Path) -> BinaryIO:
    try:
        return path.open('rb')
    except OSError as error:
        raise CommandError(f'{path} cannot be read: {error.strerror or error}') from error


def _create(path: Path, purpose: str) -> FileIO:
    try:
        return path.open('xb', buffering=0)
    except FileExistsError as error:
        raise CommandError(f'{path} exists: name a new file for {purpose}') from error
    except OSError as error:
        raise CommandError(f'{path} cannot be written: {error.strerror or error}') from error
