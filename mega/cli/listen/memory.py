"""The resident memory of this process."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

__all__ = ('resident_bytes',)

_STATM = Path('/proc/self/statm')
"""https://man7.org/linux/man-pages/man5/proc_pid_statm.5.html"""


def resident_bytes() -> int:
    """Return the resident memory in bytes. On systems without `/proc`, it is the maximum so far."""
    try:
        return int(_STATM.read_text().split()[1]) * resource.getpagesize()
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == 'darwin' else peak * 1_024  # bytes on macOS, else KiB
