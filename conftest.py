"""What the doctests of the package find in their hands."""

from __future__ import annotations

import pytest

from mega.match import evaluate


@pytest.fixture(autouse=True)
def names_that_doctests_use(doctest_namespace: dict[str, object]) -> None:
    doctest_namespace['evaluate'] = evaluate
