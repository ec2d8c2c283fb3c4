"""The memory that streams need.

For whole streams, it is that of processes of their own: 2 GiB at night, 100 MB by day.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from mega.aws.s3.stream_upload import PART_BYTES, READ_BYTES, StreamContent
from mega.local import Server
from tests.aws.s3.disk_server import DiskServer, disk_server
from tests.profile import amount

SIZE = amount(100 * 1_000_000, 2 * 1024**3)
MAX_MEMORY = 16 * 1024**2
"""Bytes of memory in addition to that of a program whose clients exist."""


class SmallPieces:
    """A file without end that returns 100 bytes for each read, as a socket may do."""

    def __init__(self) -> None:
        self.largest_request = 0

    def read(self, size: int) -> bytes:
        self.largest_request = max(size, self.largest_request)
        return bytes(min(size, 100))


def test_a_part_of_small_pieces_needs_the_memory_of_one_part() -> None:
    file = SmallPieces()
    content = StreamContent(file)
    tracemalloc.start()
    try:
        for _ in range(2):
            content.read_part()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert content.size == 2 * PART_BYTES
    assert peak < 1.5 * PART_BYTES
    # A pipe allocates what is requested, and most of it remains allocated for a small piece.
    assert file.largest_request == READ_BYTES


def run(way: str, queue_url: str, server: Server, disk: DiskServer) -> dict[str, Any]:
    arguments = [way, str(SIZE), queue_url, server.endpoint_url, disk.url]
    command = [sys.executable, '-m', 'tests.aws.s3.stream_program', *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.no_cover
@pytest.mark.skipif(sys.platform != 'linux', reason='reads the memory of a process from /proc')
def test_a_stream_needs_less_than_16_mib_of_memory(server: Server, tmp_path: Path) -> None:
    queue_url = server.create_queue('films')
    with disk_server(tmp_path) as disk:
        for way in ('publish', 'read'):
            found = run(way, queue_url, server, disk)
            assert found['bytes'] == SIZE
            assert found['memory'] < MAX_MEMORY, way
            sys.stdout.write(f'{way}: {SIZE:,} bytes with {found["memory"]:,} bytes of memory\n')
        assert disk.is_empty
