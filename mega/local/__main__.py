"""Run the server. It prints its URL, and serves until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import ssl
import sys
from dataclasses import asdict
from pathlib import Path
from threading import Thread

from mega.local.faults import Faults
from mega.local.server.application import Application
from mega.local.server.transport import Connection


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser('python -m mega.local', description=__doc__)
    parser.add_argument('--port', type=int, default=0, help='0, the default, selects a free port')
    parser.add_argument(
        '--certificate', type=Path, metavar='PEM', help='serve HTTPS with this certificate'
    )
    parser.add_argument('--key', type=Path, metavar='PEM', help="the certificate's private key")
    parser.add_argument('--latency', type=float, default=0, metavar='MS', help='of each response')
    parser.add_argument('--seed', type=int, default=0, metavar='N', help='the seed of the faults')
    parser.add_argument(
        '--fail-entries', type=float, default=0, metavar='SHARE', help='of batch entries'
    )
    parser.add_argument('--fail-calls', type=float, default=0, metavar='SHARE', help='of calls')
    parser.add_argument('--until-stdin-ends', action='store_true', help='stop when stdin ends')
    return parser.parse_args()


async def _serve(arguments: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    if arguments.until_stdin_ends:
        _watch_stdin(loop, ending)
    listening = socket.create_server(('127.0.0.1', arguments.port), backlog=1_024)
    tls = _tls(arguments)
    scheme = 'https' if tls else 'http'
    url = f'{scheme}://127.0.0.1:{listening.getsockname()[1]}'
    application = Application(loop, url)
    application.configure(
        latency_ms=arguments.latency,
        faults=asdict(
            Faults(arguments.seed, arguments.fail_calls, arguments.fail_entries),
        ),
    )
    await loop.create_server(lambda: Connection(loop, application), sock=listening, ssl=tls)
    print(url, flush=True)
    await ending.wait()


def _tls(arguments: argparse.Namespace) -> ssl.SSLContext | None:
    """Return the TLS settings of the server: TLS 1.3 only. Return None for HTTP."""
    if arguments.certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(arguments.certificate, arguments.key)
    return context


def _watch_stdin(loop: asyncio.AbstractEventLoop, ending: asyncio.Event) -> None:
    def watch() -> None:
        while os.read(sys.stdin.fileno(), 1_024):
            pass
        loop.call_soon_threadsafe(ending.set)

    Thread(target=watch, daemon=True).start()


if __name__ == '__main__':
    asyncio.run(_serve(_arguments()))
