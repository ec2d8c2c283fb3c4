"""A plugin of pytest: a mutant that ends the process of pytest early fails the tests.

Without it, a mutant that calls `os._exit(0)` would count as a mutant that all tests pass.
"""

from __future__ import annotations

import os
from typing import NoReturn

_EXIT = os._exit
_FAILED = 70
_PROCESS_ID = os.getpid()


def _exit_with_failure(status: int) -> NoReturn:
    _EXIT(_FAILED if os.getpid() == _PROCESS_ID else status)


def pytest_configure() -> None:
    os._exit = _exit_with_failure
