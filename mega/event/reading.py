"""Typed payloads: payloads to objects of the user's classes. `typed.py` is the other direction.

    reader = reader_of(ItemAdded)
    reader.read({'item_id': '61fc', 'price': '19.99'}, 'event.attributes')

msgspec reads dataclasses, classes of attrs, Structs and TypedDicts. Classes of pydantic read
themselves, also within other classes; the library does not import pydantic. Both accept a number as
text. `preparation.py` has the rules that go beyond those of the two.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, TypeVar, get_origin

from msgspec import Struct, ValidationError, convert

from mega.errors import ConfigurationError, InvalidPayloadError, join_path
from mega.event.declaration import declaration_of
from mega.event.fields import is_pydantic, is_pydantic_model, unwrap_class
from mega.event.payload import Payload
from mega.event.preparation import MisfitError, Prepare, prepare_for, validate
from mega.event.typed import check_field_names

__all__ = ('Reader', 'read_payload', 'reader_of')

T = TypeVar('T')

_PLACE = re.compile(r' - at `(?:key` in `)?\$(?P<path>[^`]*)`$')
"""The end of an error of msgspec: the place of the value, if it is not the payload itself."""

_NAMED_FIELD = re.compile(
    r'Object (?P<problem>missing required|contains unknown) field `(?P<name>.*)`'
)

_QUOTED_VALUE = re.compile(r"(?<=^Invalid value) .*|(?<=^Invalid enum value) .*| '.*", re.DOTALL)


class Reader(Struct, frozen=True):
    """Reads objects of one class, or of another type that msgspec reads. Safe to share."""

    annotation: Any
    prepare: Prepare | None
    pydantic_class: type | None = None
    options: dict[str, Any] = {}
    """Arguments of `msgspec.convert`. Each of them costs time, so that most readers have none."""

    def read(self, value: Any, path: str = '') -> Any:
        """Return the object for a value of a payload. `path` is the place of the value.

        The value remains as it is, and the object may share members of it.

        Raises:
            InvalidPayloadError: for a value that does not fit.
        """
        try:
            prepared = value if self.prepare is None else self.prepare(value)
            if self.pydantic_class is not None:
                return validate(self.pydantic_class, prepared)
            return convert(prepared, self.annotation, strict=False, **self.options)
        except MisfitError as error:
            raise InvalidPayloadError(_join(path, error.keys), error.problem) from None
        except ValidationError as error:
            raise _invalid_payload(path, error) from None
        except ValueError as error:  # of msgspec itself, such as half of a surrogate pair
            raise InvalidPayloadError(path, f'cannot be read: {type(error).__name__}') from None


def read_payload(payload: object, cls: type[T]) -> T:
    """Return a payload as an object of a class: the inverse of `to_payload`.

    A class that describes an event reads that event, in the versions that it can be read from.
    Any other class reads a data object.

    Raises:
        InvalidPayloadError: for another kind of payload, another event, or fields that do not fit.
        ConfigurationError: for a class that cannot be read from a payload.
    """
    annotation: Any = cls
    reader, declared = reader_of(annotation), declaration_of(cls)
    found: T
    if declared is None:
        if not isinstance(payload, dict):
            raise InvalidPayloadError('', f'must be a data object, not {_kind(payload)}')
        found = reader.read(payload)
        return found
    if not isinstance(payload, Payload):
        raise InvalidPayloadError('', f'must be a MEGA event, not {_kind(payload)}')
    event = payload.event
    if event.name != declared.name:
        raise InvalidPayloadError('event.name', f'must be {declared.name!r}')
    if declared.domain not in (None, event.domain):
        raise InvalidPayloadError('event.domain', f'must be {declared.domain!r}')
    if event.version not in declared.versions:
        versions = ' or '.join(map(str, declared.versions))
        raise InvalidPayloadError('event.version', f'must be {versions}')
    attributes = declared.upgrade(event.attributes, event.version)
    found = reader.read(attributes, 'event.attributes')
    return found


def _kind(payload: object) -> str:
    return _KINDS.get(type(payload), 'a data object')


_KINDS = {Payload: 'a MEGA event', str: 'a text', bytes: 'a blob'}


@cache
def reader_of(annotation: Any) -> Reader:
    """Return the reader of a class or another type. Each type is compiled once.

    Raises:
        ConfigurationError: for a type that cannot be read from a payload.
    """
    cls = unwrap_class(annotation)
    name = getattr(annotation, '__name__', repr(annotation))
    try:
        prepare = prepare_for(annotation)
        if cls is not None and is_pydantic(cls):
            return Reader(annotation, prepare, pydantic_class=cls)
        options = _options_of(annotation)
    except NameError as error:
        problem = f'{error}: annotations must be importable from the module of the class'
        raise ConfigurationError(f'{name} cannot be read from a payload: {problem}') from error
    except TypeError as error:
        remedy = 'use another type, a msgspec.Struct with a tag, or a model of pydantic'
        raise ConfigurationError(
            f'{name} cannot be read from a payload: {error}: {remedy}'
        ) from error
    return Reader(annotation, prepare, options=options)


def _options_of(annotation: Any) -> dict[str, Any]:
    """Check a type and all types within it, and return the options to read it.

    Raises:
        TypeError: for a type that msgspec does not support.
        ConfigurationError: for a field that would not be written.
    """
    from msgspec.inspect import AnyType, CustomType, DataclassType, DictType, StrType, type_info

    options: dict[str, Any] = {}
    for found in _types_within(type_info(annotation), set()):
        if isinstance(found, DataclassType):
            check_field_names(get_origin(found.cls) or found.cls)
        elif isinstance(found, DictType) and not isinstance(found.key_type, (AnyType, StrType)):
            options['str_keys'] = True  # numbers or times, for example
        elif isinstance(found, CustomType):
            if not is_pydantic_model(found.cls):
                raise TypeError(f'{found.cls.__name__} is not a type of payloads')
            options['dec_hook'] = validate
    return options


def _types_within(found: Any, seen: set[int]) -> Iterator[Struct]:
    """Yield the parts of a type, as `msgspec.inspect` describes them."""
    if isinstance(found, tuple):
        for member in found:
            yield from _types_within(member, seen)
    elif isinstance(found, Struct) and id(found) not in seen:
        seen.add(id(found))
        yield found
        for name in found.__struct_fields__:
            yield from _types_within(getattr(found, name), seen)


def _invalid_payload(path: str, error: ValidationError) -> InvalidPayloadError:
    """Return the error for one of msgspec, whose text may quote the value."""
    text, cause = str(error), error.__cause__
    place = _PLACE.search(text)
    if place is not None:
        path = path + place['path'] if path else place['path'].removeprefix('.')
        text = text[: place.start()]
    if isinstance(cause, MisfitError):
        return InvalidPayloadError(_join(path, cause.keys), cause.problem)
    if cause is not None:
        return InvalidPayloadError(path, f'is refused by its class: {type(cause).__name__}')
    if field := _NAMED_FIELD.match(text):
        return InvalidPayloadError(_join(path, [field['name']]), _PROBLEMS[field['problem']])
    return InvalidPayloadError(path, _problem_of(text))


def _join(path: str, keys: Iterable[str | int]) -> str:
    for key in keys:
        path = join_path(path, key)
    return path


_PROBLEMS = {'missing required': 'is missing', 'contains unknown': 'is not a field of the class'}


def _problem_of(text: str) -> str:
    """Return the problem in an error of msgspec: ``Expected `int`, got `str` ``.

    The value of an enum is quoted at the end of an error, and is cut off.
    """
    text = _QUOTED_VALUE.sub('', text.replace('`', ''))
    start = 'Expected '
    if text.startswith(start):
        return f'must be {text[len(start) :].replace(", got ", ", not ")}'
    return f'is invalid: {text}'
