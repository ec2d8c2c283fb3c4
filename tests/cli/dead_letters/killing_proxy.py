"""A proxy between a command and AWS that kills the command before or after a call."""

from __future__ import annotations

import http.client
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from threading import Thread
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.cli.running_command import RunningCommand

__all__ = ('Moment', 'killing_proxy')


class Moment(NamedTuple):
    """A moment at which the process is killed: the nth call of an operation, and on which side.

    After the call, AWS has performed it, and the process has no response.
    """

    operation: str
    number: int
    is_after: bool

    def __str__(self) -> str:
        return f'{"after" if self.is_after else "before"} {self.operation} {self.number}'


class KillingProxy(ThreadingHTTPServer):
    """Forwards requests to `target`. `victims` gets the process to kill."""

    daemon_threads = True

    def __init__(self, target: str, moment: Moment) -> None:
        super().__init__(('127.0.0.1', 0), _Handler)
        self.url = f'http://127.0.0.1:{self.server_port}'
        self.target = urlsplit(target).netloc
        self.victims: SimpleQueue[RunningCommand] = SimpleQueue()
        self._moment = moment
        self._calls: Counter[str] = Counter()

    def count(self, operation: str) -> int:
        """Count a call, and return its number."""
        self._calls[operation] += 1
        return self._calls[operation]

    def kill_at(self, moment: Moment) -> bool:
        """Kill the process if its moment has come, and return whether it is killed."""
        if moment != self._moment:
            return False
        victim = self.victims.get(timeout=60)
        victim.kill()
        victim.wait(60)
        return True


class _Handler(BaseHTTPRequestHandler):
    server: KillingProxy
    protocol_version = 'HTTP/1.1'

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers['Content-Length']))
        operation = self.headers.get('X-Amz-Target', '').rpartition('.')[2]
        number = self.server.count(operation)
        if self.server.kill_at(Moment(operation, number, False)):
            return
        answer, content = self._forward(body)
        if not self.server.kill_at(Moment(operation, number, True)):
            self.send_response_only(answer.status)
            self.send_header('Content-Type', answer.headers['Content-Type'])
            self.send_header('Content-Length', str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    def _forward(self, body: bytes) -> tuple[http.client.HTTPResponse, bytes]:
        connection = http.client.HTTPConnection(self.server.target, timeout=60)
        try:
            connection.request('POST', self.path, body, dict(self.headers))
            answer = connection.getresponse()
            return answer, answer.read()
        finally:
            connection.close()

    def log_message(self, format: str, *values: Any) -> None:
        """Log nothing."""


@contextmanager
def killing_proxy(target: str, moment: Moment) -> Iterator[KillingProxy]:
    """Serve in a thread until the end of the block."""
    with KillingProxy(target, moment) as proxy:
        thread = Thread(target=proxy.serve_forever, kwargs={'poll_interval': 0.01}, daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()
