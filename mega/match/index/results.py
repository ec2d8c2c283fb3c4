"""The results of a match: the nodes that the index found, and their targets in order."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Container
from operator import itemgetter
from typing import Any

from mega.match.index.codegen import Node, add_matches

__all__ = ('targets_of', 'without_removed')

_position = itemgetter(1)


def targets_of(found: list[Node]) -> list[Any]:
    """Return the targets of the nodes by position, each pattern once."""
    for node in found:
        if node[0] is add_matches:
            return _merge_groups(found)
    return _sorted_targets(found)


def without_removed(found: list[Node], present: Container[int]) -> list[Node]:
    """Return the nodes whose positions are present. A group loses only the others."""
    kept: list[Node] = []
    for node in found:
        if node[0] is not add_matches:
            if node[1] in present:
                kept.append(node)
        elif all(map(present.__contains__, node[3])):
            kept.append(node)
        else:
            kept += [member for member in node[4] if member[1] in present]
    return kept


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
        length = len(node[2]) if node[0] is add_matches else 1
        count += length
        if length > size:
            largest, size = node, length
    others: list[Node] = []
    is_dominant = count - size <= size // 8
    for node in found:
        if node is largest and is_dominant:
            continue
        if node[0] is add_matches:
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
