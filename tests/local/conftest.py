from __future__ import annotations

import pytest

from tests.local.aws_account import LocalAccount


@pytest.fixture
def aws() -> LocalAccount:
    return LocalAccount()
