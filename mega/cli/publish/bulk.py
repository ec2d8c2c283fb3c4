"""Publishes the lines of a file in chunks, and knows where to continue after a failure.

One call of `publish_batch` publishes a chunk. Here a chunk has five lines, and AWS refuses lines
7 and 10:

    line        1 2 3 4 5     6 7 8 9 10     11 ...
    sent        x x x x x     x   x x
    the error   line 7: ...; 8 lines sent; continue from line 10; not sent before it: 7

The line to continue from is the one after the last line that was sent. On a FIFO destination all
lines before it were sent, because a failed message stops its group. Ctrl-C takes effect between two
chunks, so that the outcome of each line is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

from mega.aws._hooks.publishing import PublishResult
from mega.cli.exit_status import REFUSED, CommandError
from mega.cli.interruption import deferred_interrupt
from mega.cli.line_files import LineFile
from mega.cli.output import Record, counted
from mega.cli.progress import Progress
from mega.cli.publish.lines import Line
from mega.codec import WirePayload
from mega.errors import MAX_ERROR_CHARACTERS, MegaError, TransportError, single_line

__all__ = ('Bulk', 'IncompleteError')

Failed: TypeAlias = tuple[Line, MegaError]


class IncompleteError(CommandError):
    """Some lines were not published. The text says which, and where to continue."""

    def __init__(self, text: str, *, is_refused: bool) -> None:
        super().__init__(text)
        if is_refused:
            self.exit_code = REFUSED


class Bulk:
    """Publishes chunks of lines by `publish`, which returns a result for each payload.

    With `failures`, it writes lines that fail to this file, and continues. Without, it stops. It
    also stops if AWS accepts no line of a chunk.
    """

    def __init__(
        self,
        source: str,
        publish: Callable[[list[WirePayload]], Sequence[PublishResult]],
        failures: LineFile | None = None,
    ) -> None:
        self.failed = 0
        self._sent = 0
        self._next_line = 1
        self._in_flight: Sequence[Line] = ()
        self._source = source
        self._publish = publish
        self._failures = failures

    def records(self, chunks: Iterable[list[Line]], progress: Progress) -> Iterator[Record]:
        """Publish chunks, and yield the number and the message id of each line that was sent.

        Raises:
            IncompleteError: if a line was not sent. Lines of the same chunk may have been sent.
        """
        for chunk in chunks:
            lines = chunk if self._failures else _until_error(chunk)
            with deferred_interrupt():
                outcomes = self._send(lines)
                stop = self._count(outcomes)
                progress.clear()
                for line, result in outcomes:
                    if result.error is None:
                        yield {'line': line.number, 'id': result.message_id}
                if stop is not None:
                    raise stop
                progress.show(self.summary())

    def summary(self) -> str:
        """Return how many lines were sent, and how many are in the file of failures."""
        lines = counted(self._sent, 'line')
        if self._failures is None or not self.failed:
            return f'{lines} sent'
        return f'{lines} sent, {self.failed:,} failed and written to {self._failures.path}'

    def report(self, failed: Iterable[Failed] = ()) -> str:
        """Return the summary, and where to continue after an interruption or a failure."""
        parts = [self.summary(), f'continue from line {self._next_line:,}']
        if self._in_flight:
            numbers = _ranges([line.number for line in self._in_flight])
            parts.append(f'the outcome of these lines is unknown: {numbers}')
        if before := [line.number for line, _ in failed if line.number < self._next_line]:
            parts.append(f'not sent before it: {_ranges(before)}')
        return '; '.join(parts)

    def _send(self, lines: Sequence[Line]) -> list[tuple[Line, PublishResult]]:
        self._in_flight = lines
        results = iter(self._publish([line.payload for line in lines if line.error is None]))
        self._in_flight = ()
        return [
            (line, next(results) if line.error is None else PublishResult(error=line.error))
            for line in lines
        ]

    def _count(self, outcomes: Sequence[tuple[Line, PublishResult]]) -> IncompleteError | None:
        """Count the lines of a chunk. Return the error with which to stop, if there is one."""
        sent = [line.number for line, result in outcomes if result.error is None]
        failed = [(line, result.error) for line, result in outcomes if result.error is not None]
        self._sent += len(sent)
        if sent:
            self._next_line = sent[-1] + 1
        if not failed:
            return None
        refused = [each for each in failed if isinstance(each[1], TransportError)]
        if refused and not sent:
            return self._stop(refused[0], failed)
        if self._failures is None:
            return self._stop(failed[0], failed)
        self._next_line = outcomes[-1][0].number + 1
        try:
            self._failures.write([line.text for line, _ in failed])
        except OSError as error:
            problem = f'{self._failures.path} cannot be written: {error.strerror or error}'
            return IncompleteError(f'{problem}; {self.report(failed)}', is_refused=False)
        self.failed += len(failed)
        return None

    def _stop(self, first: Failed, failed: Sequence[Failed]) -> IncompleteError:
        line, error = first
        problem = single_line(str(error), MAX_ERROR_CHARACTERS)
        return IncompleteError(
            f'line {line.number:,} of {self._source}: {problem}; {self.report(failed)}',
            is_refused=isinstance(error, TransportError),
        )


def _until_error(lines: list[Line]) -> list[Line]:
    """Return the lines up to the first one with an error, which is the last one then."""
    places = (place for place, line in enumerate(lines, 1) if line.error is not None)
    return lines[: next(places, len(lines))]


def _ranges(numbers: Sequence[int]) -> str:
    """Return ascending numbers in short.

    >>> _ranges([3, 5, 6, 7])
    '3, 5-7'
    """
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1][1:] = [number]
        else:
            parts.append([number])
    return ', '.join('-'.join(f'{end}' for end in part) for part in parts)
