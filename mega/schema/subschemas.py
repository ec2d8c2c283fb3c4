"""Transformations of a JSON Schema and of every schema within it.

Only the keywords that contain schemas are followed, so that a field named `$ref` or `items` of the
user's class, a default and an example stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

__all__ = ('Schema', 'change_schemas', 'rename_references', 'to_draft_7')

Schema: TypeAlias = dict[str, Any]

_OF_ONE = (
    *('items', 'additionalProperties', 'propertyNames', 'not', 'if', 'then', 'else', 'contains'),
    *('unevaluatedItems', 'unevaluatedProperties', 'contentSchema'),
)
_OF_LIST = ('anyOf', 'oneOf', 'allOf', 'prefixItems')
_OF_NAMES = ('properties', 'patternProperties', 'dependentSchemas', '$defs')


def change_schemas(schema: Schema, change: Callable[[Schema], Schema]) -> Schema:
    """Return a schema after a change of each schema within it, and then of itself."""

    def changed(value: Any) -> Any:
        return change_schemas(value, change) if isinstance(value, dict) else value

    result = dict(schema)
    for keyword, value in schema.items():
        if keyword in _OF_ONE:
            result[keyword] = changed(value)
        elif keyword in _OF_LIST:
            result[keyword] = [changed(each) for each in value]
        elif keyword in _OF_NAMES:
            result[keyword] = {name: changed(each) for name, each in value.items()}
    return change(result)


def rename_references(schema: Schema, renamed: Mapping[str, str]) -> Schema:
    """Return a schema with other references: `renamed` has the new one of each."""

    def rename(part: Schema) -> Schema:
        return {**part, '$ref': renamed[part['$ref']]} if part.get('$ref') in renamed else part

    return change_schemas(schema, rename)


def to_draft_7(schema: Schema) -> Schema:
    """Return a schema in draft 7, which AsyncAPI has, from one in draft 2020-12.

    Draft 7 has other keywords for the members of a tuple, and ignores the keywords beside `$ref`:
    https://json-schema.org/draft/2020-12/release-notes#changes-to-items-and-additionalitems
    https://json-schema.org/draft-07/draft-handrews-json-schema-01#rfc.section.8.3

    Keywords that draft 7 does not have are kept, and have no effect there: `unevaluatedItems`.
    """
    return change_schemas(schema, lambda part: _wrap_reference(_name_items(part)))


def _name_items(part: Schema) -> Schema:
    if 'prefixItems' not in part:
        return part
    others = {'additionalItems': part['items']} if 'items' in part else {}
    rest = {key: part[key] for key in part if key not in ('prefixItems', 'items')}
    return {**rest, 'items': part['prefixItems'], **others}


def _wrap_reference(part: Schema) -> Schema:
    if '$ref' not in part or len(part) == 1:
        return part
    rest = {key: part[key] for key in part if key != '$ref'}
    return {**rest, 'allOf': [{'$ref': part['$ref']}, *rest.get('allOf', [])]}
