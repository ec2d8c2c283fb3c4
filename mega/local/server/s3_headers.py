"""The HTTP headers of S3, and the members of requests and responses that they carry."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime
from typing import Any

__all__ = ('read_headers', 'write_headers')

METADATA = 'x-amz-meta-'

_BOTH = {
    'cache-control': 'CacheControl',
    'content-disposition': 'ContentDisposition',
    'content-encoding': 'ContentEncoding',
    'content-language': 'ContentLanguage',
    'content-type': 'ContentType',
    'x-amz-checksum-crc32': 'ChecksumCRC32',
    'x-amz-checksum-crc32c': 'ChecksumCRC32C',
    'x-amz-checksum-crc64nvme': 'ChecksumCRC64NVME',
    'x-amz-checksum-sha1': 'ChecksumSHA1',
    'x-amz-checksum-sha256': 'ChecksumSHA256',
    'x-amz-server-side-encryption': 'ServerSideEncryption',
    'x-amz-server-side-encryption-aws-kms-key-id': 'SSEKMSKeyId',
    'x-amz-server-side-encryption-bucket-key-enabled': 'BucketKeyEnabled',
    'x-amz-storage-class': 'StorageClass',
}
_REQUESTS = {
    **_BOTH,
    'content-md5': 'ContentMD5',
    'if-match': 'IfMatch',
    'if-none-match': 'IfNoneMatch',
    'range': 'Range',
    'x-amz-checksum-algorithm': 'ChecksumAlgorithm',
    'x-amz-checksum-mode': 'ChecksumMode',
    'x-amz-checksum-type': 'ChecksumType',
    'x-amz-copy-source': 'CopySource',
    'x-amz-expected-bucket-owner': 'ExpectedBucketOwner',
    'x-amz-metadata-directive': 'MetadataDirective',
    'x-amz-source-expected-bucket-owner': 'ExpectedSourceBucketOwner',
    'x-amz-tagging': 'Tagging',
}
_RESPONSES = {
    **{member: header for header, member in _BOTH.items()},
    'AcceptRanges': 'Accept-Ranges',
    'BucketRegion': 'x-amz-bucket-region',
    'ChecksumType': 'x-amz-checksum-type',
    'ContentRange': 'Content-Range',
    'ETag': 'ETag',
    'LastModified': 'Last-Modified',
    'TagCount': 'x-amz-tagging-count',
}


def read_headers(headers: Mapping[str, str]) -> dict[str, Any]:
    """Return the members of a request that its headers carry. Other headers are ignored."""
    members: dict[str, Any] = {}
    metadata: dict[str, str] = {}
    for name, value in headers.items():
        if member := _REQUESTS.get(name):
            members[member] = value
        elif name.startswith(METADATA):
            metadata[name.removeprefix(METADATA)] = value
    if 'BucketKeyEnabled' in members:
        members['BucketKeyEnabled'] = members['BucketKeyEnabled'].lower() == 'true'
    if metadata:
        members['Metadata'] = metadata
    return members


def write_headers(members: Mapping[str, Any]) -> str:
    """Return the lines of the headers that carry members of a response.

    The ContentType has its own place in a response.
    """
    lines = [
        f'{_RESPONSES[name]}: {_text(value)}\r\n'
        for name, value in members.items()
        if name in _RESPONSES and name != 'ContentType'
    ]
    for name, value in (members.get('Metadata') or {}).items():
        lines.append(f'{METADATA}{name}: {_text(value)}\r\n')
    return ''.join(lines)


def _text(value: object) -> str:
    """Return a value as the text of a header, without the characters that would end it."""
    if isinstance(value, bool):
        return 'true' if value else 'false'
    if isinstance(value, datetime):
        return format_datetime(value, usegmt=True)
    text = str(value).replace('\r', ' ').replace('\n', ' ')
    return text.encode('latin-1', 'replace').decode('latin-1')
