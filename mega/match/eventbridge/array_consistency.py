"""Array consistency: which combinations of conditions hold in an event with arrays.

Where two fields lie in the same array, both scalars must come from the same member. The pattern
`{"lines": {"sku": ["A"], "n": [2]}}` does not match the event `{"lines": [{"sku": "A", "n": 1},
{"sku": "B", "n": 2}]}`, because "A" and 2 are in different members.

A search that tries one member after another takes time that multiplies with every array. So the
conditions form a tree of names, and one pass over the event computes the results from the scalars
upwards:

- An object satisfies a condition if the value at the name of the condition does.
- An array satisfies several conditions if one of its members satisfies all of them. Scalars
  directly in the array are free: they go with every member.

The pass computes all combinations of `$or` branches at the same time. A result is an integer whose
bit n stands for combination n. It takes time in proportion to the event, for each condition.

EventBridge tests the fields in the order of their names. `{"exists": false}` depends on this order:
as soon as a field has matched in a member of an array, the later fields are tested in this member
only. So the first field that is present in an array must match, and then a later field may
be missing in the same member. A result therefore includes the paths that are present.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct

from mega.match.context import MISSING, Context
from mega.match.member_table import EMPTY_TABLE, Member, MemberTable

__all__ = ('ConditionTree', 'sort_key')


class _Values(Protocol):
    """The values that a scalar may have: a `ValueList`."""

    @property
    def members(self) -> Sequence[Member]: ...

    @property
    def accepts_missing(self) -> bool: ...


class _Condition(Protocol):
    """A path and its values: a `FieldCondition`."""

    @property
    def path(self) -> tuple[str, ...]: ...

    @property
    def values(self) -> _Values: ...


def sort_key(name: str) -> bytes:
    """Return the sort key of a name: EventBridge orders names by their UTF-16 code units."""
    return name.encode('utf-16-be', 'surrogatepass')


class _Node(Struct):
    """A path of the pattern: the conditions that end there, and the longer paths.

    Every `int` is a set of combinations, except `bit`, which stands for the path.
    """

    names: dict[str, _Node] = {}
    values: dict[int, tuple[_Values, int]] = {}
    bit: int = 0
    ending: int = 0
    """The combinations with a condition at this path."""
    must_end: int = 0
    """Those whose condition does not accept a missing field."""
    must_continue: int = 0
    """The combinations with a condition on a longer path that does not accept a missing field."""
    longer: list[tuple[int, int]] = []
    """The bits of the longer paths in order, each with the combinations that have a condition."""
    size: int = 0
    """The number of nodes below this one."""
    table: MemberTable = EMPTY_TABLE
    """The patterns of scalars at this path, with the combinations of each."""

    @property
    def when_missing(self) -> int:
        return ~(self.must_end | self.must_continue)


class _Result:
    """The result of one value for the conditions from a node on."""

    __slots__ = ('continues', 'holds', 'present')

    def __init__(self, present: int, holds: int, continues: int) -> None:
        self.present = present
        """The bits of the paths with a scalar."""
        self.holds = holds
        """The combinations whose conditions hold."""
        self.continues = continues
        """The same without the condition that ends at the node."""


class ConditionTree:
    """The conditions of all combinations as a tree of names."""

    __slots__ = ('_all', '_root', '_tracks_presence')

    def __init__(self, combinations: Iterable[Iterable[_Condition]]) -> None:
        self._root = _Node()
        self._all = 0
        self._tracks_presence = False
        nodes: dict[tuple[str, ...], _Node] = {}
        for number, combination in enumerate(combinations):
            self._all |= 1 << number
            for condition in combination:
                nodes[condition.path] = self._insert(condition, 1 << number)
        ordered = sorted(nodes, key=lambda path: sort_key('.'.join(path)))
        for place, path in enumerate(ordered):
            nodes[path].bit = 1 << place
        for path in ordered:
            node = self._root
            for name in path:
                node.longer.append((nodes[path].bit, nodes[path].ending))
                node = node.names[name]
        for node in nodes.values():
            tests = [(one, bits) for values, bits in node.values.values() for one in values.members]
            node.table = MemberTable([one for one, _ in tests], [bits for _, bits in tests])

    def _insert(self, condition: _Condition, combination: int) -> _Node:
        is_optional = condition.values.accepts_missing
        node, passed = self._root, []
        for name in condition.path:
            passed.append(node)
            if name not in node.names:
                node.names[name] = _Node()
                for ancestor in passed:
                    ancestor.size += 1
            if not is_optional:
                node.must_continue |= combination
            node = node.names[name]
        node.ending |= combination
        if is_optional:
            self._tracks_presence = True
        else:
            node.must_end |= combination
        values, known = node.values.get(id(condition.values), (condition.values, 0))
        node.values[id(values)] = values, known | combination
        return node

    def matching(self, event: Mapping[str, Any], context: Context) -> tuple[int, bool]:
        """Return the combinations that hold for an event; bit n stands for combination n.

        The second result is whether the event has two values at one path. The first result then
        counts both, and the caller decides which one counts.
        """
        reading = _Pass(context, self._tracks_presence)
        return reading.read(event, self._root).holds & self._all, reading.has_merged


class _Pass:
    """One pass over an event."""

    __slots__ = ('_context', '_known', '_known_paths', '_tracks_presence', 'has_merged')

    def __init__(self, context: Context, tracks_presence: bool) -> None:
        self.has_merged = False
        """Whether two values at one path were merged."""
        self._context = context
        self._tracks_presence = tracks_presence
        # Only after a dotted name was found: members of an array then share values.
        self._known: dict[tuple[int, int], tuple[_Result, object]] | None = None
        self._known_paths: dict[tuple[int, int], tuple[list[tuple[str, _Node]], object]] = {}

    def read(self, value: object, node: _Node) -> _Result:
        if not isinstance(value, (dict, list, tuple)):
            accepted = node.table.find(value, self._context) if node.ending else 0
            continues = ~node.must_continue
            return _Result(node.bit, continues & (accepted | ~node.ending), continues)
        if self._known and (known := self._known.get((id(value), id(node)))):
            return known[0]
        return self._object(value, node) if isinstance(value, dict) else self._array(value, node)

    def _remember(self, value: object, node: _Node, result: _Result) -> _Result:
        if self._known is not None:
            self._known[id(value), id(node)] = result, value  # the id is unique while it is stored
        return result

    def _object(self, whole: Mapping[str, Any], node: _Node) -> _Result:
        has_long_names = node.size > len(node.names)
        value = self._without_dots(whole, node) if has_long_names else whole
        present, continues = 0, -1
        for name, child in node.names.items():
            member = value.get(name, MISSING)
            if member is MISSING:
                continues &= child.when_missing
            else:
                result = self.read(member, child)
                present |= result.present
                continues &= result.holds
            if not continues and not self._tracks_presence:
                break
        return self._remember(whole, node, _Result(present, continues & ~node.must_end, continues))

    def _array(self, value: Iterable[object], node: _Node) -> _Result:
        """Combine the members. Arrays may be nested deeper than Python allows recursive calls."""
        entered = {id(value)}
        stack = [(_Choice(node, self._context), value, iter(value))]
        while True:
            choice, array, members = stack[-1]
            for member in members:
                if isinstance(member, dict):
                    choice.add_container(self.read(member, node))
                elif not isinstance(member, (list, tuple)):
                    choice.add_scalar(member)
                elif self._known and (known := self._known.get((id(member), id(node)))):
                    choice.add_container(known[0])
                elif id(member) not in entered:  # otherwise the array contains itself
                    entered.add(id(member))
                    stack.append((_Choice(node, self._context), member, iter(member)))
                    break
            else:
                stack.pop()
                entered.discard(id(array))
                result = self._remember(array, node, choice.result(self._tracks_presence))
                if not stack:
                    return result
                stack[-1][0].add_container(result)

    def _without_dots(self, value: Mapping[str, Any], node: _Node) -> Mapping[str, Any]:
        """Return the object with `{"a": {"b": 1}}` in place of `{"a.b": 1}`."""
        found: dict[str, dict[str, Any]] = {}
        for name, member in value.items():
            if isinstance(name, str) and '.' in name:
                first, _, rest = name.partition('.')
                if _follow(node, name) is not None:
                    found.setdefault(first, {})[rest] = member
        if not found:
            return value
        self._known = {} if self._known is None else self._known
        merged: dict[str, Any] = {name: value[name] for name in node.names if name in value}
        for name, dotted in found.items():
            plain = merged.get(name, MISSING)
            if plain is MISSING:
                merged[name] = dotted
            else:
                self.has_merged = True
                merged[name] = self._merge(plain, dotted, node.names[name])
        return merged

    def _merge(self, plain: Any, dotted: Any, node: _Node) -> Any:
        """Combine two values at the same path: one under nested names, one under a dotted name.

        Of two arrays, one is chosen, as of the members of an array. Members of an array may share
        `dotted`: the result has a size in proportion to `plain` and the pattern.
        """
        if isinstance(dotted, dict):
            if isinstance(plain, dict):
                return {**plain} | {
                    path: self._merge(plain[path], dotted[path], end)
                    if path in plain
                    else dotted[path]
                    for path, end in self._paths(dotted, node)
                }
            if isinstance(plain, (list, tuple)) and any(isinstance(one, dict) for one in plain):
                return [
                    self._merge(one, dotted, node) if isinstance(one, dict) else one
                    for one in plain
                ]
        return [*plain, dotted] if isinstance(plain, (list, tuple)) else [plain, dotted]

    def _paths(self, value: dict[str, Any], node: _Node) -> list[tuple[str, _Node]]:
        """Return the names of an object that lead to nodes, each with its node."""
        known = self._known_paths.get((id(value), id(node)))
        if known is None:
            ends = [(name, _follow(node, name)) for name in value if isinstance(name, str)]
            paths = [(name, end) for name, end in ends if end is not None]
            known = self._known_paths[id(value), id(node)] = paths, value
        return known[0]


class _Choice:
    """The choice of one member of an array, for the conditions from a node on."""

    __slots__ = ('_accepted', '_context', '_has_scalars', '_node', '_results')

    def __init__(self, node: _Node, context: Context) -> None:
        self._node = node
        self._context = context
        self._accepted = 0
        self._has_scalars = False
        # For each set of present paths: the members with these paths, together.
        self._results: dict[int, _Result] = {}

    def add_scalar(self, scalar: object) -> None:
        self._has_scalars = True
        if self._accepted != self._node.ending:
            self._accepted |= self._node.table.find(scalar, self._context)

    def add_container(self, result: _Result) -> None:
        known = self._results.get(result.present)
        if known is None:
            self._results[result.present] = _Result(result.present, result.holds, result.continues)
        else:
            known.holds |= result.holds
            known.continues |= result.continues

    def result(self, tracks_presence: bool) -> _Result:
        node, results = self._node, self._results.values()
        if not tracks_presence:
            continues, holds = (0, 0) if results else (~node.must_continue, 0)
            for result in results:
                continues |= result.continues
                holds |= result.holds
            return _Result(0, holds | continues & (self._accepted | ~node.ending), continues)
        present = node.bit if self._has_scalars else 0
        for result in results:
            present |= result.present
        continues = self._continues(present)
        if not present & node.bit:
            return _Result(present, continues & ~node.must_end, continues)
        holds = self._accepted & continues
        for result in results:
            if result.present & node.bit:
                holds |= result.holds
        return _Result(present, holds & node.ending | continues & ~node.ending, continues)

    def _continues(self, present: int) -> int:
        """Return the combinations whose conditions on longer paths hold.

        The first path that is present in the array must be present in the chosen member.
        """
        continues = undecided = 0
        undecided = ~undecided
        for bit, combinations in self._node.longer:
            if present & bit and combinations & undecided:
                for result in self._results.values():
                    if result.present & bit:
                        continues |= result.continues & combinations & undecided
                undecided &= ~combinations
        return continues | undecided & ~self._node.must_continue


def _follow(node: _Node, path: str) -> _Node | None:
    """Return the node at the end of a dotted path; None if there is none."""
    for name in path.split('.'):
        if name not in node.names:
            return None
        node = node.names[name]
    return node
