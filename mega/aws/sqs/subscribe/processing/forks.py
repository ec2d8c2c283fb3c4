"""Child processes that subscribers fork.

A fork copies the thread that processes a message. In the child process, a `process` that returns
would continue with the next message on the connections of the parent, as a second listener:

    def process(self, payload):
        if os.fork() == 0:
            resize(payload)
            return          # the child process ends here

Processes of `multiprocessing` never return.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import NoReturn

from mega.logging import about, get_logger

__all__ = ('end_child_process',)

_log = get_logger(__name__)


def end_child_process(error: BaseException | None = None) -> NoReturn:
    """End a child process whose subscriber returned or raised an error.

    The functions that are registered with `atexit` belong to the parent, and do not run.
    """
    status = _exit_status(error)
    if not isinstance(error, SystemExit):
        ending = 'returned' if error is None else f'raised {type(error).__name__}'
        _log.warning(
            'process %d, which a subscriber forked from the listener, %s from process(): '
            'it ends with status %d, because it must not become a second listener',
            *(os.getpid(), ending, status),
            code='forked-process',
            extra=about(forked_process=os.getpid(), exit_status=status),
        )
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # it is closed
            stream.flush()
    os._exit(status)


def _exit_status(error: BaseException | None) -> int:
    code = error.code if isinstance(error, SystemExit) else error
    if code is None:
        return 0
    return code & 0xFF if isinstance(code, int) else 1
