"""Redis and PostgreSQL for tests, as programs of Debian's packages, on loopback."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests._server import running

_POSTGRESQL_USER = 'postgres'  # PostgreSQL refuses to run as root


def missing_redis() -> str:
    """Return why Redis cannot run; an empty text if it can."""
    program = shutil.which('redis-server')
    return '' if program else 'redis-server is not installed (in Debian: redis-server)'


def missing_postgresql() -> str:
    """Return why PostgreSQL cannot run; an empty text if it can."""
    return '' if _postgresql_programs() else 'PostgreSQL is not installed (in Debian: postgresql)'


@contextmanager
def redis(directory: Path, program: str = 'redis-server') -> Iterator[str]:
    """Run Redis, or Valkey with `program='valkey-server'`. Yield its URL."""
    memory_alone = ['--save', '', '--appendonly', 'no']
    command = [program, '--bind', '127.0.0.1', '--port', '{port}', *memory_alone]
    with running(command, {}, _answers_ping, directory) as port:
        yield f'redis://127.0.0.1:{port}'


@contextmanager
def postgresql() -> Iterator[str]:
    """Run PostgreSQL with an empty database. Yield its URL, as libpq and SQLAlchemy read it."""
    programs = _postgresql_programs()
    assert programs, missing_postgresql()
    with _directory_of_server() as directory:
        data = directory / 'data'
        options = ['--auth=trust', '--no-sync', '--encoding=UTF8', '--locale=C.UTF-8']
        names = [f'--username={_POSTGRESQL_USER}', f'--pgdata={data}']
        initdb = [*_as_server_user(), f'{programs / "initdb"}', *options, *names]
        subprocess.run(initdb, check=True, capture_output=True, cwd=directory)
        server = [
            *_as_server_user(),
            f'{programs / "postgres"}',
            *('-D', f'{data}', '-p', '{port}', '-k', f'{directory}'),
            *('-c', 'listen_addresses=127.0.0.1', '-c', 'fsync=off'),
        ]

        def accepts_sessions(port: int) -> bool:
            ask = [f'{programs / "pg_isready"}', '--host=127.0.0.1', f'--port={port}']
            return subprocess.run(ask, stdout=subprocess.DEVNULL, check=False).returncode == 0

        # With SIGINT, PostgreSQL ends without waiting for the connections of the tests.
        with running(server, {}, accepts_sessions, directory, end_signal=signal.SIGINT) as port:
            yield f'postgresql://{_POSTGRESQL_USER}@127.0.0.1:{port}/postgres'


def _postgresql_programs() -> Path | None:
    """Return the directory of PostgreSQL's programs, of the newest release that is installed."""
    if found := shutil.which('initdb'):
        return Path(found).resolve().parent
    releases = Path('/usr/lib/postgresql').glob('*/bin/initdb')  # Debian: not in PATH
    return max((each.parent for each in releases), key=_release, default=None)


def _release(programs: Path) -> int:
    return int(programs.parent.name)


def _as_server_user() -> list[str]:
    """Return the start of a command that runs as another user than root."""
    if os.getuid() != 0:
        return []
    user = _POSTGRESQL_USER
    return ['setpriv', f'--reuid={user}', f'--regid={user}', '--clear-groups']


@contextmanager
def _directory_of_server() -> Iterator[Path]:
    """Make a directory that the server's user can reach, unlike the directories of pytest."""
    with tempfile.TemporaryDirectory(prefix='mega-postgresql-') as name:
        if os.getuid() == 0:
            shutil.chown(name, _POSTGRESQL_USER, _POSTGRESQL_USER)
        yield Path(name)


def _answers_ping(port: int) -> bool:
    with socket.create_connection(('127.0.0.1', port), timeout=5) as connection:
        connection.sendall(b'PING\r\n')
        return connection.recv(64) == b'+PONG\r\n'
