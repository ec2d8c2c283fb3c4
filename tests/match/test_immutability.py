"""Patterns are shared by threads and indexes, so nothing can change them."""

from __future__ import annotations

import sys

import pytest
from msgspec import Struct

import mega.match.eventbridge.parser
import mega.match.functions  # noqa: F401 - the imports define all kinds of patterns
from mega.match.comparables import DayValue, InstantValue, NumberValue, TextValue
from mega.match.pattern import Pattern

KINDS = {
    name: value
    for module in sorted(sys.modules)
    if module.startswith('mega.match')
    for name, value in vars(sys.modules[module]).items()
    if isinstance(value, type) and issubclass(value, Pattern) and value is not Pattern
}


COMPARABLES = [NumberValue, TextValue, InstantValue, DayValue]


@pytest.mark.parametrize('kind', COMPARABLES, ids=lambda kind: kind.__name__)
def test_a_comparable_value_is_frozen(kind: type[Struct]) -> None:
    assert kind.__struct_config__.frozen


@pytest.mark.parametrize('name', KINDS)
def test_a_pattern_is_frozen_and_has_only_its_fields(name: str) -> None:
    kind = KINDS[name]
    assert kind.__struct_config__.frozen
    assert not kind.__dictoffset__
