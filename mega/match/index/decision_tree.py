"""The index: a decision tree over many patterns.

To test every pattern against a payload costs time in proportion to their number. The index avoids
that by look-ups. A branch of the tree reads one path of the payload and looks the value up among
the keys of all patterns with a condition on that path. Only the patterns that it finds are tested
further: by more branches while they are many, and by residual checks of their other conditions
while they are few. For example, the patterns

    0: {'type': 'order', 'name': 'paid'}           3: {'type': 'order', 'amount': gt(100)}
    1: {'type': 'order', 'name': 'sent'}           4: {'type': 'user', 'name': prefix('log')}
    2: {'type': 'order', 'name': 'sent', 'vip': True}

become this tree:

    look up `type` in a hash table
      'order': look up `name` in a hash table
                 'paid': match 0
                 'sent': match 1; if `vip` matches, match 2
               if `amount` matches, match 3
      'user':  if `name` matches, match 4

(A real tree of so few patterns has fewer branches, see `MAX_UNINDEXED`.) The builder is greedy: it
takes the branch with the highest benefit first, which is the number of patterns that the branch
looks up, divided by the estimated cost of the look-up in checks of one pattern.

A pattern with several keys on the path of a branch (`one_of('a', 'b')`) is stored under each of
them, and a pattern with several alternatives once per alternative. `MAX_COPIES` and
`MAX_TREE_DEPTH` limit the size of the tree: when they are reached, patterns are checked one by one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from math import log2
from typing import Any, TypeAlias

from msgspec import Struct

from mega.match.comparables import Normaliser, parse_number, to_number, to_text, wrap
from mega.match.eventbridge.array_choices import Route
from mega.match.index.array_lookups import look_up_anywhere, look_up_choices
from mega.match.index.codegen import (
    VISIT_UNROLLED,
    Node,
    NodeFunction,
    Path,
    compile_node_function,
    read_path_lines,
    read_scalar_lines,
    visit_all,
)
from mega.match.index.intervals import IntervalIndex
from mega.match.index.keys import RANKS, Key, LookupKind, selectivity_rank
from mega.match.index.lookups import (
    AnyLookup,
    ForEachMember,
    HashTable,
    PredicateList,
    PrefixTable,
    SubstringTable,
    TestList,
)
from mega.match.index.normal_form import Alternative, Condition, Scope
from mega.match.index.residuals import group_nodes, residual_node

__all__ = ('IndexedPattern', 'TreeBuilder')

MAX_UNINDEXED = 3
"""The number of patterns that are checked one by one: a look-up would cost as much."""

MIN_BENEFIT = 1.1
"""The minimum number of patterns found per unit of cost for a branch to be worthwhile."""

MAX_TREE_DEPTH = 12
"""The maximum number of nested branches. Each is a nested function call."""

MAX_COPIES = 32
"""The average number of times that a tree may contain each pattern."""

MAX_COMPILED_BRANCHES = 512
"""The number of compiled look-ups that a process keeps."""


class IndexedPattern(Struct, frozen=True, gc=False):
    """One alternative of a pattern, with the conditions that remain to be tested.

    The garbage collector does not visit it, nor its conditions and keys, so that large sets do not
    stop all threads. The tree does not keep them.
    """

    position: int
    target: object
    conditions: Alternative

    def without(self, condition: Condition, is_sufficient: bool) -> IndexedPattern:
        """Return what remains after a key of a condition was found."""
        rest = tuple([one for one in self.conditions if one is not condition])
        if not is_sufficient and condition.scope is not Scope.HINT:
            others = condition.key_sequence[1:]
            rest = (*rest, Condition(condition.path, condition.leaf, others, condition.scope))
        return IndexedPattern(self.position, self.target, rest)


_BranchKey: TypeAlias = tuple[Path, Scope]
"""The path that a branch reads, and what it reads there."""

_Clause: TypeAlias = tuple[Condition, tuple[Key, ...]]
"""A condition of a pattern, and the keys that find it."""

_Children: TypeAlias = 'dict[Any, tuple[Key, list[IndexedPattern]]]'
"""The patterns under each key, by the value of the key."""

_LookupGroup: TypeAlias = tuple[LookupKind, Normaliser, bool]
"""Keys with the same kind, normaliser and `per_member` are in one look-up."""

_BuiltNodes: TypeAlias = dict[tuple[int, ...], Node]
"""Nodes by the ids of the patterns that they were built from."""


class TreeBuilder:
    """Builds the tree of a list of patterns.

    `predicate_counts` has the ids of the predicates of the user, and how often patterns have each.
    """

    def __init__(self, predicate_counts: Mapping[int, int]) -> None:
        self._predicate_counts = predicate_counts
        self._remaining_copies = 0
        self._texts: dict[str, str] = {}

    def build(self, patterns: Sequence[IndexedPattern]) -> Node:
        """Build a tree and return its root."""
        self._remaining_copies = MAX_COPIES * len(patterns)
        return self._build_node(patterns, 1)

    def _build_node(self, patterns: Sequence[IndexedPattern], depth: int) -> Node:
        self._remaining_copies -= len(patterns)
        may_branch = (
            len(patterns) > MAX_UNINDEXED and depth < MAX_TREE_DEPTH and self._remaining_copies > 0
        )
        nodes = []
        rest = patterns
        while may_branch and len(rest) > MAX_UNINDEXED and (branch := _best_branch(rest)):
            found, others = [], []
            for one in rest:
                clause = _clauses(one).get(branch)
                if clause is None:
                    others.append(one)
                else:
                    found.append((one, *clause))
            nodes.append(self._build_branch(branch, found, depth))
            rest = others
        nodes += group_nodes(self._residual_nodes(rest))
        if len(nodes) == 1:
            return nodes[0]
        return VISIT_UNROLLED.get(len(nodes), visit_all), *nodes

    def _build_branch(
        self,
        branch: _BranchKey,
        found: Sequence[tuple[IndexedPattern, Condition, tuple[Key, ...]]],
        depth: int,
    ) -> Node:
        groups: defaultdict[_LookupGroup, _Children] = defaultdict(dict)
        for one, condition, keys in found:
            remaining: dict[bool, IndexedPattern] = {}
            for key in keys:
                is_sufficient = key.is_sufficient
                if is_sufficient not in remaining:
                    remaining[is_sufficient] = one.without(condition, is_sufficient)
                children = groups[key.kind, key.normalise, key.per_member]
                if key.value not in children:
                    children[key.value] = key, []
                children[key.value][1].append(remaining[is_sufficient])
        built: _BuiltNodes = {}
        # In all branches the groups have the same order, so that branches share functions.
        lookups: list[AnyLookup] = [
            ForEachMember(lookup)
            if per_member and not isinstance(lookup, PredicateList)
            else lookup
            for (kind, normalise, per_member), children in sorted(
                groups.items(), key=lambda group: RANKS[group[0][0]]
            )
            for lookup in self._build_lookups(kind, normalise, children, depth, built)
        ]
        path, scope = branch
        constants = [constant for lookup in lookups for constant in lookup.constants]
        function = _compile_branch(
            path, scope, tuple([(type(one), one.normalise) for one in lookups])
        )
        if scope is Scope.VALUE:
            return function, *constants
        fields = {other.path for one, *_ in found for other in one.conditions}
        return function, *constants, Route.of(path, fields), lookups

    def _build_lookups(
        self,
        kind: LookupKind,
        normalise: Normaliser,
        children: _Children,
        depth: int,
        built: _BuiltNodes,
    ) -> Iterable[AnyLookup]:
        if kind in (LookupKind.RANGE, LookupKind.EXCEPT):
            intervals = [
                (interval, self._residual_nodes(patterns))
                for interval, (_, patterns) in children.items()
            ]
            yield IntervalIndex(normalise, intervals)
            return
        if kind is LookupKind.TEST and normalise is wrap:
            yield from self._build_predicate_lists(children)
            return
        nodes = {}
        for value, (_, patterns) in children.items():
            # Two keys often lead to the same patterns: a number and the text that spells it do.
            ids = tuple(map(id, patterns))
            if ids not in built:
                built[ids] = self._build_node(patterns, depth + 1)
            nodes[self._single_copy(value)] = built[ids]
        if kind is LookupKind.TEST:
            tests = [(key.test, nodes[value]) for value, (key, _) in children.items()]
            yield TestList(normalise, tests)
        elif kind is LookupKind.PREFIX:
            yield PrefixTable(normalise, nodes)
        elif kind is LookupKind.SUBSTRING:
            yield SubstringTable(normalise, nodes)
        else:
            yield HashTable(normalise, nodes)

    def _build_predicate_lists(self, children: _Children) -> Iterable[AnyLookup]:
        for is_shared in (False, True):
            predicates = [
                (key.test, self._residual_nodes(patterns))
                for key, patterns in children.values()
                if (self._predicate_counts[key.value] > len(patterns)) is is_shared
            ]
            if predicates:
                yield PredicateList(predicates, is_shared)

    def _residual_nodes(self, patterns: Iterable[IndexedPattern]) -> list[Node]:
        nodes = []
        for one in patterns:
            function, position, target, *constants = residual_node(
                one.position, one.target, one.conditions
            )
            nodes.append((function, position, target, *map(self._single_copy, constants)))
        return nodes

    def _single_copy(self, value: Any) -> Any:
        """Return the same copy for all equal texts.

        New copies are close together in memory, so that the processor's caches hold more of them.
        """
        return self._texts.setdefault(value, f'{value} '[:-1]) if type(value) is str else value


def _clauses(one: IndexedPattern) -> dict[_BranchKey, _Clause]:
    """Return the branches that can find a pattern, each with the most selective condition there.

    A branch tests a predicate of the user only if the pattern has no other conditions left. A
    branch that finds most patterns is used only if no other branch can find the pattern.
    """
    clauses: dict[_BranchKey, _Clause] = {}
    for condition in [c for c in one.conditions if not c.leaf.has_predicate] or one.conditions:
        if not condition.key_sequence:
            continue
        keys = condition.key_sequence[0]
        branch = condition.path, condition.scope
        known = clauses.get(branch)
        if known is None or selectivity_rank(keys) < selectivity_rank(known[1]):
            clauses[branch] = condition, keys
    if len(clauses) < 2:
        return clauses
    selective = {
        branch: clause
        for branch, clause in clauses.items()
        if selectivity_rank(clause[1]) < RANKS[LookupKind.EXCEPT]
    }
    return selective or clauses


def _best_branch(patterns: Iterable[IndexedPattern]) -> _BranchKey | None:
    """Return the branch with the highest benefit; None if checking every pattern is better."""
    candidates: defaultdict[_BranchKey, list[tuple[Key, ...]]] = defaultdict(list)
    for one in patterns:
        for branch, (_, keys) in _clauses(one).items():
            candidates[branch].append(keys)
    benefits = {branch: _benefit(found) for branch, found in candidates.items()}
    best = max(benefits, key=benefits.__getitem__, default=None)
    return best if best is not None and benefits[best] > MIN_BENEFIT else None


def _benefit(found: Sequence[tuple[Key, ...]]) -> float:
    """Return the number of patterns looked up per unit of cost, the check of one pattern."""
    kinds = Counter([key.kind for keys in found for key in keys])
    cost = 1 + 0.7 * kinds[LookupKind.TEST] + kinds[LookupKind.RANGE] / 3
    cost += min(0.3 * kinds[LookupKind.SUBSTRING], 30)
    if prefixes := kinds[LookupKind.PREFIX]:
        cost += 1 + log2(prefixes)
    # Patterns with the same key are found together. If they are many, another look-up follows,
    # which bounds the cost of their checks.
    counts = Counter([key for keys in found for key in keys if key.kind in _KINDS_OF_TABLES])
    checks = sum([count * min(count, MAX_UNINDEXED) for count in counts.values()])
    return len(found) / (cost + checks / (sum(counts.values()) or 1))


_KINDS_OF_TABLES = frozenset((LookupKind.EQUALS, LookupKind.PREFIX, LookupKind.SUBSTRING))


_SHORTCUTS: dict[Normaliser, str] = {
    to_text: 'value if type(value) is str else ',
    to_number: 'value if type(value) is int else ',
    parse_number: 'None if type(value) is int else ',
}
"""The code before the call of a normaliser, which the most frequent values do not need."""


@lru_cache(MAX_COMPILED_BRANCHES)
def _compile_branch(
    path: Path, scope: Scope, lookups: tuple[tuple[type[AnyLookup], Normaliser], ...]
) -> NodeFunction:
    """Compile the function of a branch node.

    The node is `(function, *constants of every look-up)`. If the branch reads through arrays, its
    `Route` and the look-ups follow.
    """
    names: dict[str, object] = {}
    if scope is Scope.VALUE:
        lines = [*read_path_lines(path, {}), 'if value is MISSING:', '    return']
    else:
        names['otherwise'] = look_up_choices if scope is Scope.EVENT else look_up_anywhere
        otherwise = 'return otherwise(payload, found, node, state)'
        lines = read_scalar_lines(path, {}, otherwise)
        lines += ['if value is MISSING:', '    return']
    next_constant = 1
    normalisers = [normalise for _, normalise in lookups]
    variables: dict[Normaliser, str] = {}
    for lookup, normalise in lookups:
        constants = [f'node[{next_constant + i}]' for i in range(lookup.arity)]
        next_constant += lookup.arity
        names[normalise.__name__] = normalise
        normalised = f'{_SHORTCUTS.get(normalise, "")}{normalise.__name__}(value)'
        if normalisers.count(normalise) > 1:
            if normalise not in variables:
                variables[normalise] = f'normalised{len(variables)}'
                lines.append(f'{variables[normalise]} = {normalised}')
            normalised = variables[normalise]
        lines += (line.format(*constants, normalised=normalised) for line in lookup.lines)
    return compile_node_function(lines, **names)
