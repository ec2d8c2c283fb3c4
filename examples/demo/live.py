"""The demo at work: listeners run, messages are published, and a table shows what comes of them."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from queue import Empty
from threading import Thread

from examples.demo.aws import Aws, Bus
from examples.demo.screen import Screen, Span
from examples.demo.story import STEPS, Step, problems, why_nobody
from examples.demo.subscribers import AUDIT, FAILED, ORDERS, STEP, Mark, Report, reports
from mega.aws.sns import SnsPublisher
from mega.aws.sqs import SqsPublisher
from mega.aws.sqs.subscribe import SqsListener

__all__ = ('PATIENCE', 'Outcome', 'play')

PATIENCE = 20.0
"""Seconds after which what did not come is no longer waited for."""

STYLES = {
    Mark.TAKEN: 'green',
    Mark.RETRIED: 'yellow',
    Mark.FAILED: 'red',
    Mark.DEAD_LETTER: 'red',
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of the steps, the listeners that worked on them by queue, and what went wrong."""

    listeners: dict[str, SqsListener]
    reports: dict[int, list[Report]] = field(default_factory=lambda: defaultdict(list))
    failures: list[str] = field(default_factory=list)


def play(
    screen: Screen,
    aws: Aws,
    bus: Bus,
    pace: float,
    steps: Sequence[Step] = STEPS,
    patience: float = PATIENCE,
) -> Outcome:
    """Publish the message of each step, and wait until everything expected of it has come."""
    with (
        SqsPublisher(bus.orders, **aws.connection) as sqs,
        SnsPublisher(bus.topic_arn, **aws.connection) as sns,
        _listening(aws, bus) as listeners,
    ):
        outcome = Outcome(listeners)
        screen.heading('#', 'payload', 'over', 'as', 'bytes', 'orders', 'audit')
        for number, step in enumerate(steps, start=1):
            (sqs if step.over == 'SQS' else sns).publish(
                step.payload, step.binary_encoding, message_attributes={STEP: str(number)}
            )
            _follow(screen, number, step, outcome, patience)
            time.sleep(pace)
    while not reports.empty():  # what came late, or twice
        report = reports.get()
        outcome.reports[report.step].append(report)
    for number, step in enumerate(steps, start=1):
        for problem in problems(step, outcome.reports[number]):
            outcome.failures.append(f'{number:>2}  {step.what}: {problem}')
    return outcome


@contextmanager
def _listening(aws: Aws, bus: Bus) -> Iterator[dict[str, SqsListener]]:
    """A listener for each queue, each in a thread of its own, until the block ends."""
    with ExitStack() as end:
        listeners = {
            'orders': SqsListener(
                bus.orders, ORDERS, dead_letter_queue_url=bus.failed, **aws.connection
            ),
            'audit': SqsListener(
                bus.audit, AUDIT, dead_letter_queue_url=bus.failed, **aws.connection
            ),
            'failed': SqsListener(bus.failed, FAILED, **aws.connection),
        }
        for name, listener in listeners.items():
            thread = Thread(target=listener.listen, name=name)
            thread.start()
            end.callback(listener.close)
            end.callback(thread.join)
            end.callback(listener.stop)
        yield listeners


def _follow(screen: Screen, number: int, step: Step, outcome: Outcome, patience: float) -> None:
    deadline = time.monotonic() + patience
    found = outcome.reports[number]
    screen.grow(_cells(number, step, found))
    while step.expected - {(report.mark, report.subscriber) for report in found}:
        try:
            report = reports.get(timeout=max(0.0, deadline - time.monotonic()))
        except Empty:
            break
        outcome.reports[report.step].append(report)
        screen.grow(_cells(number, step, found))
    screen.row(_cells(number, step, found))
    for text, style in _notes(step, found):
        screen.line(f'    {text}', style)


def _cells(number: int, step: Step, found: Iterable[Report]) -> list[list[Span]]:
    orders: dict[Span, None] = {}  # in their order, and each once
    audit: dict[Span, None] = {}
    is_dead = False
    for report in found:
        if report.mark is Mark.DEAD_LETTER:
            is_dead = True
        else:
            place = audit if report.was_wrapped else orders
            place[f'{report.mark.value} {report.subscriber}', STYLES[report.mark]] = None
    if is_dead and not orders:
        orders['nobody', 'red'] = None
    texts = [(str(number), 'dim'), (step.what, 'bold'), (step.over, ''), (step.form, '')]
    return [*([text] for text in texts), [(str(step.size), '')], [*orders], [*audit]]


def _notes(step: Step, found: Iterable[Report]) -> Iterator[Span]:
    """Why a message was not simply taken."""
    for report in found:
        if report.mark is Mark.DEAD_LETTER:
            if report.note.startswith('Unmatched'):
                yield from ((reason, 'dim') for reason in why_nobody(step.payload))
            yield f'{report.mark.value} dead-lettered. {report.note}', STYLES[report.mark]
        elif report.note:
            yield f'{report.subscriber} {report.note}', STYLES[report.mark]
