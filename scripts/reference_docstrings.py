"""An extension of Griffe that turns docstrings into Markdown for the reference.

A doctest becomes a block of code, because Markdown would read `>>>` as a quotation. A list gets the
blank line before it that Markdown requires.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

__all__ = ('Docstrings', 'to_markdown')

_DOCTEST = re.compile(r'^>>> .*\n(?:.+\n)*', re.MULTILINE)
_LIST = re.compile(r'^(?![- ])(.+\n)(?=- )', re.MULTILINE)


class Docstrings(griffe.Extension):
    """Changes the docstring of each object before it is parsed."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = to_markdown(obj.docstring.value)


def to_markdown(docstring: str) -> str:
    """Return a docstring with blocks of code and lists of Markdown."""
    fenced = _DOCTEST.sub(r'```pycon\n\g<0>```\n', f'{docstring}\n')
    return _LIST.sub(r'\1\n', fenced)
