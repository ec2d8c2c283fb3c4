"""The CPU time of the conversion of payloads: typed subscribers beside an untyped one."""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

from msgspec import Struct

from benchmarks.listener.bench import Run, race
from benchmarks.listener.contenders import MAX_MESSAGES
from benchmarks.listener.own_share import QUEUE_URL, FreeClient
from benchmarks.matching.tables import table
from mega.aws.sqs.subscribe import EventSubscriber, SqsListener
from mega.codec import encode
from mega.event import PayloadBuilder

__all__ = ('typed',)

UNTYPED = 'an untyped subscriber'

MESSAGES = 500


@dataclass
class Flat:
    item_id: str
    cart_id: str
    quantity: int
    price: Decimal
    currency: str
    note: str


class FlatStruct(Struct):
    item_id: str
    cart_id: str
    quantity: int
    price: Decimal
    currency: str
    note: str


@dataclass
class Timed:
    item_id: str
    cart_id: str
    quantity: int
    price: Decimal
    currency: str
    at: datetime


@dataclass
class Line:
    sku: str
    quantity: int


@dataclass
class Nested:
    item_id: str
    cart_id: str
    quantity: int
    price: Decimal
    currency: str
    lines: list[Line]


@dataclass
class TimedLine:
    sku: str
    at: datetime


@dataclass
class TimedNested:
    item_id: str
    cart_id: str
    quantity: int
    price: Decimal
    currency: str
    lines: list[TimedLine]


CLASSES: dict[str, type | None] = {
    UNTYPED: None,
    'a dataclass of six fields': Flat,
    'a Struct of six fields': FlatStruct,
    'a dataclass of six fields, one of them a time': Timed,
    'five fields, and a list of three dataclasses': Nested,
    'five fields, and a list of three dataclasses with a time': TimedNested,
}


def body(number: int) -> str:
    """Return an event that all classes can read."""
    at = '2020-05-04T15:53:23.123Z'
    return encode(
        PayloadBuilder()
        .with_event(
            name='item.added',
            domain='shop',
            item_id=f'61fcc874-624e-40f8-8fd7-{number:012}',
            cart_id=str(number),
            quantity=5,
            price='19.99',
            currency='USD',
            note='a gift',
            at=at,
            lines=[{'sku': f'{number}-{line}', 'quantity': line, 'at': at} for line in range(3)],
        )
        .build()
    )


BODIES = [body(number) for number in range(100)]


def typed(rounds: int, messages: int) -> str:
    """Compare listeners with one subscriber each. The client costs nothing, and each round has all.

    The conversion takes a small part of the time of a message. So the rounds are short and many,
    and the least time counts: other programs on the machine only add to it.
    """
    turns = {name: partial(_drain, cls) for name, cls in CLASSES.items()}
    repetitions = rounds * messages // MESSAGES
    taken = race(turns, repetitions)
    least = {name: min(run.cpu for run in runs) / MESSAGES * 1e6 for name, runs in taken.items()}
    rows = [[name, f'{each:.1f}', f'{each - least[UNTYPED]:.1f}'] for name, each in least.items()]
    header = ['the class of the attributes', 'us a message', 'more than untyped']
    return (
        '## CPU time of typed subscribers\n\n'
        'A listener with one subscriber that matches each message, and a client that costs\n'
        f'nothing. The least of {repetitions} rounds of {MESSAGES} messages.\n\n'
        f'{table(header, rows)}'
    )


def _drain(cls: type | None) -> Run:
    base: Any = EventSubscriber if cls is None else EventSubscriber[cls]  # type: ignore[valid-type]

    class Subscriber(base):  # type: ignore[misc]
        name = 'item.added'

        def process(self, event: object) -> None: ...

    listener = SqsListener(
        QUEUE_URL,
        [Subscriber],
        max_number_of_messages=MAX_MESSAGES,
        client=FreeClient(MESSAGES, BODIES),
    )
    gc.collect()
    cpu, begun = time.process_time(), time.perf_counter()
    done = listener.drain().done
    cpu, seconds = time.process_time() - cpu, time.perf_counter() - begun
    assert done == MESSAGES
    return Run(MESSAGES, seconds, cpu, calls=0)
