"""Stack traces of a thread or a coroutine that takes too long."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Coroutine
from types import FrameType
from typing import Any, TypeAlias

__all__ = ('WorkerRef', 'stack_of_coroutine', 'stack_of_thread')

WorkerRef: TypeAlias = int | Coroutine[Any, Any, Any]
"""The identifier of a thread, or a coroutine."""


def stack_of_thread(thread: int) -> str:
    """Return the stack of a thread in the form of a traceback; empty if the thread has ended."""
    frame = sys._current_frames().get(thread)
    return '' if frame is None else ''.join(traceback.format_stack(frame))


def stack_of_coroutine(coroutine: object) -> str:
    """Return the stack of a coroutine, and of the coroutines that it awaits, as a traceback."""
    frames: list[tuple[FrameType, int]] = []
    while (frame := getattr(coroutine, 'cr_frame', None)) is not None:
        frames.append((frame, frame.f_lineno))
        coroutine = getattr(coroutine, 'cr_await', None)
    return ''.join(traceback.StackSummary.extract(iter(frames)).format())
