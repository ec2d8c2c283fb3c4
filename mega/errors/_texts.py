"""Texts of errors and log lines, from values that a stranger may have written."""

from __future__ import annotations

import reprlib

__all__ = ('join_path', 'printable_path', 'safe_repr', 'single_line')

MAX_ERROR_CHARACTERS = 1_000
"""The maximum number of characters of an error that is kept or shown with its remedy at the end."""

MAX_PATH_CHARACTERS = 100
"""An error shows a longer path shortened."""

_repr = reprlib.Repr()
_repr.maxstring = _repr.maxother = _repr.maxlong = 60
_repr.maxlevel = 2


def safe_repr(value: object) -> str:
    """Return a `repr` of external input that is safe in an error or a log line.

    A text is cut to about 60 characters, and control characters are escaped. Never raises.
    """
    try:
        return _repr.repr(value)
    except Exception:  # raised by a `__repr__` of the user
        return f'<{type(value).__name__}>'


def single_line(text: str, limit: int = 300) -> str:
    """Return external text on one line of at most `limit` characters, control characters escaped.

    The result is safe in a terminal, in a log and in a request to AWS.
    """
    folded = ' '.join(text.split())
    seen = ''.join(c if c.isprintable() else c.encode('unicode_escape').decode() for c in folded)
    return seen if len(seen) <= limit else f'{seen[: limit - 3]}...'


def join_path(path: str, key: str | int) -> str:
    """Extend a path by a key or an index.

    >>> join_path('user', 'tags'), join_path('user.tags', 2)
    ('user.tags', 'user.tags[2]')
    """
    if isinstance(key, int):
        return f'{path}[{key}]'
    return f'{path}.{key}' if path else key


def printable_path(path: str) -> str:
    """Return a path as an error shows it: keys are external input."""
    if path.isprintable() and len(path) <= MAX_PATH_CHARACTERS:
        return path
    return safe_repr(path)
