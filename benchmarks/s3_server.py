"""An S3 in memory, on loopback, with a latency. The first part of a path is the bucket.

The server supports PUT, GET and DELETE of objects, without any validation. As a program, it prints
its URL, and serves until its standard input ends.

    python -m benchmarks.s3_server MILLISECONDS
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

__all__ = ('running',)

_CHECKOUT = Path(__file__).parents[1]


class _Handler(BaseHTTPRequestHandler):
    """The handler of one connection. Each connection has its own thread."""

    protocol_version = 'HTTP/1.1'
    disable_nagle_algorithm = True
    wbufsize = -1  # buffered, to send head and body together
    latency = 0.0
    objects: dict[str, tuple[bytes, dict[str, str]]] = {}

    def handle_expect_100(self) -> bool:
        is_expected = super().handle_expect_100()
        self.wfile.flush()
        return is_expected

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers.get('Content-Length', 0)))
        kept = {
            name: value for name, value in self.headers.items() if name.startswith('x-amz-meta')
        }
        self.objects[self.path.partition('?')[0]] = body, kept
        self._answer(200)

    def do_GET(self) -> None:
        body, headers = self.objects.get(self.path.partition('?')[0], (None, {}))
        if body is None:
            self._answer(404, b'<Error><Code>NoSuchKey</Code></Error>')
        else:
            self._answer(200, body, headers)

    def do_DELETE(self) -> None:
        self.objects.pop(self.path.partition('?')[0], None)
        self._answer(204)

    def _answer(
        self, status: int, body: bytes = b'', headers: dict[str, str] | None = None
    ) -> None:
        time.sleep(self.latency)
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@contextmanager
def running(milliseconds: float) -> Iterator[str]:
    """Run a server in its own process until the block ends, and yield its URL."""
    command = [sys.executable, '-m', 'benchmarks.s3_server', str(milliseconds)]
    with subprocess.Popen(
        command, cwd=_CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()
            process.wait(10)


def main() -> None:
    _Handler.latency = float(sys.argv[1]) / 1_000
    with ThreadingHTTPServer(('127.0.0.1', 0), _Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(f'http://127.0.0.1:{server.server_address[1]}', flush=True)
        while os.read(sys.stdin.fileno(), 1_024):
            pass
        server.shutdown()


if __name__ == '__main__':
    main()
