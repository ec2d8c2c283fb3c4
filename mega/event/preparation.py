"""Prepares values for `msgspec.convert`, by rules that msgspec does not have.

    datetime                     a time without a zone is UTC
    pydantic                     the class itself reads its object, also within another class
    a number within pydantic     a bool is not a number
    bytes of a pydantic
    dataclass                    text in Base64, as msgspec writes it

`prepare_for` compiles an annotation to a function that makes these changes, or to None if there are
none to make. For the class

    class Order:
        id: int
        lines: list[Line]    # a Line has the field `sold_at: datetime`

the function visits `lines`, and `sold_at` in each of them, and nothing else. A function leaves
values of another type as they are, so that the functions of a union are called one after another,
and msgspec reports the value. A changed object is a copy; the payload remains as it is.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from decimal import Decimal
from functools import partial, reduce
from itertools import repeat
from typing import Any, TypeAlias, TypeVar, get_args, get_origin

from msgspec import Struct

from mega import timestamps
from mega.event.fields import (
    annotations_of,
    is_pydantic,
    is_pydantic_model,
    keys_of,
    unwrap_class,
)

__all__ = ('MisfitError', 'Prepare', 'prepare_for', 'validate')

Prepare: TypeAlias = Callable[[Any], Any]

_NUMBERS = (int, float, Decimal)


class MisfitError(ValueError):
    """A value that a class refuses. Each level on the way to the value adds its key."""

    def __init__(self, keys: list[str | int], problem: str) -> None:
        super().__init__(problem)
        self.keys = keys  # from the payload to the value
        self.problem = problem


def prepare_for(annotation: Any) -> Prepare | None:
    """Return the function that prepares the values of an annotation; None if nothing changes.

    The function raises a `MisfitError` for an object that a dataclass of pydantic refuses.

    Raises:
        NameError: for an annotation with an unknown name.
    """
    return _Compiler().compile(annotation, _Scope())


def validate(cls: Any, value: Any) -> Any:
    """Return the instance of a class of pydantic for a value, which may be an instance already.

    Raises:
        MisfitError: if the class refuses the value.
    """
    if isinstance(value, cls):
        return value
    if not is_pydantic_model(cls) and not isinstance(value, dict):
        raise MisfitError([], 'must be an object')
    try:
        return cls.model_validate(value) if is_pydantic_model(cls) else cls(**value)
    except ValueError as error:
        if not hasattr(error, 'errors'):
            raise
        first = error.errors(include_context=False, include_input=False)[0]
        raise MisfitError(list(first['loc']), _problem_of(first)) from None


def _problem_of(error: Mapping[str, Any]) -> str:
    """Return the text of an error of pydantic, without the texts that may quote the value."""
    kind, text = error['type'], error['msg']
    # Only an error of pydantic itself has a page in its documentation.
    if 'url' not in error or kind in ('value_error', 'assertion_error', 'union_tag_invalid'):
        return f'is invalid: {kind}'
    if kind == 'missing':
        return 'is missing'
    start = 'Input should be '
    return f'must be {text[len(start) :]}' if text.startswith(start) else f'is invalid: {text}'


class _Scope(Struct, frozen=True):
    """What surrounds an annotation: the values of type variables, and a class of pydantic."""

    variables: Mapping[Any, Any] = {}
    in_pydantic: bool = False
    in_model: bool = False


class _Compiler(Struct, frozen=True):
    objects: dict[Any, _ObjectPreparation | None] = {}
    """The classes that are compiled, or in progress: a class may contain itself."""

    def compile(self, annotation: Any, scope: _Scope) -> Prepare | None:
        if isinstance(annotation, TypeVar):
            annotation = scope.variables.get(annotation, Any)
        if annotation is datetime:
            return _assume_utc
        if annotation in _NUMBERS:
            return _refuse_bool if scope.in_pydantic else None
        if annotation is bytes:
            return _read_base64 if scope.in_pydantic and not scope.in_model else None
        if (cls := unwrap_class(annotation)) is not None:
            return self._compile_class(annotation, cls, scope)
        origin, args = get_origin(annotation), get_args(annotation)
        if isinstance(origin, type) and issubclass(origin, Mapping):
            return _for_members(_prepare_values, self.compile(args[1], scope))
        if isinstance(origin, type) and issubclass(origin, Collection):
            if origin is tuple and args[-1] is not Ellipsis:
                members = [self.compile(each, scope) for each in args]
                prepares = [member or _keep for member in members]
                return partial(_prepare_tuple, prepares) if any(members) else None
            return _for_members(_prepare_items, self.compile(args[0], scope))
        for name in ('__supertype__', '__value__'):  # NewType, and `type X = ...`
            if hasattr(annotation, name):
                return self.compile(getattr(annotation, name), scope)
        return self._compile_union(args, scope)

    def _compile_union(self, args: tuple[Any, ...], scope: _Scope) -> Prepare | None:
        """Compile a union. Wrappers such as `Final[...]` count as unions of one member."""
        found = [member for each in args if (member := self.compile(each, scope)) is not None]
        if bool in args:
            found = [member for member in found if member is not _refuse_bool]
        return partial(reduce, _apply, found) if len(found) > 1 else next(iter(found), None)

    def _compile_class(self, annotation: Any, cls: type, scope: _Scope) -> Prepare | None:
        variables = getattr(cls, '__parameters__', ())
        args = tuple(scope.variables.get(each, each) for each in get_args(annotation))
        is_validated = is_pydantic(cls)
        inner = _Scope(
            dict(zip(variables, args, strict=False)),
            scope.in_pydantic or is_validated,
            scope.in_model or is_pydantic_model(cls),
        )
        key = cls, args, inner.in_pydantic, inner.in_model
        if key in self.objects:
            return self.objects[key]
        prepared = self.objects[key] = _ObjectPreparation(cls)
        if is_validated and not scope.in_pydantic and not is_pydantic_model(cls):
            prepared.build = partial(validate, cls)  # msgspec would not call its validators
        annotations = annotations_of(cls)
        for name, keys in keys_of(cls).items():
            member = self.compile(annotations[name], inner)
            if member is not None:
                prepared.fields.update(dict.fromkeys(keys, member))
        if not prepared.fields and prepared.build is None:
            self.objects[key] = None
        return self.objects[key]


class _ObjectPreparation:
    """Prepares the members of an object, for a class."""

    def __init__(self, cls: type) -> None:
        config = getattr(cls, '__struct_config__', None)
        self.tag_field = None if config is None else config.tag_field
        self.tag = None if config is None else config.tag
        self.fields: dict[str, Prepare] = {}
        self.build: Prepare | None = None

    def __call__(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        if self.tag_field is not None and value.get(self.tag_field, self.tag) != self.tag:
            return value  # an object of another class of the union
        changed = value
        key = ''
        try:
            for key, prepare in self.fields.items():
                member = value.get(key)
                prepared = member if member is None else prepare(member)
                if prepared is not member:
                    if changed is value:
                        changed = dict(value)
                    changed[key] = prepared
        except MisfitError as error:
            error.keys.insert(0, key)
            raise
        return changed if self.build is None else self.build(changed)


def _for_members(
    prepare: Callable[[Prepare, Any], Any], of_member: Prepare | None
) -> Prepare | None:
    return None if of_member is None else partial(prepare, of_member)


def _prepare_values(prepare: Prepare, value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    keys = tuple(value)
    return dict(zip(keys, _prepared(value.values(), repeat(prepare), keys), strict=True))


def _prepare_items(prepare: Prepare, value: Any) -> Any:
    if not isinstance(value, (list, tuple)):
        return value
    return _prepared(value, repeat(prepare), range(len(value)))


def _prepare_tuple(prepares: Sequence[Prepare], value: Any) -> Any:
    if not isinstance(value, (list, tuple)) or len(value) != len(prepares):
        return value
    return _prepared(value, prepares, range(len(value)))


def _prepared(
    members: Iterable[Any], prepares: Iterable[Prepare], keys: Sequence[Any]
) -> list[Any]:
    """Return the prepared members of a collection. `keys` are their keys or indexes."""
    prepared: list[Any] = []
    try:
        for member, prepare in zip(members, prepares, strict=False):  # `repeat` does not end
            prepared.append(prepare(member))
    except MisfitError as error:
        error.keys.insert(0, keys[len(prepared)])
        raise
    return prepared


def _keep(value: Any) -> Any:
    return value


def _apply(value: Any, prepare: Prepare) -> Any:
    return prepare(value)


def _assume_utc(value: Any) -> Any:
    """Return a time with a zone. A text that is not a time remains, for the error of msgspec."""
    if isinstance(value, str):
        return value if value.endswith('Z') else timestamps.parse_timestamp(value) or value
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=timezone.utc)
    return value


class _NotANumber:
    """Takes the place of a bool that pydantic would read as the number 0 or 1."""


def _refuse_bool(value: Any) -> Any:
    return _NotANumber() if isinstance(value, bool) else value


def _read_base64(value: Any) -> Any:
    if isinstance(value, str):
        with suppress(ValueError):
            return b64decode(value, validate=True)
    return value
