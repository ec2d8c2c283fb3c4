"""The literals and operators of EventBridge as patterns, each of one scalar.

Where a function of the pattern language has the same meaning, the parser uses that function's
pattern. This module has the patterns with a different meaning. For example, `Number(5)` does not
match the text "5", while the pattern 5 of the language does.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from ipaddress import IPv4Network, IPv6Address, IPv6Network
from typing import Any

from mega.match.comparables import ExactKeys, exact, is_number, to_number
from mega.match.context import Context
from mega.match.pattern import Atom, Members, Pattern

__all__ = (
    'AddressBlock',
    'AddressText',
    'CaseInsensitive',
    'Number',
    'NumericRange',
    'ValueList',
    'case_insensitive',
    'is_exact_double',
    'parse_event_address',
    'to_exact_double',
)

MAX_EXACT_INTEGER = 2**53
"""A double represents all integers up to this one exactly."""

MAX_ADDRESS_LENGTH = len('ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff')


class ValueList(Members, frozen=True):
    """The array at the end of a path: at least one of its members must match the scalar."""

    source: tuple[object, ...]
    accepts_missing: bool
    """Whether the array contains `{"exists": false}`."""

    def _when_missing(self) -> bool | None:
        return True if self.accepts_missing else None

    def __repr__(self) -> str:
        return repr(list(self.source))


class Number(Atom, frozen=True):
    """An equal number. A text that spells the number does not match."""

    value: int | float

    def accepts(self, lhs: object, context: Context) -> bool:
        return is_number(lhs) and lhs == self.value

    @property
    def exact_keys(self) -> ExactKeys:
        return ((to_number, self.value),)

    def __repr__(self) -> str:
        return repr(self.value)


class NumericRange(Atom, frozen=True):
    """A number between two bounds. A bound of None does not limit the range."""

    low: int | float | None
    high: int | float | None
    low_included: bool
    high_included: bool

    def accepts(self, lhs: object, context: Context) -> bool:
        if not is_number(lhs) or not is_exact_double(lhs):
            return False
        low, high = self.low, self.high
        if isinstance(lhs, Decimal):
            low, high = exact(low), exact(high)
        if low is not None and not (lhs >= low if self.low_included else lhs > low):
            return False
        return high is None or (lhs <= high if self.high_included else lhs < high)

    def __repr__(self) -> str:
        return f'<numeric from {self.low} to {self.high}>'


class CaseInsensitive(Pattern, frozen=True):
    """A text that equals, starts with or ends with another text, ignoring case."""

    text: str
    at_start: bool
    at_end: bool
    regex: re.Pattern[str]
    """The text in any case; for a suffix, the reversed text."""

    max_length: int
    """The length of the longest text in any case."""

    def accepts(self, lhs: object, context: Context) -> bool:
        return isinstance(lhs, str) and self.test(lhs)

    def test(self, lhs: str) -> bool:
        """Test a text in time that does not depend on its length."""
        if not self.at_end:
            return self.regex.match(lhs) is not None
        if self.at_start:
            return len(lhs) <= self.max_length and self.regex.fullmatch(lhs) is not None
        # A search for the end would begin again at every character.
        return self.regex.match(lhs[: -self.max_length - 1 : -1]) is not None

    def __repr__(self) -> str:
        return f'<any case of {self.text!r}>'


def is_exact_double(number: object) -> bool:
    """Return whether a double represents a number exactly. EventBridge compares no other numbers.

    A `Decimal` counts as exact, because JSON events contain none.
    """
    if isinstance(number, float):
        return math.isfinite(number)
    return not isinstance(number, int) or abs(number) <= MAX_EXACT_INTEGER


def to_exact_double(lhs: object) -> Any:
    """Return a number that a double represents exactly; None for any other value."""
    return to_number(lhs) if is_exact_double(lhs) else None


def case_insensitive(text: str, *, at_start: bool, at_end: bool) -> CaseInsensitive:
    r"""Return a pattern of a text in any case: as a prefix, as a suffix, or as the whole text.

    As in EventBridge, a character matches itself, its lower case and its upper case: `ß` matches
    `SS`, but not `ss`.
    """
    cases = [_cases(character) for character in text]
    step = 1 if at_start else -1
    regex = ''.join(
        f'(?:{"|".join(re.escape(case[::step]) for case in characters)})'
        for characters in cases[::step]
    )
    max_length = sum(max(map(len, characters)) for characters in cases)
    return CaseInsensitive(text, at_start, at_end, re.compile(regex), max_length)


def _cases(character: str) -> list[str]:
    return sorted({character, character.lower(), character.upper()})


class AddressText(Atom, frozen=True):
    """An IP address in any spelling."""

    text: str
    address: tuple[int, int]

    def accepts(self, lhs: object, context: Context) -> bool:
        return parse_event_address(lhs) == self.address

    @property
    def exact_keys(self) -> ExactKeys:
        return ((parse_event_address, self.address),)

    def __repr__(self) -> str:
        return repr(self.text)


class AddressBlock(Pattern, frozen=True):
    """A text that spells an IP address within a CIDR block."""

    block: IPv4Network | IPv6Network

    @property
    def bounds(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """The first and the last address, in the form that `parse_event_address` returns."""
        version, block = self.block.version, self.block
        return (version, int(block.network_address)), (version, int(block.broadcast_address))

    def accepts(self, lhs: object, context: Context) -> bool:
        address = parse_event_address(lhs)
        first, last = self.bounds
        return address is not None and first <= address <= last

    def __repr__(self) -> str:
        return f'<cidr {self.block}>'


def parse_event_address(lhs: object) -> tuple[int, int] | None:
    """Return the IP address that a text spells, as (version, bits); None if it spells none.

    The function follows EventBridge: IPv4 may have leading zeros, an IPv4-mapped IPv6 address is
    IPv4, and zones and dotted ends of IPv6 are not supported.
    """
    if not isinstance(lhs, str) or len(lhs) > MAX_ADDRESS_LENGTH or not _ADDRESS.fullmatch(lhs):
        return None
    if '.' in lhs:
        a, b, c, d = map(int, lhs.split('.'))
        return (4, a << 24 | b << 16 | c << 8 | d) if max(a, b, c, d) <= 255 else None
    try:
        address = IPv6Address(lhs)
    except ValueError:
        return None
    mapped = address.ipv4_mapped
    return (6, int(address)) if mapped is None else (4, int(mapped))


_ADDRESS = re.compile(r'\d+\.\d+\.\d+\.\d+|[0-9a-fA-F]*:[0-9a-fA-F:]*', re.ASCII)
