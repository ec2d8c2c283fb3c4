"""The messages of the demo in order, with the expected results and their verification."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from mega.cli.demo import payloads
from mega.cli.demo.reports import Mark, Report
from mega.codec import WirePayload, encode

__all__ = ('STEPS', 'Step', 'problems')

Result: TypeAlias = tuple[Mark, str]
"""The result of a message, and the name of the subscriber."""


@dataclass(frozen=True, slots=True)
class Step:
    """A message: the payload, the way to publish it, and all expected results."""

    label: str
    payload: WirePayload
    over: Literal['SQS', 'SNS']
    expected: frozenset[Result]
    binary_encoding: bool = False

    @property
    def form(self) -> str:
        if isinstance(self.payload, str):
            return 'text'
        if isinstance(self.payload, bytes):
            return 'Base64'
        return 'BSON' if self.binary_encoding else 'JSON'

    @property
    def size(self) -> int:
        """The size of the body in bytes. A BSON body is Base64."""
        return len(encode(self.payload, self.binary_encoding).encode())


def _done_by(*subscribers: str) -> frozenset[Result]:
    return frozenset((Mark.DONE, subscriber) for subscriber in subscribers)


def _all_ways(label: str, payload: WirePayload, *subscribers: str) -> Iterator[Step]:
    for binary_encoding in (False, True):
        yield Step(label, payload, 'SQS', _done_by(*subscribers), binary_encoding)
        yield Step(label, payload, 'SNS', _done_by(*subscribers, 'Audit'), binary_encoding)


STEPS = (
    *_all_ways('user created', payloads.USER_CREATED, 'Users'),
    *_all_ways('item added', payloads.ITEM_ADDED, 'Carts', 'BulkOrders'),
    *_all_ways('notification', payloads.NOTIFICATION, 'Mailer'),
    Step('letter', payloads.LETTER, 'SNS', _done_by('Letters', 'Audit')),
    Step('picture', payloads.PICTURE, 'SNS', _done_by('Pictures', 'Audit')),
    Step(
        'push message',
        payloads.PUSH_NOTIFICATION,
        'SQS',
        _done_by('Pusher') | {(Mark.RETRIED, 'Pusher')},
    ),
    Step(
        'checkout',
        payloads.CHECKOUT,
        'SQS',
        frozenset({(Mark.FAILED, 'Checkout'), (Mark.DEAD_LETTER, 'DeadLetters')}),
    ),
    Step(
        'nothing added',
        payloads.NOTHING_ADDED,
        'SQS',
        frozenset({(Mark.DEAD_LETTER, 'DeadLetters')}),
    ),
)


def problems(step: Step, reports: Iterable[Report]) -> Iterator[str]:
    """Yield the unexpected results. SQS may deliver twice, so a repeated result is expected."""
    results = set()
    for report in reports:
        results.add((report.mark, report.subscriber))
        if type(report.payload) is not type(step.payload) or report.payload != step.payload:
            yield f'{report.subscriber} received a different payload'
        if report.was_wrapped != (report.subscriber == 'Audit'):
            envelope = 'an envelope' if report.was_wrapped else 'no envelope'
            yield f'{report.subscriber} received {envelope}'
    for mark, subscriber in sorted(step.expected - results, key=str):
        yield f'{mark.value} {subscriber} is missing'
    for mark, subscriber in sorted(results - step.expected, key=str):
        yield f'{mark.value} {subscriber} is not expected'
