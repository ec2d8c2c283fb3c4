"""Fixtures of the tests of the transport."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from botocore import handlers


@pytest.fixture(autouse=True, scope='module')
def no_handlers_of_moto() -> Iterator[None]:
    """Once imported, moto adds a handler to every client, so that calls go through botocore."""
    own = [each for each in handlers.BUILTIN_HANDLERS if 'moto' not in each[1].__module__]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(handlers, 'BUILTIN_HANDLERS', own)
        yield
