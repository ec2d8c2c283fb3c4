"""Downloads of small public files over HTTPS, with the proxy and the CA bundle of botocore.

The requests have no credentials.
"""

from __future__ import annotations

import os
from concurrent.futures import wait
from contextlib import closing
from functools import partial
from typing import Any

from mega.aws._executor import Executor
from mega.aws._transport.errors import transport_error
from mega.errors import TransportError

__all__ = ('download',)

CHUNK_BYTES = 1_024

_OK = 200
_GONE = (404, 410)


def download(url: str, *, max_bytes: int, seconds: float) -> bytes | None:
    """Return the content of a file; None if the server says that the file does not exist.

    No redirect is followed. `seconds` limit the look-up of the host, the connection and the
    response together. `max_bytes` limit the body of the response.

    Raises:
        TransportError: for another status than 200, 404 and 410, for a larger or an incomplete
            response, and for no response within the time.
    """
    operation = f'GET {url}'
    # In a thread, because a look-up of the host has no timeout, and a slow response has many.
    executor = Executor('mega-download', max_threads=1)
    future = executor.submit(partial(_get, url, max_bytes, seconds))
    executor.close(timeout=0.0)
    wait([future], seconds)
    if not future.done():
        problem = f'there was no complete response within {seconds:g} seconds'
        raise TransportError(operation, 'Timeout', problem, True)
    try:
        status, content = future.result()
    except Exception as error:
        raise transport_error(operation, error) from error
    if status in _GONE:
        return None
    if status != _OK:
        problem = 'the server did not return the file'
        raise TransportError(operation, f'status {status}', problem, True)
    if len(content) > max_bytes:
        problem = f'the response exceeds {max_bytes:,} bytes'
        raise TransportError(operation, 'TooLarge', problem, True)
    return content


def _get(url: str, max_bytes: int, seconds: float) -> tuple[int, bytes]:
    """Return the status of a response, and its body or at least `max_bytes + 1` bytes of it."""
    from botocore.awsrequest import AWSRequest
    from botocore.httpsession import URLLib3Session
    from botocore.utils import get_environ_proxies

    verify: Any = _ca_bundle() or True
    timeout: Any = seconds  # of each operation of the socket; the stubs allow int only
    request: Any = AWSRequest('GET', url, stream_output=True)
    body = b''
    with closing(URLLib3Session(verify, get_environ_proxies(url), timeout)) as session:
        response = session.send(request.prepare())
        with closing(response.raw) as stream:
            while len(body) <= max_bytes and (chunk := stream.read(CHUNK_BYTES)):
                body += chunk
        # botocore lets urllib3 accept a response that is cut off.
        length = response.headers.get('content-length', '')
        if len(body) <= max_bytes and length.isdecimal() and len(body) < int(length):
            raise ConnectionError('the connection was closed before the end of the response')
        return response.status_code, body


def _ca_bundle() -> str | None:
    """Return the CA bundle that the environment or the profile of AWS names."""
    from botocore.session import get_session

    configured: str | None = get_session().get_config_variable('ca_bundle')
    return configured or os.environ.get('REQUESTS_CA_BUNDLE')
