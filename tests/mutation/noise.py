"""Mutants that cannot change the behaviour: of annotations and of equivalent comparisons."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache

__all__ = ('is_noise',)

Place = tuple[int, int]


def is_noise(source: str, operator: str, row: int, column: int) -> bool:
    """Return whether a mutation at a place cannot change the behaviour.

    Annotations are never evaluated. `is` and `==` agree for the singletons that the package
    compares with `is`, as do `is not` and `!=`.
    """
    if operator.endswith(('Is_Eq', 'IsNot_NotEq', 'Eq_Is', 'NotEq_IsNot')):
        return True
    place = row, column
    return any(start <= place < end for start, end in _annotations(source))


@lru_cache(maxsize=8)
def _annotations(source: str) -> tuple[tuple[Place, Place], ...]:
    return tuple(_spans(ast.parse(source)))


def _spans(tree: ast.AST) -> Iterator[tuple[Place, Place]]:
    for node in ast.walk(tree):
        annotations: list[ast.expr | None] = []
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            annotations.append(node.returns)
        elif isinstance(node, (ast.arg, ast.AnnAssign)):
            annotations.append(node.annotation)
        elif isinstance(node, ast.If) and ast.unparse(node.test) == 'TYPE_CHECKING':
            yield (node.lineno, 0), (node.end_lineno or node.lineno + 1, 0)
        for each in annotations:
            if each is not None:
                end = (each.end_lineno or each.lineno, each.end_col_offset or 0)
                yield (each.lineno, each.col_offset), end
