"""Loggers that never raise, so that a faulty log handler of a program cannot end a listener."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    Adapter = logging.LoggerAdapter[logging.Logger]
else:
    Adapter = logging.LoggerAdapter

__all__ = ('get_logger',)


class _SafeLogger(Adapter):
    """A logger that writes the exceptions of log handlers to stderr instead of raising them.

    Among the arguments of a record, a text replaces each exception. Programs keep records, and an
    exception keeps the frames of its traceback, with their connections and payloads.
    """

    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        return msg, kwargs  # the adapter of Python 3.12 and older would drop `extra`

    def log(self, level: int, msg: object, *args: object, **options: Any) -> None:
        try:
            texts = [str(each) if isinstance(each, BaseException) else each for each in args]
            super().log(level, msg, *texts, stacklevel=2, **options)
        except Exception as error:
            with suppress(Exception):  # stderr may be closed
                sys.stderr.write(f'{self.logger.name}: a log handler failed: {error!r}\n')


def get_logger(name: str) -> _SafeLogger:
    """Return the logger of a module."""
    return _SafeLogger(logging.getLogger(name), None)
