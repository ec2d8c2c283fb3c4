"""What botocore does at every call, and needs to do but once: reading the model, preparing to sign.

Both are done in botocore's own events, for a client of ours alone. Where botocore has changed so
that a shortcut does not fit any more, it is not taken, and botocore goes its own way.
"""

from __future__ import annotations

import hmac
import logging
import sys
from base64 import b64decode
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import suppress
from functools import lru_cache
from hashlib import sha256
from typing import Any, TypeAlias

from msgspec.json import Decoder as JsonDecoder

__all__ = (
    'Answers',
    'Reader',
    'is_plain',
    'key_of',
    'read_json',
    'reader_of',
    'shorten_calls',
    'signer',
)

SIGNATURE = 'mega-v4'
"""Signature Version 4 by the shorter way, among botocore's names of ways to sign."""

Reader: TypeAlias = Callable[[Any], Any]

_PLAIN = ('boolean', 'double', 'float', 'integer', 'long', 'string')

read_json = JsonDecoder().decode
"""Reads bytes as Python's `json` does, or raises: for what that takes, too, at times."""

_parsers = logging.getLogger('botocore.parsers')


def shorten_calls(client: Any, signers: MutableMapping[str, Any]) -> None:
    """Let a client take the shortcuts. `signers` are all that botocore knows, by their names.

    A client that is made in another way than botocore's stays as it is.
    """
    try:
        events, metadata = client.meta.events, client.meta.service_model.metadata
    except AttributeError:
        return
    with suppress(AttributeError, KeyError):
        signers.setdefault(SIGNATURE, signer(signers['v4']))
        events.register('choose-signer', _choose_signer)
    if metadata.get('protocol') == 'json':
        events.register('before-parse', Answers().read)


class Answers:
    """Reads answers in JSON as their shapes say, which are looked at once for each operation.

    botocore asks them about every value anew: a twelfth of what it takes to receive and delete. An
    answer that is no success, or not of its shape, is left to botocore, and so to its errors.
    """

    def __init__(self) -> None:
        self._readers: dict[str, Reader] = {}

    def read(
        self,
        operation_model: Any,
        response_dict: dict[str, Any],
        customized_response_dict: dict[str, Any],
        **others: object,
    ) -> None:
        """Put what was answered beside the body, and leave nothing of that for the parser."""
        # Somebody who has botocore log what it gets wants to see it.
        if response_dict['status_code'] != 200 or _parsers.isEnabledFor(logging.DEBUG):
            return
        name = operation_model.name
        try:
            if name not in self._readers:
                self._readers[name] = reader_of(operation_model.output_shape)
            found = self._readers[name](read_json(response_dict['body']))
            customized_response_dict.update(found)
        except Exception:  # of anything that is not as it should be
            return
        response_dict['body'] = b''


def _reader(shape: Any) -> Reader | None:
    """What makes a value of what JSON has for it; None where that is it already."""
    kind = shape.type_name
    if kind in _PLAIN:
        return None
    if kind == 'blob':
        return b64decode
    if kind == 'list':
        return _list_reader(_reader(shape.member))
    if kind == 'map' and _reader(shape.key) is None:
        return _map_reader(_reader(shape.value))
    if kind == 'structure':
        return reader_of(shape)
    raise NotImplementedError(kind)


def _list_reader(read: Reader | None) -> Reader:
    if read is None:
        return list
    return lambda found: [read(each) for each in found]


def _map_reader(read: Reader | None) -> Reader:
    if read is None:
        return lambda found: dict(found.items())
    return lambda found: {key: read(value) for key, value in found.items()}


def is_plain(shape: Any) -> bool:
    """Whether values of a shape are in JSON what they are in Python, names and all."""
    kind = shape.type_name
    if kind == 'list':
        return is_plain(shape.member)
    if kind == 'map':
        return is_plain(shape.key) and is_plain(shape.value)
    if kind == 'structure':
        return all(
            member.serialization.get('name', name) == name and is_plain(member)
            for name, member in shape.members.items()
        )
    return kind in _PLAIN


def reader_of(shape: Any) -> Reader:
    """What makes a structure of what JSON has for it.

    Raises:
        NotImplementedError: for one that is botocore's to read.
    """
    if shape.is_document_type or shape.is_tagged_union:
        raise NotImplementedError(shape.name)
    members = [
        (name, member.serialization.get('name', name), _reader(member))
        for name, member in shape.members.items()
    ]

    def structure(found: Any) -> Any:
        if found is None:
            return None
        return {
            name: value if read is None else read(value)
            for name, key, read in members
            if (value := found.get(key)) is not None
        }

    return structure


def _choose_signer(signature_version: object, **others: object) -> str | None:
    return SIGNATURE if signature_version == 'v4' else None


def signer(usual: Any) -> Any:
    """A class that signs as the usual one does, and goes through a request only once.

    Raises:
        AttributeError: where botocore has changed.
    """
    module = sys.modules[usual.__module__]
    unsigned = frozenset(module.SIGNED_HEADERS_BLACKLIST)
    host_of = module._host_from_url

    class Signer(usual):  # type: ignore[misc]
        _signed: Mapping[str, str] | None = None

        def add_auth(self, request: Any) -> Any:
            self._signed = None
            return super().add_auth(request)

        def headers_to_sign(self, request: Any) -> Mapping[str, str]:
            # Asked twice: for the signature, and to name them beside it.
            if self._signed is None:
                found: dict[str, str] = {}
                for name, value in request.headers.items():
                    key = name.lower()
                    if key not in unsigned:
                        text = ' '.join(value.split())
                        found[key] = f'{found[key]},{text}' if key in found else text
                if 'host' not in found:
                    found['host'] = host_of(request.url)
                self._signed = dict(sorted(found.items()))
            return self._signed

        def canonical_headers(self, headers_to_sign: Mapping[str, str]) -> str:
            return '\n'.join(f'{name}:{value}' for name, value in headers_to_sign.items())

        def signed_headers(self, headers_to_sign: Mapping[str, str]) -> str:
            return ';'.join(headers_to_sign)

        def signature(self, string_to_sign: str, request: Any) -> str:
            day, secret = request.context['timestamp'][:8], self.credentials.secret_key
            key = key_of(secret, day, self._region_name, self._service_name)
            return hmac.digest(key, string_to_sign.encode(), 'sha256').hex()

        def payload(self, request: Any) -> Any:
            # To come by the body, botocore prepares the whole request once more than it is sent.
            if isinstance(request.data, bytes) and not request.context.get('checksum'):
                return sha256(request.data).hexdigest()
            return super().payload(request)

    return Signer


@lru_cache(maxsize=8)
def key_of(secret: str, *scope: str) -> bytes:
    """The key of a day, a region and a service, by the chain that AWS documents.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html
    """
    key = f'AWS4{secret}'.encode()
    for part in (*scope, 'aws4_request'):
        key = hmac.digest(key, part.encode(), 'sha256')
    return key
