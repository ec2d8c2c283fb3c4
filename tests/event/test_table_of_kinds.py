"""The documented table: how an object of each kind passes in each encoding and direction.

An object of the test has UUIDs, times, Decimals, bytes, an enum, sets and nested objects.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mega.codec import decode, encode
from mega.errors import EncodeError, InvalidPayloadError
from mega.event.reading import reader_of
from tests.event.kinds import KINDS, make

PAGE = Path(__file__).parents[2] / 'docs' / 'typed-payloads.md'

NAMES = {
    'dataclass': 'a dataclass',
    'attrs': 'a class of attrs',
    'Struct': 'a `msgspec.Struct`',
    'TypedDict': 'a `TypedDict`',
    'pydantic model': 'a model of pydantic',
    'pydantic dataclass': 'a dataclass of pydantic',
}

ENCODINGS = {'JSON': False, 'BSON': True}


def published(kind: str, binary_encoding: bool) -> str:
    """Return how a published object arrives."""
    try:
        body = encode(make(kind), binary_encoding)
    except EncodeError as error:
        return f'refused at `{error.path}`'
    return received(kind, decode(body))


def received(kind: str, payload: Any) -> str:
    """Return how a payload arrives as an object."""
    try:
        found = reader_of(KINDS[kind][0]).read(payload)
    except InvalidPayloadError as error:
        return f'refused at `{error.path}`'
    return 'equal' if found == make(kind) else 'different'


def foreign_payload(kind: str, binary_encoding: bool) -> Any:
    """Return the payload of a producer that does not know the class, after its way in a body."""
    value: Any = make(kind)
    if kind == 'TypedDict':  # the same data, written by another class
        names = KINDS[kind][0].__annotations__
        other = decode(encode(make('attrs'), binary_encoding))
        assert isinstance(other, dict)
        value = {name: other[name] for name in names}
    payload = decode(encode(value, binary_encoding))
    assert isinstance(payload, dict)
    return decode(encode({**payload, 'unknown': {'a': [1]}}, binary_encoding))


def rows() -> list[str]:
    lines = [
        '| class | published as JSON | received as JSON | published as BSON | received as BSON |',
        '|---|---|---|---|---|',
    ]
    for kind, name in NAMES.items():
        cells = [name]
        for binary_encoding in ENCODINGS.values():
            cells.append(published(kind, binary_encoding))
            cells.append(received(kind, foreign_payload(kind, binary_encoding)))
        lines.append(f'| {" | ".join(cells)} |')
    return lines


def test_an_object_of_each_kind_arrives_equal_or_is_refused_with_its_path() -> None:
    table = '\n'.join(rows())
    assert 'different' not in table
    assert table.count('equal') == 4 * len(KINDS) - 1
    assert '| a `TypedDict` | refused at `id` | equal | equal | equal |' in table


@pytest.mark.skipif(not PAGE.exists(), reason='only a checkout has the page')
def test_the_page_has_the_table() -> None:
    assert '\n'.join(rows()) in PAGE.read_text(encoding='utf-8')
