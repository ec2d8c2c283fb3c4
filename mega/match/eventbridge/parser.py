"""Reading event patterns: what AWS refuses is refused, with the path."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any, NoReturn, TypeAlias

from mega.errors import PatternError, join_path
from mega.match.eventbridge.matcher import EventPattern, Field
from mega.match.eventbridge.operators import (
    AddressBlock,
    AddressText,
    Number,
    NumericRange,
    ValueList,
    any_case,
    is_comparable,
    read_event_address,
)
from mega.match.functions.presence import Any as Anything
from mega.match.functions.text import Prefix, Suffix
from mega.match.functions.wildcards import Wildcard, pieces
from mega.match.pattern import AnyOf, Constant, Not, Pattern, compiled

__all__ = ('from_eventbridge',)

OR = '$or'

MAX_RULES = 1_000
"""Rules that a pattern with `$or` may be, one for each way through all of them.

EventBridge is said to refuse more.
"""

MAX_LEVELS = 100

RESERVED = frozenset(
    (
        'exactly', 'equals-ignore-case', 'prefix', 'suffix', 'anything-but', 'exists', 'wildcard',
        'numeric', 'cidr', '=', '<', '<=', '>', '>=', 'regex', 'not-wildcard',
        'not-equals-ignore-case',
        'date-after', 'date-on-or-after', 'date-before', 'date-on-or-before', 'in-date-range',
        'ip-address-in-range', 'ip-address-not-in-range',
    )
)  # fmt: skip
"""Names that no field within an `$or` may have."""

Fields: TypeAlias = dict[str, ValueList]
"""One rule: what every path wants, by its name with dots."""


class _FinalError(PatternError):
    """Refused, whatever `$or` is taken for."""


def from_eventbridge(pattern: Mapping[str, Any]) -> Pattern:
    """Take an EventBridge event pattern, with EventBridge's meaning, as a pattern of this language.

    It asks about an object: `evaluate(event, from_eventbridge({...}))`. It may stand wherever a
    pattern may.

    >>> paid = from_eventbridge({'source': ['shop'], 'detail': {'total': [{'numeric': ['>', 9]}]}})
    >>> evaluate({'source': 'shop', 'detail': {'total': 12.5}}, paid)
    True

    Raises:
        PatternError: for what AWS refuses, with its path.
    """
    try:
        rules = _Parser(or_is_operator=True).rules(pattern)
    except _FinalError:
        raise
    except PatternError as error:
        # What cannot be read with $or as an operator is read as by those who do not know it.
        if not _mentions_or(pattern):
            raise
        try:
            rules = _Parser(or_is_operator=False).rules(pattern)
        except PatternError:
            raise error from None
    made = tuple(
        tuple(Field(tuple(name.split('.')), rule[name]) for name in sorted(rule, key=_utf_16))
        for rule in rules
    )
    return EventPattern(made, repr(pattern))


def _utf_16(name: str) -> bytes:
    """By what EventBridge orders names; that decides which member of an array `exists` asks."""
    return name.encode('utf-16-be', 'surrogatepass')


def _mentions_or(value: Any, level: int = 1) -> bool:
    if not isinstance(value, Mapping) or level > MAX_LEVELS:
        return False
    return OR in value or any(_mentions_or(below, level + 1) for below in value.values())


@dataclass(frozen=True)
class _Parser:
    or_is_operator: bool

    def rules(self, pattern: Any) -> list[Fields]:
        if not isinstance(pattern, Mapping):
            raise PatternError('', pattern, 'an event pattern is an object')
        return self._object(pattern, '', '', [{}], within_or=False, level=1)

    def _object(
        self,
        written: Mapping[str, Any],
        name: str,
        path: str,
        rules: list[Fields],
        *,
        within_or: bool,
        level: int,
    ) -> list[Fields]:
        """Add what an object of the pattern wants to every rule so far."""
        if not written:
            raise PatternError(path, written, 'an empty object would say nothing')
        if level > MAX_LEVELS:
            raise _FinalError(path, written, f'it is nested deeper than {MAX_LEVELS} levels')
        for key, value in written.items():
            here = join_path(path, key) if isinstance(key, str) else path
            if not isinstance(key, str):
                raise PatternError(path, key, 'a name of a field is a text')
            if key == OR and self.or_is_operator:
                rules = self._or(value, name, here, rules, level)
                continue
            if within_or and key in RESERVED:
                raise PatternError(here, key, 'no field within an $or may have this name')
            below = f'{name}.{key}' if name else key
            if isinstance(value, Mapping):
                rules = self._object(
                    value, below, here, rules, within_or=within_or, level=level + 1
                )
            elif isinstance(value, (list, tuple)):
                items = self._items(value, here)
                rules = [{**rule, below: items} for rule in rules]  # of two the later one counts
            else:
                raise PatternError(here, value, 'write an array of what it may be, or an object')
        return rules

    def _or(
        self, branches: Any, name: str, path: str, rules: list[Fields], level: int
    ) -> list[Fields]:
        if not isinstance(branches, (list, tuple)) or len(branches) < 2:
            raise PatternError(path, branches, '$or takes an array of two objects or more')
        added: list[Fields] = []
        for place, branch in enumerate(branches):
            here = join_path(path, place)
            if not isinstance(branch, Mapping):
                raise PatternError(here, branch, 'a branch of $or is an object')
            added += self._object(branch, name, here, rules, within_or=True, level=level + 1)
            if len(added) > MAX_RULES:
                problem = f'the branches of $or combine to more than {MAX_RULES:,} rules'
                raise _FinalError(path, branches, problem)
        return added

    def _items(self, written: Any, path: str) -> ValueList:
        if not written:
            raise PatternError(path, written, 'an empty array would match nothing')
        items: list[Pattern] = []
        may_be_missing = False
        for place, item in enumerate(written):
            here = join_path(path, place)
            if item == {'exists': False} and item['exists'] is False:
                may_be_missing = True
            elif isinstance(item, Mapping):
                items.append(self._operator(item, here))
            else:
                items.append(_literal(item, here))
        return ValueList(tuple(written), tuple(items), may_be_missing)

    def _operator(self, written: Mapping[str, Any], path: str) -> Pattern:
        if len(written) != 1:
            raise PatternError(path, written, 'an operator is an object with exactly one key')
        [(name, operand)] = written.items()
        if name == 'anything-but':
            return self._anything_but(operand, join_path(path, name))
        if name not in _OPERATORS:
            known = ', '.join(sorted([*_OPERATORS, 'anything-but']))
            raise PatternError(path, written, f'no operator {name!r}; known are {known}')
        return _OPERATORS[name](operand, join_path(path, name))

    def _anything_but(self, operand: Any, path: str) -> Pattern:
        if not isinstance(operand, Mapping):
            return Not(AnyOf(_scalars_of_one_type(operand, path)))
        if len(operand) != 1 or next(iter(operand)) not in _NEGATED:
            problem = f'anything-but takes values, or one of {", ".join(sorted(_NEGATED))}'
            raise PatternError(path, operand, problem)
        [(name, texts)] = operand.items()
        path = join_path(path, name)
        several = isinstance(texts, (list, tuple))
        is_new = name == 'wildcard' or (several and name != 'equals-ignore-case')
        if is_new and not self.or_is_operator:
            raise PatternError(path, operand, 'it cannot stand beside $or as the name of a field')
        texts = list(texts) if several else [texts]
        if not texts:
            raise PatternError(path, texts, 'an empty array would exclude nothing')
        members = []
        for text in texts:
            if name in ('prefix', 'suffix') and (not isinstance(text, str) or not text):
                raise PatternError(
                    path, text, f'{name} within anything-but takes a text, not empty'
                )
            members.append(_NEGATED[name](text, path))
        return Not(AnyOf(tuple(members)))


# ── items ────────────────────────────────────────────────────────────────────────────────────────


def _literal(item: Any, path: str) -> Pattern:
    if item is None or isinstance(item, bool):
        return Constant(item)
    if isinstance(item, str):
        address = read_event_address(item)
        return compiled(item) if address is None else AddressText(item, address)
    if isinstance(item, int) or (isinstance(item, float) and math.isfinite(item)):
        return Number(item)
    raise PatternError(path, item, 'an item is a text, a number, true, false, null or an operator')


def _text(operand: Any, path: str) -> str:
    if not isinstance(operand, str):
        raise PatternError(path, operand, 'it takes a text')
    return operand


def _prefix(operand: Any, path: str) -> Pattern:
    if isinstance(operand, Mapping):
        return any_case(_ignoring_case(operand, path), begins=True, ends=False)
    return Prefix(_text(operand, path), None)


def _suffix(operand: Any, path: str) -> Pattern:
    if isinstance(operand, Mapping):
        return any_case(_ignoring_case(operand, path), begins=False, ends=True)
    return Suffix(_text(operand, path), None)


def _ignoring_case(operand: Mapping[str, Any], path: str) -> str:
    if [*operand] != ['equals-ignore-case']:
        raise PatternError(path, operand, 'of operators it takes equals-ignore-case alone')
    return _text(operand['equals-ignore-case'], join_path(path, 'equals-ignore-case'))


def _equals_ignore_case(operand: Any, path: str) -> Pattern:
    return any_case(_text(operand, path), begins=True, ends=True)


def _exactly(operand: Any, path: str) -> Pattern:
    return compiled(_text(operand, path))


def _wildcard(operand: Any, path: str) -> Pattern:
    text = _text(operand, path)
    if bad := _BAD_ESCAPE.search(text):
        problem = rf'the backslash at {bad.start("bad")} escapes neither a star nor a backslash'
        raise PatternError(path, operand, problem)
    if '**' in _ESCAPE.sub('', text):
        raise PatternError(path, operand, 'two stars in a row')
    own = _ESCAPE_OR_MARK.sub(lambda found: found[0] if found[0] != '?' else r'\?', text)
    return Wildcard(own, False, pieces(own, fold=False))


_ESCAPE = re.compile(r'\\[*\\]')
_BAD_ESCAPE = re.compile(r'\A(?:[^\\]|\\[*\\])*(?P<bad>\\)(?![*\\])', re.DOTALL)
_ESCAPE_OR_MARK = re.compile(r'\\.|\?', re.DOTALL)


def _exists(operand: Any, path: str) -> Pattern:
    if operand is not True:
        raise PatternError(path, operand, 'exists takes true or false')
    return Anything()


def _cidr(operand: Any, path: str) -> Pattern:
    text = _text(operand, path)
    address, slash, mask = text.partition('/')
    read = read_event_address(address)
    if not slash or read is None or not _MASK.fullmatch(mask):
        raise _FinalError(path, operand, "a block is written like '10.0.0.0/8' or '2001:db8::/32'")
    version = 4 if '.' in address else 6
    bits, most = int(mask), 31 if version == 4 else 127
    if bits > most:
        raise _FinalError(path, operand, f'the mask is at most {most}: write one address plainly')
    plain = '.'.join(str(int(part)) for part in address.split('.')) if version == 4 else address
    return AddressBlock(ip_network(f'{plain}/{bits}', strict=False))


_MASK = re.compile(r'\+?\d{1,4}', re.ASCII)


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
        raise PatternError(path, operand, 'the lower bound is not below the upper one')
    return NumericRange(bound, upper, sign == '>=', upper_sign == '<=')


def _refuse_range(operand: Any, path: str) -> NoReturn:
    problem = "write ['=', n], one bound such as ['>', n], or a lower and then an upper one"
    raise PatternError(path, operand, problem)


def _bound(number: Any, path: str) -> int | float:
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        raise PatternError(path, number, 'a bound is a number')
    if not is_comparable(number):
        raise PatternError(path, number, 'no double says this number exactly')
    return number


def _scalars_of_one_type(operand: Any, path: str) -> tuple[Pattern, ...]:
    values = operand if isinstance(operand, (list, tuple)) else [operand]
    kinds = {str if isinstance(value, str) else type(value) for value in values}
    if not values or not (kinds == {str} or kinds <= {int, float}):
        raise PatternError(path, operand, 'anything-but takes texts or numbers, not both')
    for value in values:
        if not isinstance(value, str) and not is_comparable(value):
            error = PatternError if values is operand else _FinalError
            raise error(path, value, 'no double says this number exactly')
    return tuple(compiled(value) if isinstance(value, str) else Number(value) for value in values)


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

_NEGATED: dict[str, Callable[[Any, str], Pattern]] = {
    'prefix': lambda text, path: Prefix(_text(text, path), None),
    'suffix': lambda text, path: Suffix(_text(text, path), None),
    'equals-ignore-case': _equals_ignore_case,
    'wildcard': _wildcard,
}
