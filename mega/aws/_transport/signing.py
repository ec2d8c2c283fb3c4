"""Signature Version 4, for requests whose path is `/` and that have no query.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html
A property test compares every signature with that of botocore's `SigV4Auth`.
"""

from __future__ import annotations

import hmac
from functools import lru_cache
from hashlib import sha256
from typing import Any

__all__ = ('authorization',)


def authorization(headers: str, names: str, body: bytes, time: str, keys: Any, *scope: str) -> str:
    r"""Return the value of the header `Authorization` of a POST request.

    `headers`: the signed headers as `name:value\n`, in the order of their lower-case names.
    `names`: these names, separated by `;`.
    `time`: the value of `X-Amz-Date`, such as `20261128T170000Z`.
    `keys`: the frozen credentials of botocore. `scope`: region and service.
    """
    day = time[:8]
    full_scope = '/'.join((day, *scope, 'aws4_request'))
    request = f'POST\n/\n\n{headers}\n{names}\n{sha256(body).hexdigest()}'
    text = f'AWS4-HMAC-SHA256\n{time}\n{full_scope}\n{sha256(request.encode()).hexdigest()}'
    signature = hmac.digest(_signing_key(keys.secret_key, day, *scope), text.encode(), 'sha256')
    return (
        f'AWS4-HMAC-SHA256 Credential={keys.access_key}/{full_scope}, '
        f'SignedHeaders={names}, Signature={signature.hex()}'
    )


@lru_cache(maxsize=8)
def _signing_key(secret: str, *scope: str) -> bytes:
    """Derive the key of one day, region and service: four digests, once a day."""
    key = f'AWS4{secret}'.encode()
    for part in (*scope, 'aws4_request'):
        key = hmac.digest(key, part.encode(), 'sha256')
    return key
