"""A naive reference implementation of SNS's filter policies, independent of the package.

It follows AWS's documentation and AWS's open engine, event-ruler. Where the behaviour of SNS is
unclear, it chooses the interpretation that lets fewer messages through. It refuses policies that
use undocumented features or exceed a limit.
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
    """SNS refuses the policy, or the documentation does not say that SNS accepts it."""


@dataclass(frozen=True)
class Number:
    """A number as the text of a message has it."""

    text: str

    @property
    def value(self) -> Fraction | None:
        """The exact value; None if a double is not exact, because SNS compares it with nothing."""
        written, double = Decimal(self.text), float(self.text)
        is_exact = double not in (float('inf'), float('-inf')) and Decimal(repr(double)) == written
        return Fraction(written) if is_exact else None


class Fields(list[tuple[str, Any]]):
    """The fields of an object in a message, including repeated names."""


ArrayBinding = dict[tuple[str, int], int]
"""The index of the chosen member for each array."""


@dataclass(frozen=True)
class Scalar:
    path: str
    value: Any
    members: tuple[tuple[tuple[str, int], int], ...]


class ReferencePolicy:
    """A valid policy, which tests messages."""

    def __init__(self, policy: dict[str, Any], of_attributes: bool = False) -> None:
        refuse_invalid(policy, of_attributes)
        self.combinations = [
            sorted(combination.items(), key=by_name) for combination in combinations_of(policy)
        ]

    def passes(self, body: str) -> bool:
        """Return whether SNS lets a message through, by its body."""
        scalars = scalars_of_body(body)
        return scalars is not None and self.holds(scalars)

    def passes_by(self, attributes: dict[str, Any]) -> bool:
        """Return whether SNS lets a message through, by its attributes in the form of AWS's API."""
        return bool(attributes) and self.holds(
            [
                Scalar(name, value, ())
                for name, attribute in attributes.items()
                for value in values_of(attribute)
            ]
        )

    def holds(self, scalars: list[Scalar]) -> bool:
        return any(combination_holds(each, scalars, {}) for each in self.combinations)


@lru_cache(maxsize=1_000)
def scalars_of_body(body: str) -> list[Scalar] | None:
    """Return the scalars of a body; None if the body is not a JSON object."""
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
    """Yield all scalars of a message with their paths. Arrays leave no trace in a path."""
    if isinstance(value, Fields):
        for name, inner in value:
            if name:  # the documentation does not say how SNS treats an empty name
                yield from scalars_in(inner, f'{path}.{name}' if path else name, members)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            is_container = isinstance(inner, list)  # an array, or an object: a list of fields
            entered = (*members, ((path, id(value)), index)) if is_container else members
            yield from scalars_in(inner, path, entered)
    else:
        yield Scalar(path, value, members)


# ── evaluation ───────────────────────────────────────────────────────────────────────────────────


def is_or(name: str, value: Any) -> bool:
    return name == '$or' and isinstance(value, list) and all(isinstance(one, dict) for one in value)


def combinations_of(policy: dict[str, Any], path: str = '') -> list[dict[str, list[Any]]]:
    """Return the combinations of the branches of every `$or`."""
    parts: list[list[dict[str, list[Any]]]] = []
    for name, value in policy.items():
        below = f'{path}.{name}' if path else name
        if is_or(name, value):
            parts.append([each for branch in value for each in combinations_of(branch, path)])
        elif isinstance(value, dict):
            parts.append(combinations_of(value, below))
        else:
            parts.append([{below: value}])
    found = []
    for chosen in product(*parts):
        combination: dict[str, list[Any]] = {}
        for part in chosen:
            if combination.keys() & part.keys():
                raise RefusedError('a path is both inside and outside $or')
            combination |= part
        found.append(combination)
    return found


def combination_holds(
    combination: list[tuple[str, list[Any]]], scalars: list[Scalar], chosen: ArrayBinding
) -> bool:
    """Return whether all fields hold, with one member of every array."""
    if not combination:
        return True
    (path, conditions), *rest = combination
    compatible = [
        scalar
        for scalar in scalars
        if scalar.path == path
        and all(chosen.get(array, index) == index for array, index in scalar.members)
    ]
    if not compatible:
        return any(each == {'exists': False} for each in conditions) and combination_holds(
            rest, scalars, chosen
        )
    return any(
        combination_holds(rest, scalars, {**chosen, **dict(scalar.members)})
        for scalar in compatible
        if any(condition_holds(each, scalar.value) for each in conditions)
    )


def condition_holds(condition: Any, value: Any) -> bool:
    if not isinstance(condition, dict):
        return equals(condition, value)
    [(name, operand)] = condition.items()
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


