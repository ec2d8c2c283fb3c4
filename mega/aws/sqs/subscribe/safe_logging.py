"""Logging that ends no work, whatever the handlers of a program do."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    Adapter = logging.LoggerAdapter[logging.Logger]
else:
    Adapter = logging.LoggerAdapter

__all__ = ('log_of',)


class _Log(Adapter):
    """A logger of which nothing is raised. Handlers should see to that themselves; some do not."""

    def log(self, level: int, msg: object, *args: object, **options: Any) -> None:
        try:
            super().log(level, msg, *args, stacklevel=2, **options)
        except Exception as error:
            with suppress(Exception):  # there may be nothing to write to
                sys.stderr.write(f'{self.logger.name}: a handler of the log failed: {error!r}\n')


def log_of(name: str) -> _Log:
    """The logger of a module."""
    return _Log(logging.getLogger(name), None)
