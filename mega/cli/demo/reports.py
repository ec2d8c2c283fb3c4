"""What the subscribers of the demo report about each message."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from queue import SimpleQueue

__all__ = ('STEP', 'Mark', 'Report', 'reports')

STEP = 'step'
"""The message attribute with the number of the step that published the message."""


class Mark(Enum):
    """The result of a subscriber for a message."""

    DONE = '✓'
    RETRIED = '↻'
    FAILED = '✗'
    DEAD_LETTER = '†'


@dataclass(frozen=True, slots=True)
class Report:
    """A message and its result, as a subscriber reports it."""

    step: int
    mark: Mark
    subscriber: str
    payload: object
    was_wrapped: bool
    note: str


reports: SimpleQueue[Report] = SimpleQueue()
"""The reports of all subscribers that the demo has not shown yet."""
