"""An S3 on loopback that keeps its objects on disk, for contents that do not fit into memory.

It has the operations of one object: PutObject, GetObject with ranges, HeadObject, DeleteObject, and
uploads in parts. It checks the CRC32 of each body, and neither signatures nor permissions.
"""

from __future__ import annotations

import shutil
import zlib
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit

__all__ = ('DiskServer', 'disk_server')

PIECE = 1_048_576
CHECKSUM = 'x-amz-checksum-crc32'


class DiskServer(ThreadingHTTPServer):
    """Keeps each object in a file by its path, and each upload in a folder with its parts."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(('127.0.0.1', 0), _Handler)
        self.url = f'http://127.0.0.1:{self.server_address[1]}'
        self.objects, self.uploads = folder / 'objects', folder / 'uploads'
        self.objects.mkdir()
        self.uploads.mkdir()
        self.metadata: dict[Path, dict[str, str]] = {}
        self.numbers = count(1)

    @property
    def is_empty(self) -> bool:
        """Whether neither an object nor a part is on disk."""
        return not any((*self.objects.iterdir(), *self.uploads.iterdir()))


class _Handler(BaseHTTPRequestHandler):
    server: DiskServer
    protocol_version = 'HTTP/1.1'

    def log_message(self, format: str, *arguments: object) -> None:
        """Write nothing."""

    @property
    def file(self) -> Path:
        return self.server.objects / urlsplit(self.path).path.strip('/').replace('/', ' ')

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.path).query, keep_blank_values=True)

    @property
    def upload(self) -> Path:
        return self.server.uploads / self.query['uploadId'][0]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get('Content-Length', 0)))
        if 'uploads' in self.query:
            self._keep_metadata()
            name = f'upload-{next(self.server.numbers)}'
            (self.server.uploads / name).mkdir()
            self._answer('InitiateMultipartUploadResult', f'<UploadId>{name}</UploadId>')
            return
        with self.file.open('wb') as whole:
            for part in sorted(self.upload.iterdir(), key=lambda each: int(each.name)):
                with part.open('rb') as content:
                    shutil.copyfileobj(content, whole, PIECE)
                part.unlink()
        self.upload.rmdir()
        self._answer('CompleteMultipartUploadResult')

    def do_PUT(self) -> None:
        number = self.query.get('partNumber')
        if number is None:
            self._keep_metadata()
        target = self.file if number is None else self.upload / number[0]
        checksum = self._receive(target)
        if self.headers.get(CHECKSUM, checksum) == checksum:
            self._answer(headers={'ETag': f'"{checksum}"', CHECKSUM: checksum})
        else:
            target.unlink()
            self._answer('Error', '<Code>BadDigest</Code>', status=400)

    def do_DELETE(self) -> None:
        if 'uploadId' in self.query:
            shutil.rmtree(self.upload)
        else:
            self.file.unlink(missing_ok=True)
        self._answer(status=204)

    def do_HEAD(self) -> None:
        self._send_object()

    def do_GET(self) -> None:
        start, end = self._send_object()
        with self.file.open('rb') as file, suppress(ConnectionError):
            self.wfile.flush()
            self.connection.sendfile(file, start, end - start)

    def _send_object(self) -> tuple[int, int]:
        """Send the head of a response, and return the range of its body."""
        start, end, status = 0, self.file.stat().st_size, 200
        if asked := self.headers.get('Range'):
            first, last = asked.removeprefix('bytes=').split('-')
            start, end, status = int(first), min(end, int(last) + 1), 206
        length = {'Content-Length': str(end - start)}
        self._send_head(status, {**length, **self.server.metadata[self.file]})
        return start, end

    def _keep_metadata(self) -> None:
        self.server.metadata[self.file] = {
            name: value for name, value in self.headers.items() if name.startswith('x-amz-meta-')
        }

    def _receive(self, target: Path) -> str:
        """Write the body of a request to a file, and return its CRC32 in Base64."""
        missing, crc = int(self.headers['Content-Length']), 0
        with target.open('wb') as file:
            while missing:
                piece = self.rfile.read(min(missing, PIECE))
                crc = zlib.crc32(piece, crc)
                file.write(piece)
                missing -= len(piece)
        return b64encode(crc.to_bytes(4, 'big')).decode()

    def _answer(
        self,
        root: str = '',
        members: str = '',
        status: int = 200,
        headers: dict[str, str] | None = None,
    ) -> None:
        body = f'<{root}>{members}</{root}>'.encode() if root else b''
        self._send_head(status, {'Content-Length': str(len(body)), **(headers or {})})
        self.wfile.write(body)

    def _send_head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


@contextmanager
def disk_server(folder: Path) -> Iterator[DiskServer]:
    """Run a server that keeps its objects in a folder."""
    with DiskServer(folder) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
