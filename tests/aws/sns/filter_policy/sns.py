"""SNS's filter policies once more, naively: which message a policy lets through.

Written from what AWS documents and what its open engine does, without any help from the package.
Where it is not sure what SNS does, it takes the reading that lets less through. What is not
documented, or beyond a limit, is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache, lru_cache
from ipaddress import IPv4Address, IPv4Network
from itertools import product
from math import prod
from typing import Any

RESERVED = {
    'exactly', 'equals-ignore-case', 'prefix', 'suffix', 'anything-but', 'exists', 'wildcard',
    'numeric', 'cidr', '=', '<', '<=', '>', '>=', 'regex',
}  # fmt: skip


class RefusedError(Exception):
    """SNS does not take the policy, or nobody knows whether it does."""


@dataclass(frozen=True)
class Number:
    """A number as a message writes it."""

    text: str

    @property
    def value(self) -> Fraction | None:
        """None for one that no double says: SNS compares it with nothing."""
        written, double = Decimal(self.text), float(self.text)
        is_said = double not in (float('inf'), float('-inf')) and Decimal(repr(double)) == written
        return Fraction(written) if is_said else None


class Fields(list[tuple[str, Any]]):
    """An object of a message, with all that is there under one name."""


ArrayBinding = dict[tuple[str, int], int]
"""Of which member of an array something was taken, by where the array is."""


@dataclass(frozen=True)
class Scalar:
    path: str
    value: Any
    members: tuple[tuple[tuple[str, int], int], ...]


class Reader:
    """A policy that SNS takes, ready to be asked of messages."""

    def __init__(self, policy: dict[str, Any], of_attributes: bool = False) -> None:
        check(policy, of_attributes)
        self.rules = [sorted(rule.items(), key=by_name) for rule in rules(policy)]

    def passes(self, body: str) -> bool:
        """Whether SNS lets a message through by its body."""
        scalars = scalars_of_body(body)
        return scalars is not None and self.holds(scalars)

    def passes_by(self, attributes: dict[str, Any]) -> bool:
        """Whether SNS lets a message through by its attributes, as AWS's API has them."""
        return bool(attributes) and self.holds(
            [
                Scalar(name, value, ())
                for name, attribute in attributes.items()
                for value in values_of(attribute)
            ]
        )

    def holds(self, scalars: list[Scalar]) -> bool:
        return any(rule_holds(rule, scalars, {}) for rule in self.rules)


@lru_cache(maxsize=1_000)
def scalars_of_body(body: str) -> list[Scalar] | None:
    """None for what is no JSON object."""
    try:
        document = json.loads(body, object_pairs_hook=Fields, parse_int=Number, parse_float=Number)
    except ValueError:
        return None
    return list(scalars_in(document, '', ())) if isinstance(document, Fields) else None


def values_of(attribute: dict[str, Any]) -> list[Any]:
    kind, text = attribute['DataType'], attribute['StringValue']
    if kind == 'String':
        return [text]
    if kind == 'Number':
        return [Number(text)]
    if kind == 'String.Array':
        members = json.loads(text, parse_int=Number, parse_float=Number)
        assert not any(isinstance(member, (list, dict)) for member in members), text
        return list(members)
    return []


def by_name(entry: tuple[str, Any]) -> bytes:
    return entry[0].encode('utf-16-be', 'surrogatepass')


def scalars_in(value: Any, path: str, members: tuple[Any, ...]) -> Iterator[Scalar]:
    """All scalars of a message, by their paths: arrays leave no trace in these."""
    if isinstance(value, Fields):
        for name, inner in value:
            if name:  # nobody knows how SNS finds what has no name
                yield from scalars_in(inner, f'{path}.{name}' if path else name, members)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            is_entered = isinstance(inner, list)  # and so are objects: they are lists of fields
            entered = (*members, ((path, id(value)), place)) if is_entered else members
            yield from scalars_in(inner, path, entered)
    else:
        yield Scalar(path, value, members)


# ── what a policy says ───────────────────────────────────────────────────────────────────────────


