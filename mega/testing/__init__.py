"""Tests of subscribers, without AWS and without waiting.

delivery.py    one payload to one subscriber

Names are imported on first use, so that `import mega.testing` loads nothing else.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mega.testing.delivery import Outcome, deliver

__all__ = ('Outcome', 'deliver')

_MODULES = {
    'Outcome': 'delivery',
    'deliver': 'delivery',
}
"""The module of each name."""


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(import_module(f'{__name__}.{_MODULES[name]}'), name)
