"""Twelve patterns, as in a typical service, and an equivalent handwritten function."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.matching.workload import payload
from mega.match.functions import between, gt, lt, one_of, prefix

__all__ = ('PATTERNS', 'if_chain', 'texts')

_CART = 'shopping_cart'

PATTERNS: tuple[dict[str, Any], ...] = (
    {'event': {'domain': _CART, 'name': 'item.added'}},
    {'event': {'domain': _CART, 'name': 'item.added', 'attributes': {'quantity': gt(50)}}},
    {'event': {'domain': _CART, 'name': one_of('item.added', 'item.removed')}},
    {'event': {'domain': _CART, 'name': prefix('checkout.')}},
    {'event': {'domain': _CART, 'name': 'checkout.paid'}, 'object': {'type': 'gift'}},
    {'event': {'domain': _CART}, 'object': {'current': {'currency': 'EUR'}}},
    {'event': {'domain': 'orders', 'name': 'order.placed'}},
    {'event': {'domain': 'orders', 'name': 'order.placed', 'attributes': {'quantity': lt(10)}}},
    {'event': {'domain': 'orders', 'name': prefix('order.')}, 'object': {'type': 'gift'}},
    {'event': {'domain': 'users', 'name': 'user.created'}},
    {'event': {'domain': 'users', 'name': one_of('user.deleted', 'user.blocked')}},
    {'event': {'domain': 'users', 'attributes': {'quantity': between(90, 100)}}},
)

_NAMES = {
    _CART: ('item.added', 'item.removed', 'item.viewed', 'checkout.begun', 'checkout.paid'),
    'orders': ('order.placed', 'order.sent', 'invoice.sent'),
    'users': ('user.created', 'user.deleted', 'user.blocked', 'user.seen', 'user.left'),
    'stock': ('stock.low', 'stock.filled', 'stock.moved'),
}


def texts(count: int, seed: int) -> Iterator[str]:
    """Yield events as compact JSON. About 60 % of them match a pattern."""
    chance = random.Random(f'twelve {seed}')
    for _ in range(count):
        domain = chance.choice([*_NAMES])
        kind = chance.choice(('cart', 'order', 'gift'))
        name, quantity = chance.choice(_NAMES[domain]), chance.randrange(100)
        yield json.dumps(payload(domain, name, quantity, kind, chance), separators=(',', ':'))


def if_chain(payload: Mapping[str, Any]) -> list[int]:
    """Return the positions of the matching patterns, by plain code."""
    event, object_ = payload['event'], payload['object']
    domain, name, kind = event['domain'], event['name'], object_['type']
    quantity = event['attributes']['quantity']
    found = []
    if domain == 'shopping_cart' and name == 'item.added':
        found.append(0)
    if domain == 'shopping_cart' and name == 'item.added' and quantity > 50:
        found.append(1)
    if domain == 'shopping_cart' and name in ('item.added', 'item.removed'):
        found.append(2)
    if domain == 'shopping_cart' and name.startswith('checkout.'):
        found.append(3)
    if domain == 'shopping_cart' and name == 'checkout.paid' and kind == 'gift':
        found.append(4)
    if domain == 'shopping_cart' and object_['current']['currency'] == 'EUR':
        found.append(5)
    if domain == 'orders' and name == 'order.placed':
        found.append(6)
    if domain == 'orders' and name == 'order.placed' and quantity < 10:
        found.append(7)
    if domain == 'orders' and name.startswith('order.') and kind == 'gift':
        found.append(8)
    if domain == 'users' and name == 'user.created':
        found.append(9)
    if domain == 'users' and name in ('user.deleted', 'user.blocked'):
        found.append(10)
    if domain == 'users' and 90 <= quantity <= 100:
        found.append(11)
    return found