def is_or(name: str, value: Any) -> bool:
    return name == '$or' and isinstance(value, list) and all(isinstance(one, dict) for one in value)


def rules(policy: dict[str, Any], path: str = '') -> list[dict[str, list[Any]]]:
    """One plain rule for each way through the branches of every `$or`."""
    parts: list[list[dict[str, list[Any]]]] = []
    for name, value in policy.items():
        below = f'{path}.{name}' if path else name
        if is_or(name, value):
            parts.append([rule for branch in value for rule in rules(branch, path)])
        elif isinstance(value, dict):
            parts.append(rules(value, below))
        else:
            parts.append([{below: value}])
    found = []
    for chosen in product(*parts):
        rule: dict[str, list[Any]] = {}
        for part in chosen:
            assert not rule.keys() & part.keys(), 'one path stands inside and outside of an $or'
            rule |= part
        found.append(rule)
    return found


def rule_holds(
    rule: list[tuple[str, list[Any]]], scalars: list[Scalar], chosen: ArrayBinding
) -> bool:
    """Whether all fields of a rule hold, within one member of every array that they enter."""
    if not rule:
        return True
    (path, items), *rest = rule
    compatible = [
        scalar
        for scalar in scalars
        if scalar.path == path
        and all(chosen.get(array, place) == place for array, place in scalar.members)
    ]
    if not compatible:
        return any(item == {'exists': False} for item in items) and rule_holds(
            rest, scalars, chosen
        )
    return any(
        rule_holds(rest, scalars, {**chosen, **dict(scalar.members)})
        for scalar in compatible
        if any(item_holds(item, scalar.value) for item in items)
    )


def item_holds(item: Any, value: Any) -> bool:
    if not isinstance(item, dict):
        return equals(item, value)
    [(name, operand)] = item.items()
    match name:
        case 'exists':
            return operand is True and value is not None and value != ''
        case 'anything-but':
            return not any(
                text_holds(*next(iter(one.items())), value)
                if isinstance(one, dict)
                else equals(one, value)
                for one in (operand if isinstance(operand, list) else [operand])
            )
        case 'numeric':
            return in_range(operand, value)
    return text_holds(name, operand, value)


def equals(item: Any, value: Any) -> bool:
    if isinstance(item, bool) or item is None:
        return value is item
    if isinstance(item, str):
        return isinstance(value, str) and value == item
    return isinstance(value, Number) and value.value == Fraction(item)


def in_range(bounds: list[Any], value: Any) -> bool:
    number = value.value if isinstance(value, Number) else None
    if number is None:
        return False
    signs = {
        '=': number.__eq__, '<': number.__lt__, '<=': number.__le__,
        '>': number.__gt__, '>=': number.__ge__,
    }  # fmt: skip
    return all(
        signs[sign](Fraction(bound)) for sign, bound in zip(bounds[::2], bounds[1::2], strict=True)
    )


def text_holds(name: str, operand: str, value: Any) -> bool:
    if not isinstance(value, str):
        return False
    match name:
        case 'prefix':
            return value.startswith(operand)
        case 'suffix':
            return value.endswith(operand)
        case 'wildcard':
            return fits(operand, value)
        case 'equals-ignore-case':
            cases = [
                f'(?:{"|".join({re.escape(c.lower()), re.escape(c.upper())})})' for c in operand
            ]
            return re.fullmatch(''.join(cases), value) is not None
        case 'cidr':
            return re.fullmatch(r'\d+(\.\d+){3}', value, re.ASCII) is not None and within(
                operand, value
            )
    raise AssertionError(name)


@cache
def fits(wildcard: str, text: str) -> bool:
    if not wildcard:
        return not text
    if wildcard[0] == '*':
        return any(fits(wildcard[1:], text[start:]) for start in range(len(text) + 1))
    return text[:1] == wildcard[0] and fits(wildcard[1:], text[1:])


def within(block: str, text: str) -> bool:
    try:
        return IPv4Address(text) in IPv4Network(block, strict=False)
    except ValueError:
        return False


# ── what SNS takes ───────────────────────────────────────────────────────────────────────────────


