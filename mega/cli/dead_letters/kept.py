"""The error that keeps one message in the queue, while a command goes on with the others."""

from __future__ import annotations

__all__ = ('KeptError',)


class KeptError(Exception):
    """A message that a command leaves in the queue. The text says why."""
