"""Events, and a hundred subscribers. Exactly one subscriber matches each event."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from itertools import count
from typing import ClassVar, TypeAlias, cast

from mega.aws.sqs.subscribe import EventSubscriber
from mega.event import Payload, PayloadBuilder

__all__ = ('BODIES', 'EVENTS', 'Goal', 'Kind', 'NoOp', 'sleeping', 'sleeping_async', 'subscribers')

DOMAINS = ('shopping_cart', 'orders', 'invoices', 'users', 'stock') * 2
VERBS = ('added', 'removed', 'updated', 'archived', 'viewed', 'shared', 'paid', 'sent', 'held')
SUBSCRIBERS = [
    (f'{domain}_{index}', f'item.{verb}')
    for index, domain in enumerate(DOMAINS)
    for verb in (*VERBS, 'refunded')
]
"""The domain and the event name of each subscriber."""


def event(number: int) -> Payload:
    domain, name = SUBSCRIBERS[number * 37 % len(SUBSCRIBERS)]
    return (
        PayloadBuilder()
        .with_event(
            domain=domain,
            name=name,
            timestamp='2020-05-04T15:53:23.123',
            subject=str(987_650 + number),
            publisher='shopping-cart-service',
            item_id='61fcc874-624e-40f8-8fd7-0e663c7837e8',
            quantity=5,
            price='19.99',
        )
        .with_object(
            type='shopping_cart',
            id='18a3f92e-1fbf-45eb-8769-d836d0a1be55',
            current={'user_id': number, 'currency': 'USD', 'value': '377.37', 'items': [1, 2, 3]},
        )
        .with_extra(
            channel='web/desktop', user_ip_address='177.182.205.103', trace=f'{number:016x}'
        )
        .build()
    )


EVENTS = [event(number) for number in range(1_000)]
BODIES = [json.dumps(payload.to_dict()) for payload in EVENTS]


class Goal:
    """Counts processed messages, and calls `then` after the last one."""

    def __init__(self, messages: int) -> None:
        self._messages = messages
        self._numbers = count(1)
        self.then: Callable[[], None] = lambda: None
        self.reached_at = 0.0
        """The time of the last message by `time.perf_counter()`."""

    def count(self) -> None:
        if next(self._numbers) == self._messages:  # atomic, without a lock
            self.reached_at = time.perf_counter()
            self.then()


class Counting(EventSubscriber):
    goal: ClassVar[Goal]


Kind: TypeAlias = type[Counting]


class NoOp(Counting):
    def process(self, payload: Payload) -> None:
        self.goal.count()


def sleeping(seconds: float) -> Kind:
    class Sleeping(Counting):
        def process(self, payload: Payload) -> None:
            time.sleep(seconds)
            self.goal.count()

    return Sleeping


def sleeping_async(seconds: float) -> Kind:
    class SleepingAsync(Counting):
        async def process(self, payload: Payload) -> None:
            await asyncio.sleep(seconds)
            self.goal.count()

    return SleepingAsync


def subscribers(kind: Kind, goal: Goal) -> list[Kind]:
    """Return a subscriber class for each domain and event name."""
    return [
        cast(Kind, type(f'{kind.__name__}{n}', (kind,), {'domain': d, 'name': m, 'goal': goal}))
        for n, (d, m) in enumerate(SUBSCRIBERS)
    ]
