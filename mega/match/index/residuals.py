"""The residual check of a pattern: the conditions that no look-up has decided yet.

Conditions compile to one function per *shape*. A shape says which paths are read and how each value
is tested; the values to compare with are constants of the node. Thousands of patterns have few
shapes. For example, `{'age': gt(17)}` and `{'age': gt(64)}` share this function, where `node[3]` is
17 or 64:

    def node_function(payload, found, node, state):
        object0 = payload
        if type(object0) is not dict and not isinstance(object0, dict):
            return
        value = object0.get('age', MISSING)
        if not (value is not MISSING and (value > node[3] if type(value) is int ... else ...)):
            return
        found.append(node)
"""

from __future__ import annotations

import operator
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from operator import itemgetter
from typing import TypeAlias
from weakref import WeakKeyDictionary

from msgspec import Struct

from mega.match.comparables import Comparable, NumberValue, Test, TextValue
from mega.match.eventbridge.array_choices import Choice
from mega.match.eventbridge.matcher import EventPattern
from mega.match.eventbridge.operators import (
    MAX_EXACT_INTEGER,
    Number,
    NumericRange,
    ValueList,
)
from mega.match.functions.comparison import Between, Compare, Equal
from mega.match.functions.logic import OneOf
from mega.match.functions.presence import AnyValue, OptionalValue
from mega.match.functions.text import Prefix, Regex
from mega.match.index.array_lookups import test_whole_patterns
from mega.match.index.codegen import (
    Node,
    NodeFunction,
    Path,
    add_match,
    add_matches,
    compile_node_function,
    read_path_lines,
    read_scalar_lines,
)
from mega.match.index.normal_form import Condition, Scope
from mega.match.member_table import MAX_TESTED
from mega.match.pattern import AllOf, AnyOf, Constant, ListLiteral, Not, Pattern, Value

__all__ = ('group_nodes', 'residual_node')

MAX_CACHED_SHAPES = 1_000
"""The number of shapes whose functions are reused. To compile one takes about 150 microseconds."""

MIN_SAME_SHAPE = 4
"""The minimum number of nodes with one shape that form a group.

A group reads each path once for all of its nodes. For fewer nodes that gains nothing.
"""

MAX_INLINED = 3
"""The maximum depth of the members of alternatives that are compiled."""

_IS_TEXT = '(type(@) is str or isinstance(@, str))'
_OPERATORS = {'gt': '>', 'gte': '>=', 'lt': '<', 'lte': '<='}
_TESTS: dict[str, Test] = {
    '==': operator.eq,
    '>': operator.gt,
    '>=': operator.ge,
    '<': operator.lt,
    '<=': operator.le,
}


class _Part(Struct, frozen=True, gc=False):
    """One condition of a shape."""

    path: Path
    test: str
    matches_missing: bool
    may_raise: bool
    is_field: bool
    """Whether it is a field of an EventBridge pattern."""


_Shape: TypeAlias = tuple[_Part, ...]


def residual_node(position: int, target: object, conditions: Sequence[Condition]) -> Node:
    """Return the node that checks the remaining conditions of a pattern and adds the pattern."""
    if not conditions:
        return add_match, position, target
    constants: list[object] = []
    if any(one.scope is Scope.EVENT for one in conditions):
        constants += [one.leaf for one in conditions if isinstance(one.leaf, EventPattern)]
        conditions = [one for one in conditions if not isinstance(one.leaf, EventPattern)]
    shape = tuple(
        [
            _Part(
                one.path,
                _test_source(one.leaf, constants),
                one.leaf.when_missing is True,
                one.leaf.has_predicate,
                one.scope is Scope.EVENT,
            )
            for one in sorted(conditions, key=_cost)
            if one.scope is not Scope.HINT
        ]
    )
    return _compile_shape(shape) if shape else add_match, position, target, *constants


