"""Names that the doctests of the package use without an import."""

from __future__ import annotations

import datetime

import pytest

import mega.match
from mega.match import functions


@pytest.fixture(autouse=True)
def doctest_names(doctest_namespace: dict[str, object]) -> None:
    doctest_namespace['date'] = datetime.date
    for module in (mega.match, functions):
        doctest_namespace.update({name: getattr(module, name) for name in module.__all__})
