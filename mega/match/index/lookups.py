"""Looking up a value among the keys of many patterns.

A finder takes a value from the payload, reads it in its way, and goes on to the nodes of the keys
that fit.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, ClassVar, Protocol, TypeAlias

from mega.match.index.codegen import MatchState, Node
from mega.match.index.keys import Reading, Span, read_anything
from mega.match.index.residuals import group_by_shape

__all__ = (
    'Equality',
    'Finder',
    'ForEachMember',
    'IntervalIndex',
    'Lookup',
    'Predicates',
    'Prefixes',
    'TestList',
    'found_of_all',
)

MAX_KEPT = 250_000
"""How many entries the blocks of spans hold in all, some 8 bytes each."""


class Lookup(Protocol):
    """One way to look up a value."""

    arity: ClassVar[int]
    """How many constants it has."""

    lines: ClassVar[Sequence[str]]
    """The code that goes on to the nodes whose keys fit the value `v`.

    `{read}` stands for what was read of it, and `{0}`, `{1}`, ... for the constants.
    """

    @property
    def read(self) -> Reading:
        """How it reads a value."""

    @property
    def constants(self) -> tuple[object, ...]:
        """What it looks up in."""

    def find(self, value: object) -> Iterable[Node]:
        """The nodes whose keys fit a value: what the lines do, but not to go on to them."""


_GO_BELOW = 'below[0](payload, found, below, visit)'
_FIND = ('for below in {0}.find(v):', f'    {_GO_BELOW}')


@dataclass(frozen=True, slots=True)
class Equality:
    """Keys that equal what was read: one probe of a hash table."""

    read: Reading
    nodes: Mapping[Any, Node]

    arity: ClassVar[int] = 1
    lines: ClassVar[Sequence[str]] = (
        'below = {0}.get({read})',
        'if below is not None:',
        f'    {_GO_BELOW}',
    )

    @property
    def constants(self) -> tuple[object, ...]:
        return (self.nodes,)

    def find(self, value: object) -> Iterable[Node]:
        node = self.nodes.get(self.read(value))
        return () if node is None else (node,)


@dataclass(frozen=True, slots=True)
class ForEachMember:
    """What another finder finds for the members of an array, each node once."""

    finder: Lookup

    arity: ClassVar[int] = 1
    lines: ClassVar[Sequence[str]] = _FIND

    @property
    def read(self) -> Reading:
        return self.finder.read

    @property
    def constants(self) -> tuple[object, ...]:
        return (self,)

    def find(self, value: object) -> Iterable[Node]:
        return found_of_all(value, (self.finder,)) if isinstance(value, (list, tuple)) else ()


def found_of_all(values: Iterable[object], finders: Sequence[Lookup]) -> Iterable[Node]:
    """What finders find for any of several values, each node once."""
    reached = {
        id(node): node for value in values for finder in finders for node in finder.find(value)
    }
    return reached.values()


class Prefixes:
    """Texts with which what was read begins.

    They are grouped by their first characters, as many as the shortest has: most texts begin with
    none of them, and are done with one probe. In a group, sorted, the longest that fits is the
    nearest at or before the text, or one that is a prefix of that; and each knows the longest that
    is a prefix of itself.
    """

    __slots__ = ('constants', 'read')

    arity: ClassVar[int] = 2
    lines: ClassVar[Sequence[str]] = (
        'read = {read}',
        'group = None if read is None else {0}.get(read[{1}])',
        'if group is not None:',
        '    text, below, more = group',
        '    if more is None:',
        '        if read.startswith(text):',
        f'            {_GO_BELOW}',
        '    else:',
        '        for below in more(read):',
        f'            {_GO_BELOW}',
    )

    def __init__(self, read: Reading, nodes: Mapping[str, Node]) -> None:
        shortest = min(map(len, nodes))
        groups: defaultdict[str, list[str]] = defaultdict(list)
        for text in sorted(nodes):
            groups[text[:shortest]].append(text)
        self.read = read
        self.constants = (
            {head: _group(texts, nodes) for head, texts in groups.items()},
            _beginning(shortest),
        )

    def find(self, value: object) -> Iterable[Node]:
        groups, beginning = self.constants
        read = self.read(value)
        group = None if read is None else groups.get(read[beginning])
        if group is None:
            return ()
        text, below, more = group
        if more is not None:
            return more(read)
        return (below,) if read.startswith(text) else ()


@lru_cache
def _beginning(length: int) -> slice:
    """One object for all that cut off as much: it need not be made for every payload."""
    return slice(length)


_Group: TypeAlias = tuple[str, Node, 'Callable[[str], Iterable[Node]] | None']
"""A text and its node, where it is the only one that begins so; otherwise how to find more."""


def _group(texts: Sequence[str], nodes: Mapping[str, Node]) -> _Group:
    below = [nodes[text] for text in texts]
    more = None if len(texts) == 1 else _Sorted(texts, below, _next_shorter(texts)).find
    return texts[0], below[0], more


@dataclass(frozen=True, slots=True)
class _Sorted:
    """Texts in order, the node of each, and the place of the next shorter one within it."""

    texts: Sequence[str]
    nodes: Sequence[Node]
    shorter: Sequence[int]

    def find(self, read: str) -> Iterable[Node]:
        i = bisect_right(self.texts, read) - 1
        while i >= 0 and not read.startswith(self.texts[i]):
            i = self.shorter[i]
        found = []
        while i >= 0:
            found.append(self.nodes[i])
            i = self.shorter[i]
        return found


def _next_shorter(texts: Sequence[str]) -> list[int]:
    """For each of some sorted texts the place of the longest other that is its prefix, or -1."""
    shorter: list[int] = []
    prefixes: list[int] = []
    for i, text in enumerate(texts):
        while prefixes and not text.startswith(texts[prefixes[-1]]):
            prefixes.pop()
        shorter.append(prefixes[-1] if prefixes else -1)
        prefixes.append(i)
    return shorter


class IntervalIndex:
    """Spans in which what was read lies.

    The bounds cut the scale into cells: each bound is one, and so is each gap between two. Cells
    are taken together in blocks. A block keeps as one crowd what holds in all of it, and apart what
    begins or ends within.
    """

    __slots__ = ('_block', '_bounds', '_decimal', '_edges', '_exact', '_inside', 'read')

    arity: ClassVar[int] = 1
    lines: ClassVar[Sequence[str]] = _FIND

    def __init__(self, read: Reading, spans: Sequence[tuple[Span, list[Node]]]) -> None:
        bounds = {b for span, _ in spans for b in (span.low, span.high) if b is not None}
        self.read = read
        # Between a float and a Decimal, the caller's decimal context would have a say.
        self._decimal = any(isinstance(bound, Decimal) for bound in bounds)
        self._exact = sorted({_exact(bound) for bound in bounds})
        self._bounds = self._exact if self._decimal else sorted(bounds)
        cells = [(*self._cells(span), nodes) for span, nodes in spans]
        covered = sum((last - first + 1) * len(nodes) for first, last, nodes in cells)
        self._block = 1 + covered // MAX_KEPT
        count = 1 + 2 * len(self._bounds) // self._block
        inside: list[list[Node]] = [[] for _ in range(count)]
        self._edges: list[list[tuple[int, int, list[Node]]]] = [[] for _ in range(count)]
        for first, last, nodes in cells:
            self._place(first, last, nodes, inside)
        self._inside = [group_by_shape(nodes) for nodes in inside]

    @property
    def constants(self) -> tuple[object, ...]:
        return (self,)

    def find(self, value: object) -> Iterable[Node]:
        read = self.read(value)
        if read is None:
            return ()
        cell = self._cell(read)
        inside, edges = self._inside[cell // self._block], self._edges[cell // self._block]
        return [*inside, *(n for first, last, ns in edges if first <= cell <= last for n in ns)]

    def _cell(self, read: Any) -> int:
        bounds = self._bounds
        if isinstance(read, Decimal):
            bounds = self._exact
        elif self._decimal:
            read = _exact(read)
        return bisect_left(bounds, read) + bisect_right(bounds, read)

    def _cells(self, span: Span) -> tuple[int, int]:
        first, last = 0, 2 * len(self._bounds)
        if span.low is not None:
            first = self._cell(span.low) + (not span.low_included)
        if span.high is not None:
            last = self._cell(span.high) - (not span.high_included)
        return first, last

    def _place(self, first: int, last: int, nodes: list[Node], inside: list[list[Node]]) -> None:
        for block in range(first // self._block, last // self._block + 1):
            start = block * self._block
            if first <= start and min(start + self._block - 1, 2 * len(self._bounds)) <= last:
                inside[block] += nodes
            else:
                self._edges[block].append((first, last, nodes))


@dataclass(frozen=True, slots=True)
class TestList:
    """Tests that hold for what was read: each is made once, however many patterns share it."""

    read: Reading
    tests: Sequence[tuple[Callable[[Any], object], Node]]

    arity: ClassVar[int] = 1
    lines: ClassVar[Sequence[str]] = _FIND

    @property
    def constants(self) -> tuple[object, ...]:
        return (self,)

    def find(self, value: object) -> Iterable[Node]:
        read = self.read(value)
        return () if read is None else [node for test, node in self.tests if test(read)]


@dataclass(frozen=True, slots=True)
class Predicates:
    """Users' predicates that hold for the value. They may raise, and spoil only their own."""

    predicates: Sequence[tuple[Callable[[Any], object], Sequence[Node]]]
    """Each with the entries that ask it."""

    shared: bool
    """Whether other patterns ask them too, so that the visit has to remember the answers."""

    read = staticmethod(read_anything)
    arity: ClassVar[int] = 1
    lines: ClassVar[Sequence[str]] = ('{0}.visit(v, payload, found, visit)',)

    @property
    def constants(self) -> tuple[object, ...]:
        return (self,)

    def visit(
        self, value: object, payload: Any, found: list[Node], visit: MatchState | None
    ) -> None:
        assert visit is not None
        for predicate, entries in self.predicates:
            try:
                holds = visit.ask(predicate, value) if self.shared else predicate(value)
                # Truth is the user's code, too.
                if not holds:
                    continue
            except BaseException as error:
                visit.failures += ((entry, error) for entry in entries)
                continue
            for node in entries:
                node[0](payload, found, node, visit)


Finder: TypeAlias = Lookup | Predicates


def _exact(bound: Any) -> Any:
    return Decimal.from_float(bound) if isinstance(bound, float) else bound
