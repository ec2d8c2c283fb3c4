"""Forms: what is always the same in the requests of an operation, and how the rest is filled in.

A form is taken from a request that botocore sent. Filled in again with the same parameters, time
and keys it has to be that request byte for byte: see `Form.fits`. No I/O.
"""

from __future__ import annotations

import hmac
import json
import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol

from mega.aws._transport.connection_pool import Sent
from mega.aws._transport.http import MOST_AT_ONCE, head_of
from mega.aws._transport.response_parsing import key_of

__all__ = ('Form', 'Keys', 'form_of')

_AUTHORIZATION = re.compile(
    r'AWS4-HMAC-SHA256 Credential=[^/]+/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request, '
    r'SignedHeaders=(?P<signed>[a-z0-9;-]+), Signature=[0-9a-f]{64}'
)

# What is filled in, and what stays. A request with anything else has no form.
_ALWAYS = frozenset(('Authorization', 'Content-Length', 'X-Amz-Date', 'amz-sdk-invocation-id'))
_TOKEN = 'X-Amz-Security-Token'
_SAME = frozenset(
    ('Content-Type', 'User-Agent', 'X-Amz-Target', 'amz-sdk-request', 'x-amzn-query-mode')
)
_KNOWN = _ALWAYS | _SAME | {_TOKEN}


class Keys(Protocol):
    """Credentials as they are now: botocore's frozen ones."""

    @property
    def access_key(self) -> str: ...
    @property
    def secret_key(self) -> str: ...
    @property
    def token(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Form:
    """How the requests of an operation are written.

    `headers` are as they were sent, in their order; `signed` the names of those that are signed, in
    lower case.
    """

    host: str
    headers: Mapping[str, str]
    signed: tuple[str, ...]
    region: str
    service: str

    def fill_in(self, parameters: Mapping[str, Any], keys: Keys) -> bytes | None:
        """A request of now. None where none can be written, or none like the first."""
        stamp = time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())
        return self._request(parameters, keys, stamp, str(uuid.uuid4()))

    def fits(self, sent: Sent, parameters: Mapping[str, Any], keys: Keys) -> bool:
        """Whether what is written here for the same parameters is what was sent."""
        stamp, invocation = self.headers['X-Amz-Date'], self.headers['amz-sdk-invocation-id']
        return self._request(parameters, keys, stamp, invocation) == sent.request

    def _request(
        self, parameters: Mapping[str, Any], keys: Keys, stamp: str, invocation: str
    ) -> bytes | None:
        if bool(keys.token) != (_TOKEN in self.headers):
            return None
        body = json.dumps(parameters).encode()
        if len(body) > MOST_AT_ONCE:
            return None
        # Those that are there already keep their places.
        headers = dict(self.headers)
        headers['Content-Length'] = str(len(body))
        headers['X-Amz-Date'] = stamp
        headers['amz-sdk-invocation-id'] = invocation
        if keys.token:
            headers[_TOKEN] = keys.token
        headers['Authorization'] = self._authorization(headers, body, keys)
        head = head_of('POST', '/', self.host, headers)
        return None if head is None else head + body

    def _authorization(self, headers: Mapping[str, str], body: bytes, keys: Keys) -> str:
        """Signature Version 4, as AWS documents it.

        Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html
        """
        stamp, names = headers['X-Amz-Date'], ';'.join(self.signed)
        values = {name.lower(): value for name, value in headers.items()}
        values['host'] = self.host
        lines = '\n'.join(f'{name}:{values[name]}' for name in self.signed)
        request = f'POST\n/\n\n{lines}\n\n{names}\n{sha256(body).hexdigest()}'
        scope = f'{stamp[:8]}/{self.region}/{self.service}/aws4_request'
        hashed = sha256(request.encode()).hexdigest()
        text = f'AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashed}'
        key = key_of(keys.secret_key, stamp[:8], self.region, self.service)
        signature = hmac.digest(key, text.encode(), 'sha256').hex()
        return (
            f'AWS4-HMAC-SHA256 Credential={keys.access_key}/{scope}, '
            f'SignedHeaders={names}, Signature={signature}'
        )


def form_of(sent: Sent) -> Form | None:
    """The form of a request that was sent; None if it has anything that is not known here."""
    headers = {
        name: value.decode('latin-1') if isinstance(value, bytes) else value
        for name, value in sent.headers.items()
    }
    authorization = _AUTHORIZATION.fullmatch(headers.get('Authorization', ''))
    if authorization is None or not _ALWAYS <= headers.keys() <= _KNOWN:
        return None
    signed = tuple(authorization['signed'].split(';'))
    return Form(sent.host, headers, signed, authorization['region'], authorization['service'])
