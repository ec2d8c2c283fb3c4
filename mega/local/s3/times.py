"""The times of buckets and objects."""

from __future__ import annotations

from datetime import datetime, timezone

from mega.local.state import State

__all__ = ('now_of',)


def now_of(state: State) -> datetime:
    """Return the current time in whole seconds, as HTTP headers have it."""
    return datetime.fromtimestamp(int(state.clock()), timezone.utc)
