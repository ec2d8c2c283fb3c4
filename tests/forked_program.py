"""A program in a fork of an interpreter that has imported its modules.

It begins and ends as in a new interpreter, with one difference: after the exit handlers, the
process ends at once. Python would first destroy all modules, which takes longer than most programs.

An interpreter that a program starts with `subprocess.Popen` is a fork as well, if the program
passes descriptors to it and nothing else. Other threads of the program may hold locks at this
moment: the new program uses those of Python and of `logging` only, which `os.fork` releases.
"""

from __future__ import annotations

import atexit
import gc
import logging
import os
import runpy
import signal
import subprocess
import sys
import threading
from collections.abc import Collection, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

__all__ = ('prepare', 'run')

_Popen = subprocess.Popen
_exit_codes: list[int] = []
"""The exit code of this program, when it has ended without an error."""


def prepare() -> None:
    """Prepare this interpreter for forks."""
    atexit.register(_end_at_once)
    gc.collect()
    gc.freeze()  # a collection would copy the memory that the forks share


def run(program: Sequence[str]) -> None:
    """Run `-m MODULE` or `-c CODE` with arguments. Its end is the end of the process."""
    _open_standard_streams()
    subprocess.Popen = _popen  # type: ignore[assignment, misc]
    kind, code, *arguments = program
    try:
        if kind == '-m':
            sys.argv = [code, *arguments]
            runpy.run_module(code, run_name='__main__', alter_sys=True)
        else:
            sys.argv = [kind, *arguments]
            exec(compile(code, '<string>', 'exec'), {'__name__': '__main__'})
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            _exit_codes.append(end.code or 0)
        raise
    _exit_codes.append(0)


def _open_standard_streams() -> None:
    """Replace the streams of the parent, whose files may be of another kind."""
    encoding = os.environ.get('PYTHONIOENCODING', 'utf-8')
    open_stream = partial(open, encoding=encoding, closefd=False)
    sys.stdin, sys.stdout = open_stream(0), open_stream(1, 'w')
    sys.stderr = open_stream(2, 'w', buffering=1, errors='backslashreplace')


def _end_at_once() -> None:
    """End a program without an error. As the first exit handler, this is the last one to run."""
    if _exit_codes:
        with suppress(OSError, ValueError):  # Python itself reports a stream that cannot be written
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(_exit_codes[-1])


def _popen(command: Any, *, pass_fds: Collection[int] = (), **settings: Any) -> Any:
    """Do what `subprocess.Popen` does. Fork an interpreter that gets descriptors."""
    if settings or not pass_fds or command[:2] != [sys.executable, '-m']:
        return _Popen(command, pass_fds=pass_fds, **settings)
    sys.stdout.flush()
    sys.stderr.flush()
    if pid := os.fork():
        return SimpleNamespace(pid=pid, returncode=None)
    try:
        _forget_the_parent(pass_fds)
        run(command[1:])
    except SystemExit:
        pass
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:  # here, because the functions of the parent must not continue
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        os._exit(1)


def _forget_the_parent(pass_fds: Collection[int]) -> None:
    """Undo what a new interpreter does not inherit. It inherits which signals are blocked."""
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)) and number != signal.SIGINT:
            signal.signal(number, signal.SIG_DFL)
    if callable(signal.getsignal(signal.SIGINT)):
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for descriptor in [int(path.name) for path in Path('/proc/self/fd').iterdir()]:
        if descriptor > 2 and descriptor not in pass_fds:
            with suppress(OSError):  # of the directory itself
                os.close(descriptor)
    logging.root.handlers.clear()
    logging.root.setLevel(logging.WARNING)
    for logger in logging.root.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            logger.setLevel(logging.NOTSET)
