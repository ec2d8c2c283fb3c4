"""Signature Version 4, for POST requests to the path `/` without a query.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html
A property test compares every signature with that of botocore's `SigV4Auth`.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Any

__all__ = ('authorization',)


def authorization(headers: Mapping[str, str], body: bytes, keys: Any, *scope: str) -> str:
    """Return the value of the header `Authorization`.

    `headers`: all headers to sign, by their lower-case names; `x-amz-date` is among them.
    `keys`: the frozen credentials of botocore. `scope`: region and service.
    """
    time = headers['x-amz-date']
    names = ';'.join(sorted(headers))
    lines = ''.join([f'{name}:{headers[name]}\n' for name in sorted(headers)])
    request = f'POST\n/\n\n{lines}\n{names}\n{sha256(body).hexdigest()}'
    full_scope = '/'.join((time[:8], *scope, 'aws4_request'))
    text = f'AWS4-HMAC-SHA256\n{time}\n{full_scope}\n{sha256(request.encode()).hexdigest()}'
    key = _signing_key(keys.secret_key, time[:8], *scope)
    return (
        f'AWS4-HMAC-SHA256 Credential={keys.access_key}/{full_scope}, SignedHeaders={names}, '
        f'Signature={hmac.digest(key, text.encode(), "sha256").hex()}'
    )


@lru_cache(maxsize=8)
def _signing_key(secret: str, *scope: str) -> bytes:
    """Derive the key of one day, region and service: four digests, once a day."""
    key = f'AWS4{secret}'.encode()
    for part in (*scope, 'aws4_request'):
        key = hmac.digest(key, part.encode(), 'sha256')
    return key
