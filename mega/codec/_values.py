"""What JSON and BSON have in common: values nested in objects and arrays, to a limit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from mega.errors import EncodeError, join_path, safe_repr

__all__ = ('MAX_DEPTH', 'Problem', 'check', 'nests_too_deep')

MAX_DEPTH = 100
"""Levels of objects and arrays within each other, the payload itself being the first.

Python copies, pickles and compares nested values by recursion, and fails at some 600 levels.
"""

Problem: TypeAlias = Callable[[Any], str | None]
"""Says what is wrong with a value that is no container, or with a key; None where nothing is."""


class _RefusedError(Exception):
    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.way_out: list[str | int] = []  # from the value to the payload


def check(
    document: dict[str, Any],
    problem_of_key: Problem,
    problem_of_value: Problem,
    problem_of_object: Problem = lambda value: None,
) -> None:
    """Look at every key and value of a payload before it is encoded.

    `problem_of_object` is asked about each object within the payload, not the payload itself.

    Raises:
        EncodeError: for the first that cannot be carried, with its path.
    """

    def look(value: Any, depth: int) -> None:
        if isinstance(value, dict):
            _enter(depth, problem_of_object(value) if depth > 1 else None)
            for key in value:
                if problem := problem_of_key(key):
                    raise _RefusedError(f'has the key {safe_repr(key)}, {problem}')
            look_into(value.items(), depth)
        elif type(value) in (list, tuple):
            _enter(depth)
            look_into(enumerate(value), depth)
        elif problem := problem_of_value(value):
            raise _RefusedError(problem)

    def look_into(members: Iterable[tuple[str | int, Any]], depth: int) -> None:
        for key, value in members:
            try:
                look(value, depth + 1)
            except _RefusedError as refused:
                refused.way_out.append(key)
                raise

    try:
        look(document, 1)
    except _RefusedError as refused:
        path = ''
        for key in reversed(refused.way_out):
            path = join_path(path, key)
        raise EncodeError(path, refused.problem) from None


def _enter(depth: int, problem: str | None = None) -> None:
    if depth > MAX_DEPTH:
        raise _RefusedError(f'is nested deeper than {MAX_DEPTH} levels, or contains itself')
    if problem:
        raise _RefusedError(problem)


def nests_too_deep(document: dict[str, Any], at_most: int) -> bool:
    """Whether a decoded object has more than `MAX_DEPTH` levels. It is asked without recursion.

    The object and what is within it are `at_most` so many objects and arrays. No level is looked
    into of which the rest, even if all of it were nested, would not be too deep.
    """
    level: list[Any] = [document]
    for depth in range(1, MAX_DEPTH + 1):
        at_most -= len(level)
        if not level or depth + at_most <= MAX_DEPTH:
            return False
        level = [
            child
            for parent in level
            for child in (parent.values() if type(parent) is dict else parent)
            if type(child) is dict or type(child) is list
        ]
    return bool(level)
