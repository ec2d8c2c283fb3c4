"""What remains to be checked of a pattern once it was found, as code made once for each shape.

A shape is which paths are read and how each value is tested; the values to test against are
constants of the entry. Many patterns have few shapes.
"""

from __future__ import annotations

import operator
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from operator import itemgetter
from typing import TypeAlias

from mega.match.comparables import Comparable, NumberValue, Test, TextValue
from mega.match.context import MISSING
from mega.match.eventbridge.matcher import EventPattern
from mega.match.eventbridge.operators import Number, ValueList
from mega.match.functions.comparison import Between, Compare, Equal
from mega.match.functions.logic import OneOf
from mega.match.functions.presence import Optional
from mega.match.functions.text import Prefix
from mega.match.index.codegen import MatchState, Node, Step, compile_step, emit_all, find, walk
from mega.match.index.normal_form import Condition, Path
from mega.match.pattern import AnyMember, Constant, Not, Pattern, Value

__all__ = ('entry', 'group_by_shape')

MAX_SHAPES = 1_000
"""So many are compiled in a process, which takes some 150 microseconds each.

A pattern of any other shape is asked condition by condition.
"""

_IS_TEXT = '(type(@) is str or isinstance(@, str))'
_SIGNS = {'gt': '>', 'gte': '>=', 'lt': '<', 'lte': '<='}
_TESTS: dict[str, Test] = {
    '==': operator.eq,
    '>': operator.gt,
    '>=': operator.ge,
    '<': operator.lt,
    '<=': operator.le,
}

_Part: TypeAlias = tuple[Path, str, bool, bool]
"""A condition's part of a shape: where, how, whether it may be missing, whether it may raise."""

_Shape: TypeAlias = tuple[_Part, ...]


def entry(order: int, target: object, conditions: Sequence[Condition]) -> Node:
    """The node that checks what remains of a pattern and, where all of it holds, is found."""
    conditions = [one for one in conditions if not one.is_prefilter]
    if not conditions:
        return find, order, target
    if len(conditions) == 1 and isinstance(conditions[0].leaf, EventPattern):
        return _event_entry(order, target, conditions[0].path, conditions[0].leaf)
    constants: list[object] = []
    shape: list[_Part] = []
    for one in sorted(conditions, key=_cost):
        test = _test(one.leaf, constants)
        shape.append((one.path, test, one.leaf.absent is True, one.leaf.calls))
    join_path = _step(tuple(shape))
    if join_path is None:
        return _check_each, order, target, sorted(conditions, key=_cost)
    return join_path, order, target, *constants


def _event_entry(order: int, target: object, path: Path, pattern: EventPattern) -> Node:
    """The entry of a pattern of EventBridge's, read field by field where that is plain."""
    constants: list[object] = [pattern]
    combination = pattern.combinations[0] if len(pattern.combinations) == 1 else ()
    fields = tuple((field.path, _test(field.values, constants)) for field in combination)
    return _event_step(path, fields), order, target, *constants


def _cost(condition: Condition) -> tuple[bool, int]:
    """Users' predicates go last, and what is made of much goes after what is made of little."""
    return condition.leaf.calls, condition.leaf.levels


def _test(leaf: Pattern, constants: list[object]) -> str:
    """Write what a leaf says of `@`, which is there, and add the constants that this needs."""
    if isinstance(leaf, (Equal, Optional)):
        return _test(leaf.child, constants)
    if isinstance(leaf, Not):
        return f'(not {_test(leaf.child, constants)})'
    if isinstance(leaf, Constant):
        return f'(@ is {_constant(leaf.value, constants)})'
    if isinstance(leaf, Value):
        return _compare('==', leaf.scale, constants)
    if isinstance(leaf, Compare):
        return _compare(_SIGNS[leaf.name], leaf.scale, constants)
    if isinstance(leaf, Between):
        low, high = _compare('>=', leaf.low, constants), _compare('<=', leaf.high, constants)
        return f'({low} and {high})'
    if isinstance(leaf, Prefix) and leaf.folded is None:
        return f'({_IS_TEXT} and @.startswith({_constant(leaf.text, constants)}))'
    if isinstance(leaf, ValueList) and len(leaf.members) == 1:
        return _test(leaf.members[0], constants)
    if isinstance(leaf, Number):
        asked = f'{_constant(leaf, constants)}.accepts(@, visit)'
        return f'(@ == {_constant(leaf.value, constants)} if type(@) is int else {asked})'
    if isinstance(leaf, (OneOf, AnyMember)) and (texts := _texts(leaf)):
        among = f'@ in {_constant(texts, constants)}'
        if isinstance(leaf, OneOf):
            return f'({_IS_TEXT} and {among})'
        return f'({among} if {_IS_TEXT} else {_constant(leaf, constants)}.accepts(@, visit))'
    return f'{_constant(leaf, constants)}.accepts(@, visit)'


