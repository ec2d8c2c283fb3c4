"""The fields of a class, whichever library defines it: its attributes and their keys in a payload.

    dataclass, attrs    the name of the attribute
    msgspec.Struct      its encoded name: `rename=`, or `name=` of a field
    TypedDict           the key
    pydantic            the aliases, and the name of the attribute

The classes of attrs and pydantic are recognized by their attributes, so that neither is imported.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, get_origin, get_type_hints

from msgspec import Struct

__all__ = (
    'annotations_of',
    'is_pydantic',
    'is_pydantic_model',
    'is_typed_dict',
    'keys_of',
    'unwrap_class',
)


def unwrap_class(annotation: Any) -> type | None:
    """Return the class of an annotation that has fields, also of `Page[Order]`; None for others."""
    origin = get_origin(annotation) or annotation
    if not isinstance(origin, type):
        return None
    has_fields = (
        is_pydantic_model(origin)
        or issubclass(origin, Struct)
        or dataclasses.is_dataclass(origin)
        or '__attrs_attrs__' in vars(origin)  # msgspec refuses an undecorated subclass
        or is_typed_dict(origin)
    )
    return origin if has_fields else None


def is_pydantic_model(cls: type) -> bool:
    """Return whether a class is a model of pydantic."""
    return hasattr(cls, 'model_validate') and hasattr(cls, 'model_fields')


def is_pydantic(cls: type) -> bool:
    """Return whether pydantic validates a class: a model, or a dataclass of pydantic."""
    # A subclass has the constructor of its parent, unless it is a dataclass itself.
    decorated = next((each for each in cls.__mro__ if '__dataclass_fields__' in vars(each)), cls)
    return is_pydantic_model(cls) or '__pydantic_fields__' in vars(decorated)


def is_typed_dict(cls: type) -> bool:
    """Return whether a class is a TypedDict. Its instances are dicts, and do not know it."""
    return issubclass(cls, dict) and hasattr(cls, '__total__')


def keys_of(cls: type) -> dict[str, tuple[str, ...]]:
    """Return the attributes of a class, each with the keys of a payload that may set it."""
    if is_pydantic(cls):
        return {name: tuple(_aliases(name, field)) for name, field in _pydantic(cls).items()}
    if issubclass(cls, Struct):
        encoded = zip(cls.__struct_fields__, cls.__struct_encode_fields__, strict=True)
        return {name: (key,) for name, key in encoded}
    if is_typed_dict(cls):
        names = sorted(cls.__required_keys__ | cls.__optional_keys__)  # type: ignore[attr-defined]
    elif dataclasses.is_dataclass(cls):
        names = [field.name for field in dataclasses.fields(cls)]
    else:
        names = [field.name for field in cls.__attrs_attrs__]  # type: ignore[attr-defined]
    return {name: (name,) for name in names}


def annotations_of(cls: type) -> dict[str, Any]:
    """Return the attributes of a class, each with its annotation, without `Annotated`.

    Raises:
        NameError: for an annotation with a name that the module of the class does not have.
    """
    if is_pydantic(cls):
        return {name: field.annotation for name, field in _pydantic(cls).items()}
    hints = get_type_hints(cls)
    return {name: hints[name] for name in keys_of(cls)}


def _pydantic(cls: Any) -> dict[str, Any]:
    return dict(cls.model_fields if is_pydantic_model(cls) else cls.__pydantic_fields__)


def _aliases(name: str, field: Any) -> Iterator[str]:
    """Yield the keys of a field. The path of an `AliasPath` is not a key of the object."""
    yield name
    validation_alias = field.validation_alias
    for alias in (field.alias, *getattr(validation_alias, 'choices', [validation_alias])):
        if isinstance(alias, str):
            yield alias
