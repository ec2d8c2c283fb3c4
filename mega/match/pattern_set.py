"""A set of patterns with targets, and the targets of the patterns that match a payload.

The set keeps a list of indexes, each a decision tree (`mega.match.index.decision_tree`). A match
visits all of them. `add` only appends a pattern; the next match, or `build`, indexes the new
patterns.

To rebuild one index over everything would make n additions cost n**2 work. So the new patterns get
an index of their own, which replaces the existing indexes that are less than `REBUILD_RATIO` times
as large as the new one. Sizes grow geometrically along the list, as in a log-structured merge
tree. For example, with a ratio of 8 and indexes of 1,000 and 20 patterns, one more pattern gets its
own index: 1,000, 20, 1. With three more after that, 20 is less than 8 * 4: 1,000 and 24.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from operator import itemgetter
from threading import Lock
from typing import Any, Generic, TypeVar

from msgspec import Struct

from mega.match.context import to_plain
from mega.match.explanation import Explanations, explain
from mega.match.index.codegen import MatchState, Node, emit_all
from mega.match.index.decision_tree import IndexedPattern, TreeBuilder
from mega.match.index.normal_form import Alternative, to_dnf
from mega.match.pattern import Pattern, Predicate, compile_pattern

__all__ = ('PatternSet',)

Target = TypeVar('Target')


class _Member(Struct, Generic[Target], frozen=True):
    pattern: Pattern
    target: Target
    alternatives: tuple[Alternative, ...]
    predicates: tuple[int, ...]
    """The ids of the predicates of the user in the pattern."""


_position = itemgetter(1)

REBUILD_RATIO = 8
"""An index is rebuilt when the patterns that join it are more than an eighth of it."""


class PatternSet(Generic[Target]):
    """Patterns with targets, and the targets of the patterns that match a payload.

    - A match against ten thousand patterns takes two to four times as long as against ten, if
      patterns test values, prefixes, suffixes or ranges at common paths, and few match
      (resources/matching.md).
    - Targets are in the order of their addition, one for each pattern that matches.
    - A predicate of the user is called at most once per value and payload, and only when all other
      conditions of its pattern are true.
    - Thread-safe: any thread may match, and any thread may add.

    >>> subscribers = PatternSet()
    >>> subscribers.add({'name': 'user:login'}, 'audit')
    >>> subscribers.add({'name': prefix('user:'), 'age': gt(17)}, 'adults')
    >>> subscribers.match({'name': 'user:login', 'age': 42})
    ['audit', 'adults']
    """

    def __init__(self) -> None:
        self._members: list[_Member[Target]] = []
        self._roots: tuple[Node, ...] = ()
        self._sizes: tuple[int, ...] = ()
        self._indexed = 0
        self._is_stale = False
        self._predicate_counts: Counter[int] = Counter()
        self._needs_state = False
        self._lock = Lock()

    def add(self, pattern: object, target: Target) -> None:
        """Add a pattern and its target.

        Cheap: the next match, or `build`, updates the index, and only parts of it are rebuilt.

        Raises:
            PatternError: if `pattern` is invalid.
        """
        compiled = compile_pattern(pattern)
        predicates = tuple(_predicates(compiled)) if compiled.has_predicate else ()
        member = _Member(compiled, target, tuple(to_dnf(compiled)), predicates)
        with self._lock:
            self._members.append(member)
            self._is_stale = True

    def build(self) -> None:
        """Build the index now, rather than during the first match.

        `match` builds the index itself after patterns were added. A call without new patterns does
        nothing. Thread-safe, as `add` and `match` are.
        """
        if self._is_stale:
            self._rebuild()

    def match(
        self, lhs: object, errors: list[tuple[Target, BaseException]] | None = None
    ) -> list[Target]:
        """Return the targets of all patterns that match a value, or an object with `to_dict()`.

        A predicate that raises affects only its own pattern. If `errors` is given, the target and
        the exception of each such pattern are appended to it.

        Raises:
            BaseException: without `errors`, the exception of the first such pattern, after all
                patterns were tested.
        """
        if self._is_stale:
            self._rebuild()
        value = lhs if type(lhs) is dict else to_plain(lhs)
        found: list[Node] = []
        # `_rebuild` sets these two in the opposite order: no thread sees a root without its state.
        roots = self._roots
        state = MatchState(value) if self._needs_state else None
        for root in roots:
            root[0](value, found, root, state)
        if state is not None and state.failures:
            self._report(state, found, errors)
        if not found:
            return []
        if len(found) == 1:
            node = found[0]
            return [node[2]] if node[0] is not emit_all else list(node[2])
        return _in_order(found)

    def explain(self, lhs: object) -> Explanations[Target]:
        """Explain for every pattern why it matches or does not, in the order of their addition.

        Slow: each pattern is tested separately.
        """
        return Explanations((target, explain(lhs, pattern)) for pattern, target in self)

    def __len__(self) -> int:
        return len(self._members)

    def __iter__(self) -> Iterator[tuple[Pattern, Target]]:
        """Yield the patterns with their targets, in the order of their addition."""
        return ((member.pattern, member.target) for member in self._members)

    def __repr__(self) -> str:
        return f'<PatternSet of {len(self)}>'

    def _rebuild(self) -> None:
        """Index the new patterns, together with the indexes that are not much larger."""
        with self._lock:
            members = self._members
            first, indexes = self._indexed, list(zip(self._sizes, self._roots, strict=True))
            if first == len(members):
                return  # another thread has indexed them
            new = Counter(id_ for member in members[first:] for id_ in member.predicates)
            if not new.keys().isdisjoint(self._predicate_counts):
                # Existing indexes may call the predicate without storing the result.
                first, indexes = 0, []
            while indexes and indexes[-1][0] < REBUILD_RATIO * (len(members) - first):
                first -= indexes.pop()[0]
            self._predicate_counts += new
            self._needs_state |= any(member.pattern.needs_context for member in members[first:])
            counts = self._predicate_counts
            builder = TreeBuilder(lambda predicate, count: counts[predicate] > count)
            root = builder.build(
                [
                    IndexedPattern(position, members[position].target, alternative)
                    for position in range(first, len(members))
                    for alternative in members[position].alternatives
                ]
            )
            indexes.append((len(members) - first, root))
            self._sizes, self._roots = zip(*indexes, strict=True)
            self._indexed = len(members)
            self._is_stale = False

    def _report(
        self,
        state: MatchState,
        found: list[Node],
        errors: list[tuple[Target, BaseException]] | None,
    ) -> None:
        """Report the patterns whose predicates raised, unless another alternative matched."""
        matched: set[int] = set()
        for node in found:
            matched.update(node[3] if node[0] is emit_all else (node[1],))
        failed: dict[int, tuple[Target, BaseException]] = {}
        for node, error in state.failures:
            if node[1] not in matched:
                failed.setdefault(node[1], (node[2], error))
        in_order = [failed[position] for position in sorted(failed)]
        if errors is not None:
            errors += in_order
        elif in_order:
            raise in_order[0][1]


def _predicates(pattern: Pattern) -> Iterator[int]:
    if isinstance(pattern, Predicate):
        yield id(pattern.function)
    for child in pattern.children:
        yield from _predicates(child)


def _in_order(found: list[Node]) -> list[Any]:
    """Return the targets of the nodes by position, each pattern once."""
    for node in found:
        if node[0] is emit_all:
            return _merge_groups(found)
    return _sorted_targets(found)


def _sorted_targets(nodes: list[Node]) -> list[Any]:
    nodes.sort(key=_position)
    targets, last = [], None
    for node in nodes:
        if node[1] != last:  # a pattern with several alternatives may be found twice
            targets.append(node[2])
        last = node[1]
    return targets


def _merge_groups(found: list[Node]) -> list[Any]:
    """Return the targets by position if there are groups.

    The targets of a group are in order already. If one group is much larger than everything else,
    the others are inserted into it by binary search. Otherwise the members of all groups are
    sorted.
    """
    largest: Node = ()
    size = count = 0
    for node in found:
        length = len(node[2]) if node[0] is emit_all else 1
        count += length
        if length > size:
            largest, size = node, length
    others: list[Node] = []
    is_dominant = count - size <= size // 8
    for node in found:
        if node is largest and is_dominant:
            continue
        if node[0] is emit_all:
            others += node[4]
        else:
            others.append(node)
    if not is_dominant:
        return _sorted_targets(others)
    _, _, targets, positions, _ = largest
    merged = list(targets)
    others.sort(key=_position, reverse=True)
    last = None
    for node in others:
        position = node[1]
        at = bisect_left(positions, position)
        if position != last and (at == len(positions) or positions[at] != position):
            merged.insert(at, node[2])
        last = position
    return merged
