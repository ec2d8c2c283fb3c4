"""Changes within a JSON Schema: of the schema itself, and of all schemas within it.

Only the keywords that contain schemas are followed, so that a field named `$ref` or `items` of the
user's class, a default and an example stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

__all__ = ('Schema', 'change_schemas', 'rename_references', 'to_draft_7')

Schema: TypeAlias = dict[str, Any]

_OF_ONE = ('items', 'additionalProperties', 'propertyNames', 'not', 'if', 'then', 'else')
_OF_LIST = ('anyOf', 'oneOf', 'allOf', 'prefixItems')
_OF_NAMES = ('properties', 'patternProperties', '$defs')


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

    They differ in the members of a tuple:
    https://json-schema.org/draft/2020-12/release-notes#changes-to-items-and-additionalitems
    """

    def name_items(part: Schema) -> Schema:
        if 'prefixItems' not in part:
            return part
        others = {'additionalItems': part['items']} if 'items' in part else {}
        rest = {key: part[key] for key in part if key not in ('prefixItems', 'items')}
        return {**rest, 'items': part['prefixItems'], **others}

    return change_schemas(schema, name_items)
