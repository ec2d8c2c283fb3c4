"""A set of patterns with targets, and the targets of the patterns that match a payload.

The set keeps a list of indexes, each a decision tree (`mega.match.index.decision_tree`). A match
visits all of them. `add` only appends a pattern; the next match, or `build`, indexes the new
patterns.

To rebuild one index over everything would make n additions cost n**2 work. So the new patterns get
an index of their own, which replaces the existing indexes that are less than `REBUILD_RATIO` times
as large as the new one. Sizes grow geometrically along the list, as in a log-structured merge
tree. For example, with a ratio of 8 and indexes of 1,000 and 20 patterns, one more pattern gets its
own index: 1,000, 20, 1. With three more after that, 20 is less than 8 * 4: 1,000 and 24.

`remove` leaves a pattern in its index, and matches omit it from their results. An index that is
rebuilt loses its removed patterns. When more than an eighth of the patterns were removed, all
indexes are rebuilt as one. On average, a removal costs as much as to index eight patterns.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Container, Iterator, Sequence
from threading import Lock
from typing import Any, Generic, TypeVar

from msgspec import Struct, structs

from mega.match.context import MISSING
from mega.match.explanation import Explanations, explain
from mega.match.index.codegen import MatchState, Node, add_matches
from mega.match.index.decision_tree import IndexedPattern, TreeBuilder
from mega.match.index.normal_form import Alternative, to_dnf
from mega.match.index.results import targets_of, without_removed
from mega.match.json_fields import JsonFields, JsonText
from mega.match.pattern import Pattern, Predicate, compile_pattern

__all__ = ('PatternSet',)

Target = TypeVar('Target')


class _Member(Struct, Generic[Target], frozen=True):
    pattern: Pattern
    target: Target
    alternatives: tuple[Alternative, ...]
    predicates: tuple[int, ...]
    """The ids of the predicates of the user in the pattern."""


class _Index(Struct, frozen=True):
    root: Node
    positions: Sequence[int]
    """The positions of its patterns, in order. Some may have been removed since."""

    needs_state: bool


class _Snapshot(Struct, frozen=True):
    """The data of a match. Threads replace it as a whole, so that its parts always agree."""

    roots: tuple[Node, ...] = ()
    needs_state: bool = False
    present: Container[int] | None = None
    """The positions of the patterns; None if the indexes contain no removed patterns."""


REBUILD_RATIO = 8
"""An index is rebuilt when the patterns that join it are more than an eighth of it."""


class PatternSet(Generic[Target]):
    """Patterns with targets, and the targets of the patterns that match a payload.

    - A match against ten thousand patterns takes two to four times as long as against ten, if
      patterns test values, prefixes, suffixes or ranges at common paths, and few match
      (docs/design/matching.md).
    - Targets are in the order of their addition, one for each pattern that matches.
    - A predicate of the user is called at most once per value and payload, and only when all other
      conditions of its pattern are true.
    - Thread-safe: any thread may match, add and remove.

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
        self._positions_of: defaultdict[Target, list[int]] = defaultdict(list)
        self._recorded_until = 0
        self._indexes: list[_Index] = []
        self._indexed_until = 0
        self._removed_count = 0  # of indexed patterns
        self._snapshot = _Snapshot()
        self._is_stale = False
        self._predicate_counts: Counter[int] = Counter()
        self._json_fields: JsonFields | None = None
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
            if self._json_fields is not None:
                self._json_fields.include([compiled])
            self._members[self._next_position] = member
            self._next_position += 1
            self._predicate_counts.update(predicates)
            self._is_stale = True

    def remove(self, target: Target) -> None:
        """Remove every pattern that was added with a target.

        A match that begins afterwards has the same results, and calls the same predicates, as if
        the patterns had never been added. As cheap as an addition.

        Raises:
            KeyError: if the set has no pattern with this target.
            TypeError: if a target in the set is not hashable.
        """
        with self._lock:
            # Only sets from which patterns are removed need the positions of each target.
            for position in range(self._recorded_until, self._next_position):
                self._positions_of[self._members[position].target].append(position)
                self._recorded_until = position + 1
            positions = self._positions_of.pop(target)
            for position in positions:
                self._forget_predicates(self._members.pop(position).predicates)
            if positions[0] < self._indexed_until:
                self._snapshot = structs.replace(self._snapshot, present=self._members)
                self._removed_count += bisect_left(positions, self._indexed_until)
                self._is_stale |= self._has_many_removed()

    def build(self) -> None:
        """Build the index now, rather than during the first match.

        `match` builds the index itself after patterns were added. A call without new patterns does
        nothing. Thread-safe, as `add` and `match` are.
        """
        if self._is_stale:
            self._rebuild()

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
        if self._is_stale:
            self._rebuild()
        snapshot = self._snapshot
        # After the snapshot: a `JsonText` must have the fields that all of its patterns test.
        value: Any = lhs
        if type(lhs) is not dict and (to_dict := getattr(type(lhs), 'to_dict', None)) is not None:
            value = to_dict(lhs)
        found: list[Node] = []
        present = snapshot.present
        state = None
        if snapshot.needs_state:
            state = MatchState(value if root is MISSING else root, present)
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

    def _has_many_removed(self) -> bool:
        return self._removed_count * REBUILD_RATIO > len(self._members)

    def _rebuild(self) -> None:
        """Index the new patterns, together with the indexes that are not much larger."""
        with self._lock:
            if not self._is_stale:
                return  # another thread has indexed them
            members = self._members
            new = range(self._indexed_until, self._next_position)
            joining = [position for position in new if position in members]
            indexes = self._indexes
            if self._has_many_removed() or self._calls_indexed_predicates(joining):
                joining, indexes = list(members), []
            while indexes and len(indexes[-1].positions) < REBUILD_RATIO * len(joining):
                *indexes, last = indexes
                joining = [one for one in last.positions if one in members] + joining
            self._indexes = [*indexes, self._build_index(joining)] if joining else indexes
            self._indexed_until = self._next_position
            in_indexes = sum(len(index.positions) for index in self._indexes)
            self._removed_count = in_indexes - len(members)
            self._snapshot = _Snapshot(
                tuple(index.root for index in self._indexes),
                any(index.needs_state for index in self._indexes),
                members if self._removed_count else None,
            )
            self._is_stale = False

    def _forget_predicates(self, predicates: Sequence[int]) -> None:
        counts = self._predicate_counts
        counts.subtract(predicates)
        for id_ in predicates:
            if not counts[id_]:
                del counts[id_]

    def _calls_indexed_predicates(self, positions: Sequence[int]) -> bool:
        """Return whether patterns have a predicate that also patterns at other positions have.

        Existing indexes may call the predicate without storing the result.
        """
        own = Counter(id_ for position in positions for id_ in self._members[position].predicates)
        return any(self._predicate_counts[id_] > count for id_, count in own.items())

    def _build_index(self, positions: Sequence[int]) -> _Index:
        counts, members = self._predicate_counts, self._members
        builder = TreeBuilder(lambda predicate, count: counts[predicate] > count)
        root = builder.build(
            [
                IndexedPattern(position, members[position].target, alternative)
                for position in positions
                for alternative in members[position].alternatives
            ]
        )
        needs_state = any(members[position].pattern.needs_context for position in positions)
        return _Index(root, positions, needs_state)

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
