"""The file for the lines that were not published, so that they can be corrected and published."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

from mega.cli.exit_status import CommandError

__all__ = ('FailureFile', 'create_failure_file')


class FailureFile:
    """Lines as they were in their source."""

    def __init__(self, path: Path, file: FileIO) -> None:
        self.path = path
        self.size = 0
        self._file = file

    def write(self, lines: Iterable[bytes]) -> None:
        """Write all of the lines, or none.

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


@contextmanager
def create_failure_file(path: Path) -> Iterator[FailureFile]:
    """Create a file for a block, and delete it at the end if it is empty.

    Raises:
        CommandError: for a file that exists, or cannot be created.
    """
    with _create(path) as file:
        failures = FailureFile(path, file)
        try:
            yield failures
        finally:
            if not failures.size:
                path.unlink(missing_ok=True)


def _create(path: Path) -> FileIO:
    try:
        return path.open('xb', buffering=0)
    except FileExistsError as error:
        raise CommandError(f'{path} exists: name a new file for the failures') from error
    except OSError as error:
        raise CommandError(f'{path} cannot be written: {error.strerror or error}') from error
