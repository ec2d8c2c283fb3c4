"""One class of each kind of typed payload, with the same fields, and an object of each."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import attrs
import msgspec
import pydantic
import pydantic.dataclasses
from typing_extensions import TypedDict  # pydantic refuses the one of `typing` before Python 3.12

__all__ = (
    'KINDS',
    'LINES',
    'VALUES',
    'AttrsOrder',
    'Color',
    'DataclassOrder',
    'DictOrder',
    'ModelOrder',
    'PydanticOrder',
    'StructOrder',
    'make',
)


class Color(Enum):
    RED = 'red'
    BLUE = 'blue'


@dataclasses.dataclass
class DataclassLine:
    sku: str
    sold_at: datetime
    quantity: int = 1


@dataclasses.dataclass(frozen=True)
class DataclassOrder:
    id: UUID
    at: datetime
    day: date
    price: Decimal
    color: Color
    blob: bytes
    took: timedelta
    tags: set[str]
    sizes: tuple[int, ...]
    counts: dict[int, float]
    lines: list[DataclassLine]
    note: str | None = None


@attrs.define
class AttrsLine:
    sku: str
    sold_at: datetime
    quantity: int = 1


@attrs.frozen
class AttrsOrder:
    id: UUID
    at: datetime
    day: date
    price: Decimal
    color: Color
    blob: bytes
    took: timedelta
    tags: set[str]
    sizes: tuple[int, ...]
    counts: dict[int, float]
    lines: list[AttrsLine]
    note: str | None = None


class StructLine(msgspec.Struct):
    sku: str
    sold_at: datetime
    quantity: int = 1


class StructOrder(msgspec.Struct, rename='camel'):
    id: UUID
    at: datetime
    day: date
    price: Decimal
    color: Color
    blob: bytes
    took: timedelta
    tags: set[str]
    sizes: tuple[int, ...]
    counts: dict[int, float]
    lines: list[StructLine]
    note: str | None = None


class DictLine(TypedDict):
    sku: str
    sold_at: datetime
    quantity: int


class DictOrder(TypedDict):
    id: UUID
    at: datetime
    price: Decimal
    blob: bytes
    lines: list[DictLine]
    note: str | None


class ModelLine(pydantic.BaseModel):
    sku: str
    sold_at: datetime = pydantic.Field(alias='soldAt')
    quantity: int = 1

    model_config = pydantic.ConfigDict(populate_by_name=True)


class ModelOrder(pydantic.BaseModel):
    id: UUID
    at: datetime
    day: date
    price: Decimal
    color: Color
    blob: bytes
    took: timedelta
    tags: set[str]
    sizes: tuple[int, ...]
    counts: dict[int, float]
    lines: list[ModelLine]
    note: str | None = None


@pydantic.dataclasses.dataclass
class PydanticLine:
    sku: str
    sold_at: datetime
    quantity: int = 1


@pydantic.dataclasses.dataclass
class PydanticOrder:
    id: UUID
    at: datetime
    day: date
    price: Decimal
    color: Color
    blob: bytes
    took: timedelta
    tags: set[str]
    sizes: tuple[int, ...]
    counts: dict[int, float]
    lines: list[PydanticLine]
    note: str | None = None


MOMENT = datetime(2026, 5, 4, 15, 53, 23, 123_000, timezone(timedelta(hours=2)))

LINES: list[dict[str, Any]] = [
    {'sku': 'a-1', 'sold_at': MOMENT, 'quantity': 2},
    {'sku': 'b-2', 'sold_at': MOMENT.astimezone(timezone.utc)},
]

VALUES: dict[str, Any] = {
    'id': UUID(int=7),
    'at': MOMENT,
    'day': date(2026, 5, 4),
    'price': Decimal('19.990'),
    'color': Color.BLUE,
    'blob': b'blob',
    'took': timedelta(days=1, seconds=1),
    'tags': {'new', 'sale'},
    'sizes': (1, 2),
    'counts': {1: 0.5, 2: 1.5},
}

KINDS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    'dataclass': (DataclassOrder, DataclassLine),
    'attrs': (AttrsOrder, AttrsLine),
    'Struct': (StructOrder, StructLine),
    'TypedDict': (DictOrder, DictLine),
    'pydantic model': (ModelOrder, ModelLine),
    'pydantic dataclass': (PydanticOrder, PydanticLine),
}
"""The class of an order, and of its lines, of each kind."""


def make(kind: str) -> Any:
    """Return an order of a kind."""
    order, line = KINDS[kind]
    if order is DictOrder:
        names = [name for name in VALUES if name in DictOrder.__required_keys__]
        lines = [{'quantity': 1, **values} for values in LINES]
        return {**{name: VALUES[name] for name in names}, 'lines': lines, 'note': None}
    return order(**VALUES, lines=[line(**values) for values in LINES])
