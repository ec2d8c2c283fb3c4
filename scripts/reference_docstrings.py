"""Extensions of Griffe for the reference: docstrings in Markdown, and signatures of Structs.

A doctest becomes a block of code, because Markdown would read `>>>` as a quotation. A list gets the
blank line before it that Markdown requires. Griffe knows the constructor of a dataclass, but not
that of a `msgspec.Struct`.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

__all__ = ('Docstrings', 'Structs', 'to_markdown')

_DOCTEST = re.compile(r'^>>> .*\n(?:.+\n)*', re.MULTILINE)
_LIST = re.compile(r'^(?![- ])(.+\n)(?=- )', re.MULTILINE)


class Docstrings(griffe.Extension):
    """Changes the docstring of each object before it is parsed."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = to_markdown(obj.docstring.value)


class Structs(griffe.Extension):
    """Gives each Struct a constructor with its fields."""

    def on_class(self, *, cls: griffe.Class, **_: Any) -> None:
        if '__init__' in cls.members or 'Struct' not in map(str, cls.bases):
            return
        fields = [
            griffe.Parameter(
                name,
                annotation=field.annotation,
                kind=griffe.ParameterKind('positional or keyword'),
                default=None if field.value is None else str(field.value),
            )
            for name, field in cls.attributes.items()
            if not name.startswith('_') and not {'property', 'cached_property'} & field.labels
        ]
        constructor = griffe.Function('__init__', parameters=griffe.Parameters(*fields))
        cls.set_member('__init__', constructor)


def to_markdown(docstring: str) -> str:
    """Return a docstring with blocks of code and lists of Markdown."""
    fenced = _DOCTEST.sub(r'```pycon\n\g<0>```\n', f'{docstring}\n')
    return _LIST.sub(r'\1\n', fenced)
