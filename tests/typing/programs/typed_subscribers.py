"""Typed subscribers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar

import attrs
import msgspec
import pydantic
from typing_extensions import TypedDict, assert_type

from mega.aws.sqs import SqsReceiver
from mega.aws.sqs.subscribe import (
    AnyPayload,
    DataSubscriber,
    EventSubscriber,
    Message,
    MessageSubscriber,
    ProcessStatus,
    SqsListener,
)
from mega.event import Payload, event
from mega.match.functions import gt
from mega.testing import deliver


@event('item.added', domain='shop', subject='cart_id')
@dataclass(frozen=True)
class ItemAdded:
    cart_id: str
    quantity: int


@event('item.removed')
@attrs.frozen
class ItemRemoved:
    cart_id: str


@event('cart.closed')
class CartClosed(msgspec.Struct):
    cart_id: str


@event('cart.paid')
class CartPaid(pydantic.BaseModel):
    cart_id: str


class Cart(TypedDict):
    total: int


class Restock(EventSubscriber[ItemAdded]):
    attributes = {'quantity': gt(100)}

    def process(self, event: ItemAdded) -> None:
        assert_type(event.quantity, int)
        assert_type(self.payload, Payload)
        assert_type(self.message, Message)
        assert_type(self.current, dict[str, Any] | None)


class Close(EventSubscriber[CartClosed, Cart]):
    async def process(self, event: CartClosed) -> ProcessStatus:
        assert_type(event, CartClosed)
        assert_type(self.current, Cart | None)
        assert_type(self.previous, Cart | None)
        return ProcessStatus.DONE


class Total(DataSubscriber[Cart]):
    def process(self, payload: Cart) -> None:
        assert_type(payload['total'], int)
        assert_type(self.payload, dict[str, Any])


class Remove(EventSubscriber[ItemRemoved]):
    def process(self, removed: ItemRemoved) -> None:  # any name
        assert_type(removed.cart_id, str)


class Pay(EventSubscriber[CartPaid]):
    def process(self, event: object) -> None: ...  # a wider type


class Wrong(EventSubscriber[ItemAdded]):
    def process(self, event: ItemRemoved) -> None: ...  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]


class WrongData(DataSubscriber[Cart]):
    def process(self, payload: Payload) -> None: ...  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]


class WrongResult(DataSubscriber[Cart]):
    def process(self, payload: Cart) -> str:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        return ''


class WrongField(EventSubscriber[ItemAdded]):
    def process(self, event: ItemAdded) -> None:
        assert event.price  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]


E = TypeVar('E')


class Audited(EventSubscriber[E], Generic[E]):
    """A base class for subscribers of several events."""


class AuditedRestock(Audited[ItemAdded]):
    def process(self, event: ItemAdded) -> None:
        assert_type(event, ItemAdded)


assert_type(ItemAdded('1', 5), ItemAdded)
assert_type(CartPaid(cart_id='1').cart_id, str)

SUBSCRIBERS: list[type[MessageSubscriber]] = [Restock, Close, Total, Remove, Pay, AuditedRestock]


def listener() -> SqsListener:
    made = SqsListener('https://sqs.eu-west-1.amazonaws.com/424566909325/q', SUBSCRIBERS)
    assert_type(made.register_subscriber(Restock), type[Restock])
    return made


assert_type(deliver(Restock, ItemAdded('1', 101)).status, ProcessStatus)


def script(receiver: SqsReceiver) -> None:
    for received in receiver.receive():
        assert_type(received.payload, AnyPayload)
        assert_type(received.payload_as(ItemAdded), ItemAdded)
        received.retry(timedelta(minutes=1))
