"""The store in Redis and Valkey: the conformance tests on a server, and what only it has."""

from __future__ import annotations

import importlib
import shutil
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from mega.errors import ConfigurationError
from mega.hooks.idempotency import Idempotency
from mega.hooks.records import Record, check_store
from mega.hooks.redis import RedisStore
from mega.testing import IdempotencyStoreTests
from tests import servers

KEY = 'a' * 64


PROGRAMS = [each for each in ('redis-server', 'valkey-server') if shutil.which(each)]


@pytest.fixture(scope='session', params=PROGRAMS or ['redis-server'])
def server_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    if request.param == 'redis-server':
        yield request.getfixturevalue('redis_url')
        return
    with servers.redis(tmp_path_factory.mktemp('valkey'), request.param) as url:
        yield url


class TestRedisStore(IdempotencyStoreTests):
    @pytest.fixture(autouse=True)
    def backend(self, server_url: str) -> Iterator[None]:
        self.url = server_url
        self.stores: list[RedisStore] = []
        yield
        for store in self.stores:
            store.close()

    def create_store(self) -> RedisStore:
        self.stores.append(RedisStore(self.url))
        return self.stores[-1]


@pytest.mark.skipif(
    'valkey-server' not in PROGRAMS,
    reason='valkey-server is not installed: Debian has a package from release 13',
)
def test_the_tests_above_run_on_valkey_where_it_is_installed(server_url: str) -> None:
    with RedisStore(server_url) as store:
        check_store(store)


@pytest.fixture
def client(redis_url: str) -> Iterator[Any]:
    with redis.Redis.from_url(redis_url, decode_responses=True) as made:
        made.flushall()
        yield made


def test_the_server_removes_a_record_at_its_end(client: Any) -> None:
    store = RedisStore(client=client, prefix='tests:')
    assert store.take(KEY, 'first', 60) is None
    assert client.get(f'tests:{KEY}') == 'taken:first'
    assert 59_000 < client.pttl(f'tests:{KEY}') <= 60_000
    assert store.renew(KEY, 'first', 120)
    assert 119_000 < client.pttl(f'tests:{KEY}') <= 120_000
    assert store.finish(KEY, 'first', 86_400)
    assert client.get(f'tests:{KEY}') == 'done:first'
    assert 86_399_000 < client.pttl(f'tests:{KEY}') <= 86_400_000
    assert client.keys() == [f'tests:{KEY}']


def test_a_record_that_does_not_end_is_noticed_at_the_start(client: Any) -> None:
    """As with a client that ignores the options of SET."""

    class Forgetful(RedisStore):
        def take(self, key: str, owner: str, seconds: float) -> Record | None:
            record = super().take(key, owner, seconds)
            client.persist(f'mega:idempotency:{key}')
            return record

    with pytest.raises(ConfigurationError, match='does not end after them'):
        check_store(Forgetful(client=client))


def test_a_server_that_evicts_records_is_reported_at_the_start(
    client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    store = RedisStore(client=client)
    store.check()
    assert caplog.text == ''
    client.config_set('maxmemory-policy', 'allkeys-lru')
    try:
        store.check()
    finally:
        client.config_set('maxmemory-policy', 'noeviction')
    assert "maxmemory-policy 'allkeys-lru': with a full memory it removes records" in caplog.text


def test_a_server_that_refuses_info_is_reported_at_the_start(
    client: Any, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """As some managed services do."""
    commands, password = ['+@all', '-info'], 'of the test'
    client.acl_setuser(
        'limited', enabled=True, passwords=f'+{password}', keys='*', commands=commands
    )
    limited = redis.Redis.from_url(redis_url, username='limited', password=password)
    try:
        check_store(RedisStore(client=limited))
    finally:
        limited.close()
        client.acl_deluser('limited')
    [record] = caplog.records
    assert record.levelname == 'WARNING'
    assert 'the maxmemory-policy of Redis is not checked: ' in record.getMessage()
    assert 'INFO' in record.getMessage().upper()


def test_the_scripts_survive_a_restart_of_the_server(client: Any) -> None:
    store = RedisStore(client=client)
    assert store.take(KEY, 'first', 60) is None
    client.script_flush()
    assert store.renew(KEY, 'first', 60)


def test_a_client_of_the_user_stays_open(client: Any) -> None:
    with RedisStore(client=client) as store:
        assert store.take(KEY, 'first', 60) is None
    assert client.ping()


def test_a_server_that_does_not_answer_refuses_the_start() -> None:
    store = RedisStore('redis://127.0.0.1:1/0?retry_on_timeout=false')
    with pytest.raises(ConfigurationError, match='RedisStore failed its check: ConnectionError'):
        Idempotency(store).check()


@pytest.mark.parametrize(
    ('arguments', 'problem'),
    [
        ({}, 'pass either the URL'),
        ({'url': 'redis://h', 'client': object()}, 'pass either the URL'),
        ({'url': 'http://:secret@h'}, 'the URL of the Redis server must be like redis://'),
        ({'url': 5}, 'the URL of the Redis server must be like redis://'),
        ({'url': 'redis://h', 'prefix': 5}, 'prefix=5: must be a str'),
    ],
    ids=['neither', 'both', 'scheme', 'type', 'prefix'],
)
def test_invalid_settings_are_refused(arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem) as caught:
        RedisStore(**arguments)
    assert 'secret' not in str(caught.value)


def test_the_module_names_the_extra_that_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'redis', None)
    monkeypatch.delitem(sys.modules, 'mega.hooks.redis')
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'sqs-mega\[redis\]'"):
        importlib.import_module('mega.hooks.redis')
