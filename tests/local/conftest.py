"""The model alone, and its server with clients of boto3."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from threading import Thread
from typing import Any

import boto3
import pytest
from botocore.config import Config

from mega.local import Server, running
from mega.local.server.application import Application
from mega.local.server.transport import Connection
from tests.local.aws_account import LocalAccount

ONCE = Config(retries={'total_max_attempts': 1})  # a retry would hide a failed first attempt


@pytest.fixture
def aws() -> LocalAccount:
    return LocalAccount()


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve in a thread of this process, and yield the server's URL."""
    loop = asyncio.new_event_loop()
    application = Application(loop, 'http://127.0.0.1')
    connections: list[_Connection] = []
    listening = loop.run_until_complete(
        loop.create_server(
            lambda: _Connection(loop, application, connections), '127.0.0.1', 0, ssl=tls
        )
    )
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        scheme = 'http' if tls is None else 'https'
        yield f'{scheme}://127.0.0.1:{listening.sockets[0].getsockname()[1]}'
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(_close(listening, connections))
        loop.close()


class _Connection(Connection):
    """A connection that the server closes when the tests end."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, handler: Application, every: list[_Connection]
    ) -> None:
        super().__init__(loop, handler)
        every.append(self)

    def close(self) -> None:
        self._transport.abort()


async def _close(listening: asyncio.Server, connections: list[_Connection]) -> None:
    listening.close()
    for connection in connections:
        connection.close()
    await asyncio.sleep(0)


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
