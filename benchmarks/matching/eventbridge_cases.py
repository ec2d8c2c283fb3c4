"""Sets of EventBridge patterns of one kind, each pattern with an equivalent handwritten closure.

`CASES` match the data objects of `benchmarks.matching.cases`. `PARCELS` match parcels of land as in
the public data of San Francisco, with coordinates in nested arrays.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from ipaddress import IPv4Address, ip_network
from typing import Any

from benchmarks.matching.cases import Case, Document, Wants, name_of
from mega.match.eventbridge import from_eventbridge

__all__ = ('EVENT_ALIKE', 'EVENT_CASES', 'PARCEL_CASES', 'parcel_texts')


def _prefix(place: int, chance: random.Random) -> tuple[object, Wants]:
    start = name_of(chance).rpartition('.')[0] + '.'
    pattern = from_eventbridge({'name': [{'prefix': start}]})
    return pattern, lambda doc: doc['name'].startswith(start)


def _suffix(place: int, chance: random.Random) -> tuple[object, Wants]:
    end = '.' + name_of(chance).partition('.')[2]
    pattern = from_eventbridge({'name': [{'suffix': end}]})
    return pattern, lambda doc: doc['name'].endswith(end)


def _prefix_ignoring_case(place: int, chance: random.Random) -> tuple[object, Wants]:
    start = name_of(chance).rpartition('.')[0] + '.'
    item = {'prefix': {'equals-ignore-case': start.upper()}}
    return from_eventbridge({'name': [item]}), lambda doc: doc['name'].lower().startswith(start)


def _equal_ignoring_case(place: int, chance: random.Random) -> tuple[object, Wants]:
    name = f'user.{place}'
    pattern = from_eventbridge({'user': {'name': [{'equals-ignore-case': name.upper()}]}})
    return pattern, lambda doc: doc['user']['name'].lower() == name


def _narrow(place: int, chance: random.Random) -> tuple[object, Wants]:
    low = chance.randrange(1_000_000)
    high = low + 1_000
    pattern = from_eventbridge({'amount': [{'numeric': ['>', low, '<=', high]}]})
    return pattern, lambda doc: low < doc['amount'] <= high


def _two_ranges(place: int, chance: random.Random) -> tuple[object, Wants]:
    low, least = chance.randrange(1_000_000), chance.randrange(2_000)
    high = low + 100_000
    numeric = [{'numeric': ['>', low, '<=', high]}]
    pattern = from_eventbridge({'amount': numeric, 'user': {'id': [{'numeric': ['>=', least]}]}})
    return pattern, lambda doc: low < doc['amount'] <= high and doc['user']['id'] >= least


def _above(place: int, chance: random.Random) -> tuple[object, Wants]:
    least = chance.randrange(1_000_000)
    pattern = from_eventbridge({'amount': [{'numeric': ['>', least]}]})
    return pattern, lambda doc: doc['amount'] > least


def _anything_but(place: int, chance: random.Random) -> tuple[object, Wants]:
    country = f'c{place % 50}'
    pattern = from_eventbridge({'country': [{'anything-but': country}]})
    return pattern, lambda doc: doc['country'] != country


def _anything_but_and_range(place: int, chance: random.Random) -> tuple[object, Wants]:
    country, low = f'c{place % 50}', chance.randrange(1_000_000)
    high = low + 1_000
    pattern = from_eventbridge(
        {
            'country': [{'anything-but': country}],
            'amount': [{'numeric': ['>', low, '<=', high]}],
        }
    )
    return pattern, lambda doc: doc['country'] != country and low < doc['amount'] <= high


def _missing_and_suffix(place: int, chance: random.Random) -> tuple[object, Wants]:
    end = '.' + name_of(chance).partition('.')[2]
    pattern = from_eventbridge({'coupon': [{'exists': False}], 'name': [{'suffix': end}]})
    return pattern, lambda doc: 'coupon' not in doc and doc['name'].endswith(end)


def _missing(place: int, chance: random.Random) -> tuple[object, Wants]:
    group, tag = place % 100, f'coupon_{chance.randrange(2_000)}'
    items = [{'prefix': tag[:8]}, {'exists': False}] if place % 2 else [{'exists': False}]
    pattern = from_eventbridge({'group': [group], 'coupon': items, 'user': {'email': ['x', None]}})
    return pattern, lambda doc: False


def _networks(place: int, chance: random.Random) -> tuple[object, Wants]:
    network = ip_network(f'10.{chance.randrange(256)}.{chance.randrange(16) * 16}.0/20')
    pattern = from_eventbridge({'ip': [{'cidr': str(network)}]})
    return pattern, lambda doc: IPv4Address(doc['ip']) in network


def _wildcard(place: int, chance: random.Random) -> tuple[object, Wants]:
    shop, _, verb = name_of(chance).split('.')
    start, end = f'{shop}.', f'.{verb}'
    return (
        from_eventbridge({'name': [{'wildcard': f'{start}*{end}'}]}),
        lambda doc: doc['name'].startswith(start) and doc['name'].endswith(end),
    )


def _open_wildcard(place: int, chance: random.Random) -> tuple[object, Wants]:
    _, thing, verb = name_of(chance).split('.')
    part = f'{thing}.{verb[:3]}'
    pattern = from_eventbridge({'name': [{'wildcard': f'*{part}*'}]})
    return pattern, lambda doc: part in doc['name']


def _member_object(place: int, chance: random.Random) -> tuple[object, Wants]:
    sku, count = f'sku_{chance.randrange(500)}', chance.randrange(20)
    pattern = from_eventbridge({'parts': {'sku': [sku], 'count': [count]}})
    return (
        pattern,
        lambda doc: any(one['sku'] == sku and one['count'] == count for one in doc['parts']),
    )


def _member_text(place: int, chance: random.Random) -> tuple[object, Wants]:
    tag = f'tag_{place}'
    return from_eventbridge({'tags': [tag]}), lambda doc: tag in doc['tags']


def _text_and_member(place: int, chance: random.Random) -> tuple[object, Wants]:
    group, role = place % 100, f'role_{chance.randrange(20)}'
    pattern = from_eventbridge({'group': [group], 'roles': [role]})
    return pattern, lambda doc: doc['group'] == group and role in doc['roles']


def _same_region(place: int, chance: random.Random) -> tuple[object, Wants]:
    return from_eventbridge({'region': [place % 10]}), lambda doc: doc['region'] == place % 10


def _same_region_and_type(place: int, chance: random.Random) -> tuple[object, Wants]:
    pattern = from_eventbridge({'region': [place % 10], 'type': ['order'], 'user': {'id': [
        {'numeric': ['>=', 0]}]}})  # fmt: skip
    return pattern, lambda doc: doc['region'] == place % 10


EVENT_CASES: dict[str, Case] = {
    'prefix': _prefix,
    'suffix': _suffix,
    'prefix, ignoring case': _prefix_ignoring_case,
    'equal, ignoring case': _equal_ignoring_case,
    'narrow ranges': _narrow,
    'two ranges': _two_ranges,
    'above a number, half match': _above,
    'anything but a text': _anything_but,
    'anything but a text, and a range': _anything_but_and_range,
    'a missing field, and a suffix': _missing_and_suffix,
    'a number, and two missing fields': _missing,
    'networks': _networks,
    'wildcard, literal start and end': _wildcard,
    'wildcard, no literal start or end': _open_wildcard,
    'a member of an array': _member_text,
    'a number, and a member of an array': _text_and_member,
    'two fields of an object in an array': _member_object,
}
EVENT_ALIKE: dict[str, Case] = {
    '10 % of them match': _same_region,
    '10 % of them match, with three fields': _same_region_and_type,
}


# ── parcels ──────────────────────────────────────────────────────────────────────────────────────


def parcel_texts(count: int, seed: int) -> Iterator[str]:
    """Yield parcels as compact JSON."""
    chance = random.Random(f'parcels {seed}')
    for number in range(count):
        yield json.dumps(_parcel(number, chance), separators=(',', ':'))


def _parcel(number: int, chance: random.Random) -> dict[str, Any]:
    corners = [
        {'x': _degrees(-122, chance), 'y': _degrees(37, chance), 'z': 0}
        for _ in range(chance.randrange(4, 12))
    ]
    return {
        'type': 'Feature',
        'properties': {
            'MAPBLKLOT': f'{number:07}',
            'BLKLOT': f'{number:07}',
            'BLOCK_NUM': f'{number // 1_000:04}',
            'LOT_NUM': f'{number % 1_000:03}',
            'FROM_ST': str(chance.randrange(3_000)),
            'TO_ST': str(chance.randrange(3_000)),
            'STREET': chance.choice(('TAYLOR', 'JEFFERSON', 'BEACH', 'HYDE', 'MISSION')),
            'ST_TYPE': chance.choice(('ST', 'AVE', None)),
            'ODD_EVEN': 'OE'[number % 2],
        },
        'geometry': {'type': chance.choice(('Polygon', 'MultiPolygon')), 'coordinates': [corners]},
    }


def _degrees(whole: int, chance: random.Random) -> float:
    return whole + chance.randrange(500) / 500


def _corner(place: int, chance: random.Random) -> tuple[object, Wants]:
    x, y = _degrees(-122, chance), _degrees(37, chance)
    coordinates = {'x': [x], 'y': [{'numeric': ['>', y - 0.2, '<', y + 0.2]}], 'z': [0]}
    pattern = from_eventbridge({'geometry': {'type': ['Polygon'], 'coordinates': coordinates}})

    def wants(doc: Document) -> bool:
        return doc['geometry']['type'] == 'Polygon' and any(
            one['x'] == x and y - 0.2 < one['y'] < y + 0.2
            for one in doc['geometry']['coordinates'][0]
        )

    return pattern, wants


def _any_corner(place: int, chance: random.Random) -> tuple[object, Wants]:
    """Return one of several patterns that many parcels match."""
    x, y = -121.1 - place % 5 / 10, 37.9 - place % 5 / 10
    coordinates = {
        'x': [{'numeric': ['<', x]}],
        'y': [{'numeric': ['>', y]}],
        'z': [{'anything-but': [1]}],
    }
    kinds = (['Polygon'], ['MultiPolygon'], [{'exists': True}])[place % 3]
    pattern = from_eventbridge({'geometry': {'type': kinds, 'coordinates': coordinates}})

    def wants(doc: Document) -> bool:
        return (doc['geometry']['type'] in kinds or place % 3 == 2) and any(
            one['x'] < x and one['y'] > y for one in doc['geometry']['coordinates'][0]
        )

    return pattern, wants


def _exact(place: int, chance: random.Random) -> tuple[object, Wants]:
    lot, street = f'{place * 7:07}', chance.choice(('TAYLOR', 'JEFFERSON'))
    pattern = from_eventbridge({'properties': {'MAPBLKLOT': [lot], 'STREET': [street]}})
    return (
        pattern,
        lambda doc: doc['properties']['MAPBLKLOT'] == lot and doc['properties']['STREET'] == street,
    )


def _street(place: int, chance: random.Random) -> tuple[object, Wants]:
    start, side = ('TAY', 'JEF', 'BEA', 'HY', 'MIS')[place % 5], 'OE'[place // 5 % 2]
    pattern = from_eventbridge({'properties': {'STREET': [{'prefix': start}], 'ODD_EVEN': [side]}})
    return (
        pattern,
        lambda doc: (
            doc['properties']['STREET'].startswith(start) and doc['properties']['ODD_EVEN'] == side
        ),
    )


def _street_ignoring_case(place: int, chance: random.Random) -> tuple[object, Wants]:
    street = ('Taylor', 'Jefferson', 'Beach', 'Hyde', 'Mission')[place % 5]
    pattern = from_eventbridge({'properties': {'STREET': [{'equals-ignore-case': street}]}})
    return pattern, lambda doc: doc['properties']['STREET'] == street.upper()


PARCEL_CASES: dict[str, Case] = {
    'two texts': _exact,
    'prefix, and a text': _street,
    'equal, ignoring case': _street_ignoring_case,
    'three fields of an object in nested arrays': _corner,
    'three fields of an object in nested arrays, many match': _any_corner,
}
