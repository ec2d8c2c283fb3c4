"""The messages of the demo in their order, what is to become of each, and whether it did."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from examples.demo import payloads
from examples.demo.subscribers import ORDERS, Mark, Report
from mega.aws.sqs.subscribe import EventSubscriber
from mega.codec import AnyPayload, encode
from mega.event import Payload
from mega.match import evaluate

__all__ = ('STEPS', 'Step', 'problems', 'why_nobody')

Deed: TypeAlias = tuple[Mark, str]
"""What was done with a message, and by which subscriber."""


@dataclass(frozen=True, slots=True)
class Step:
    """One message: what is published, how, and all that is to be done with it."""

    what: str
    payload: AnyPayload
    over: Literal['SQS', 'SNS']
    expected: frozenset[Deed]
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
        """The bytes of the body. BSON's are those of its Base64."""
        return len(encode(self.payload, self.binary_encoding).encode())


def _taken(*subscribers: str) -> frozenset[Deed]:
    return frozenset((Mark.TAKEN, subscriber) for subscriber in subscribers)


def _every_way(what: str, payload: AnyPayload, *subscribers: str) -> Iterator[Step]:
    for binary_encoding in (False, True):
        yield Step(what, payload, 'SQS', _taken(*subscribers), binary_encoding)
        yield Step(what, payload, 'SNS', _taken(*subscribers, 'Audit'), binary_encoding)


STEPS = (
    *_every_way('user created', payloads.USER_CREATED, 'Users'),
    *_every_way('item added', payloads.ITEM_ADDED, 'Carts', 'BulkOrders'),
    *_every_way('notification', payloads.NOTIFICATION, 'Mailer'),
    Step('letter', payloads.LETTER, 'SNS', _taken('Letters', 'Audit')),
    Step('picture', payloads.PICTURE, 'SNS', _taken('Pictures', 'Audit')),
    Step(
        'push message',
        payloads.PUSH_NOTIFICATION,
        'SQS',
        _taken('Pusher') | {(Mark.RETRIED, 'Pusher')},
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
    """What did not come as expected. The same deed twice is none: SQS may deliver twice."""
    deeds = set()
    for report in reports:
        deeds.add((report.mark, report.subscriber))
        if type(report.payload) is not type(step.payload) or report.payload != step.payload:
            yield f'{report.subscriber} got another payload than was published'
        if report.was_wrapped != (report.subscriber == 'Audit'):
            envelope = 'an envelope' if report.was_wrapped else 'no envelope'
            yield f'{report.subscriber} found {envelope} around it'
    for mark, subscriber in sorted(step.expected - deeds, key=str):
        yield f'{mark.value} {subscriber} was expected, and did not come'
    for mark, subscriber in sorted(deeds - step.expected, key=str):
        yield f'{mark.value} {subscriber} came, and was not expected'


def why_nobody(payload: AnyPayload) -> Iterator[str]:
    """For each subscriber of events, the first thing in an event that it does not want."""
    assert isinstance(payload, Payload)
    event = payload.to_dict()['event']
    for subscriber in ORDERS:
        if issubclass(subscriber, EventSubscriber):
            declared = {name: value for name, value in vars(subscriber).items() if name in event}
            yield f'{subscriber.__name__:<10}  {_difference(event, declared)}'


def _difference(lhs: Mapping[str, Any], pattern: Mapping[str, Any], path: str = 'event') -> str:
    for name, wanted in pattern.items():
        if not evaluate(lhs, {name: wanted}):
            inside, found = f'{path}.{name}', lhs.get(name)
            if isinstance(wanted, dict) and isinstance(found, dict):
                return _difference(found, wanted, inside)
            return f'{inside} is {found!r}, not {wanted!r}'
    return 'wants it'
