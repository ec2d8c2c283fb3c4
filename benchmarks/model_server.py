"""The in-memory model of SQS and SNS in its own process, over HTTP or HTTPS."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.certificate import write_certificate
from mega.local import Server
from mega.local import running as running_server

__all__ = ('running',)


@contextmanager
def running(*, https: bool = False) -> Iterator[Server]:
    """Run a server until the block ends.

    With `https`, the server speaks TLS 1.3 with a generated certificate. `AWS_CA_BUNDLE` names the
    certificate until the block ends, so that every AWS client created in the block trusts it.
    """
    if not https:
        with running_server() as server:
            yield server
        return
    with TemporaryDirectory(prefix='mega-local-') as directory:
        files = write_certificate(Path(directory))
        before = os.environ.get('AWS_CA_BUNDLE')
        os.environ['AWS_CA_BUNDLE'] = str(files.certificate)
        try:
            with running_server(certificate=files.certificate, key=files.key) as server:
                yield server
        finally:
            del os.environ['AWS_CA_BUNDLE']
            if before is not None:
                os.environ['AWS_CA_BUNDLE'] = before
