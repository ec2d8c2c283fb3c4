"""The server in its own process, for `mega.local.running`: `mega local` is the command for people.

It prints its URL, and ends when its stdin ends.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import ssl
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Thread

from mega.local.server.serving import listen, serve, url_of


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser('python -m mega.local', description=__doc__)
    parser.add_argument(
        '--certificate', type=Path, metavar='PEM', help='serve HTTPS with this certificate'
    )
    parser.add_argument('--key', type=Path, metavar='PEM', help="the certificate's private key")
    return parser.parse_args()


async def _serve(arguments: argparse.Namespace) -> None:
    tls, listening = _tls(arguments), listen(0)
    loop = asyncio.get_running_loop()

    def started(stop: Callable[[], None]) -> None:
        print(url_of(listening, tls), flush=True)
        Thread(target=_stop_with_stdin, args=[loop, stop], daemon=True).start()

    await serve(listening, started, tls)


def _tls(arguments: argparse.Namespace) -> ssl.SSLContext | None:
    """Return the TLS settings of the server: TLS 1.3 only. Return None for HTTP."""
    if arguments.certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(arguments.certificate, arguments.key)
    return context


def _stop_with_stdin(loop: asyncio.AbstractEventLoop, stop: Callable[[], None]) -> None:
    while os.read(sys.stdin.fileno(), 1_024):
        pass
    loop.call_soon_threadsafe(stop)


if __name__ == '__main__':
    asyncio.run(_serve(_arguments()))
