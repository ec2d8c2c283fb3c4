"""A schema in draft 7 accepts the values that it accepts in draft 2020-12."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from mega.schema.subschemas import Schema, rename_references, to_draft_7

VALUES: list[Any] = [
    *('a', 'ab', 5, None, [], ['a'], ['ab'], ['ab', 5], ['ab', 'x'], [5], {}),
    *({'a': 'a'}, {'a': 'ab'}, {'a': 'ab', 'b': 'ab'}, {'b': 5}),
]

TEXT = {'$ref': '#/$defs/Text'}


@pytest.mark.parametrize(
    'schema',
    [
        {**TEXT, 'minLength': 2},
        {**TEXT, 'allOf': [{'minLength': 2}], 'description': 'A text.'},
        {'type': 'array', 'items': {**TEXT, 'minLength': 2}},
        {'prefixItems': [{**TEXT, 'minLength': 2}], 'items': {'type': 'integer'}},
        {'contains': {**TEXT, 'minLength': 2}, 'type': 'array'},
        {'contains': {'prefixItems': [TEXT]}},
        {'properties': {'$ref': {**TEXT, 'minLength': 2}}, 'type': 'object'},
    ],
    ids=str,
)
def test_a_schema_in_draft_7_accepts_the_same_values(schema: Schema) -> None:
    whole = {**schema, '$defs': {'Text': {'type': 'string'}}}
    before, after = Draft202012Validator(whole), Draft7Validator(to_draft_7(whole))
    assert [after.is_valid(each) for each in VALUES] == [before.is_valid(each) for each in VALUES]
    assert len({before.is_valid(each) for each in VALUES}) == 2


def test_a_reference_without_other_keywords_stays_as_it_is() -> None:
    assert to_draft_7(TEXT) == TEXT


@pytest.mark.parametrize(
    'keyword', ['contains', 'contentSchema', 'unevaluatedItems', 'unevaluatedProperties']
)
def test_references_within_every_keyword_of_one_schema_are_renamed(keyword: str) -> None:
    renamed = rename_references({keyword: TEXT}, {'#/$defs/Text': '#/x'})
    assert renamed == {keyword: {'$ref': '#/x'}}


def test_references_within_the_schemas_of_dependent_keys_are_renamed() -> None:
    schema = {'dependentSchemas': {'$ref': TEXT}}
    renamed = rename_references(schema, {'#/$defs/Text': '#/x'})
    assert renamed == {'dependentSchemas': {'$ref': {'$ref': '#/x'}}}
