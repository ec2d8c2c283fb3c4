"""Fixtures of the tests of the transport."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True, scope='module')
def calls_are_direct(no_handlers_of_moto: None) -> None:
    """Let no handler of moto send calls through botocore."""
