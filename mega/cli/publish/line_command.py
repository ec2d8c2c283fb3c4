"""The part of `mega publish` that publishes the lines of a file: `--from`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple

import click

from mega.aws._hooks.publishing import PublishResult
from mega.aws._messages.limits import MAX_BATCH_ENTRIES
from mega.aws._transport.clock import SYSTEM_CLOCK
from mega.cli.exit_status import FAILURE, SUCCESS
from mega.cli.line_files import create_line_file, name_of, open_lines
from mega.cli.output import Output, notify
from mega.cli.pace import Pace
from mega.cli.progress import Progress
from mega.cli.publish.bulk import Bulk, IncompleteError
from mega.cli.publish.destination import Destination
from mega.cli.publish.dry_run import records_of, render
from mega.cli.publish.lines import Line, chunks_of, read_lines
from mega.cli.publish.message_options import MessageOptions
from mega.codec import WirePayload

__all__ = ('LinePlan', 'print_lines', 'publish_lines')


class LinePlan(NamedTuple):
    """The file, the requests at a time, the lines per second, and the file for failures."""

    source: str
    concurrency: int
    rate: float | None
    failures: Path | None

    @property
    def chunk_size(self) -> int:
        """The lines that are published together. With a rate, they take about a second at most."""
        size = MAX_BATCH_ENTRIES * self.concurrency
        return size if self.rate is None else min(size, max(1, int(self.rate)))


def print_lines(
    destination: Destination, source: str, options: MessageOptions, output: Output
) -> None:
    """Print the message of each line, without a call to AWS.

    Raises:
        CommandError: for a line that no message can carry.
    """
    with open_lines(source) as file:
        output.many(records_of(destination, read_lines(file), options, name_of(source)), render)


def publish_lines(
    destination: Destination, plan: LinePlan, options: MessageOptions, output: Output
) -> int:
    """Publish the lines of a file, and return the exit code.

    Raises:
        IncompleteError: for lines that were not published, unless they are in a file of failures.
        CommandError: for a file that cannot be opened.
    """
    options.for_aws(destination)
    if plan.failures is not None and destination.is_fifo:
        raise click.UsageError('--failures is not for FIFO, where the order would change')
    failure_file = (
        create_line_file(plan.failures, 'the failures') if plan.failures else nullcontext()
    )
    with (
        open_lines(plan.source) as file,
        destination.open_publisher(options.compression) as publisher,
        failure_file as failures,
    ):

        def publish(payloads: list[WirePayload]) -> list[PublishResult]:
            return publisher.publish_batch(
                payloads,
                options.binary_encoding,
                message_attributes=options.attributes,
                concurrency=plan.concurrency,
                raise_on_failure=False,
                **options.options,
            )

        bulk = Bulk(name_of(plan.source), publish, failures)
        pace = Pace(plan.rate, SYSTEM_CLOCK)
        chunks = _at_rate(chunks_of(read_lines(file), plan.chunk_size), pace)
        _run(bulk, chunks, output)
    notify(bulk.summary())
    return FAILURE if bulk.failed else SUCCESS


def _run(bulk: Bulk, chunks: Iterable[list[Line]], output: Output) -> None:
    """Publish chunks, and print the ids. An error or an interruption is reported."""
    progress = Progress()
    try:
        try:
            output.many(bulk.records(chunks, progress), lambda record: str(record['id']))
        finally:
            progress.clear()
    except IncompleteError:
        raise  # it contains the report
    except BaseException:
        notify(f'Stopped: {bulk.report()}')
        raise


def _at_rate(chunks: Iterable[list[Line]], pace: Pace) -> Iterator[list[Line]]:
    """Yield chunks, each when the lines of those before it are due."""
    for chunk in chunks:
        pace.wait(len(chunk))
        yield chunk