def group_nodes(nodes: Sequence[Node]) -> list[Node]:
    """Combine the nodes without a check into one node, and many nodes of one shape into one."""
    by_function: defaultdict[NodeFunction, list[Node]] = defaultdict(list)
    for node in nodes:
        by_function[node[0]].append(node)
    grouped: list[Node] = []
    for function, similar in by_function.items():
        if function is add_match and len(similar) > 1:
            members = [*{node[1]: node for node in sorted(similar, key=itemgetter(1))}.values()]
            targets, positions = [node[2] for node in members], [node[1] for node in members]
            grouped.append((add_matches, positions[0], targets, positions, members))
        elif function in _shapes and len(similar) >= MIN_SAME_SHAPE:
            grouped.append((_compile_for_many(_shapes[function]), *similar))
        else:
            grouped += similar
    return grouped


def _cost(condition: Condition) -> tuple[bool, int]:
    """Return the sort key: predicates of the user last, flat patterns before nested ones."""
    return condition.leaf.has_predicate, condition.leaf.depth


def _test_source(leaf: Pattern, constants: list[object]) -> str:
    """Return an expression that tests a present value, written as `@`.

    The values that the expression needs are appended to `constants`.
    """
    if isinstance(leaf, (Equal, OptionalValue)):
        return _test_source(leaf.child, constants)
    if isinstance(leaf, Not):
        return f'(not {_test_source(leaf.child, constants)})'
    if isinstance(leaf, Constant):
        return f'(@ is {_constant(leaf.value, constants)})'
    if isinstance(leaf, Value):
        return _comparison_source('==', leaf.comparable, constants)
    if isinstance(leaf, Compare):
        return _comparison_source(_OPERATORS[leaf.name], leaf.comparable, constants)
    if isinstance(leaf, Between):
        low = _comparison_source('>=', leaf.low, constants)
        return f'({low} and {_comparison_source("<=", leaf.high, constants)})'
    if isinstance(leaf, AllOf) and all(isinstance(one, Compare) for one in leaf.members):
        tests = [_test_source(one, constants) for one in leaf.members]
        return f'({" and ".join(tests)})'
    if isinstance(leaf, Regex) and leaf.max_length is None:
        return f'({_IS_TEXT} and {_constant(getattr(leaf.regex, leaf.name), constants)}(@))'
    if isinstance(leaf, Prefix) and leaf.folded is None:
        return f'({_IS_TEXT} and @.startswith({_constant(leaf.text, constants)}))'
    if isinstance(leaf, (AnyOf, ValueList)) and _is_short(leaf.members):
        tests = [_test_source(one, constants) for one in leaf.members]
        return f'({" or ".join(tests)})'
    if isinstance(leaf, AnyValue):
        return 'True'
    if isinstance(leaf, Number):
        general = _accepts_source(leaf, constants)
        value = _constant(leaf.value, constants)
        return f'(@ == {value} if type(@) is int or type(@) is float else {general})'
    if isinstance(leaf, NumericRange):
        return _numeric_range_source(leaf, constants)
    if isinstance(leaf, (OneOf, ListLiteral)) and (texts := _texts(leaf)):
        is_member = f'@ in {_constant(texts, constants)}'
        if isinstance(leaf, OneOf):
            return f'({_IS_TEXT} and {is_member})'
        return f'({is_member} if {_IS_TEXT} else {_accepts_source(leaf, constants)})'
    return _accepts_source(leaf, constants)


def _accepts_source(leaf: Pattern, constants: list[object]) -> str:
    return f'{_constant(leaf, constants)}.accepts(@, state)'


def _comparison_source(sign: str, comparable: Comparable, constants: list[object]) -> str:
    """Return an expression that compares `@` with a value; no call if `@` has the usual type."""
    if isinstance(comparable, TextValue):
        return f'({_IS_TEXT} and @ {sign} {_constant(comparable.value, constants)})'
    test = _TESTS[sign].__name__
    if not isinstance(comparable, NumberValue) or isinstance(comparable.value, Decimal):
        return f'{_constant(comparable, constants)}.compare({test}, @)'
    value = _constant(comparable.value, constants)
    general = f'NumberValue.of({value}).compare({test}, @)'
    return f'(@ {sign} {value} if type(@) is int or type(@) is float else {general})'


def _is_short(members: Sequence[Pattern]) -> bool:
    """Return whether alternatives are tested one by one. Python limits nested parentheses."""
    return len(members) <= MAX_TESTED and all(one.depth <= MAX_INLINED for one in members)


