"""Look-ups of one value among the keys of many patterns.

A look-up normalises the value from the payload and visits the nodes of the keys that fit.

- `HashTable`: equal keys, one probe.
- `PrefixTable`: texts with which the value starts, one probe and at most one binary search.
- `SubstringTable`: texts that the value contains, one probe for each character.
- `IntervalIndex` (`intervals`): intervals that contain the value, one binary search.
- `TestList`: tests, such as regular expressions, one after another.
- `PredicateList`: predicates of the user, which may raise.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar, Protocol, TypeAlias

from msgspec import Struct

from mega.match.comparables import Normaliser, to_number, to_text, wrap
from mega.match.index.codegen import MatchState, Node

__all__ = (
    'AnyLookup',
    'ForEachMember',
    'HashTable',
    'NormalisedLookup',
    'PredicateList',
    'PrefixTable',
    'SubstringTable',
    'TestList',
    'find_any',
    'find_each',
)


MAX_TESTED_TEXTS = 250
"""Up to this many substrings, a long value is tested for each one.

That is faster than the look-up by characters.
"""


class Lookup(Protocol):
    """One way to look up a value."""

    arity: ClassVar[int]
    """The number of `constants`."""

    lines: ClassVar[Sequence[str]]
    """The code that visits the nodes whose keys fit `value`.

    `{normalised}` stands for the normalised value, and `{0}`, `{1}`, ... for the constants.
    """

    @property
    def normalise(self) -> Normaliser:
        """Bring a value into the form of the keys."""

    @property
    def constants(self) -> tuple[object, ...]:
        """The data of the look-up, which the node stores."""

    def find(self, value: object) -> Iterable[Node]:
        """Return the nodes whose keys fit a value. `lines` does the same and visits them."""


VISIT_CHILD = 'child[0](payload, found, child, state)'


class HashTable(Struct, frozen=True):
    """Keys that equal the normalised value."""

    normalise: Normaliser
    nodes: Mapping[Any, Node]

    arity: ClassVar[int] = 1
    lines: ClassVar[Sequence[str]] = (
        'child = {0}.get({normalised})',
        'if child is not None:',
        f'    {VISIT_CHILD}',
    )

    @property
    def constants(self) -> tuple[object, ...]:
        return (self.nodes,)

    def find(self, value: object) -> Iterable[Node]:
        node = self.nodes.get(self.normalise(value))
        return () if node is None else (node,)


class NormalisedLookup:
    """A look-up that has only to find the nodes of a normalised value."""

    __slots__ = ('normalise',)

    normalise: Normaliser

    arity: ClassVar[int] = 1
    lines: ClassVar[Sequence[str]] = (
        'normalised = {normalised}',
        'if normalised is not None:',
        '    for child in {0}(normalised):',
        f'        {VISIT_CHILD}',
    )

    @property
    def constants(self) -> tuple[object, ...]:
        return (self._find,)

    def find(self, value: object) -> Iterable[Node]:
        normalised = self.normalise(value)
        return () if normalised is None else self._find(normalised)

    def _find(self, normalised: Any) -> Iterable[Node]:
        raise NotImplementedError  # each kind of look-up defines it


class ForEachMember(Struct, frozen=True):
    """Another look-up for each member of an array. Each node is found once."""

    lookup: Lookup

    arity: ClassVar[int] = 1
    lines: ClassVar[Sequence[str]] = ('for child in {0}.find(value):', f'    {VISIT_CHILD}')

    @property
    def normalise(self) -> Normaliser:
        return self.lookup.normalise

    @property
    def constants(self) -> tuple[object, ...]:
        return (self,)

    def find(self, value: object) -> Iterable[Node]:
        return find_any((self.lookup,), value) if isinstance(value, (list, tuple)) else ()


def find_each(lookups: Iterable[Lookup], values: Sequence[object]) -> Iterator[tuple[int, Node]]:
    """Yield the place of each value, with each node that any look-up finds for it."""
    for lookup in lookups:
        if isinstance(lookup, HashTable):
            nodes, normalise = lookup.nodes, lookup.normalise
            same = _SAME_TYPES.get(normalise, ())
            keys = [value if type(value) in same else normalise(value) for value in values]
            yield from [(place, nodes[key]) for place, key in enumerate(keys) if key in nodes]
        else:
            for place, value in enumerate(values):
                for node in lookup.find(value):
                    yield place, node


_SAME_TYPES: dict[Normaliser, tuple[type, ...]] = {to_text: (str,), to_number: (int, float)}
"""The types of values that are keys themselves, without a call."""


def find_any(lookups: Sequence[Lookup], values: Sequence[object]) -> Iterable[Node]:
    """Return the nodes that any look-up finds for any of the values, each node once."""
    if len(values) == 1 and len(lookups) == 1:
        return lookups[0].find(values[0])
    reached = {
        id(node): node for value in values for lookup in lookups for node in lookup.find(value)
    }
    return reached.values()


class PrefixTable:
    """Texts with which the normalised value starts.

    The prefixes are grouped by their first n characters, where n is the length of the shortest.
    Most values start with no prefix: for them, one probe of the hash table of groups is enough.

    A group of several prefixes is sorted. The longest prefix of a value is its nearest neighbour
    at or before the value, or a prefix of this neighbour. Every prefix stores the next
    shorter one. For example, in the group ('a', 'ab', 'ac') the value 'abc' is behind 'ab', whose
    next shorter prefix is 'a': both are found.
    """

    __slots__ = ('constants', 'normalise')

    arity: ClassVar[int] = 2
    lines: ClassVar[Sequence[str]] = (
        'text = {normalised}',
        'group = None if text is None else {0}.get(text[{1}])',
        'if group is not None:',
        '    only_prefix, child, find_all = group',
        '    if find_all is None:',
        '        if text.startswith(only_prefix):',
        f'            {VISIT_CHILD}',
        '    else:',
        '        for child in find_all(text):',
        f'            {VISIT_CHILD}',
    )

    def __init__(self, normalise: Normaliser, nodes: Mapping[str, Node]) -> None:
        shortest = min(map(len, nodes))
        groups: defaultdict[str, list[str]] = defaultdict(list)
        for text in sorted(nodes):
            groups[text[:shortest]].append(text)
        self.normalise = normalise
        self.constants = (
            {start: _prefix_group(texts, nodes) for start, texts in groups.items()},
            _first_characters(shortest),
        )

    def find(self, value: object) -> Iterable[Node]:
        groups, first_characters = self.constants
        text = self.normalise(value)
        group = None if text is None else groups.get(text[first_characters])
        if group is None:
            return ()
        only_prefix, child, find_all = group
        if find_all is not None:
            return find_all(text)
        return (child,) if text.startswith(only_prefix) else ()


@lru_cache
def _first_characters(length: int) -> slice:
    """Return a slice. A stored slice is faster than a new one for every payload."""
    return slice(length)


_PrefixGroup: TypeAlias = tuple[str, Node, 'Callable[[str], Iterable[Node]] | None']
"""A prefix, its node, and None; or a function that finds the nodes if there are more prefixes."""


def _prefix_group(texts: Sequence[str], nodes: Mapping[str, Node]) -> _PrefixGroup:
    children = [nodes[text] for text in texts]
    if len(texts) == 1:
        return texts[0], children[0], None
    return texts[0], children[0], _SortedPrefixes(texts, children, _next_shorter(texts)).find


class _SortedPrefixes(Struct, frozen=True):
    """Sorted texts, the node of each, and for each the index of the next shorter prefix."""

    texts: Sequence[str]
    nodes: Sequence[Node]
    shorter: Sequence[int]

    def find(self, text: str) -> Iterable[Node]:
        i = bisect_right(self.texts, text) - 1
        while i >= 0 and not text.startswith(self.texts[i]):
            i = self.shorter[i]
        found = []
        while i >= 0:
            found.append(self.nodes[i])
            i = self.shorter[i]
        return found


def _next_shorter(texts: Sequence[str]) -> list[int]:
    """Return for each sorted text the index of the longest other text that is its prefix, or -1."""
    shorter: list[int] = []
    prefixes: list[int] = []
    for i, text in enumerate(texts):
        while prefixes and not text.startswith(texts[prefixes[-1]]):
            prefixes.pop()
        shorter.append(prefixes[-1] if prefixes else -1)
        prefixes.append(i)
    return shorter


class SubstringTable(NormalisedLookup):
    """Texts that the normalised value contains.

    Each text is stored under four neighbouring characters of it, those that the fewest other texts
    contain. A text of three characters is stored under these. Only the texts under characters of
    the value are tested. For example, 'ordered' is stored under 'dere' if there is also 'border',
    and the value 'reorder' tests neither.
    """

    __slots__ = ('_by_run', '_runs', '_texts')

    def __init__(self, normalise: Normaliser, nodes: Mapping[str, Node]) -> None:
        self.normalise = normalise
        self._texts = [*nodes.items()]
        self._runs = {_runs_of(text) for text in nodes}
        counts = Counter(run for text in nodes for run in {*_runs_of(text)(text)})
        self._by_run: defaultdict[tuple[str, ...], list[tuple[str, Node]]] = defaultdict(list)
        for text, node in self._texts:
            # A text of one or two characters has no run, and is always tested.
            run = min(_runs_of(text)(text), key=counts.__getitem__, default=())
            self._by_run[run].append((text, node))

    def _find(self, normalised: str) -> Iterable[Node]:
        texts, by_run = self._texts, self._by_run
        if len(normalised) < len(texts) or len(texts) > MAX_TESTED_TEXTS:
            texts = [*by_run.get((), ())]
            for runs in self._runs:
                for run in by_run.keys() & runs(normalised):
                    texts += by_run[run]
        return [node for text, node in texts if text in normalised]


def _runs_of(text: str) -> Callable[[str], Iterable[tuple[str, ...]]]:
    return _fours if len(text) > 3 else _threes


def _threes(text: str) -> Iterable[tuple[str, ...]]:
    """Return every three neighbouring characters of a text."""
    return zip(text, text[1:], text[2:])  # noqa: B905  # up to the last three


def _fours(text: str) -> Iterable[tuple[str, ...]]:
    """Return every four neighbouring characters of a text."""
    return zip(text, text[1:], text[2:], text[3:])  # noqa: B905  # up to the last four


class TestList(NormalisedLookup):
    """Tests of the normalised value. Each test runs once, even if many patterns share it."""

    __slots__ = ('_tests',)

    def __init__(
        self, normalise: Normaliser, tests: Sequence[tuple[Callable[[Any], object], Node]]
    ) -> None:
        self.normalise = normalise
        self._tests = tests

    def _find(self, normalised: Any) -> Iterable[Node]:
        return [node for test, node in self._tests if test(normalised)]


class PredicateList(Struct, frozen=True):
    """Predicates of the user. An exception affects only the patterns of that predicate."""

    predicates: Sequence[tuple[Callable[[Any], object], Sequence[Node]]]
    """Each predicate with the nodes of the patterns that contain it."""

    is_shared: bool
    """Whether patterns elsewhere in the index have the same predicates.

    The state then stores the results, so that a predicate is called once per value.
    """

    normalise = staticmethod(wrap)
    arity: ClassVar[int] = 1
    lines: ClassVar[Sequence[str]] = ('{0}.visit(value, payload, found, state)',)

    @property
    def constants(self) -> tuple[object, ...]:
        return (self,)

    def visit(
        self, value: object, payload: Any, found: list[Node], state: MatchState | None
    ) -> None:
        assert state is not None
        is_stored = self.is_shared or state.stores_results
        predicates = self.predicates
        if state.present is not None:
            predicates = [one for one in predicates if not all(map(state.is_removed, one[1]))]
        for predicate, nodes in predicates:
            try:
                is_true = state.call(predicate, value) if is_stored else predicate(value)
                # `__bool__` of the result may be code of the user, too.
                if not is_true:
                    continue
            except BaseException as error:
                state.failures += ((node, error) for node in nodes)
                continue
            for node in nodes:
                node[0](payload, found, node, state)


AnyLookup: TypeAlias = Lookup | PredicateList