def equals(literal: Any, value: Any) -> bool:
    if isinstance(literal, bool) or literal is None:
        return value is literal
    if isinstance(literal, str):
        return isinstance(value, str) and value == literal
    return isinstance(value, Number) and value.value == Fraction(literal)


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
            return wildcard_matches(operand, value)
        case 'equals-ignore-case':
            cases = [
                f'(?:{"|".join({re.escape(c.lower()), re.escape(c.upper())})})' for c in operand
            ]
            return re.fullmatch(''.join(cases), value) is not None
        case 'cidr':
            return re.fullmatch(r'\d+(\.\d+){3}', value, re.ASCII) is not None and is_in_block(
                operand, value
            )
    raise AssertionError(name)


@cache
def wildcard_matches(wildcard: str, text: str) -> bool:
    if not wildcard:
        return not text
    if wildcard[0] == '*':
        return any(wildcard_matches(wildcard[1:], text[start:]) for start in range(len(text) + 1))
    return text[:1] == wildcard[0] and wildcard_matches(wildcard[1:], text[1:])


def is_in_block(block: str, text: str) -> bool:
    try:
        return IPv4Address(text) in IPv4Network(block, strict=False)
    except ValueError:
        return False


# ── limits ───────────────────────────────────────────────────────────────────────────────────────


def refuse_invalid(policy: dict[str, Any], of_attributes: bool = False) -> None:
    """Raise `RefusedError` for a policy that SNS refuses, or whose features are undocumented."""
    leaves = list(leaves_of(policy, 1))
    if not leaves or len(leaves) > 5:
        raise RefusedError(f'{len(leaves)} keys')
    if of_attributes and any(level > 1 for level, _ in leaves):
        raise RefusedError('a policy of attributes must be flat')
    combinations = sum(
        prod(
            sum(map(value_count, values)) * (1 if of_attributes else path.count('.') + 1)
            for path, values in combination.items()
        )
        for combination in combinations_of(policy)
    )
    if combinations > 150:
        raise RefusedError(f'{combinations} combinations')
    points = sum(sum(map(complexity, values)) * len(values) for _, values in leaves)
    if points > 100:
        raise RefusedError(f'{points} points')
    if len(json.dumps(policy, ensure_ascii=False).encode()) > 262_144:
        raise RefusedError('too long')
    for _, values in leaves:
        for value in values:
            refuse_condition(value, of_attributes)
            if of_attributes and value == {'exists': False}:
                raise RefusedError('the absence of an attribute, in a message that may have none')


def leaves_of(policy: dict[str, Any], level: int) -> Iterator[tuple[int, list[Any]]]:
    for name, value in policy.items():
        if is_or(name, value):
            if len(value) < 2 or not all(value):
                raise RefusedError('$or of fewer than two')
            for branch in value:
                yield from leaves_of(branch, level)
        elif not name or '.' in name or name in RESERVED or name == '$or':
            raise RefusedError(f'an ambiguous name: {name!r}')
        elif isinstance(value, dict) and value:
            yield from leaves_of(value, level + 1)
        elif isinstance(value, list) and value:
            yield level, value
        else:
            raise RefusedError(f'{name}: {value}')


def value_count(condition: Any) -> int:
    excluded = condition.get('anything-but') if isinstance(condition, dict) else None
    return len(excluded) if isinstance(excluded, list) else 1


def complexity(condition: Any) -> int:
    if not isinstance(condition, dict):
        return 0
    stars = str(condition.get('wildcard', '')).count('*')
    return 3 * stars if stars > 1 else stars + ('anything-but' in condition)


def refuse_condition(condition: Any, of_attributes: bool) -> None:
    if isinstance(condition, str):
        if of_attributes and ('"' in condition or '\\' in condition or not condition):
            raise RefusedError(f'ambiguous quoting: {condition!r}')
        return
    if condition is None or isinstance(condition, bool):
        return
    if not isinstance(condition, dict) or len(condition) != 1:
        raise RefusedError(f'an ambiguous literal number: {condition!r}')
    [(name, operand)] = condition.items()
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
            is_known = all(is_valid_number(bound) for bound in operand[1::2])
        case 'anything-but':
            is_known = is_valid_exclusion(operand)
        case _:
            is_known = False
    if not is_known:
        raise RefusedError(f'not documented: {condition}')


def is_valid_number(number: Any) -> bool:
    """Return whether SNS accepts a number: at most 10**9, with at most five decimals."""
    exact = Fraction(str(number))
    return abs(exact) <= 10**9 and (exact * 10**5).denominator == 1


def is_valid_exclusion(operand: Any) -> bool:
    if isinstance(operand, dict):
        [(name, text)] = operand.items()
        # AWS documents `suffix`, too, but SNS has refused it.
        return name == 'prefix' and isinstance(text, str) and bool(text)
    values = operand if isinstance(operand, list) else [operand]
    are_texts = all(isinstance(value, str) for value in values)
    return bool(values) and (are_texts or all(is_valid_number(value) for value in values))
