"""The types of payloads."""

from __future__ import annotations

from enum import Enum

__all__ = ('PayloadType',)


class PayloadType(str, Enum):
    """The type of the payload in a body, as the message attribute `MegaPayloadType` writes it."""

    EVENT = 'event'
    DATA = 'data'
    TEXT = 'text'
    BLOB = 'blob'
