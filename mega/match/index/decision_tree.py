"""A search tree over many patterns, built at once.

At each branch one value of the payload is looked up among the keys of all patterns that ask about
it; where few are left, what remains of each is checked. The branch that is expected to cost least
is taken first.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from math import log2
from typing import Any, TypeAlias

from mega.match.eventbridge.matcher import scalars_at
from mega.match.index.codegen import (
    WALK_THROUGH_FEW,
    MatchState,
    Node,
    Step,
    compile_step,
    visit_all,
    walk,
)
from mega.match.index.keys import Key, Kind, Reading, read_anything, read_text
from mega.match.index.lookups import (
    Equality,
    Finder,
    ForEachMember,
    IntervalIndex,
    Predicates,
    Prefixes,
    TestList,
    found_of_all,
)
from mega.match.index.normal_form import Alternative, Condition, Path
from mega.match.index.residuals import entry, group_by_shape

__all__ = ('IndexedPattern', 'TreeBuilder')

FEW = 3
"""So many patterns are checked one by one: looking them up would cost as much."""

MIN_WORTH = 1.1
"""Patterns found for each check that a look-up costs; for fewer it is not worth its branch."""

MAX_LEVELS = 12
"""Deeper than that no tree grows, whatever the patterns: every level is a call within a call."""

MAX_COPIES = 32
"""A tree holds each pattern so many times on average, at most: once for each way to find it."""

MAX_SHAPES = 512
"""So many look-ups are kept compiled."""


@dataclass(frozen=True, slots=True)
class IndexedPattern:
    """One alternative of a pattern, and what of it remains to be asked."""

    order: int
    target: object
    conditions: Alternative

    def without(self, condition: Condition, is_settled: bool) -> IndexedPattern:
        """What remains once a key of a condition was found."""
        rest = tuple([one for one in self.conditions if one is not condition])
        if not is_settled and not condition.is_prefilter:
            rest = (*rest, Condition(condition.path, condition.leaf))
        return IndexedPattern(self.order, self.target, rest)


_BranchKey: TypeAlias = tuple[Path, bool]
"""Where to look something up: at which path, and whether through arrays, as hints are."""

_Clause: TypeAlias = tuple[Condition, tuple[Key, ...]]
"""A condition of a pattern, and the keys by which that finds it."""

_Below: TypeAlias = 'dict[Any, tuple[Key, list[IndexedPattern]]]'
"""What is found by each key, under the value of the key."""

_Grown: TypeAlias = dict[tuple[int, ...], Node]
"""Nodes by the ids of the patterns that they were grown of."""


@dataclass(frozen=True, slots=True)
class BranchPlan:
    """What a step looks up: at which path, and by which finders, each reading in its way.

    Where one table leads mostly to nodes that look up the same, both are looked up in one step:
    that saves a call, and reads the objects on the way to both once.
    """

    path: Path
    is_loose: bool
    finders: tuple[tuple[type[Finder], Reading], ...]
    then: BranchPlan | None = None


class TreeBuilder:
    """Builds the tree of some patterns.

    `is_shared` says of a predicate, by its id, whether more patterns ask it than so many.
    """

    def __init__(self, is_shared: Callable[[int, int], bool]) -> None:
        self._is_shared = is_shared
        self._room = 0
        self._looks: dict[Step, BranchPlan] = {}
        self._texts: dict[str, str] = {}

    def build(self, planted: Sequence[IndexedPattern]) -> Node:
        """Build a tree, and answer its root."""
        self._room = MAX_COPIES * len(planted)
        return self._grow(planted, 1)

    def _grow(self, planted: Sequence[IndexedPattern], level: int) -> Node:
        self._room -= len(planted)
        may_branch = len(planted) > FEW and level < MAX_LEVELS and self._room > 0
        nodes = []
        rest = [(one, _routes(one) if may_branch else {}) for one in planted]
        while len(rest) > FEW and (route := _best_route(rest)):
            found = [(one, routes[route]) for one, routes in rest if route in routes]
            nodes.append(self._branch(route, found, level))
            rest = [(one, routes) for one, routes in rest if route not in routes]
        nodes += group_by_shape(self._entries(one for one, _ in rest))
        if len(nodes) == 1:
            return nodes[0]
        return WALK_THROUGH_FEW.get(len(nodes), visit_all), *nodes

    def _branch(
        self, route: _BranchKey, found: Sequence[tuple[IndexedPattern, _Clause]], level: int
    ) -> Node:
        groups: defaultdict[tuple[Kind, Reading, bool], _Below] = defaultdict(dict)
        for one, (condition, keys) in found:
            left = {
                is_sufficient: one.without(condition, is_sufficient)
                for is_sufficient in (True, False)
            }
            for key in keys:
                _, planted = groups[key.kind, key.read, key.each].setdefault(key.value, (key, []))
                planted.append(left[key.is_sufficient])
        grown: _Grown = {}
        finders: list[Finder] = [
            ForEachMember(finder) if each and not isinstance(finder, Predicates) else finder
            for (kind, read, each), below in sorted(groups.items(), key=_by_vagueness)
            for finder in self._finders(kind, read, below, level, grown)
        ]
        path, is_loose = route
        constants = [constant for finder in finders for constant in finder.constants]
        look = BranchPlan(path, is_loose, tuple((type(one), one.read) for one in finders))
        if is_loose:
            return _look_up(look), *constants, path, finders
        if len(finders) == 1 and isinstance(finders[0], Equality):
            [(below, count)] = Counter(node[0] for node in finders[0].nodes.values()).most_common(1)
            if below in self._looks and 2 * count > len(finders[0].nodes):
                look = replace(look, then=self._looks[below])
                constants.append(below)
        join_path = _look_up(look)
        self._looks[join_path] = look
        return join_path, *constants

    def _finders(
        self, kind: Kind, read: Reading, below: _Below, level: int, grown: _Grown
    ) -> Iterable[Finder]:
        if kind is Kind.WITHIN:
            yield IntervalIndex(
                read, [(span, self._entries(planted)) for span, (_, planted) in below.items()]
            )
            return
        if kind is Kind.HOLDS and read is read_anything:
            yield from self._predicates(below)
            return
        nodes = {}
        for value, (_, planted) in below.items():
            # Two keys often lead to the same patterns, as a number and the text that spells it do.
            same = tuple(map(id, planted))
            if same not in grown:
                grown[same] = self._grow(planted, level + 1)
            nodes[self._shared(value)] = grown[same]
        if kind is Kind.HOLDS:
            yield TestList(read, [(key.test, nodes[value]) for value, (key, _) in below.items()])
        elif kind is Kind.BEGINS:
            yield Prefixes(read, nodes)
        else:
            yield Equality(read, nodes)

    def _predicates(self, below: _Below) -> Iterable[Finder]:
        for shared in (False, True):
            predicates = [
                (key.test, self._entries(planted))
                for key, planted in below.values()
                if self._is_shared(key.value, len(planted)) is shared
            ]
            if predicates:
                yield Predicates(predicates, shared)

    def _entries(self, planted: Iterable[IndexedPattern]) -> list[Node]:
        nodes = []
        for one in planted:
            join_path, order, target, *constants = entry(one.order, one.target, one.conditions)
            nodes.append((join_path, order, target, *map(self._shared, constants)))
        return nodes

    def _shared(self, value: Any) -> Any:
        """A copy of a text, one for all that equal it.

        Copies lie closer together than texts that came from anywhere: of fewer pages of memory,
        more are known to the processor.
        """
        return self._texts.setdefault(value, f'{value} '[:-1]) if type(value) is str else value


def _routes(one: IndexedPattern) -> dict[_BranchKey, _Clause]:
    """At which paths a pattern can be found, and by what: the most telling condition at each.

    By a user's predicate only where nothing else is left to ask.
    """
    only_calls = all(condition.leaf.calls for condition in one.conditions)
    routes: dict[_BranchKey, _Clause] = {}
    for condition in one.conditions:
        keys = condition.keys
        if keys is None or (condition.leaf.calls and not only_calls):
            continue
        route = condition.path, condition.is_prefilter
        known = routes.get(route)
        if known is None or _selectivity_rank(keys) < _selectivity_rank(known[1]):
            routes[route] = condition, keys
    return routes


def _selectivity_rank(keys: tuple[Key, ...]) -> int:
    return max([_VAGUENESS[key.kind] for key in keys], default=0)


_VAGUENESS = {kind: i for i, kind in enumerate(Kind)}


def _by_vagueness(group: tuple[tuple[Kind, Reading, bool], _Below]) -> int:
    """By it groups stand in one order in all branches: so that these have one step."""
    return _VAGUENESS[group[0][0]]


@dataclass(slots=True)
class _Tally:
    """What a look-up at one path would cost, in units of checking one pattern."""

    patterns: int = 0
    values: Counter[tuple[Reading, bool, Any]] = field(default_factory=Counter)
    kinds: Counter[Kind] = field(default_factory=Counter)

    def add(self, keys: tuple[Key, ...]) -> None:
        self.patterns += 1
        for key in keys:
            self.kinds[key.kind] += 1
            if key.kind in (Kind.EQUALS, Kind.BEGINS):
                self.values[key.read, key.each, key.value] += 1

    def benefit(self) -> float:
        """The patterns that are looked up, for each check that this costs."""
        begins = self.kinds[Kind.BEGINS]
        cost = 1 + 0.7 * self.kinds[Kind.HOLDS] + self.kinds[Kind.WITHIN] / 3
        if begins:
            cost += 1 + log2(begins)
        # What is found together is looked up once more: that bounds its cost.
        group_by_shape = sum([count * min(count, FEW) for count in self.values.values()])
        return self.patterns / (cost + group_by_shape / (sum(self.values.values()) or 1))


def _best_route(
    patterns: Iterable[tuple[IndexedPattern, dict[_BranchKey, _Clause]]],
) -> _BranchKey | None:
    """The path most worth a look-up; None where every pattern had better be checked."""
    tallies: defaultdict[_BranchKey, _Tally] = defaultdict(_Tally)
    for _, routes in patterns:
        for route, (_, keys) in routes.items():
            tallies[route].add(keys)
    worths = {route: tally.benefit() for route, tally in tallies.items()}
    best = max(worths, key=worths.__getitem__, default=None)
    return best if best is not None and worths[best] > MIN_WORTH else None


@lru_cache(MAX_SHAPES)
def _look_up(look: BranchPlan) -> Step:
    """The step of a node (step, *constants of every finder), and for hints (..., path, finders)."""
    names: dict[str, object] = {'look_through': _look_through}
    return compile_step(_lines(look, {}, names), **names)


def _lines(look: BranchPlan, parents: dict[Path, str], names: dict[str, object]) -> list[str]:
    if look.is_loose:
        through = 'return look_through(payload, found, node, visit)'
        nothing_plain = 'v is MISSING or isinstance(v, (dict, list, tuple))'
    else:
        through, nothing_plain = 'return', 'v is MISSING'
    lines = [*walk(look.path, parents, through), f'if {nothing_plain}:', f'    {through}']
    taken = 1
    reads = [read for _, read in look.finders]
    known: dict[Reading, str] = {}
    for finder, read in look.finders:
        constants = [f'node[{taken + i}]' for i in range(finder.arity)]
        taken += finder.arity
        names[read.__name__] = read
        what = f'{read.__name__}(v)'
        if read is read_text:
            what = f'v if type(v) is str else {what}'
        if reads.count(read) > 1:
            if read not in known:
                known[read] = f'read{len(known)}'
                lines.append(f'{known[read]} = {what}')
            what = known[read]
        if look.then is not None:
            lines.append(f'below = {constants[0]}.get({what})')
        else:
            lines += (line.format(*constants, read=what) for line in finder.lines)
    if look.then is None:
        return lines
    return [
        *lines,
        'if below is None:',
        '    return',
        f'if below[0] is not node[{taken}]:',
        '    return below[0](payload, found, below, visit)',
        'node = below',
        *_lines(look.then, parents, names),
    ]


def _look_through(payload: object, found: list[Node], node: Node, visit: MatchState | None) -> None:
    """Look up every scalar at a path, through arrays and names with dots."""
    *_, path, finders = node
    for below in found_of_all(scalars_at(payload, path), finders):
        below[0](payload, found, below, visit)
