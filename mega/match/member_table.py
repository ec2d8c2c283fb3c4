"""Find which of many patterns a value matches, with one look-up for all plain values.

To test the members of a list one by one costs time in proportion to their number, for every member
of an array in a payload. A `MemberTable` keeps plain values in hash tables, one for each normal
form. For example, `[1, 'a', 'b', gt(5)]` has the numbers {1}, the texts that spell them {1}, the
texts {'a', 'b'}, and `gt(5)`, which is tested.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias

from mega.match.context import Context

__all__ = ('EMPTY_TABLE', 'MAX_TESTED', 'Member', 'MemberTable')

_Keys: TypeAlias = tuple[tuple[Callable[[object], Any], Any], ...]
"""Normalisers, each with a normal form (`ExactKeys`)."""

_Table: TypeAlias = tuple[Callable[[object], Any], dict[object, int]]
"""A normaliser, and the bits of each normal form."""


class Member(Protocol):
    """A `Pattern`."""

    @property
    def exact_keys(self) -> _Keys | None: ...

    def accepts(self, lhs: object, context: Context) -> bool: ...


MAX_TESTED = 4
"""The number of patterns that are tested one by one: a look-up would cost as much."""


class MemberTable:
    """Patterns, each with a set of bits. By default, bit n stands for pattern n.

    The hash tables are built when the first value is looked up.
    """

    __slots__ = ('_bits', '_members', '_others', '_tables')

    def __init__(self, members: Sequence[Member], bits: Sequence[int] | None = None) -> None:
        self._members = members
        self._bits = bits
        self._others: tuple[tuple[Member, int], ...] = ()
        self._tables: tuple[_Table, ...] | None = None

    def find(self, value: object, context: Context) -> int:
        """Return the bits of all patterns that match a value."""
        found = 0
        for normalise, bits in self._build() if self._tables is None else self._tables:
            normalised = normalise(value)
            if normalised is not None:
                found |= bits.get(normalised, 0)
        for pattern, more in self._others:
            if found | more != found and pattern.accepts(value, context):
                found |= more
        return found

    def matches_any(self, value: object, context: Context) -> bool:
        """Return whether at least one pattern matches a value."""
        for normalise, bits in self._build() if self._tables is None else self._tables:
            normalised = normalise(value)
            if normalised is not None and normalised in bits:
                return True
        for pattern, _ in self._others:
            if pattern.accepts(value, context):
                return True
        return False

    def _build(self) -> tuple[_Table, ...]:
        tables: defaultdict[Callable[[object], Any], dict[object, int]] = defaultdict(dict)
        others = []
        all_bits = self._bits or [1 << place for place in range(len(self._members))]
        for member, bits in zip(self._members, all_bits, strict=True):
            keys = member.exact_keys if len(self._members) > MAX_TESTED else None
            if keys is None:
                others.append((member, bits))
            for normalise, value in keys or ():
                tables[normalise][value] = tables[normalise].get(value, 0) | bits
        # In this order: another thread that sees the tables also sees the others.
        self._others = tuple(others)
        self._tables = tuple(tables.items())
        return self._tables


EMPTY_TABLE = MemberTable(())
"""The table of a pattern until it has built its own."""
