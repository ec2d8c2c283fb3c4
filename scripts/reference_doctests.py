"""An extension of Griffe: shows the doctests of docstrings as code in the reference.

Markdown would read `>>>` as a quotation.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

__all__ = ('Doctests',)

DOCTEST = re.compile(r'^>>> .*\n(?:.+\n)*', re.MULTILINE)


class Doctests(griffe.Extension):
    """Puts each doctest into a fenced block."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring is not None and '>>> ' in obj.docstring.value:
            obj.docstring.value = DOCTEST.sub(r'```pycon\n\g<0>```\n', f'{obj.docstring.value}\n')
