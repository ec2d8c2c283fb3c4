"""The declaration of a class as an event: `@event('item.added', domain='shopping_cart')`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, TypeVar

from msgspec import Struct

from mega.errors import ConfigurationError, safe_repr
from mega.event.fields import is_typed_dict, keys_of, unwrap_class

__all__ = ('EventDeclaration', 'Upgrade', 'declaration_of', 'event')

T = TypeVar('T')

Upgrade: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]
"""Returns the attributes of an event in the next version, from those of an older one."""

_ATTRIBUTE = '__mega_event__'


class EventDeclaration(Struct, frozen=True):
    """The event that a class describes. `upgrades` has a function for each older version."""

    name: str
    domain: str | None
    version: int
    subject: str | None
    upgrades: Mapping[int, Upgrade]

    @property
    def versions(self) -> list[int]:
        """The versions of the event that the class can be read from, in ascending order."""
        return [*sorted(self.upgrades), self.version]

    def upgrade(self, attributes: dict[str, Any], version: int) -> dict[str, Any]:
        """Return the attributes in the version of the class, from those of an older version."""
        for older in range(version, self.version):
            attributes = self.upgrades[older](dict(attributes))
        return attributes


def event(
    name: str,
    *,
    domain: str | None = None,
    version: int = 1,
    subject: str | None = None,
    upgrade: Mapping[int, Upgrade] | None = None,
) -> Callable[[type[T]], type[T]]:
    """Declare that a class describes an event. Its fields are the attributes of the event.

    The class is a dataclass, a class of attrs, a `msgspec.Struct`, or a model or dataclass of
    pydantic. Publishers accept its instances, and `EventSubscriber[TheClass]` receives them.
    `subject` names the field whose value is also the subject of the event.

    `upgrade` has a function for each older version that subscribers still accept. It receives the
    attributes of an event in that version, and returns them in the next one:
    `@event('item.added', version=2, upgrade={1: from_v1})`.

    A subclass describes the same event, unless it is decorated, too.

    Raises:
        ConfigurationError: for a class without fields, a TypedDict, a `subject` that is not a
            field, or an upgrade that leads to no version.
    """
    upgrades = dict(upgrade or {})

    def declare(cls: type[T]) -> type[T]:
        declared = EventDeclaration(name, domain, version, subject, upgrades)
        _check_values(cls, declared)
        _check_class(cls, subject)
        _check_upgrades(cls, declared)
        setattr(cls, _ATTRIBUTE, declared)
        return cls

    return declare


def declaration_of(cls: Any) -> EventDeclaration | None:
    """Return the event that a class or its ancestor describes; None if it does not describe one."""
    found = getattr(cls, _ATTRIBUTE, None)
    return found if isinstance(found, EventDeclaration) else None


def _check_values(cls: type, declared: EventDeclaration) -> None:
    wrong = None
    if not isinstance(declared.name, str) or not declared.name:
        wrong = f'name={safe_repr(declared.name)}: must be a str that is not empty'
    elif not isinstance(declared.domain, (str, type(None))):
        wrong = f'domain={safe_repr(declared.domain)}: must be a str or None'
    elif not _is_version(declared.version):
        wrong = f'version={safe_repr(declared.version)}: must be an int from 1'
    if wrong:
        raise _error(cls, wrong)


def _check_class(cls: type, subject: str | None) -> None:
    if unwrap_class(cls) is None:
        problem = 'a class without fields: write @event above @dataclass, or above @define of attrs'
        raise _error(cls, problem)
    if is_typed_dict(cls):
        problem = 'an instance of a TypedDict is a dict, which does not know its event'
        raise _error(cls, f'{problem}: use a dataclass')
    fields = keys_of(cls)
    if subject is not None and subject not in fields:
        problem = f'must be a field of the class: {", ".join(fields)}'
        raise _error(cls, f'subject={safe_repr(subject)}: {problem}')


def _check_upgrades(cls: type, declared: EventDeclaration) -> None:
    """Check that an upgrade leads from each older version to the next one."""
    version = declared.version
    for older, function in declared.upgrades.items():
        if not _is_version(older) or older >= version:
            problem = f'the class is version {version}, and upgrades are for older versions'
            raise _error(cls, f'upgrade={{{safe_repr(older)}: ...}}: {problem}')
        if not callable(function):
            problem = 'must be a function of the attributes'
            raise _error(cls, f'upgrade={{{older}: {safe_repr(function)}}}: {problem}')
    for older in range(min(declared.upgrades, default=version), version):
        if older not in declared.upgrades:
            problem = f'add the function that upgrades version {older} to version {older + 1}'
            raise _error(cls, f'upgrade has no entry for version {older}: {problem}')


def _is_version(version: object) -> bool:
    return isinstance(version, int) and not isinstance(version, bool) and version >= 1


def _error(cls: type, problem: str) -> ConfigurationError:
    return ConfigurationError(f'@event of {getattr(cls, "__name__", safe_repr(cls))}: {problem}')
