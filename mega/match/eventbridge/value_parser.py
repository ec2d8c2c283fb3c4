"""Parse the literals and operators in the arrays of an event pattern.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from ipaddress import ip_network
from typing import Any, NoReturn

from mega.errors import PatternError, join_path, safe_repr
from mega.match.eventbridge.operators import (
    AddressBlock,
    AddressText,
    Number,
    NumericRange,
    case_insensitive,
    is_exact_double,
    parse_event_address,
)
from mega.match.functions.presence import AnyValue
from mega.match.functions.text import Prefix, Suffix
from mega.match.functions.wildcards import Wildcard, parse_pieces
from mega.match.pattern import AnyOf, Constant, Not, Pattern, compile_pattern

__all__ = ('OrIndependentError', 'parse_literal', 'parse_operator')


class OrIndependentError(PatternError):
    """An error that remains when `$or` is read as the name of a field."""


def parse_literal(value: Any, path: str) -> Pattern:
    """Return the pattern of a literal. A text that spells an IP address matches any spelling."""
    if value is None or isinstance(value, bool):
        return Constant(value)
    if isinstance(value, str):
        address = parse_event_address(value)
        return compile_pattern(value) if address is None else AddressText(value, address)
    if isinstance(value, int):
        return Number(_require_digits(value, path))
    if isinstance(value, float) and math.isfinite(value):
        return Number(value)
    problem = 'a value must be a str, a number, true, false, null or an operator'
    raise PatternError(path, value, problem)


def _require_digits(number: int, path: str) -> int:
    """Return an integer that Python can write, as it must to show or send the pattern."""
    try:
        repr(number)
    except ValueError:
        problem = 'an integer must not have more digits than Python writes (4,300 by default)'
        raise PatternError(path, number, problem) from None
    return number


def parse_operator(source: Mapping[str, Any], path: str, *, or_is_operator: bool) -> Pattern:
    """Return the pattern of an operator such as `{'prefix': 'a'}`."""
    if len(source) != 1:
        raise PatternError(path, source, 'an operator must be an object with exactly one key')
    [(name, operand)] = source.items()
    if name not in _KNOWN:
        known = ', '.join(sorted(_KNOWN))
        problem = f'{safe_repr(name)} is not an operator; the operators are {known}'
        raise PatternError(path, source, problem)
    path = join_path(path, name)
    if name == ANYTHING_BUT:
        return _anything_but(operand, path, or_is_operator)
    return _OPERATORS[name](operand, path)


def _text(operand: Any, path: str) -> str:
    if not isinstance(operand, str):
        raise PatternError(path, operand, 'the operand must be a str')
    return operand


def _prefix(operand: Any, path: str) -> Pattern:
    if isinstance(operand, Mapping):
        text = _ignored_case_text(operand, path)
        return case_insensitive(text, at_start=True, at_end=False)
    return Prefix(_text(operand, path), None)


def _suffix(operand: Any, path: str) -> Pattern:
    if isinstance(operand, Mapping):
        text = _ignored_case_text(operand, path)
        return case_insensitive(text, at_start=False, at_end=True)
    return Suffix(_text(operand, path), None)


def _ignored_case_text(operand: Mapping[str, Any], path: str) -> str:
    if [*operand] != ['equals-ignore-case']:
        problem = 'the operand must be a str, or an object with the key equals-ignore-case'
        raise PatternError(path, operand, problem)
    return _text(operand['equals-ignore-case'], join_path(path, 'equals-ignore-case'))


def _equals_ignore_case(operand: Any, path: str) -> Pattern:
    return case_insensitive(_text(operand, path), at_start=True, at_end=True)


def _exactly(operand: Any, path: str) -> Pattern:
    return compile_pattern(_text(operand, path))


def _wildcard(operand: Any, path: str) -> Pattern:
    text = _text(operand, path)
    if invalid := _INVALID_ESCAPE.search(text):
        position = invalid.start('invalid')
        problem = f'the backslash at {position} must precede an asterisk or a backslash'
        raise PatternError(path, operand, problem)
    if '**' in _ESCAPE.sub('', text):
        raise PatternError(path, operand, 'a wildcard must not contain two asterisks in a row')
    # In the language's own wildcards, `?` stands for one character; EventBridge has only `*`.
    own = _ESCAPE_OR_MARK.sub(lambda found: found[0] if found[0] != '?' else r'\?', text)
    return Wildcard(own, False, parse_pieces(own, fold=False))


_ESCAPE = re.compile(r'\\[*\\]')
_INVALID_ESCAPE = re.compile(r'\A(?:[^\\]|\\[*\\])*(?P<invalid>\\)(?![*\\])', re.DOTALL)
_ESCAPE_OR_MARK = re.compile(r'\\.|\?', re.DOTALL)


def _exists(operand: Any, path: str) -> Pattern:
    if operand is not True:
        raise PatternError(path, operand, 'the operand of exists must be true or false')
    return AnyValue()


# ── addresses ────────────────────────────────────────────────────────────────────────────────────


def _cidr(operand: Any, path: str) -> Pattern:
    text = _text(operand, path)
    address, slash, mask = text.partition('/')
    parsed = parse_event_address(address)
    if not slash or parsed is None or not _MASK.fullmatch(mask):
        problem = "a CIDR block must be written like '10.0.0.0/8' or '2001:db8::/32'"
        raise OrIndependentError(path, operand, problem)
    version = 4 if '.' in address else 6
    bits, max_bits = int(mask), 31 if version == 4 else 127
    if bits > max_bits:
        problem = f'the mask must be at most {max_bits}; write a single address as a str'
        raise OrIndependentError(path, operand, problem)
    # `ip_network` refuses leading zeros; EventBridge accepts them.
    plain = '.'.join(str(int(part)) for part in address.split('.')) if version == 4 else address
    return AddressBlock(ip_network(f'{plain}/{bits}', strict=False))


_MASK = re.compile(r'\+?\d{1,4}', re.ASCII)


# ── numbers ──────────────────────────────────────────────────────────────────────────────────────


def _numeric(operand: Any, path: str) -> Pattern:
    if not isinstance(operand, (list, tuple)) or len(operand) not in (2, 4):
        _refuse_range(operand, path)
    sign, bound = operand[0], _bound(operand[1], path)
    if sign == '=' and len(operand) == 2:
        return Number(bound)
    if sign in ('<', '<=') and len(operand) == 2:
        return NumericRange(None, bound, True, sign == '<=')
    if sign not in ('>', '>='):
        _refuse_range(operand, path)
    if len(operand) == 2:
        return NumericRange(bound, None, sign == '>=', True)
    upper_sign, upper = operand[2], _bound(operand[3], path)
    if upper_sign not in ('<', '<='):
        _refuse_range(operand, path)
    if not bound < upper:
        raise PatternError(path, operand, 'the lower bound must be below the upper bound')
    return NumericRange(bound, upper, sign == '>=', upper_sign == '<=')


def _refuse_range(operand: Any, path: str) -> NoReturn:
    problem = "write ['=', n], one bound such as ['>', n], or a lower and then an upper bound"
    raise PatternError(path, operand, problem)


def _bound(number: Any, path: str) -> int | float:
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        raise PatternError(path, number, 'a bound must be a number')
    if not is_exact_double(number):
        raise PatternError(path, number, _INEXACT)
    return number


_INEXACT = 'a number must be exact as a double'


# ── anything-but ─────────────────────────────────────────────────────────────────────────────────

ANYTHING_BUT = 'anything-but'


def _anything_but(operand: Any, path: str, or_is_operator: bool) -> Pattern:
    if not isinstance(operand, Mapping):
        return Not(AnyOf(_scalars_of_one_type(operand, path)))
    if len(operand) != 1 or next(iter(operand)) not in _NEGATABLE:
        names = ', '.join(sorted(_NEGATABLE))
        raise PatternError(path, operand, f'anything-but takes values, or one of {names}')
    [(name, operands)] = operand.items()
    path = join_path(path, name)
    is_array = isinstance(operands, (list, tuple))
    # The older syntax, which has no $or operator, does not have these forms of anything-but.
    is_recent_form = name == 'wildcard' or (is_array and name != 'equals-ignore-case')
    if is_recent_form and not or_is_operator:
        problem = f'anything-but {name} is not supported beside a field with the name $or'
        raise PatternError(path, operand, problem)
    operands = list(operands) if is_array else [operands]
    if not operands:
        raise PatternError(path, operands, 'an array of values must not be empty')
    members = []
    for text in operands:
        if name in ('prefix', 'suffix') and (not isinstance(text, str) or not text):
            problem = f'{name} inside anything-but must be a str that is not empty'
            raise PatternError(path, text, problem)
        members.append(_NEGATABLE[name](text, path))
    return Not(AnyOf(tuple(members)))


def _scalars_of_one_type(operand: Any, path: str) -> tuple[Pattern, ...]:
    values = operand if isinstance(operand, (list, tuple)) else [operand]
    types = {str if isinstance(value, str) else type(value) for value in values}
    if not values or not (types == {str} or types <= {int, float}):
        problem = 'anything-but takes either str or numbers, at least one value'
        raise PatternError(path, operand, problem)
    for value in values:
        if not isinstance(value, str) and not is_exact_double(value):
            error = PatternError if values is operand else OrIndependentError
            raise error(path, value, _INEXACT)
    return tuple(
        compile_pattern(value) if isinstance(value, str) else Number(value) for value in values
    )


_OPERATORS: dict[str, Callable[[Any, str], Pattern]] = {
    'prefix': _prefix,
    'suffix': _suffix,
    'equals-ignore-case': _equals_ignore_case,
    'exactly': _exactly,
    'wildcard': _wildcard,
    'exists': _exists,
    'cidr': _cidr,
    'numeric': _numeric,
}

_KNOWN = frozenset((*_OPERATORS, ANYTHING_BUT))

_NEGATABLE: dict[str, Callable[[Any, str], Pattern]] = {
    'prefix': lambda text, path: Prefix(_text(text, path), None),
    'suffix': lambda text, path: Suffix(_text(text, path), None),
    'equals-ignore-case': _equals_ignore_case,
    'wildcard': _wildcard,
}
