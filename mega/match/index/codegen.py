"""Nodes of the index, and the functions that visit them.

A node is a tuple `(function, *data)`. To visit it means `node[0](payload, found, node, state)`. The
function appends the patterns that match to `found` and visits child nodes.

The functions are generated as Python source, because a generic interpreter of paths would need
several calls per key of a path. For example, the look-up of `event.name` in a hash table becomes:

    def node_function(payload, found, node, state):
        object0 = payload
        if type(object0) is not dict and not isinstance(object0, dict):
            return
        object1 = object0.get('event')
        if type(object1) is not dict and not isinstance(object1, dict):
            return
        value = object1.get('name', MISSING)
        if value is MISSING:
            return
        child = node[1].get(value if type(value) is str else to_text(value))
        if child is not None:
            child[0](payload, found, child, state)
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from typing import Any, TypeAlias

from mega.match.context import MISSING, Context

__all__ = (
    'VISIT_UNROLLED',
    'MatchState',
    'Node',
    'NodeFunction',
    'Path',
    'add_match',
    'add_matches',
    'compile_node_function',
    'read_path_lines',
    'read_scalar_lines',
    'visit_all',
)

Path: TypeAlias = tuple[str, ...]
"""The keys from a payload to a value in it."""

Node: TypeAlias = tuple[Any, ...]
"""A function and its data.

The node of one pattern is `(function, position, target, *constants)`. A group of patterns that
need no check is `(add_matches, first position, targets, positions, nodes)`. The list `found`
contains nodes of these two forms.
"""


class MatchState(Context):
    """The state of one match of a payload against a set of patterns."""

    __slots__ = ('failures', 'present', 'stores_results')

    def __init__(
        self, payload: object, present: Container[int] | None, stores_results: bool
    ) -> None:
        """Begin a match. `present` has the positions of the patterns; None if none was removed."""
        super().__init__(payload)
        self.present = present
        self.stores_results = stores_results
        """Whether several indexes have the same predicate."""

        self.failures: list[tuple[Node, BaseException]] = []
        """The nodes of the patterns whose predicates raised, each with the exception."""

    def is_removed(self, node: Node) -> bool:
        """Return whether the pattern of a node was removed, so that no predicate is called."""
        return self.present is not None and node[1] not in self.present


NodeFunction: TypeAlias = 'Callable[[Any, list[Node], Node, Any], None]'
"""Takes the payload, the nodes found so far, the node and the state.

The state is None if no pattern of the set needs a context.
"""


def add_match(payload: object, found: list[Node], node: Node, state: MatchState | None) -> None:
    """Add the node of one pattern that needs no check."""
    found.append(node)


def add_matches(payload: object, found: list[Node], node: Node, state: MatchState | None) -> None:
    """Add a group of patterns that need no check.

    Callers recognise groups by this function: they compare `node[0]` with it.
    """
    found.append(node)


def visit_all(payload: object, found: list[Node], node: Node, state: MatchState | None) -> None:
    """Visit every child of `(visit_all, *children)`."""
    for child in node[1:]:
        child[0](payload, found, child, state)


def read_path_lines(path: Path, objects: dict[Path, str], on_failure: str = 'return') -> list[str]:
    """Return the lines that assign the value at a path to `value`.

    `value` is `MISSING` if the last key is missing. If an earlier value on the path is not an
    object, the lines execute the statement `on_failure`. `objects` maps the paths of objects that
    earlier lines read to their variables; the function adds the objects that it reads.
    """
    lines = []
    for depth in range(len(path)):
        parent = path[:depth]
        if parent in objects:
            continue
        name = objects[parent] = f'object{len(objects)}'
        source = f'{objects[parent[:-1]]}.get({parent[-1]!r})' if parent else 'payload'
        lines += [
            f'{name} = {source}',
            f'if type({name}) is not dict and not isinstance({name}, dict):',
            f'    {on_failure}',
        ]
    last = f'{objects[path[:-1]]}.get({path[-1]!r}, MISSING)' if path else 'payload'
    return [*lines, f'value = {last}']


def read_scalar_lines(path: Path, objects: dict[Path, str], otherwise: str) -> list[str]:
    """Return the lines that assign the scalar at a path of an event to `value`, or `MISSING`.

    They execute the statement `otherwise` if the path leads through an array, or if EventBridge may
    find the scalar by a name with dots: `{"a.b": 1}` is `{"a": {"b": 1}}`.
    """
    lines = read_path_lines(path, objects, otherwise)
    dotted = [
        f'{".".join(path[start:end])!r} in {objects[path[:start]]}'
        for start in range(len(path) - 1)
        for end in range(start + 2, len(path) + 1)
    ]
    if dotted:
        lines += [f'if value is MISSING and ({" or ".join(dotted)}):', f'    {otherwise}']
    return [
        *lines,
        'if type(value) is not str and type(value) is not int:',
        '    if isinstance(value, (dict, list, tuple)):',
        f'        {otherwise}',
    ]


def compile_node_function(lines: Sequence[str], **names: object) -> NodeFunction:
    """Compile the lines of a function body.

    `names` are the global names of the body in addition to `MISSING`.
    """
    source = '\n    '.join(['def node_function(payload, found, node, state):', *lines])
    namespace: dict[str, Any] = {'MISSING': MISSING, **names}
    exec(source, namespace)
    function: NodeFunction = namespace['node_function']
    return function


VISIT_UNROLLED = {
    count: compile_node_function(
        [
            line
            for i in range(1, count + 1)
            for line in (f'child = node[{i}]', 'child[0](payload, found, child, state)')
        ]
    )
    for count in (2, 3, 4)
}
"""`visit_all` for a fixed number of children: no slice of the node, no loop."""
