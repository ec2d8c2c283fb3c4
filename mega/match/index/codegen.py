"""Steps of a search, written as code and compiled: reading a path must not cost calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from mega.match.context import MISSING, Context
from mega.match.index.normal_form import Path

__all__ = (
    'WALK_THROUGH_FEW',
    'MatchState',
    'Node',
    'Step',
    'compile_step',
    'emit_all',
    'find',
    'visit_all',
    'walk',
)

Node: TypeAlias = tuple[Any, ...]
"""Where a search goes: first the step to take, then what that needs.

An entry, one pattern, is (step, order, target, *constants). A crowd, patterns that match together
without a check, is (find_crowd, order of the first, targets, orders). What is found is a list of
these two.

Code takes from a node only what it needs: among many patterns each object touched is one more that
no cache of the processor holds.
"""


class MatchState(Context):
    """One payload while a whole set of patterns is asked."""

    __slots__ = ('failures',)

    def __init__(self, payload: object) -> None:
        super().__init__(payload)
        self.failures: list[tuple[Node, BaseException]] = []
        """The entries that nobody can tell of, and why."""


Step: TypeAlias = 'Callable[[Any, list[Node], Node, Any], None]'
"""Takes the payload, what is found so far, the node and the visit.

The visit is None in a set of which no pattern needs one.
"""


def find(payload: object, found: list[Node], node: Node, visit: MatchState | None) -> None:
    """Find an entry, without any check."""
    found.append(node)


def emit_all(payload: object, found: list[Node], node: Node, visit: MatchState | None) -> None:
    """Find a crowd."""
    found.append(node)


def visit_all(payload: object, found: list[Node], node: Node, visit: MatchState | None) -> None:
    """Go to every node of (step, *nodes)."""
    for each in node[1:]:
        each[0](payload, found, each, visit)


def walk(path: Path, parents: dict[Path, str], otherwise: str = 'return') -> list[str]:
    """The lines that read the value at a path into `v`, or MISSING for a last key not there.

    Where something on the way is no object they do what is said `otherwise`. `parents` names the
    objects that were read before, and learns those that are read now.
    """
    lines = []
    for depth in range(len(path)):
        way = path[:depth]
        if way in parents:
            continue
        name = parents[way] = f'o{len(parents)}'
        lines += [
            f'{name} = {f"{parents[way[:-1]]}.get({way[-1]!r})" if way else "payload"}',
            f'if type({name}) is not dict and not isinstance({name}, dict):',
            f'    {otherwise}',
        ]
    last = f'{parents[path[:-1]]}.get({path[-1]!r}, MISSING)' if path else 'payload'
    return [*lines, f'v = {last}']


def compile_step(lines: Sequence[str], **names: object) -> Step:
    """Make a step of the lines of its body, and of the names that they use beyond MISSING."""
    code = '\n    '.join(['def step(payload, found, node, visit):', *lines])
    made: dict[str, Any] = {'MISSING': MISSING, **names}
    exec(code, made)
    join_path: Step = made['step']
    return join_path


WALK_THROUGH_FEW = {
    count: compile_step(
        [
            line
            for i in range(1, count + 1)
            for line in (f'each = node[{i}]', 'each[0](payload, found, each, visit)')
        ]
    )
    for count in (2, 3, 4)
}
"""By the number of nodes: what `visit_all` does, but without a copy to loop over."""