def _numeric_range_source(leaf: NumericRange, constants: list[object]) -> str:
    """Return an expression that compares a number without a call, if it has the usual type."""
    general = _accepts_source(leaf, constants)
    tests = []
    if leaf.low is not None:
        tests.append(f'@ >{"=" * leaf.low_included} {_constant(leaf.low, constants)}')
    if leaf.high is not None:
        tests.append(f'@ <{"=" * leaf.high_included} {_constant(leaf.high, constants)}')
    is_usual = f'type(@) is int and -{MAX_EXACT_INTEGER} <= @ <= {MAX_EXACT_INTEGER}'
    is_finite = 'type(@) is float and @ - @ == 0'
    return f'(({" and ".join(tests)}) if {is_usual} or {is_finite} else {general})'


def _texts(leaf: OneOf | ListLiteral) -> frozenset[str] | None:
    """Return the members if all of them are texts; None otherwise."""
    values = [one.comparable for one in leaf.members if isinstance(one, Value)]
    texts = [one.value for one in values if isinstance(one, TextValue)]
    return frozenset(texts) if len(texts) == len(leaf.members) else None


def _constant(value: object, constants: list[object]) -> str:
    constants.append(value)
    return f'node[{2 + len(constants)}]'


_shapes: WeakKeyDictionary[NodeFunction, _Shape] = WeakKeyDictionary()


@lru_cache(MAX_CACHED_SHAPES)
def _compile_shape(shape: _Shape) -> NodeFunction:
    """Compile the check of one pattern: condition by condition, up to the first that is false."""
    lines: list[str] = []
    objects: dict[Path, str] = {}
    for part in shape:
        lines += _read_lines(part, objects, '(node,)')
        lines += _check_lines(part, 'value', 'return')
    function = compile_node_function([*lines, 'found.append(node)'], **_NAMES)
    _shapes[function] = shape
    return function


@lru_cache(MAX_CACHED_SHAPES)
def _compile_for_many(shape: _Shape) -> NodeFunction:
    """Compile the check of a group `(function, *nodes)`: read every path once, then check each."""
    lines: list[str] = []
    objects: dict[Path, str] = {}
    loop = ['for node in node[1:]:']
    for i, part in enumerate(shape):
        lines += [*_read_lines(part, objects, 'node[1:]'), f'value{i} = value']
        loop += [f'    {line}' for line in _check_lines(part, f'value{i}', 'continue')]
    return compile_node_function([*lines, *loop, '    found.append(node)'], **_NAMES)


def _read_lines(part: _Part, objects: dict[Path, str], nodes: str) -> list[str]:
    """Return the lines that read the value of a condition.

    If a field lies in an array, or may have a name with dots, the pattern itself decides. A field
    that is missing from the chosen member of an array may be present in others.
    """
    if not part.is_field:
        return read_path_lines(part.path, objects)
    test_whole = f'return test_whole(payload, found, {nodes}, state)'
    lines = read_scalar_lines(part.path, objects, test_whole)
    if part.matches_missing:
        lines += ['if value is MISSING and type(payload) is Choice:', f'    {test_whole}']
    return lines


def _check_lines(part: _Part, value: str, leave: str) -> list[str]:
    """Return the lines that leave if a condition is false.

    They call predicates of the user only if the pattern was not removed.
    """
    when_missing = (
        f'{value} is MISSING or' if part.matches_missing else f'{value} is not MISSING and'
    )
    check = [f'if not ({when_missing} {part.test.replace("@", value)}):', f'    {leave}']
    if not part.may_raise:
        return check
    return [
        'if state.present is not None and state.is_removed(node):',
        f'    {leave}',
        'try:',
        *(f'    {line}' for line in check),
        'except BaseException as error:',
        '    state.failures.append((node, error))',
        f'    {leave}',
    ]


_NAMES: dict[str, object] = {
    'NumberValue': NumberValue,
    'test_whole': test_whole_patterns,
    'Choice': Choice,
}
_NAMES.update((test.__name__, test) for test in _TESTS.values())
