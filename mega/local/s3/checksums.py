"""Checksums of bodies.

AWS stores a CRC64NVME of an object whose sender gives no checksum. Python's standard library has no
CRC64NVME and no CRC32C: the model computes a CRC32 of every object, as boto3 does, and stores other
checksums as given, without a check.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable, Mapping
from zlib import crc32

from mega.local.errors import AwsError
from mega.local.operations import Object

__all__ = ('CHECKSUMS', 'checksums_of', 'etag_of', 'etag_of_encrypted', 'md5_of')


def _crc32(body: bytes) -> bytes:
    return crc32(body).to_bytes(4, 'big')


def md5_of(body: bytes) -> bytes:
    return hashlib.md5(body, usedforsecurity=False).digest()


def _sha1(body: bytes) -> bytes:
    return hashlib.sha1(body, usedforsecurity=False).digest()


def _sha256(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()


_KNOWN: Mapping[str, Callable[[bytes], bytes]] = {
    'ChecksumCRC32': _crc32,
    'ChecksumSHA1': _sha1,
    'ChecksumSHA256': _sha256,
}

CHECKSUMS = (*_KNOWN, 'ChecksumCRC32C', 'ChecksumCRC64NVME')
"""The parameters with checksums of a body."""


def etag_of(body: bytes) -> str:
    """Return the ETag of an object that was sent in one part, with its quotation marks."""
    return f'"{md5_of(body).hex()}"'


def etag_of_encrypted(body: bytes, checksums: Mapping[str, str]) -> str:
    """Return the ETag of an object that is encrypted with KMS.

    It changes with the object, and is not its MD5 (API reference, Object, ETag).
    """
    return etag_of(repr((len(body), sorted(checksums.items()))).encode())


def checksums_of(body: bytes, request: Object) -> dict[str, str]:
    """Return the checksums of a body: the given ones, or its CRC32.

    Raises:
        AwsError: BadDigest for a body that does not have a given checksum.
    """
    given = {name: request[name] for name in CHECKSUMS if request.get(name)}
    for name, value in given.items():
        if name in _KNOWN and value != b64encode(_KNOWN[name](body)).decode():
            kind = name.removeprefix('Checksum')
            problem = f'The {kind} you specified did not match the calculated checksum.'
            raise AwsError('BadDigest', problem)
    md5 = request.get('ContentMD5')
    if md5 is not None and md5 != b64encode(md5_of(body)).decode():
        problem = 'The Content-MD5 you specified did not match what we received.'
        raise AwsError('BadDigest', problem)
    return given or {'ChecksumCRC32': b64encode(_crc32(body)).decode()}
