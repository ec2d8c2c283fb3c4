"""The memory that streams need, in processes of their own: 2 GiB at night, 300 MB by day."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mega.local import Server
from tests.aws.s3.disk_server import DiskServer, disk_server
from tests.profile import amount

SIZE = amount(300 * 1_000_000, 2 * 1024**3)
MAX_MEMORY = 100 * 1_000_000
"""Bytes of memory in addition to that of a program whose clients exist."""


def run(way: str, queue_url: str, server: Server, disk: DiskServer) -> dict[str, Any]:
    arguments = [way, str(SIZE), queue_url, server.endpoint_url, disk.url]
    command = [sys.executable, '-m', 'tests.aws.s3.stream_program', *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.no_cover
@pytest.mark.skipif(sys.platform != 'linux', reason='reads the memory of a process from /proc')
def test_a_stream_needs_less_than_100_mb_of_memory(server: Server, tmp_path: Path) -> None:
    queue_url = server.create_queue('films')
    with disk_server(tmp_path) as disk:
        for way in ('publish', 'read'):
            found = run(way, queue_url, server, disk)
            assert found['bytes'] == SIZE
            assert found['memory'] < MAX_MEMORY, way
            sys.stdout.write(f'{way}: {SIZE:,} bytes with {found["memory"]:,} bytes of memory\n')
        assert disk.is_empty
