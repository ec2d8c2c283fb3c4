"""The decorator `event`: what it declares, and the mistakes that it refuses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import attrs
import msgspec
import pydantic
import pytest
from typing_extensions import TypedDict

from mega.errors import ConfigurationError
from mega.event import event
from mega.event.declaration import declaration_of


@dataclass
class Plain:
    item_id: str


class Model(pydantic.BaseModel):
    item_id: str


class Dict(TypedDict):
    item_id: str


@attrs.frozen(slots=True)
class Frozen:
    item_id: str


class Struct(msgspec.Struct, frozen=True):
    item_id: str


class Opaque:
    pass


def upgraded(attributes: dict[str, Any]) -> dict[str, Any]:
    return attributes


@pytest.mark.parametrize('base', [Plain, Model, Frozen, Struct])
def test_a_class_stays_itself_and_knows_its_event(base: type) -> None:
    cls: type = type('Described', (base,), {})
    cls = attrs.frozen(cls) if base is Frozen else cls
    assert event('item.added', domain='shop', version=2, subject='item_id')(cls) is cls
    declared = declaration_of(cls)
    assert declared is not None
    assert (declared.name, declared.domain, declared.version) == ('item.added', 'shop', 2)
    assert declaration_of(base) is None


@pytest.mark.parametrize(
    ('cls', 'options', 'problem'),
    [
        (Opaque, {}, 'write @event above @dataclass'),
        (Dict, {}, 'a TypedDict is a dict, which does not know its event: use a dataclass'),
        (Plain, {'name': ''}, "name='': must be a str that is not empty"),
        (Plain, {'domain': 5}, 'domain=5: must be a str or None'),
        (Plain, {'version': '1'}, "version='1': must be an int from 1"),
        (Plain, {'version': True}, 'version=True: must be an int from 1'),
        (Plain, {'version': 0}, 'version=0: must be an int from 1'),
        (Plain, {'subject': 'id'}, "subject='id': must be a field of the class: item_id"),
        (
            Plain,
            {'version': 2, 'upgrade': {2: upgraded}},
            'upgrade={2: ...}: the class is version 2, and upgrades are for older versions',
        ),
        (Plain, {'version': 2, 'upgrade': {0: upgraded}}, 'upgrade={0: ...}'),
        (Plain, {'version': 2, 'upgrade': {1: 5}}, 'upgrade={1: 5}: must be a function'),
        (
            Plain,
            {'version': 4, 'upgrade': {1: upgraded, 3: upgraded}},
            'add the function that upgrades version 2 to version 3',
        ),
    ],
)
def test_a_mistake_is_refused_with_its_remedy(
    cls: type, options: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(problem)) as caught:
        event(**{'name': 'item.added', **options})(cls)
    assert str(caught.value).startswith(f'@event of {cls.__name__}: ')


def test_an_upgrade_passes_through_each_version_and_keeps_the_payload() -> None:
    steps = {n: lambda attributes, n=n: {**attributes, 'seen': [*attributes['seen'], n]}
             for n in (1, 2, 3)}  # fmt: skip
    declared = declaration_of(event('x', version=4, upgrade=steps)(type('X', (Plain,), {})))
    assert declared is not None
    assert declared.versions == [1, 2, 3, 4]
    attributes: dict[str, Any] = {'seen': []}
    assert declared.upgrade(attributes, 2) == {'seen': [2, 3]}
    assert declared.upgrade(attributes, 4) == {'seen': []}
    assert attributes == {'seen': []}
