"""The model alone, and its server with clients of boto3."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import boto3
import pytest
from botocore.config import Config

from mega.local import LocalAws, Server
from mega.local.server.serving import ServerThread
from tests.local.aws_account import LocalAccount

ONCE = Config(retries={'total_max_attempts': 1})  # a retry would hide a failed first attempt


@pytest.fixture
def aws() -> LocalAccount:
    return LocalAccount()


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve in a thread of this process, and yield the server's URL."""
    with closing(ServerThread(tls=tls)) as server:
        yield server.url


@pytest.fixture(scope='session')
def _process() -> Iterator[Server]:
    with LocalAws() as server:
        yield server


@pytest.fixture
def server(_process: Server) -> Iterator[Server]:
    """A server on which nothing has happened yet. Its faults end with the test."""
    _process.reset()
    yield _process
    _process.reset()
    _process.configure(latency_ms=0)


@pytest.fixture(scope='session')
def server_url(_process: Server) -> str:
    return _process.endpoint_url


def client(service: Any, url: str, **settings: Any) -> Any:
    return boto3.client(
        service,
        endpoint_url=url,
        region_name='eu-west-1',
        aws_access_key_id='testing',
        aws_secret_access_key='testing',
        **settings,
    )


@pytest.fixture(scope='session')
def sqs(server_url: str) -> Iterator[Any]:
    with closing(client('sqs', server_url, config=ONCE)) as found:
        yield found


@pytest.fixture(scope='session')
def sns(server_url: str) -> Iterator[Any]:
    with closing(client('sns', server_url, config=ONCE)) as found:
        yield found


@pytest.fixture(scope='session')
def s3(server_url: str) -> Iterator[Any]:
    with closing(client('s3', server_url, config=ONCE)) as found:
        yield found
