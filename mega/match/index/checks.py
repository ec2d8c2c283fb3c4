"""What remains to be checked of a pattern once it was found, as code made once for each shape.

A shape is which paths are read and how each value is tested; the values to test against are
constants of the entry. Many patterns have few shapes.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from decimal import Decimal
from typing import TypeAlias

from mega.match.functions.comparison import Between, Compare, Equal
from mega.match.functions.logic import OneOf
from mega.match.functions.presence import Optional
from mega.match.functions.text import Prefix
from mega.match.index.conditions import Condition, Path
from mega.match.index.steps import Node, Step, Visit, compile_step, find, walk
from mega.match.pattern import Members, Not, Pattern, Same, Value
from mega.match.scales import Numbers, Scale, Test, Texts

__all__ = ('entry',)

MAX_SHAPES = 1_000
"""So many are compiled in a process, which takes some 150 microseconds each.

A pattern of any other shape is asked condition by condition.
"""

_IS_TEXT = '(type(v) is str or isinstance(v, str))'
_SIGNS = {'gt': '>', 'gte': '>=', 'lt': '<', 'lte': '<='}
_TESTS: dict[str, Test] = {
    '==': operator.eq,
    '>': operator.gt,
    '>=': operator.ge,
    '<': operator.lt,
    '<=': operator.le,
}

_Part: TypeAlias = tuple[Path, str, bool, bool]
"""One condition's part of a shape: where, how, whether it may be missing, whether it may raise."""


def entry(order: int, target: object, conditions: Sequence[Condition]) -> Node:
    """The node that checks what remains of a pattern and, where all of it holds, is found."""
    if not conditions:
        return find, order, target
    constants: list[object] = []
    shape: list[_Part] = []
    for one in sorted(conditions, key=_cost):
        test = _test(one.leaf, constants)
        shape.append((one.path, test, one.leaf.absent is True, one.leaf.calls))
    step = _step(tuple(shape))
    if step is None:
        return _ask_each, order, target, sorted(conditions, key=_cost)
    return step, order, target, *constants


def _cost(condition: Condition) -> tuple[bool, int]:
    """Users' predicates go last, and what is made of much goes after what is made of little."""
    return condition.leaf.calls, condition.leaf.levels


def _test(leaf: Pattern, constants: list[object]) -> str:
    """Write what a leaf says of `v`, which is there, and add the constants that this needs."""
    if isinstance(leaf, (Equal, Optional)):
        return _test(leaf.child, constants)
    if isinstance(leaf, Not):
        return f'(not {_test(leaf.child, constants)})'
    if isinstance(leaf, Same):
        return f'(v is {_constant(leaf.value, constants)})'
    if isinstance(leaf, Value):
        return _compare('==', leaf.scale, constants)
    if isinstance(leaf, Compare):
        return _compare(_SIGNS[leaf.name], leaf.scale, constants)
    if isinstance(leaf, Between):
        low, high = _compare('>=', leaf.low, constants), _compare('<=', leaf.high, constants)
        return f'({low} and {high})'
    if isinstance(leaf, Prefix) and leaf.folded is None:
        return f'({_IS_TEXT} and v.startswith({_constant(leaf.text, constants)}))'
    if isinstance(leaf, (OneOf, Members)) and (texts := _texts(leaf)):
        among = f'v in {_constant(texts, constants)}'
        if isinstance(leaf, OneOf):
            return f'({_IS_TEXT} and {among})'
        return f'({among} if {_IS_TEXT} else {_constant(leaf, constants)}.accepts(v, visit))'
    return f'{_constant(leaf, constants)}.accepts(v, visit)'


def _compare(sign: str, scale: Scale, constants: list[object]) -> str:
    """Write how `v` stands to a value, without a call where it is of the common type."""
    if isinstance(scale, Texts):
        return f'({_IS_TEXT} and v {sign} {_constant(scale.value, constants)})'
    test = _TESTS[sign].__name__
    if not isinstance(scale, Numbers) or isinstance(scale.value, Decimal):
        return f'{_constant(scale, constants)}.holds({test}, v)'
    value = _constant(scale.value, constants)
    others = f'Numbers.of({value}).holds({test}, v)'
    return f'(v {sign} {value} if type(v) is int or type(v) is float else {others})'


def _texts(leaf: OneOf | Members) -> frozenset[str] | None:
    """The members, where all of them are texts."""
    scales = [one.scale for one in leaf.members if isinstance(one, Value)]
    texts = [scale.value for scale in scales if isinstance(scale, Texts)]
    return frozenset(texts) if len(texts) == len(leaf.members) else None


def _constant(value: object, constants: list[object]) -> str:
    constants.append(value)
    return f'node[{2 + len(constants)}]'


def _ask_each(payload: object, found: list[Node], node: Node, visit: Visit | None) -> None:
    try:
        for condition in node[3]:
            if not condition.holds(payload, visit):
                return
    except BaseException as error:
        if visit is None:
            raise
        visit.failures.append((node, error))
    else:
        found.append(node)


_steps: dict[tuple[_Part, ...], Step] = {}


def _step(shape: tuple[_Part, ...]) -> Step | None:
    step = _steps.get(shape)
    if step is None and len(_steps) < MAX_SHAPES:
        step = _steps[shape] = _compiled(shape)
    return step


def _compiled(shape: tuple[_Part, ...]) -> Step:
    lines: list[str] = []
    parents: dict[Path, str] = {}
    for path, test, may_be_missing, may_raise in shape:
        lines += walk(path, parents)
        there = f'v is MISSING or {test}' if may_be_missing else f'v is not MISSING and {test}'
        refused = [f'if not ({there}):', '    return']
        lines += _caught(refused) if may_raise else refused
    tests = {test.__name__: test for test in _TESTS.values()}
    return compile_step([*lines, 'found.append(node)'], Numbers=Numbers, **tests)


def _caught(lines: list[str]) -> list[str]:
    return [
        'try:',
        *(f'    {line}' for line in lines),
        'except BaseException as error:',
        '    visit.failures.append((node, error))',
        '    return',
    ]
