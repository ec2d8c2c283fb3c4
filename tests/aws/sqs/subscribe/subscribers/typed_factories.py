"""Typed payloads and typed subscribers, for tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from types import new_class
from typing import Any

import pydantic

from mega.event import Payload, PayloadBuilder, event

__all__ = ('Cart', 'ItemAdded', 'ItemMoved', 'Line', 'Order', 'Seen', 'added', 'moved', 'recorder')


def from_v1(attributes: dict[str, Any]) -> dict[str, Any]:
    quantity = attributes.pop('qty')
    return {**attributes, 'quantity': quantity}


@event('item.added', domain='shop', subject='cart_id')
@dataclass
class ItemAdded:
    cart_id: str
    quantity: int
    tags: list[str] = field(default_factory=list)
    added_at: datetime | None = None


@event('item.moved', domain='shop', version=2, upgrade={1: from_v1})
@dataclass
class ItemMoved:
    item_id: str
    quantity: int


@dataclass
class Line:
    sku: str
    amount: Decimal = Decimal(0)


@dataclass
class Cart:
    total: Decimal
    line: Line | None = None


class Order(pydantic.BaseModel):
    id: int
    line: Line


Seen = list[Any]


def recorder(base: Any, seen: Seen, called: str = 'Made', /, **declared: Any) -> Any:
    """Return a subscriber class that records what it receives."""

    def process(self: Any, received: Any) -> None:
        seen.append((received, self))

    members = {'process': process, '__module__': __name__, **declared}
    return new_class(called, (base,), {}, lambda namespace: namespace.update(members))


def added(**attributes: Any) -> Payload:
    return PayloadBuilder().with_event(name='item.added', domain='shop', **attributes).build()


def moved(version: int, **attributes: Any) -> Payload:
    builder = PayloadBuilder().with_event(name='item.moved', domain='shop', version=version)
    return builder.with_event(**attributes).build()