def _compare(sign: str, scale: Comparable, constants: list[object]) -> str:
    """Write how `@` stands to a value, without a call where it is of the common type."""
    if isinstance(scale, TextValue):
        return f'({_IS_TEXT} and @ {sign} {_constant(scale.value, constants)})'
    test = _TESTS[sign].__name__
    if not isinstance(scale, NumberValue) or isinstance(scale.value, Decimal):
        return f'{_constant(scale, constants)}.holds({test}, @)'
    value = _constant(scale.value, constants)
    others = f'NumberValue.of({value}).holds({test}, @)'
    return f'(@ {sign} {value} if type(@) is int or type(@) is float else {others})'


def _texts(leaf: OneOf | AnyMember) -> frozenset[str] | None:
    """The members, where all of them are texts."""
    scales = [one.scale for one in leaf.members if isinstance(one, Value)]
    texts = [scale.value for scale in scales if isinstance(scale, TextValue)]
    return frozenset(texts) if len(texts) == len(leaf.members) else None


def _constant(value: object, constants: list[object]) -> str:
    constants.append(value)
    return f'node[{2 + len(constants)}]'


def _check_each(payload: object, found: list[Node], node: Node, visit: MatchState | None) -> None:
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


_steps: dict[_Shape, Step] = {}
_shapes: dict[Step, _Shape] = {}


def _step(shape: _Shape) -> Step | None:
    join_path = _steps.get(shape)
    if join_path is None and len(_steps) < MAX_SHAPES:
        join_path = _steps[shape] = _compiled(shape)
        _shapes[join_path] = shape
    return join_path


def group_by_shape(entries: Sequence[Node]) -> list[Node]:
    """The same entries in few nodes: those of one shape as one, and those that need no check."""
    by_step: defaultdict[Step, list[Node]] = defaultdict(list)
    for each in entries:
        by_step[each[0]].append(each)
    nodes: list[Node] = []
    for join_path, alike in by_step.items():
        if len(alike) == 1:
            nodes += alike
        elif join_path is find:
            crowd = {each[1]: each[2] for each in sorted(alike, key=itemgetter(1))}
            nodes.append((emit_all, next(iter(crowd)), [*crowd.values()], [*crowd]))
        elif join_path in _shapes:
            nodes.append((_compiled_for_many(_shapes[join_path]), *alike))
        else:
            nodes += alike
    return nodes


def _compiled(shape: _Shape) -> Step:
    """One entry: path by path, up to the first that does not hold."""
    lines: list[str] = []
    parents: dict[Path, str] = {}
    for part in shape:
        path, _, _, may_raise = part
        refused = [f'if not ({_holds(part, "v")}):', '    return']
        lines += walk(path, parents)
        lines += _caught(refused, 'return') if may_raise else refused
    return compile_step([*lines, 'found.append(node)'], **_NAMES)


@lru_cache(MAX_SHAPES)
def _compiled_for_many(shape: _Shape) -> Step:
    """All entries of (step, *entries): every path is read once, then each entry is asked."""
    lines: list[str] = []
    parents: dict[Path, str] = {}
    asked: list[str] = []
    for i, part in enumerate(shape):
        path, _, _, may_raise = part
        refused = [f'if not ({_holds(part, f"v{i}")}):', '    continue']
        lines += [*walk(path, parents), f'v{i} = v']
        asked += _caught(refused, 'continue') if may_raise else refused
    loop = ['for node in node[1:]:', *(f'    {line}' for line in asked), '    found.append(node)']
    return compile_step([*lines, *loop], **_NAMES)


@lru_cache(MAX_SHAPES)
def _event_step(path: Path, fields: tuple[tuple[Path, str], ...]) -> Step:
    """Field by field; the pattern itself has the say where one is missing, or there are arrays."""
    parents: dict[Path, str] = {}
    lines = [*walk(path, parents), 'whole = v']
    ask = 'return ask_whole(whole, found, node, visit)'
    for field, test in fields:
        lines += [
            *walk((*path, *field), parents, otherwise=ask),
            'if v is MISSING or isinstance(v, (dict, list, tuple)):',
            f'    {ask}',
            f'if not ({test.replace("@", "v")}):',
            '    return',
        ]
    lines.append('found.append(node)' if fields else ask)
    return compile_step(lines, ask_whole=_ask_whole, **_NAMES)


def _ask_whole(whole: object, found: list[Node], node: Node, visit: MatchState | None) -> None:
    if whole is not MISSING and node[3].accepts(whole, visit):
        found.append(node)


def _holds(part: _Part, value: str) -> str:
    _, test, may_be_missing, _ = part
    asked = test.replace('@', value)
    return (
        f'{value} is MISSING or {asked}'
        if may_be_missing
        else f'{value} is not MISSING and {asked}'
    )


def _caught(lines: list[str], leave: str) -> list[str]:
    return [
        'try:',
        *(f'    {line}' for line in lines),
        'except BaseException as error:',
        '    visit.failures.append((node, error))',
        f'    {leave}',
    ]


_NAMES: dict[str, object] = {'NumberValue': NumberValue}
_NAMES.update((test.__name__, test) for test in _TESTS.values())
