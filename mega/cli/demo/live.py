"""Run the listeners, publish the messages, and print the results in a table."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from queue import Empty
from threading import Thread
from typing import Any

from mega.aws.sns import SnsPublisher
from mega.aws.sqs import SqsPublisher
from mega.aws.sqs.subscribe import EventSubscriber, SqsListener
from mega.cli.demo.aws import Aws, Bus
from mega.cli.demo.reports import STEP, Mark, Report, reports
from mega.cli.demo.screen import Screen, Span
from mega.cli.demo.story import STEPS, Step, problems
from mega.codec import WirePayload
from mega.event import Payload
from mega.match import evaluate

__all__ = ('RESULT_TIMEOUT', 'Outcome', 'play')

RESULT_TIMEOUT = 20.0
"""The maximum time, in seconds, until the results of a message arrive."""

STYLES = {
    Mark.DONE: 'green',
    Mark.RETRIED: 'yellow',
    Mark.FAILED: 'red',
    Mark.DEAD_LETTER: 'red',
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """The listener of each queue, the reports for each step, and the unexpected results."""

    listeners: dict[str, SqsListener]
    reports: dict[int, list[Report]] = field(default_factory=lambda: defaultdict(list))
    failures: list[str] = field(default_factory=list)


def play(
    screen: Screen,
    aws: Aws,
    bus: Bus,
    listeners: dict[str, SqsListener],
    pace: float,
    steps: Sequence[Step] = STEPS,
    timeout: float = RESULT_TIMEOUT,
) -> Outcome:
    """Publish the message of each step, and wait for its expected results.

    The listeners, by the names of their queues, run meanwhile, and are closed at the end.
    """
    with (
        SqsPublisher(bus.orders, **aws.connection) as sqs,
        SnsPublisher(bus.topic_arn, **aws.connection) as sns,
        _running(listeners.values()),
    ):
        outcome = Outcome(listeners)
        screen.heading('#', 'payload', 'over', 'as', 'bytes', 'orders', 'audit')
        for number, step in enumerate(steps, start=1):
            (sqs if step.over == 'SQS' else sns).publish(
                step.payload, step.binary_encoding, message_attributes={STEP: str(number)}
            )
            _show_results(screen, number, step, outcome, timeout)
            time.sleep(pace)
    while not reports.empty():  # late results, and results of repeated deliveries
        report = reports.get()
        outcome.reports[report.step].append(report)
    for number, step in enumerate(steps, start=1):
        for problem in problems(step, outcome.reports[number]):
            outcome.failures.append(f'{number:>2}  {step.label}: {problem}')
    return outcome


@contextmanager
def _running(listeners: Iterable[SqsListener]) -> Iterator[None]:
    """Run each listener in its own thread until the block ends."""
    with ExitStack() as cleanup:
        for listener in listeners:
            thread = Thread(target=listener.listen)
            thread.start()
            cleanup.callback(listener.close)
            cleanup.callback(thread.join)
            cleanup.callback(listener.stop)
        yield


def _show_results(
    screen: Screen, number: int, step: Step, outcome: Outcome, timeout: float
) -> None:
    deadline = time.monotonic() + timeout
    found = outcome.reports[number]
    screen.update(_cells(number, step, found))
    while step.expected - {(report.mark, report.subscriber) for report in found}:
        try:
            # With a timeout of almost zero, Python 3.10 sometimes waits forever.
            report = reports.get(timeout=max(0.01, deadline - time.monotonic()))
        except Empty:
            break
        outcome.reports[report.step].append(report)
        screen.update(_cells(number, step, found))
    screen.row(_cells(number, step, found))
    for text, style in _notes(step, found, outcome.listeners['orders']):
        screen.line(f'    {text}', style)


def _cells(number: int, step: Step, found: Iterable[Report]) -> list[list[Span]]:
    orders: dict[Span, None] = {}  # a dict, to keep the order without repetitions
    audit: dict[Span, None] = {}
    is_dead = False
    for report in found:
        if report.mark is Mark.DEAD_LETTER:
            is_dead = True
        else:
            column = audit if report.was_wrapped else orders
            column[f'{report.mark.value} {report.subscriber}', STYLES[report.mark]] = None
    if is_dead and not orders:
        orders['unmatched', 'red'] = None
    texts = [(str(number), 'dim'), (step.label, 'bold'), (step.over, ''), (step.form, '')]
    return [*([text] for text in texts), [(str(step.size), '')], [*orders], [*audit]]


def _notes(step: Step, found: Iterable[Report], orders: SqsListener) -> Iterator[Span]:
    """Yield the reasons for retries and dead letters."""
    for report in found:
        if report.mark is Mark.DEAD_LETTER:
            if report.note.startswith('Unmatched'):
                yield from ((reason, 'dim') for reason in _mismatches(step.payload, orders))
            yield f'{report.mark.value} dead-lettered. {report.note}', STYLES[report.mark]
        elif report.note:
            yield f'{report.subscriber} {report.note}', STYLES[report.mark]


def _mismatches(payload: WirePayload, listener: SqsListener) -> Iterator[str]:
    """Yield the first field of an event that does not match, for each subscriber of events."""
    assert isinstance(payload, Payload)
    event = payload.to_dict()['event']
    for subscriber in listener.subscribers:
        if issubclass(subscriber, EventSubscriber):
            declared = {name: value for name, value in vars(subscriber).items() if name in event}
            yield f'{subscriber.__name__:<10}  {_difference(event, declared)}'


def _difference(lhs: Mapping[str, Any], pattern: Mapping[str, Any], path: str = 'event') -> str:
    for name, rhs in pattern.items():
        if not evaluate(lhs, {name: rhs}):
            field_path, found = f'{path}.{name}', lhs.get(name)
            if isinstance(rhs, dict) and isinstance(found, dict):
                return _difference(found, rhs, field_path)
            return f'{field_path} is {found!r}, not {rhs!r}'
    return 'matches'
