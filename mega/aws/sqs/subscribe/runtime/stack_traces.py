"""Where somebody is who works: the stack of a thread, or of a coroutine."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Coroutine
from types import FrameType
from typing import Any, TypeAlias

__all__ = ('WorkerRef', 'stack_of_coroutine', 'stack_of_thread')

WorkerRef: TypeAlias = int | Coroutine[Any, Any, Any]
"""A thread, by its identifier, or a coroutine."""


def stack_of_thread(thread: int) -> str:
    """Where a thread is, as a traceback shows it; empty for one that has ended."""
    frame = sys._current_frames().get(thread)
    return '' if frame is None else ''.join(traceback.format_stack(frame))


def stack_of_coroutine(coroutine: object) -> str:
    """Where a coroutine waits, and those that it waits for, as a traceback shows it."""
    frames: list[tuple[FrameType, int]] = []
    while (frame := getattr(coroutine, 'cr_frame', None)) is not None:
        frames.append((frame, frame.f_lineno))
        coroutine = getattr(coroutine, 'cr_await', None)
    return ''.join(traceback.StackSummary.extract(iter(frames)).format())
