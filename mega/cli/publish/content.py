"""The content of a message: the payload or the raw body that the arguments describe."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from mega.codec import WirePayload

__all__ = ('Content', 'RawBody')


class RawBody(NamedTuple):
    """A body that is published as it is."""

    text: str


Content: TypeAlias = WirePayload | RawBody
