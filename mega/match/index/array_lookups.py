"""Look-ups in events with arrays: what the functions of the branches and the checks call.

`mega.match.eventbridge.array_choices` explains the choices of array members.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from mega.match.eventbridge.array_choices import MAX_CHOICES, Choice, Chooser, TestedLater
from mega.match.eventbridge.matcher import scalars_at
from mega.match.index.codegen import MatchState, Node, add_matches
from mega.match.index.lookups import find_any, find_each

__all__ = ('look_up_anywhere', 'look_up_choices', 'test_whole_patterns')


def look_up_choices(payload: Any, found: list[Node], node: Node, state: MatchState | None) -> None:
    """Look up the scalars at a path, and visit what is found with the choices of array members."""
    *_, route, lookups = node
    if not isinstance(payload, dict):
        return
    visits = None
    if type(payload) is not Choice and type(payload) is not TestedLater:
        visits = route.look_up(payload, partial(find_each, lookups))
    if visits is None:
        children = find_any(lookups, scalars_at(payload, route.path))
        _visit_and_test(payload, found, children, state)
        return
    if not visits:
        return
    reached: list[Node] = []
    chooser = Chooser(route.path)
    often = []
    for child, choices in visits:
        if len(choices) > MAX_CHOICES:
            often.append(child)
        else:
            for objects in choices:
                child[0](chooser.choose(objects), reached, child, state)
    if often:
        _visit_and_test(payload, reached, often, state)
    found += {id(one): one for one in reached}.values()


def look_up_anywhere(
    payload: object, found: list[Node], node: Node, state: MatchState | None
) -> None:
    """Look up every scalar at a path, through arrays and names with dots."""
    *_, route, lookups = node
    for child in find_any(lookups, scalars_at(payload, route.path)):
        child[0](payload, found, child, state)


def _visit_and_test(
    payload: Any, found: list[Node], children: Iterable[Node], state: MatchState | None
) -> None:
    """Visit nodes, and test the whole of each pattern that this finds."""
    reached: list[Node] = []
    event = payload if type(payload) is TestedLater else TestedLater(payload)
    for child in children:
        child[0](event, reached, child, state)
    members = [member for one in reached for member in (one[4] if one[0] is add_matches else [one])]
    test_whole_patterns(payload, found, members, state)


def test_whole_patterns(
    payload: Any, found: list[Node], nodes: Iterable[Node], state: MatchState | None
) -> None:
    """Test whole patterns with an event, and add the ones that match.

    The look-ups have found the patterns by some of their conditions.
    """
    if type(payload) is TestedLater:
        found += nodes
        return
    event, tested = payload, set()
    if type(payload) is Choice:
        event, tested = payload.event, payload.tested
    for node in nodes:
        # One position may have several alternatives, each with its own pattern.
        key = node[1], id(node[3])
        if key not in tested:
            tested.add(key)
            if node[3].accepts(event, state):
                found.append(node)
