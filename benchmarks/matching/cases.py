"""Sets of patterns of one kind, each pattern with an equivalent handwritten closure.

A hash table cannot look up most of them. All sets are matched against the same data objects.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator, Mapping
from ipaddress import IPv4Address, ip_network
from typing import Any, TypeAlias

from mega.match.functions import (
    between,
    cidr,
    contains,
    contains_all,
    field,
    fullmatch,
    gt,
    iequals,
    length,
    lte,
    match,
    missing,
    neq,
    not_,
    one_of,
    optional,
    or_,
    prefix,
    search,
    substring,
    suffix,
    wildcard,
)

__all__ = ('ALIKE', 'CASES', 'Case', 'Document', 'Wants', 'document_texts', 'name_of')

Document: TypeAlias = Mapping[str, Any]
Wants: TypeAlias = Callable[[Document], bool]
Case: TypeAlias = Callable[[int, random.Random], tuple[object, Wants]]
"""Takes the position of a pattern in its set and returns the pattern and an equivalent closure."""

VERBS = ('added', 'removed', 'updated', 'archived', 'viewed', 'shared', 'paid', 'refunded')
LEVELS = tuple(f'level_{n}' for n in range(1, 10))


def document_texts(count: int, seed: int) -> Iterator[str]:
    """Yield data objects as compact JSON."""
    chance = random.Random(f'documents {seed}')
    for _ in range(count):
        yield json.dumps(_document(chance), separators=(',', ':'))


def _document(chance: random.Random) -> dict[str, Any]:
    deep: object = {'value': chance.randrange(2_000), 'other': 1}
    for level in reversed(LEVELS):
        deep = {'sibling': 'x', level: deep}
    return {
        'type': 'order',
        'name': name_of(chance),
        'amount': chance.randrange(1_000_000),
        'user': {'id': chance.randrange(2_000), 'name': f'User.{chance.randrange(2_000)}'},
        'group': chance.randrange(100),
        'region': chance.randrange(10),
        'country': f'c{chance.randrange(50)}',
        'tags': [f'tag_{chance.randrange(2_000)}' for _ in range(5)],
        'roles': chance.sample([f'role_{n}' for n in range(20)], 2),
        'lines': [{'id': n, 'quantity': chance.randrange(9)} for n in range(chance.randrange(9))],
        'parts': [
            {'sku': f'sku_{chance.randrange(500)}', 'count': chance.randrange(20)} for _ in range(5)
        ],
        'status': chance.choice(('open', 'paid', 'sent')),
        'previous': {'status': chance.choice(('open', 'paid', 'sent'))},
        'ip': str(IPv4Address(10 << 24 | chance.getrandbits(24))),
        'deep': deep,
        **({'coupon': f'coupon_{chance.randrange(2_000)}'} if chance.random() < 0.5 else {}),
    }


def name_of(chance: random.Random) -> str:
    """Return the name of a random data object."""
    shop, thing = chance.randrange(100), chance.randrange(100)
    return f'shop_{shop}.thing_{thing}.{chance.choice(VERBS)}'


# ── numbers ──────────────────────────────────────────────────────────────────────────────────────


def _narrow(place: int, chance: random.Random) -> tuple[object, Wants]:
    low = chance.randrange(1_000_000)
    high = low + 1_000
    return {'amount': between(low, high)}, lambda doc: low <= doc['amount'] <= high


def _open_narrow(place: int, chance: random.Random) -> tuple[object, Wants]:
    low = chance.randrange(1_000_000)
    high = low + 1_000
    return {'amount': gt(low) & lte(high)}, lambda doc: low < doc['amount'] <= high


def _above(place: int, chance: random.Random) -> tuple[object, Wants]:
    least = chance.randrange(1_000_000)
    return {'amount': gt(least)}, lambda doc: doc['amount'] > least


def _user(place: int, chance: random.Random) -> tuple[object, Wants]:
    return {'user': {'id': place}}, lambda doc: doc['user']['id'] == place


# ── texts ────────────────────────────────────────────────────────────────────────────────────────


def _prefix(place: int, chance: random.Random) -> tuple[object, Wants]:
    start = name_of(chance).rpartition('.')[0] + '.'
    return {'name': prefix(start)}, lambda doc: doc['name'].startswith(start)


def _suffix(place: int, chance: random.Random) -> tuple[object, Wants]:
    end = '.' + name_of(chance).partition('.')[2]
    return {'name': suffix(end)}, lambda doc: doc['name'].endswith(end)


def _substring(place: int, chance: random.Random) -> tuple[object, Wants]:
    part = f'_{chance.randrange(100)}.thing_{chance.randrange(10)}'
    return {'name': substring(part)}, lambda doc: part in doc['name']


def _iequals(place: int, chance: random.Random) -> tuple[object, Wants]:
    name = f'uSER.{place}'
    folded = name.casefold()
    pattern = {'user': {'name': iequals(name)}}
    return pattern, lambda doc: doc['user']['name'].casefold() == folded


def _wildcard(place: int, chance: random.Random) -> tuple[object, Wants]:
    shop, _, verb = name_of(chance).split('.')
    start, end = f'{shop}.', f'.{verb}'
    return {
        'name': wildcard(f'{start}*{end}')
    }, lambda doc: doc['name'].startswith(start) and doc['name'].endswith(end)


def _inner_wildcard(place: int, chance: random.Random) -> tuple[object, Wants]:
    _, thing, verb = name_of(chance).split('.')
    found = re.compile(rf'.*{thing}\.{verb[:3]}.*', re.DOTALL).fullmatch
    pattern = {'name': wildcard(f'*{thing}.{verb[:3]}*')}
    return pattern, lambda doc: found(doc['name']) is not None


def _regex(place: int, chance: random.Random) -> tuple[object, Wants]:
    shop, _, verb = name_of(chance).split('.')
    text = rf'{shop}\.\w+\.{verb}'
    found = re.compile(text).match
    return {'name': match(text)}, lambda doc: found(doc['name']) is not None


def _full(place: int, chance: random.Random) -> tuple[object, Wants]:
    text = rf'[a-z]+_\d+\.thing_{place % 100}\.[{"abprsuv"[place % 7]}]\w+'
    found = re.compile(text).fullmatch
    return {'name': fullmatch(text)}, lambda doc: found(doc['name']) is not None


def _nothing_literal(place: int, chance: random.Random) -> tuple[object, Wants]:
    text = rf'\w+[_]\d+[.]\w+[_][{place % 10}].[{"abprsuv"[place % 7]}]\w+'
    found = re.compile(text).fullmatch
    return {'name': fullmatch(text)}, lambda doc: found(doc['name']) is not None


def _search(place: int, chance: random.Random) -> tuple[object, Wants]:
    text = rf'^\w+\.thing_{place % 100}\.[{"abprsuv"[place % 7]}]'
    found = re.compile(text).search
    return {'name': search(text)}, lambda doc: found(doc['name']) is not None


def _cidr(place: int, chance: random.Random) -> tuple[object, Wants]:
    network = ip_network(f'10.{chance.randrange(256)}.{chance.randrange(16) * 16}.0/20')
    return {'ip': cidr(str(network))}, lambda doc: IPv4Address(doc['ip']) in network


# ── predicates of the user ──────────────────────────────────────────────────────────────────────


def _predicate(place: int, chance: random.Random) -> tuple[object, Wants]:
    return {
        'amount': lambda amount: amount % 1_000 == place
    }, lambda doc: doc['amount'] % 1_000 == place


def _mixed(place: int, chance: random.Random) -> tuple[object, Wants]:
    return (_predicate if place % 2 else _full)(place, chance)


def _behind_regex(place: int, chance: random.Random) -> tuple[object, Wants]:
    named, found = _regex(place, chance)
    assert isinstance(named, dict)
    pattern = {**named, 'amount': lambda amount: amount % 3 == place % 3}
    return pattern, lambda doc: found(doc) and doc['amount'] % 3 == place % 3


def _behind_equality(place: int, chance: random.Random) -> tuple[object, Wants]:
    pattern = {'user': {'id': place}, 'amount': lambda amount: amount % 3 == place % 3}
    return pattern, lambda doc: doc['user']['id'] == place and doc['amount'] % 3 == place % 3


# ── arrays and depth ─────────────────────────────────────────────────────────────────────────────


def _contains(place: int, chance: random.Random) -> tuple[object, Wants]:
    tag = f'tag_{place}'
    return {'tags': contains(tag)}, lambda doc: tag in doc['tags']


def _contains_all(place: int, chance: random.Random) -> tuple[object, Wants]:
    one, other = chance.sample([f'role_{n}' for n in range(20)], 2)
    pattern = {'roles': contains_all(one, other)}
    return pattern, lambda doc: one in doc['roles'] and other in doc['roles']


def _same_set(place: int, chance: random.Random) -> tuple[object, Wants]:
    roles = set(chance.sample([f'role_{n}' for n in range(20)], 2))
    return {'roles': sorted(roles)}, lambda doc: set(doc['roles']) == roles


def _length(place: int, chance: random.Random) -> tuple[object, Wants]:
    count, group = chance.randrange(9), place % 100
    pattern = {'lines': length(count), 'group': group}
    return pattern, lambda doc: doc['group'] == group and len(doc['lines']) == count


def _member_object(place: int, chance: random.Random) -> tuple[object, Wants]:
    line, quantity, group = chance.randrange(9), chance.randrange(9), place % 100
    pattern = {'group': group, 'lines': contains({'id': line, 'quantity': gt(quantity)})}
    return (
        pattern,
        lambda doc: (
            doc['group'] == group
            and any(one['id'] == line and one['quantity'] > quantity for one in doc['lines'])
        ),
    )


def _deep(place: int, chance: random.Random) -> tuple[object, Wants]:
    pattern: object = {'value': place}
    for level in reversed(LEVELS):
        pattern = {level: pattern}

    def wants(doc: Document) -> bool:
        value = doc['deep']
        for level in LEVELS:
            value = value[level]
        return bool(value['value'] == place)

    return {'deep': pattern}, wants


# ── logic and absence ────────────────────────────────────────────────────────────────────────────


def _countries(place: int, chance: random.Random) -> tuple[object, Wants]:
    some = [f'c{n}' for n in chance.sample(range(50), 3)]
    known, group = frozenset(some), place % 100
    pattern = {'country': some, 'group': group}
    return pattern, lambda doc: doc['group'] == group and doc['country'] in known


def _or(place: int, chance: random.Random) -> tuple[object, Wants]:
    tag = f'coupon_{place}'
    pattern = or_({'user': {'id': place}}, {'coupon': tag})
    return pattern, lambda doc: doc['user']['id'] == place or doc.get('coupon') == tag


def _missing(place: int, chance: random.Random) -> tuple[object, Wants]:
    pattern = {'user': {'id': place}, 'coupon': missing()}
    return pattern, lambda doc: doc['user']['id'] == place and 'coupon' not in doc


def _optional(place: int, chance: random.Random) -> tuple[object, Wants]:
    tag, group = f'coupon_{place}', place % 100
    pattern = {'coupon': optional(tag), 'group': group}
    return pattern, lambda doc: doc['group'] == group and doc.get('coupon', tag) == tag


def _only_optional(place: int, chance: random.Random) -> tuple[object, Wants]:
    tag = f'coupon_{place}'
    return {'coupon': optional(tag)}, lambda doc: doc.get('coupon', tag) == tag


def _not(place: int, chance: random.Random) -> tuple[object, Wants]:
    country = f'c{place % 50}'
    return {'country': not_(country)}, lambda doc: doc['country'] != country


def _changed(place: int, chance: random.Random) -> tuple[object, Wants]:
    pattern = {'group': place % 100, 'status': neq(field('previous.status'))}
    return (
        pattern,
        lambda doc: doc['group'] == place % 100 and doc['status'] != doc['previous']['status'],
    )


def _one_of_statuses(place: int, chance: random.Random) -> tuple[object, Wants]:
    least = chance.randrange(1_000_000)
    pattern = {'status': one_of('open', 'paid'), 'amount': gt(least)}
    return pattern, lambda doc: doc['status'] in ('open', 'paid') and doc['amount'] > least


def _same_group(place: int, chance: random.Random) -> tuple[object, Wants]:
    return {'group': place % 100}, lambda doc: doc['group'] == place % 100


def _same_region(place: int, chance: random.Random) -> tuple[object, Wants]:
    return {'region': place % 10}, lambda doc: doc['region'] == place % 10


CASES: dict[str, Case] = {
    'narrow ranges': _narrow,
    'narrow ranges of two bounds': _open_narrow,
    'above a number, half match': _above,
    'one of two texts, and above a number': _one_of_statuses,
    'a prefix': _prefix,
    'a suffix': _suffix,
    'a substring': _substring,
    'equal, ignoring case': _iequals,
    'wildcard, literal start and end': _wildcard,
    'wildcard, no literal start or end': _inner_wildcard,
    'regular expressions, literal start': _regex,
    'regular expressions, no literal start': _full,
    'regular expressions, searched': _search,
    'regular expressions, nothing literal': _nothing_literal,
    'networks': _cidr,
    'lambdas': _predicate,
    'regular expressions and lambdas': _mixed,
    'a lambda behind a regular expression': _behind_regex,
    'a lambda behind an equal number': _behind_equality,
    'an equal number': _user,
    'ten levels deep': _deep,
    'any of three texts, and a group': _countries,
    'one of two fields': _or,
    'a number, and no coupon': _missing,
    'a group, and this coupon or none': _optional,
    'this coupon, or no coupon': _only_optional,
    'not this country': _not,
    'a group, and a field that changed': _changed,
    'an array with a member': _contains,
    'an array with two members': _contains_all,
    'an array, equal as a set': _same_set,
    'a group, and how many lines': _length,
    'a group, and an object in an array': _member_object,
}
ALIKE: dict[str, Case] = {'1 % of them match': _same_group, '10 % of them match': _same_region}
