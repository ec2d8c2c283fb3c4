"""When to look for changed source files: often enough for people, and with little CPU time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import monotonic

from mega.cli.listen.source_watcher import SourceWatcher

__all__ = ('SourcePolling',)

_PAUSE_SECONDS = 0.5

_PAUSE_FACTOR = 10
"""The least pause, relative to the time of a scan. Many files are scanned less often."""


class SourcePolling:
    """Scans the sources at `next_at` and later."""

    def __init__(self, watcher: SourceWatcher, clock: Callable[[], float] = monotonic) -> None:
        self._watcher = watcher
        self._clock = clock
        self.next_at = 0.0

    def changes(self) -> str:
        """Return a description of the changed files; an empty text if there are none."""
        begun = self._clock()
        if begun < self.next_at:
            return ''
        files = sorted(self._watcher.changed())
        ended = self._clock()
        self.next_at = ended + max(_PAUSE_SECONDS, _PAUSE_FACTOR * (ended - begun))
        return _described(files)


def _described(files: list[Path]) -> str:
    if not files:
        return ''
    others = f' and {len(files) - 1} more' if len(files) > 1 else ''
    return f'{files[0]}{others} changed'
