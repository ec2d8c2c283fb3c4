"""Many patterns at once: those that a payload matches, without asking each."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter
from threading import Lock
from typing import Any, Generic, TypeVar

from mega.match.context import to_plain
from mega.match.explanation import Explanations, explain
from mega.match.index.codegen import MatchState, Node, emit_all
from mega.match.index.decision_tree import IndexedPattern, TreeBuilder
from mega.match.index.normal_form import Alternative, to_dnf
from mega.match.pattern import Pattern, Predicate, compiled

__all__ = ('PatternSet',)

Target = TypeVar('Target')


@dataclass(frozen=True, slots=True)
class _Member(Generic[Target]):
    pattern: Pattern
    target: Target
    to_dnf: tuple[Alternative, ...]
    predicates: tuple[int, ...]
    """The ids of the user's predicates in it."""


_order = itemgetter(1)

REBUILD_RATIO = 8
"""A tree is built anew when what joins it is more than an eighth of it."""


class PatternSet(Generic[Target]):
    """Any number of patterns, each with a target, and the targets that a payload matches.

    To match ten thousand patterns costs two to four times what ten cost, where they ask for values,
    beginnings, ends or ranges at common paths, and few match (resources/matching.md).
    Targets come in the order in which they were added, one for each pattern that matches.
    A predicate of the user's is called at most once for a value and a payload, and only when
    everything else in its pattern holds.
    Thread-safe: match from any number of threads, and add from any.

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
        self._asked: Counter[int] = Counter()
        self._needs_visit = False
        self._lock = Lock()

    def add(self, pattern: object, target: Target) -> None:
        """Add a pattern, and what stands for it in the answers.

        Cheap: the search tree takes it in with the next match, and then only parts are built anew.

        Raises:
            PatternError: when `pattern` is none.
        """
        asked = compiled(pattern)
        predicates = tuple(_predicates(asked)) if asked.calls else ()
        member = _Member(asked, target, tuple(to_dnf(asked)), predicates)
        with self._lock:
            self._members.append(member)
            self._is_stale = True

    def build(self) -> None:
        """Build the index now, rather than during the first match.

        `match` calls this itself after patterns were added. A call without new patterns does
        nothing. Thread-safe, as `add` and `match` are.
        """
        if self._is_stale:
            self._rebuild()

    def match(
        self, lhs: object, errors: list[tuple[Target, BaseException]] | None = None
    ) -> list[Target]:
        """The targets of all patterns that match a value, or an object with `to_dict()`.

        A predicate that raises spoils only its own pattern. With a list given, `errors` gains the
        target and the exception of each such pattern.

        Raises:
            BaseException: without that list, what the first such predicate raised, at the end.
        """
        if self._is_stale:
            self._rebuild()
        value = lhs if type(lhs) is dict else to_plain(lhs)
        found: list[Node] = []
        visit = MatchState(value) if self._needs_visit else None
        for root in self._roots:
            root[0](value, found, root, visit)
        if visit is not None and visit.failures:
            self._report(visit, found, errors)
        if not found:
            return []
        if len(found) == 1:
            node = found[0]
            return [node[2]] if node[0] is not emit_all else list(node[2])
        return _in_order(found)

    def explain(self, lhs: object) -> Explanations[Target]:
        """What every pattern makes of a value, leaf by leaf, in the order of their adding.

        Each pattern is asked on its own: this takes its time.
        """
        return Explanations((target, explain(lhs, pattern)) for pattern, target in self)

    def __len__(self) -> int:
        return len(self._members)

    def __iter__(self) -> Iterator[tuple[Pattern, Target]]:
        """The patterns with their targets, in the order in which they were added."""
        return ((member.pattern, member.target) for member in self._members)

    def __repr__(self) -> str:
        return f'<PatternSet of {len(self)}>'

    def _rebuild(self) -> None:
        """Grow a tree of what was added, and of the trees that are not much larger."""
        with self._lock:
            members = self._members
            first, trees = self._indexed, list(zip(self._sizes, self._roots, strict=True))
            if first == len(members):
                return  # another thread was here first
            new = Counter(id_ for member in members[first:] for id_ in member.predicates)
            if not new.keys().isdisjoint(self._asked):
                first, trees = 0, []  # there a predicate is asked as if by those alone
            while trees and trees[-1][0] < REBUILD_RATIO * (len(members) - first):
                first -= trees.pop()[0]
            self._asked += new
            self._needs_visit |= any(member.pattern.needs_context for member in members[first:])
            grower = TreeBuilder(lambda predicate, count: self._asked[predicate] > count)
            root = grower.build(
                [
                    IndexedPattern(order, members[order].target, alternative)
                    for order in range(first, len(members))
                    for alternative in members[order].to_dnf
                ]
            )
            trees.append((len(members) - first, root))
            self._sizes, self._roots = zip(*trees, strict=True)
            self._indexed = len(members)
            self._is_stale = False

    def _report(
        self,
        visit: MatchState,
        found: list[Node],
        errors: list[tuple[Target, BaseException]] | None,
    ) -> None:
        """Tell of the patterns of which nobody can say whether they match."""
        matched: set[int] = set()
        for node in found:
            matched.update(node[3] if node[0] is emit_all else (node[1],))
        failed: dict[int, tuple[Target, BaseException]] = {}
        for node, error in visit.failures:
            if node[1] not in matched:
                failed.setdefault(node[1], (node[2], error))
        in_order = [failed[order] for order in sorted(failed)]
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
    """The targets of what was found, each pattern's once."""
    found.sort(key=_order)
    targets, last = [], None
    for node in found:
        if node[0] is emit_all:
            return _merge_into_largest(found)
        if node[1] != last:  # it was not found in two ways
            targets.append(node[2])
        last = node[1]
    return targets


def _merge_into_largest(found: list[Node]) -> list[Any]:
    """Put the others into the largest crowd, which is in order already."""
    crowds = (node for node in found if node[0] is emit_all)
    largest = max(crowds, key=lambda node: len(node[2]))
    others: dict[int, Any] = {}
    for node in found:
        if node is largest:
            continue
        if node[0] is emit_all:
            others.update(zip(node[3], node[2], strict=True))
        else:
            others[node[1]] = node[2]
    _, _, targets, orders = largest
    if len(others) > len(targets) // 8:
        others.update(zip(orders, targets, strict=True))
        return [others[order] for order in sorted(others)]
    answer = list(targets)
    for order in sorted(others, reverse=True):
        at = bisect_left(orders, order)
        if at == len(orders) or orders[at] != order:
            answer.insert(at, others[order])
    return answer
