"""Random MEGA events and rules for them, reproducible by a seed.

Every rule has a domain and a name, or for one rule in ten a prefix of the name. A third of the
rules also has a minimum quantity, a third an object type. Events are drawn from all rules, or from
the first `hot` rules, so that about 60 % of them match a rule.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ('OBJECT_TYPES', 'SHAPES', 'Rule', 'Shape', 'event_texts', 'payload', 'rules')

VERBS = ('added', 'removed', 'updated', 'archived', 'viewed', 'shared', 'paid', 'refunded')
OBJECT_TYPES = tuple(
    f'{noun}_{n}' for noun in ('cart', 'order', 'user', 'invoice') for n in range(5)
)
QUANTITIES = 100
DRAWN_FROM_A_RULE = 0.55  # some others match by chance


@dataclass(frozen=True)
class Shape:
    """The distribution of rules over domains and names.

    `names` is the number of names in each domain; None gives every rule its own name. `skew` is the
    exponent of Zipf's law: with a larger skew, more rules have the first names. Events are drawn
    from the first `hot` rules, or from all.

    The first shape has enough names to keep the matches per event nearly constant for any number of
    rules. With other shapes the matches increase, and they cause a part of the cost.
    """

    title: str
    domains: int = 100
    names: int | None = 480
    skew: float = 0.0
    hot: int | None = None


SHAPES = (
    Shape('100 domains of 480 names'),
    Shape('100 domains of 96 names', names=96),
    Shape('4 domains of 40 names', domains=4, names=40),
    Shape('5,000 domains of 4 names', domains=5_000, names=4),
    Shape('every rule its own name', domains=10, names=None),
    Shape('a few names have most rules', skew=1.0),
    Shape('events hit 10 rules only', hot=10),
)


@dataclass(frozen=True)
class Rule:
    """The conditions of one subscriber. A `prefix` of the name replaces the name."""

    domain: str
    name: str
    prefix: str | None = None
    more_than: int | None = None
    object_type: str | None = None


def rules(count: int, shape: Shape, seed: int) -> list[Rule]:
    chance = random.Random(f'rules {seed}')
    made = []
    for number, (domain, name) in enumerate(_names(count, shape, chance)):
        made.append(
            Rule(
                domain,
                name,
                prefix=name.rpartition('.')[0] + '.' if number % 10 == 9 else None,
                more_than=chance.randrange(QUANTITIES) if number % 3 == 1 else None,
                object_type=chance.choice(OBJECT_TYPES) if number % 3 == 2 else None,
            )
        )
    return made


def _names(count: int, shape: Shape, chance: random.Random) -> list[tuple[str, str]]:
    if shape.names is None:
        return [(f'shop_{n % shape.domains}', _name(n * len(VERBS) + n % 7)) for n in range(count)]
    pairs = range(shape.domains * shape.names)
    weights = [1 / (place + 1) ** shape.skew for place in pairs]
    return [
        (f'shop_{pair % shape.domains}', _name(pair // shape.domains))
        for pair in chance.choices(pairs, weights, k=count)
    ]


def _name(number: int) -> str:
    thing, verb = divmod(number, len(VERBS))
    return f'item_{thing}.{VERBS[verb]}'


def event_texts(count: int, among: Sequence[Rule], shape: Shape, seed: int) -> list[str]:
    """Return events as compact JSON, as from a queue: they share no `str` object with a rule."""
    chance = random.Random(f'events {seed}')
    hot = among[: shape.hot]
    return [
        json.dumps(_event(chance.choice(hot), chance), separators=(',', ':')) for _ in range(count)
    ]


def _event(rule: Rule, chance: random.Random) -> dict[str, Any]:
    """Return an event that matches the rule, or has another name, or (one in eight) differs."""
    name, quantity = rule.name, (rule.more_than or 0) + 1 + chance.randrange(QUANTITIES)
    object_type = rule.object_type or chance.choice(OBJECT_TYPES)
    if rule.prefix is not None:
        name = rule.prefix + chance.choice(VERBS)
    if chance.random() > DRAWN_FROM_A_RULE:
        if chance.random() < 0.75:
            name = f'thing_{chance.randrange(10_000)}.{chance.choice(VERBS)}'
        else:
            quantity, object_type = 0, chance.choice(OBJECT_TYPES)
    return payload(rule.domain, name, quantity, object_type, chance)


def payload(
    domain: str, name: str, quantity: int, object_type: str, chance: random.Random
) -> dict[str, Any]:
    user, id_ = chance.randrange(10**6), f'{chance.getrandbits(128):032x}'
    return {
        'protocol': 'mega',
        'version': 1,
        'event': {
            'name': name,
            'timestamp': f'2020-05-04T15:{chance.randrange(60):02}:23.{chance.randrange(1000):03}',
            'version': 1,
            'domain': domain,
            'subject': str(user),
            'publisher': 'shopping-cart-service',
            'attributes': {'item_id': id_, 'quantity': quantity, 'price': '19.99'},
        },
        'object': {
            'type': object_type,
            'id': id_[::-1],
            'version': 1,
            'current': {
                'user_id': user,
                'currency': 'USD',
                'value': f'{chance.randrange(10**5) / 100:.2f}',
                'status': 'open',
                'ship_to': {'city': 'Lisbon', 'postcode': '1100-148', 'country': 'PT'},
                'items': [
                    {'id': chance.randrange(10**6), 'quantity': n, 'price': '9.99'}
                    for n in range(1, 3)
                ],
            },
        },
        'extra': {
            'channel': 'web/desktop',
            'user_agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0)',
            'user_ip_address': f'177.182.205.{chance.randrange(256)}',
            'trace': f'{chance.getrandbits(64):016x}',
        },
    }
