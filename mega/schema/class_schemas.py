"""JSON Schema of classes with fields, as msgspec and pydantic describe them.

    describe_classes([Order, Cart])

    {Order: {'$ref': '#/$defs/Order'},     {'Order': {'type': 'object', 'properties': ...},
     Cart: {'$ref': '#/$defs/Cart'}}        'Cart': ..., 'Line': ...}

msgspec describes dataclasses, classes of attrs, Structs and TypedDicts, and pydantic its models.
Each keeps its definitions by name. If both define the same name, pydantic's definition is renamed,
because the two may describe different classes.

A dataclass of pydantic is described by pydantic, and within another class by msgspec, without the
constraints of its fields.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from msgspec import json
from msgspec.json import schema_components

from mega.errors import ConfigurationError
from mega.event.fields import is_pydantic, unwrap_class
from mega.event.reading import reader_of
from mega.schema.subschemas import Schema, change_schemas, rename_references

__all__ = ('REFERENCE', 'describe_classes', 'unique_name')

REFERENCE = '#/$defs/{}'


def describe_classes(classes: Sequence[Any]) -> tuple[dict[Any, Schema], dict[str, Schema]]:
    """Return the schema of each class or other type, and the definitions that they refer to.

    Raises:
        ConfigurationError: for a type that cannot be read from a payload or be described.
    """
    for each in classes:
        reader_of(each)
    try:
        schemas, definitions = _describe(classes)
    except (KeyError, TypeError, NameError, RuntimeError) as error:
        *earlier, cls = classes
        describe_classes(earlier)  # raises if one of them is the cause
        problem = f'cannot be described as JSON Schema: {_problem_of(error)}'
        raise ConfigurationError(f'{getattr(cls, "__name__", repr(cls))} {problem}') from error
    return (
        {cls: change_schemas(schema, _clean) for cls, schema in schemas.items()},
        {name: change_schemas(schema, _clean) for name, schema in definitions.items()},
    )


def unique_name(name: str, taken: Collection[str]) -> str:
    """Return a name that is not taken: the name itself, or with a number.

    >>> unique_name('Order', ['Order', 'Order_2'])
    'Order_3'
    """
    number, unique = 1, name
    while unique in taken:
        number += 1
        unique = f'{name}_{number}'
    return unique


def _describe(classes: Sequence[Any]) -> tuple[dict[Any, Schema], dict[str, Schema]]:
    template = REFERENCE.format('{name}')
    of_pydantic = [each for each in classes if _is_of_pydantic(each)]
    others = [each for each in classes if not _is_of_pydantic(each)]
    models = dict.fromkeys(of_pydantic)  # and those within classes of other kinds

    def find(model: type) -> Schema:
        models[model] = None
        return {'type': 'object'}

    _, own = schema_components(others, schema_hook=find, ref_template=template)
    described, definitions = _describe_pydantic([*models], taken=own)
    schemas, own = schema_components(
        others, schema_hook=described.__getitem__, ref_template=template
    )
    return {**described, **dict(zip(others, schemas, strict=True))}, {**own, **definitions}


def _describe_pydantic(
    classes: Sequence[Any], taken: Collection[str]
) -> tuple[dict[Any, Schema], dict[str, Schema]]:
    """Return the schema of each class of pydantic, and their definitions under other names."""
    if not classes:
        return {}, {}
    from pydantic import TypeAdapter  # the classes have imported it

    schemas, document = TypeAdapter.json_schemas(
        [(index, 'validation', TypeAdapter(cls)) for index, cls in enumerate(classes)],
        ref_template=REFERENCE.format('{model}'),
        schema_generator=_pydantic_generator(),
    )
    definitions = document.get('$defs', {})
    names: dict[str, str] = {}
    for name in definitions:
        names[name] = unique_name(name, {*taken, *names.values()})
    renamed = {REFERENCE.format(name): REFERENCE.format(new) for name, new in names.items()}
    by_class = {
        cls: rename_references(schemas[index, 'validation'], renamed)
        for index, cls in enumerate(classes)
    }
    return by_class, {
        names[name]: rename_references(schema, renamed) for name, schema in definitions.items()
    }


def _pydantic_generator() -> Any:
    """Return the generator of schemas of pydantic, which accepts every form of a Decimal.

    pydantic has a pattern for a Decimal that excludes exponents, but writes 1E-7 with an exponent.
    """
    from pydantic.json_schema import GenerateJsonSchema

    class Generator(GenerateJsonSchema):
        def decimal_schema(self, schema: Any) -> Schema:
            return change_schemas(super().decimal_schema(schema), _without_pattern)

    return Generator


def _without_pattern(schema: Schema) -> Schema:
    return {key: value for key, value in schema.items() if key != 'pattern'}


def _problem_of(error: Exception) -> str:
    """Return the problem of an error of msgspec, or of pydantic, which also has RuntimeErrors."""
    if isinstance(error, KeyError):  # msgspec raises KeyError when two classes have the same name
        return f'another class is also named {error.args[0]!r}'
    return f'{type(error).__name__}: {error}'


def _is_of_pydantic(annotation: Any) -> bool:
    cls = unwrap_class(annotation)
    return cls is not None and is_pydantic(cls)


def _clean(schema: Schema) -> Schema:
    """Return a schema as JSON has it: msgspec keeps a tuple as a default.

    `discriminator` is left out. It belongs to OpenAPI, and each class has a constant as its tag.
    """
    cleaned = {key: value for key, value in schema.items() if key != 'discriminator'}
    if 'default' in cleaned:
        cleaned['default'] = json.decode(json.encode(cleaned['default']))
    return cleaned
