"""Loggers that never raise, so that a faulty log handler of a program cannot end a listener."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    Adapter = logging.LoggerAdapter[logging.Logger]
else:
    Adapter = logging.LoggerAdapter

__all__ = ('get_logger',)


class _SafeLogger(Adapter):
    """A logger that writes the exceptions of log handlers to stderr instead of raising them."""

    def log(self, level: int, msg: object, *args: object, **options: Any) -> None:
        try:
            super().log(level, msg, *args, stacklevel=2, **options)
        except Exception as error:
            with suppress(Exception):  # stderr may be closed
                sys.stderr.write(f'{self.logger.name}: a log handler failed: {error!r}\n')


def get_logger(name: str) -> _SafeLogger:
    """Return the logger of a module."""
    return _SafeLogger(logging.getLogger(name), None)
