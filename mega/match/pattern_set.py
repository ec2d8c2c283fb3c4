"""A set of patterns with targets, and the targets of the patterns that match a payload.

The set keeps a list of indexes, each a decision tree (`mega.match.index.decision_tree`). A match
visits all of them. `build`, or the first match, indexes all patterns. From then on, `add` indexes
the new pattern before it returns.

To rebuild one index over everything would make n additions cost n**2 work. So a new pattern gets
an index of its own, which replaces the existing indexes that are less than `REBUILD_RATIO` times
as large as the new one. Sizes grow geometrically along the list, as in a log-structured merge
tree. For example, with a ratio of 8 and indexes of 1,000 and 20 patterns, one more pattern gets its
own index: 1,000, 20, 1. With three more after that, 20 is less than 8 * 4: 1,000 and 24.

`remove` leaves a pattern in its index, and matches omit it from their results. An index that is
rebuilt loses its removed patterns. When more than an eighth of the patterns were removed, all
indexes are rebuilt as one. On average, a removal costs as much as to index eight patterns.

A match takes no lock. It reads the latest `_Snapshot`, which a change replaces as a whole. A thread
that builds an index holds `_indexing`, so that other changes wait, and `_lock` only to read the
patterns and to replace the snapshot.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
from itertools import combinations
from threading import Lock
from typing import Any, Generic, TypeVar

from msgspec import Struct

from mega.match.context import MISSING
from mega.match.explanation import Explanations, explain
from mega.match.index.codegen import MatchState, Node, add_matches
from mega.match.index.decision_tree import IndexedPattern, TreeBuilder
from mega.match.index.normal_form import to_dnf
from mega.match.index.results import targets_of, without_removed
from mega.match.json_fields import JsonFields, JsonText
from mega.match.pattern import Pattern, Predicate, compile_pattern

__all__ = ('PatternSet',)

Target = TypeVar('Target')


class _Member(Struct, Generic[Target], frozen=True):
    pattern: Pattern
    target: Target


class _Index(Struct, frozen=True):
    root: Node
    positions: Sequence[int]
    """The positions of its patterns, in order. Some may have been removed since."""

    needs_state: bool
    predicates: frozenset[int]
    """The ids of the predicates of the user."""


class _Snapshot(Struct, frozen=True):
    """The data of a match. Threads replace it as a whole, so that its parts always agree."""

    roots: tuple[Node, ...] = ()
    needs_state: bool = False
    stores_results: bool = False
    """Whether two indexes have the same predicate, which is called once for both."""

    present: Container[int] | None = None
    """The positions of the patterns; None if the indexes contain no removed patterns."""


REBUILD_RATIO = 8
"""An index is rebuilt when the patterns that join it are more than an eighth of it."""


class PatternSet(Generic[Target]):
    """Patterns with targets, and the targets of the patterns that match a payload.

    - A match against ten thousand patterns takes up to three times as long as against ten, if
      patterns test values, prefixes, suffixes or ranges at common paths, and few match
      (docs/design/matching.md).
    - Targets are in the order of their addition, one for each pattern that matches.
    - A predicate of the user is called at most once per value and payload, and only when all other
      conditions of its pattern are true.
    - Thread-safe: any thread may match, add, remove and build.
    - A match waits for no other thread, except while the first index is built. Call `build` before
      threads match, or the first match builds it.
    - A pattern that `add` has added matches from then on, and a removed pattern never again.

    >>> subscribers = PatternSet()
    >>> subscribers.add({'name': 'user:login'}, 'audit')
    >>> subscribers.add({'name': prefix('user:'), 'age': gt(17)}, 'adults')
    >>> subscribers.match({'name': 'user:login', 'age': 42})
    ['audit', 'adults']
    """

    def __init__(self) -> None:
        # By position: the number of the addition, which no other pattern of the set gets.
        self._members: dict[int, _Member[Target]] = {}
        self._next_position = 0
        self._positions_of: dict[Target, tuple[int, ...]] = {}
        self._recorded_until = 0
        self._indexes: list[_Index] = []
        self._indexed_until = 0
        self._removed_count = 0  # of indexed patterns
        self._snapshot: _Snapshot | None = None
        self._is_used = False  # a match or `build` has begun to build the first index
        self._json_fields: JsonFields | None = None
        self._lock = Lock()
        self._indexing = Lock()  # taken before `_lock`

    def add(self, pattern: object, target: Target) -> None:
        """Add a pattern and its target.

        Before the first match or `build`, an addition is cheap. From then on, the new pattern is
        indexed, on average together with about 20 others in a set of 10,000. To replace many
        patterns, fill a new set.

        Raises:
            PatternError: if `pattern` is invalid.
            BaseException: an interrupt, or no memory, while the pattern is indexed. The pattern is
                in the set then, and the next change indexes it.
        """
        compiled = compile_pattern(pattern)
        with self._lock:
            if self._json_fields is not None:
                self._json_fields.include([compiled])
            self._members[self._next_position] = _Member(compiled, target)
            self._next_position += 1
            is_used = self._is_used
        if is_used:
            self.build()

    def remove(self, target: Target) -> None:
        """Remove every pattern that was added with a target.

        A match that begins afterwards has the same results, and calls the same predicates, as if
        the patterns had never been added. As cheap as an addition.

        Raises:
            KeyError: if the set has no pattern with this target.
            TypeError: if a target in the set is not hashable.
        """
        with self._lock:
            self._record_positions()
            positions = self._positions_of.pop(target)
            for position in positions:
                del self._members[position]
            if positions[0] < self._indexed_until:
                self._removed_count += bisect_left(positions, self._indexed_until)
                self._publish()
            has_many_removed = self._has_many_removed()
        if has_many_removed:
            self.build()

    def build(self) -> None:
        """Build the index now, rather than during the first match.

        Other threads may match, add and remove meanwhile. Their additions wait; their matches do
        not, once the set has an index.
        """
        with self._indexing:
            with self._lock:
                self._is_used = self._is_used or bool(self._members)
                until = self._next_position
                joining, indexes = self._joining()
            if joining:
                indexes = [*indexes, self._build_index(joining)]
            elif len(indexes) == len(self._indexes):
                return
            with self._lock:
                self._indexes, self._indexed_until = indexes, until
                newer = [one for one in range(until, self._next_position) if one in self._members]
                in_indexes = sum(len(index.positions) for index in indexes)
                self._removed_count = in_indexes + len(newer) - len(self._members)
                self._publish()

    def match(
        self,
        lhs: object,
        errors: list[tuple[Target, BaseException]] | None = None,
        *,
        root: object = MISSING,
    ) -> list[Target]:
        """Return the targets of all patterns that match a value, or an object with `to_dict()`.

        The path of a `field` starts at `root`; by default at the value.

        A predicate that raises affects only its own pattern. If `errors` is given, the target and
        the exception of each such pattern are appended to it.

        Raises:
            BaseException: without `errors`, the exception of the first such pattern, after all
                patterns were tested.
        """
        snapshot = self._snapshot
        if snapshot is None:
            self.build()
            snapshot = self._snapshot or _Snapshot()
        # After the snapshot: a `JsonText` must have the fields that all of its patterns test.
        value: Any = lhs  # as `to_plain` does, without the call
        if type(lhs) is not dict and (to_dict := getattr(type(lhs), 'to_dict', None)) is not None:
            value = to_dict(lhs)
        found: list[Node] = []
        present = snapshot.present
        state = None
        if snapshot.needs_state:
            state = MatchState(value if root is MISSING else root, present, snapshot.stores_results)
        for node in snapshot.roots:
            node[0](value, found, node, state)
        if present is not None:
            found = without_removed(found, present)
        if state is not None and state.failures:
            self._report(state, found, errors)
        if not found:
            return []
        if len(found) == 1:
            node = found[0]
            return [node[2]] if node[0] is not add_matches else list(node[2])
        return targets_of(found)

    def match_json(
        self, body: str | bytes, errors: list[tuple[Target, BaseException]] | None = None
    ) -> list[Target]:
        """Return the targets of all patterns that match a JSON text: `match(json.loads(body))`.

        Bytes are UTF-8. A byte order mark at the start is ignored, as by `codec.decode`.

        It decodes only the values that patterns test. So it suits programs that do not need the
        payload, such as a forwarder, an archive or a filter. With events of 750 bytes, it takes
        about 60 % of the time of `codec.decode` and `match`.

        A MEGA event is matched as it is written. The publishers write its normal form. Another
        producer may write attributes beside the name of the event, where patterns of `attributes`
        do not find them.

        In a value that no pattern tests, only the syntax is checked: it may contain a number that
        is too large for a float, and be nested deeper than payloads may be.

        Raises:
            DecodeError: for any other text than one complete JSON value.
            BaseException: as `match` does.
        """
        fields = self._json_fields
        if fields is None:
            with self._lock:
                if (fields := self._json_fields) is None:  # no other thread has made them
                    fields = JsonFields(member.pattern for member in self._members.values())
                    self._json_fields = fields
        return self.match(JsonText(body, fields), errors)

    def explain(self, lhs: object) -> Explanations[Target]:
        """Explain for every pattern why it matches or does not, in the order of their addition.

        Slow: each pattern is tested separately.
        """
        return Explanations((target, explain(lhs, pattern)) for pattern, target in self)

    def __len__(self) -> int:
        return len(self._members)

    def __iter__(self) -> Iterator[tuple[Pattern, Target]]:
        """Yield the patterns with their targets, in the order of their addition."""
        members = list(self._members.values())  # other threads may add and remove meanwhile
        return ((member.pattern, member.target) for member in members)

    def __repr__(self) -> str:
        return f'<PatternSet of {len(self)}>'

    def _record_positions(self) -> None:
        """Record the positions of each target. Only sets with removals need them.

        As tuples, because the garbage collector visits lists.
        """
        new: defaultdict[Target, list[int]] = defaultdict(list)
        for position in range(self._recorded_until, self._next_position):
            new[self._members[position].target].append(position)
        for target, positions in new.items():
            self._positions_of[target] = *self._positions_of.get(target, ()), *positions
        self._recorded_until = self._next_position

    def _has_many_removed(self) -> bool:
        return self._removed_count * REBUILD_RATIO > len(self._members)

    def _joining(self) -> tuple[dict[int, _Member[Target]], list[_Index]]:
        """Return the patterns of the next index, and the indexes that it does not replace."""
        members, indexes = self._members, self._indexes
        if self._has_many_removed():
            return members.copy(), []
        new = range(self._indexed_until, self._next_position)
        joining = [position for position in new if position in members]
        while indexes and len(indexes[-1].positions) < REBUILD_RATIO * len(joining):
            *indexes, last = indexes
            joining = [one for one in last.positions if one in members] + joining
        return {position: members[position] for position in joining}, indexes

    def _build_index(self, members: Mapping[int, _Member[Target]]) -> _Index:
        patterns = [member.pattern for member in members.values()]
        predicates = Counter(
            [id_ for one in patterns if one.has_predicate for id_ in _predicates(one)]
        )
        alternatives = [
            IndexedPattern(position, member.target, alternative)
            for position, member in members.items()
            for alternative in to_dnf(member.pattern)
        ]
        root = TreeBuilder(predicates).build(alternatives)
        # One by one: Python would delete all of them at once, and other threads would wait.
        while alternatives:
            del alternatives[-1]
        needs_state = any(one.needs_context for one in patterns)
        return _Index(root, list(members), needs_state, frozenset(predicates))

    def _publish(self) -> None:
        """Replace the snapshot, which later matches read."""
        indexes = self._indexes
        self._snapshot = _Snapshot(
            tuple(index.root for index in indexes),
            any(index.needs_state for index in indexes),
            any(
                not one.predicates.isdisjoint(other.predicates)
                for one, other in combinations(indexes, 2)
            ),
            self._members if self._removed_count else None,
        )

    def _report(
        self,
        state: MatchState,
        found: list[Node],
        errors: list[tuple[Target, BaseException]] | None,
    ) -> None:
        """Report the patterns whose predicates raised, unless another alternative matched."""
        matched: set[int] = set()
        for node in found:
            matched.update(node[3] if node[0] is add_matches else (node[1],))
        failed: dict[int, tuple[Target, BaseException]] = {}
        for node, error in state.failures:
            if node[1] not in matched and not state.is_removed(node):
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
