"""The server that benchmarks run on, with boto3's clients for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import boto3
import pytest
from botocore.config import Config

from mega.local import Server, running

ONCE = Config(retries={'total_max_attempts': 1})  # a retry would hide what befell the first attempt


@pytest.fixture(scope='session')
def _process() -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.fixture
def server(_process: Server) -> Server:
    """A server on which nothing has happened yet."""
    _process.reset()
    _process.configure(latency_ms=0)
    return _process


@pytest.fixture(scope='session')
def sqs(_process: Server) -> Iterator[Any]:
    with closing(boto3.Session().client('sqs', config=ONCE, **_process.credentials)) as client:
        yield client


@pytest.fixture(scope='session')
def sns(_process: Server) -> Iterator[Any]:
    with closing(boto3.Session().client('sns', config=ONCE, **_process.credentials)) as client:
        yield client
