"""`mega stats`: the numbers of messages in queues."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import click

from mega.cli.exit_status import SUCCESS
from mega.cli.options import app_dir_option, aws_options, output_options
from mega.cli.output import Output, Record
from mega.cli.queues import find_queue
from mega.cli.stats.ages import OldestAges
from mega.cli.stats.display import Screen, text_of
from mega.cli.stats.readings import QueueReader, Reading, watch

__all__ = ('command',)


@click.command('stats')
@click.argument('queues', metavar='QUEUE...', nargs=-1, required=True)
@click.option(
    '--watch',
    'seconds',
    type=click.FloatRange(min=0.1),
    metavar='SECONDS',
    help='Read again after this time, until Ctrl-C, and show the change per second.',
)
@app_dir_option
@aws_options
@output_options
def command(queues: tuple[str, ...], seconds: float | None, app_dir: str, output: Output) -> int:
    """Show how many messages are visible, in flight and delayed in each QUEUE.

    QUEUE is the URL, the ARN or the name of a queue, or module:listener for that of a listener.

    Below a queue is the dead-letter queue of its redrive policy. The age of the oldest message
    needs the permission cloudwatch:GetMetricStatistics.

    With --watch, a terminal shows the latest numbers; otherwise each reading is printed. Ctrl-C is
    the normal end of it, with the exit code 0.
    """
    screen = Screen()
    ages = OldestAges(screen.note)
    found = [find_queue(queue, app_dir) for queue in queues]
    readers = [QueueReader(aws, url, ages, screen.note) for aws, url in found]
    try:
        if seconds is None:
            _print_once([reader.read() for reader in readers], output)
        else:
            readings = watch(readers, seconds, found[0][0].clock, screen.note)
            _print_each(readings, output, screen)
    except KeyboardInterrupt:
        if seconds is None:
            raise
    finally:
        screen.tell()
        ages.close()
        for aws, _ in found:
            aws.close()
    return SUCCESS


def _print_once(readings: Sequence[Reading], output: Output) -> None:
    records = [reading.record() for reading in readings]
    output.all(records, lambda _: text_of(readings))


def _print_each(all_readings: Iterable[list[Reading]], output: Output, screen: Screen) -> None:
    """Print the readings as soon as they are made."""
    if output.format != 'text':
        output.many(_records(all_readings, screen), str)
        return
    for readings in all_readings:
        time = readings[0].at.astimezone().isoformat(' ', 'seconds')
        block = f'{time}\n{text_of(readings, with_rates=True)}'
        screen.show(lambda text: output.all([], lambda _: text), block)


def _records(all_readings: Iterable[list[Reading]], screen: Screen) -> Iterator[Record]:
    for readings in all_readings:
        screen.tell()
        for reading in readings:
            yield reading.record()