def check(policy: dict[str, Any], of_attributes: bool = False) -> None:
    """Refuse what SNS refuses, and what it does not document."""
    leaves = list(leaves_of(policy, 1))
    if not leaves or len(leaves) > 5:
        raise RefusedError(f'{len(leaves)} keys')
    if of_attributes and any(level > 1 for level, _ in leaves):
        raise RefusedError('a policy of attributes is flat')
    combinations = prod(
        sum(map(values_in, items)) * (1 if of_attributes else level) for level, items in leaves
    )
    if combinations > 150:
        raise RefusedError(f'{combinations} combinations')
    points = sum(sum(map(points_of, items)) * len(items) for _, items in leaves)
    if points > 100:
        raise RefusedError(f'{points} points')
    if len(json.dumps(policy, ensure_ascii=False).encode()) > 262_144:
        raise RefusedError('too long')
    for _, items in leaves:
        for item in items:
            check_item(item, of_attributes)
            if of_attributes and item == {'exists': False}:
                raise RefusedError('that an attribute is absent, of a message that may have none')


def leaves_of(policy: dict[str, Any], level: int) -> Iterator[tuple[int, list[Any]]]:
    for name, value in policy.items():
        if is_or(name, value):
            if len(value) < 2 or not all(value):
                raise RefusedError('$or of fewer than two')
            for branch in value:
                yield from leaves_of(branch, level)
        elif not name or '.' in name or name in RESERVED or name == '$or':
            raise RefusedError(f'a name that is read in several ways: {name!r}')
        elif isinstance(value, dict) and value:
            yield from leaves_of(value, level + 1)
        elif isinstance(value, list) and value:
            yield level, value
        else:
            raise RefusedError(f'{name}: {value}')


def values_in(item: Any) -> int:
    excluded = item.get('anything-but') if isinstance(item, dict) else None
    return len(excluded) if isinstance(excluded, list) else 1


def points_of(item: Any) -> int:
    if not isinstance(item, dict):
        return 0
    stars = str(item.get('wildcard', '')).count('*')
    return 3 * stars if stars > 1 else stars + ('anything-but' in item)


def check_item(item: Any, of_attributes: bool) -> None:
    if isinstance(item, str):
        if of_attributes and ('"' in item or '\\' in item or not item):
            raise RefusedError(f'quoted in several ways: {item!r}')
        return
    if item is None or isinstance(item, bool):
        return
    if not isinstance(item, dict) or len(item) != 1:
        raise RefusedError(f'a plain number compares in several ways: {item!r}')
    [(name, operand)] = item.items()
    match name:
        case 'prefix' | 'suffix' | 'equals-ignore-case':
            is_known = isinstance(operand, str) and bool(operand)
            is_known = is_known and not (of_attributes and ('"' in operand or '\\' in operand))
        case 'wildcard':
            is_known = isinstance(operand, str) and operand.count('*') <= 3
            is_known = is_known and '**' not in operand and '\\' not in operand
            is_known = is_known and not (of_attributes and '"' in operand)
        case 'exists':
            is_known = isinstance(operand, bool)
        case 'cidr':
            is_known = not operand.endswith('/32') and IPv4Network(operand).version == 4
        case 'numeric':
            is_known = all(is_said(bound) for bound in operand[1::2])
        case 'anything-but':
            is_known = is_excluded(operand)
        case _:
            is_known = False
    if not is_known:
        raise RefusedError(f'not documented: {item}')


def is_said(number: Any) -> bool:
    """Whether SNS takes a number: five decimals, up to a thousand millions."""
    exactly = Fraction(str(number))
    return abs(exactly) <= 10**9 and (exactly * 10**5).denominator == 1


def is_excluded(operand: Any) -> bool:
    if isinstance(operand, dict):
        [(name, text)] = operand.items()
        return name in ('prefix', 'suffix') and isinstance(text, str) and bool(text)
    values = operand if isinstance(operand, list) else [operand]
    are_texts = all(isinstance(value, str) for value in values)
    return bool(values) and (are_texts or all(is_said(value) for value in values))
