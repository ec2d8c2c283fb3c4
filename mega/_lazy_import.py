"""Imports the names of a package on first use. A program loads only the modules that it uses.

    __all__ = ('SnsPublisher',)
    __getattr__ = import_on_first_use(__name__, {'SnsPublisher': '.publish'})

Type checkers read imports under `TYPE_CHECKING`. Python calls `__getattr__` of a module for a name
that the module does not have (PEP 562).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

__all__ = ('import_on_first_use',)


def import_on_first_use(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """Return the function `__getattr__` of a package.

    `modules` has the module of each name, as `importlib.import_module` reads it: `.publish` is a
    module of the package.
    """

    def find(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f'module {package!r} has no attribute {name!r}')
        return getattr(import_module(modules[name], package), name)

    return find
