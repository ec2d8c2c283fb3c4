"""Serve SQS, SNS and S3 in memory, on loopback, until Ctrl-C or SIGTERM. Print the URL."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import ssl
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from threading import Thread

from mega.local.faults import Faults
from mega.local.server.serving import listen, serve, url_of

_USAGE = """
Set the environment of a program to connect it to this server. Any credentials are accepted:

    export AWS_ENDPOINT_URL={url}
    export AWS_ACCESS_KEY_ID=testing AWS_SECRET_ACCESS_KEY=testing AWS_DEFAULT_REGION=eu-west-1

Queues, topics and buckets are in memory, and end with the server. Press Ctrl-C to stop it."""


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
    tls = _tls(arguments)
    try:
        listening = listen(arguments.port)
    except (OSError, OverflowError) as error:
        sys.exit(f'python -m mega.local: cannot listen on port {arguments.port}: {error}')
    loop = asyncio.get_running_loop()

    def started(stop: Callable[[], None]) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            # Not `add_signal_handler`, which event loops of Windows do not have.
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))
        url = url_of(listening, tls)
        print(url, flush=True)
        if arguments.until_stdin_ends:
            _watch_stdin(loop, stop)
        else:
            print(_USAGE.format(url=url), file=sys.stderr)

    faults = Faults(arguments.seed, arguments.fail_calls, arguments.fail_entries)
    await serve(listening, started, tls, latency_ms=arguments.latency, faults=asdict(faults))


def _tls(arguments: argparse.Namespace) -> ssl.SSLContext | None:
    """Return the TLS settings of the server: TLS 1.3 only. Return None for HTTP."""
    if arguments.certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(arguments.certificate, arguments.key)
    return context


def _watch_stdin(loop: asyncio.AbstractEventLoop, stop: Callable[[], None]) -> None:
    def watch() -> None:
        while os.read(sys.stdin.fileno(), 1_024):
            pass
        loop.call_soon_threadsafe(stop)

    Thread(target=watch, daemon=True).start()


if __name__ == '__main__':
    asyncio.run(_serve(_arguments()))
