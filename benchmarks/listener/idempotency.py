"""The cost of the hook `Idempotency` per message, with each store."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.listener.bench import Bench, Runs, race
from benchmarks.listener.contenders import Listening
from benchmarks.matching.tables import table
from mega.hooks.idempotency import Idempotency, IdempotencyStore, MemoryStore

__all__ = ('Places', 'idempotency')

WITHOUT = 'without the hook'


@dataclass(frozen=True, slots=True)
class Places:
    """Where the stores are that need a server: URLs, of which each may be missing."""

    redis: str | None = None
    database: str | None = None
    dynamodb: str | None = None


def idempotency(bench: Bench, rounds: int, messages: int, places: Places) -> str:
    """Compare a listener without the hook, and with the hook and each store."""
    with ExitStack() as stack:
        stores = {name: stack.enter_context(store) for name, store in _stores(places).items()}
        turns = {WITHOUT: bench.turn(Listening(), messages)}
        for name, store in stores.items():
            hooks = (Idempotency(store, ttl=60),)
            turns[name] = bench.turn(Listening(hooks=hooks), messages)
        taken = race(turns, rounds)
    header = ['', 'messages a second', 'us a message', 'CPU us a message', 'of it the hook']
    rows = [_row(name, runs, taken[WITHOUT]) for name, runs in taken.items()]
    missing = [name for name in Places.__slots__ if getattr(places, name) is None]
    left_out = ''.join(f'\n{name} is left out: no --{name} is given.' for name in missing)
    return (
        '## The hook Idempotency, no latency, no-op\n\n'
        'Two calls to the store for each message. Servers share the processors; their CPU time is\n'
        f'not in the last two columns.\n\n{table(header, rows)}{left_out}'
    )


def _row(name: str, runs: Runs, without: Runs) -> list[str]:
    cpu = [run.cpu / run.messages * 1e6 for run in runs]
    base = statistics.median(run.cpu / run.messages * 1e6 for run in without)
    return [
        name,
        f'{statistics.median(run.rate for run in runs):,.0f}',
        f'{statistics.median(1e6 / run.rate for run in runs):,.0f}',
        f'{statistics.median(cpu):,.0f} ({min(cpu):,.0f} to {max(cpu):,.0f})',
        '' if name == WITHOUT else f'{statistics.median(cpu) - base:,.0f}',
    ]


def _stores(places: Places) -> Mapping[str, AbstractContextManager[IdempotencyStore]]:
    stores = {'MemoryStore': _memory(), 'SqlStore, SQLite': _sqlite()}
    if places.redis is not None:
        stores['RedisStore'] = _redis(places.redis)
    if places.database is not None:
        stores[f'SqlStore, {places.database.partition(":")[0]}'] = _sql(places.database)
    if places.dynamodb is not None:
        stores['DynamoDbStore'] = _dynamodb(places.dynamodb)
    return stores


@contextmanager
def _memory() -> Iterator[IdempotencyStore]:
    yield MemoryStore()


@contextmanager
def _sqlite() -> Iterator[IdempotencyStore]:
    with (
        tempfile.TemporaryDirectory() as directory,
        _sql(f'sqlite:///{Path(directory) / "records.db"}') as store,
    ):
        yield store


@contextmanager
def _sql(url: str) -> Iterator[IdempotencyStore]:
    from sqlalchemy import create_engine

    from mega.hooks.sql import SqlStore

    engine = create_engine(url)
    store = SqlStore(engine, table_name='mega_benchmark')
    store.create_table(engine)
    yield store
    store.table.drop(engine)
    engine.dispose()


@contextmanager
def _redis(url: str) -> Iterator[IdempotencyStore]:
    from mega.hooks.redis import RedisStore

    with RedisStore(url, prefix='mega:benchmark:') as store:
        yield store


@contextmanager
def _dynamodb(endpoint_url: str) -> Iterator[IdempotencyStore]:
    from mega.hooks.dynamodb import DynamoDbStore

    with DynamoDbStore(
        'mega-benchmark',
        endpoint_url=endpoint_url,
        region_name='eu-west-1',
        aws_access_key_id='benchmark',
        aws_secret_access_key='benchmark',
    ) as store:
        store.create_table()
        yield store
