"""Instrumentation of botocore whose spans a hook replaces.

A hook that traces messages makes the spans for the calls of publishers and listeners. The spans of
installed instrumentation would repeat them, and its wrappers of botocore's functions would prevent
direct calls. The calls of the library pass these wrappers by. Other calls do not.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from msgspec import Struct

__all__ = ('Instrumentation',)


class Instrumentation(Struct, frozen=True):
    """Instrumentation of botocore that the calls of the library do without.

    - `package` has the modules that define its wrappers, such as `opentelemetry.instrumentation`.
    - `suppress` returns a context manager. The instrumentation makes no spans while it is entered.
    """

    package: str
    suppress: Callable[[], AbstractContextManager[Any]]
