"""What may stand in the array that ends a path: literals and operators, each asked about a scalar.

Where a pattern of the language means the same, it is that pattern.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address
from typing import Any

from mega.match.comparables import is_number
from mega.match.context import Context
from mega.match.pattern import Pattern

__all__ = (
    'AddressBlock',
    'AddressText',
    'CaseInsensitive',
    'Number',
    'NumericRange',
    'ValueList',
    'any_case',
    'is_comparable',
    'read_event_address',
)

MAX_EXACT = 2**53

MAX_ADDRESS = len('ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff')


@dataclass(frozen=True, slots=True, eq=False)
class ValueList(Pattern):
    """The array that ends a path: one of its items suffices."""

    written: tuple[object, ...]
    items: tuple[Pattern, ...]
    may_be_missing: bool
    """Whether `{"exists": false}` is among them."""

    def accepts(self, lhs: object, context: Context) -> bool:
        for item in self.items:
            if item.accepts(lhs, context):
                return True
        return False

    @property
    def children(self) -> tuple[Pattern, ...]:
        return self.items

    def _absent(self) -> bool | None:
        return True if self.may_be_missing else None

    def __repr__(self) -> str:
        return repr(list(self.written))


@dataclass(frozen=True, slots=True, eq=False)
class Number(Pattern):
    """The equal number. A text that spells it is none."""

    value: int | float

    def accepts(self, lhs: object, context: Context) -> bool:
        return is_number(lhs) and lhs == self.value

    def __repr__(self) -> str:
        return repr(self.value)


@dataclass(frozen=True, slots=True, eq=False)
class NumericRange(Pattern):
    """A number between two bounds; None is no bound."""

    low: int | float | None
    high: int | float | None
    low_included: bool
    high_included: bool

    def accepts(self, lhs: object, context: Context) -> bool:
        if not is_number(lhs) or not is_comparable(lhs):
            return False
        if self.low is not None and not (lhs >= self.low if self.low_included else lhs > self.low):
            return False
        return self.high is None or (lhs <= self.high if self.high_included else lhs < self.high)

    def __repr__(self) -> str:
        return f'<numeric from {self.low} to {self.high}>'


@dataclass(frozen=True, slots=True, eq=False)
class CaseInsensitive(Pattern):
    """A text that equals, begins or ends with another, each character in any case."""

    text: str
    begins: bool
    ends: bool
    regex: re.Pattern[str]

    def accepts(self, lhs: object, context: Context) -> bool:
        return isinstance(lhs, str) and self.regex.search(lhs) is not None

    def __repr__(self) -> str:
        return f'<any case of {self.text!r}>'


def is_comparable(number: object) -> bool:
    """Whether a double says a number exactly; EventBridge compares no others."""
    if isinstance(number, float):
        return math.isfinite(number)
    return not isinstance(number, int) or abs(number) <= MAX_EXACT


def any_case(text: str, *, begins: bool, ends: bool) -> CaseInsensitive:
    r"""A text in any case, from the beginning, to the end, or both.

    A character stands for itself and its upper and lower case, as EventBridge has it: `ß` also for
    `SS`, not for `ss`.
    """
    characters = (f'(?:{"|".join(map(re.escape, _cases(character)))})' for character in text)
    start, end = r'\A' if begins else '', r'\Z' if ends else ''
    return CaseInsensitive(text, begins, ends, re.compile(start + ''.join(characters) + end))


def _cases(character: str) -> list[str]:
    return sorted({character, character.lower(), character.upper()})


@dataclass(frozen=True, slots=True, eq=False)
class AddressText(Pattern):
    """An internet address, however it is written."""

    text: str
    address: tuple[int, int]

    def accepts(self, lhs: object, context: Context) -> bool:
        return read_event_address(lhs) == self.address

    def __repr__(self) -> str:
        return repr(self.text)


@dataclass(frozen=True, slots=True, eq=False)
class AddressBlock(Pattern):
    """A text that is an address within a block."""

    block: IPv4Network | IPv6Network

    @property
    def ends(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """The first and the last address, as `read_event_address` reads them."""
        version, block = self.block.version, self.block
        return (version, int(block.network_address)), (version, int(block.broadcast_address))

    def accepts(self, lhs: object, context: Context) -> bool:
        address = read_event_address(lhs)
        first, last = self.ends
        return address is not None and first <= address <= last

    def __repr__(self) -> str:
        return f'<cidr {self.block}>'


def read_event_address(lhs: object) -> tuple[int, int] | None:
    """The address that a text is: its version, then its bits.

    As EventBridge reads it: zeros may lead in IPv4, IPv4 within IPv6 is IPv4, and neither zones nor
    dotted ends of IPv6 are read.
    """
    if not isinstance(lhs, str) or len(lhs) > MAX_ADDRESS or not _ADDRESS.fullmatch(lhs):
        return None
    text = '.'.join(str(int(part)) for part in lhs.split('.')) if '.' in lhs else lhs
    try:
        address: Any = ip_address(text)
    except ValueError:
        return None
    if not isinstance(address, IPv4Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.version, int(address)


_ADDRESS = re.compile(r'\d+\.\d+\.\d+\.\d+|[0-9a-fA-F]*:[0-9a-fA-F:]*', re.ASCII)
