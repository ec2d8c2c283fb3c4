"""Buckets and objects of S3."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mega.local.errors import AwsError
from mega.local.operations import Object
from mega.local.state import ACCOUNT_ID

__all__ = ('Bucket', 'Buckets', 'Part', 'StoredObject', 'Upload', 'no_such_bucket', 'no_such_key')


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object, or the object that an upload in parts will become.

    `headers` are parameters of PutObject that GetObject returns, by their names. `checksums` are in
    Base64 by parameter, such as `ChecksumCRC32`.
    """

    body: bytes = field(repr=False)
    etag: str
    modified: datetime
    headers: Mapping[str, Any]
    metadata: Mapping[str, str]
    tags: Mapping[str, str]
    checksums: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an upload."""

    body: bytes = field(repr=False)
    etag: str
    modified: datetime


@dataclass(slots=True)
class Upload:
    """An upload in parts that is neither complete nor aborted. `request` is its creation."""

    key: str
    request: Object
    encryption: Object
    initiated: datetime
    parts: dict[int, Part] = field(default_factory=dict)


@dataclass(slots=True)
class Bucket:
    """A bucket with its objects by key, its uploads by id, and its settings by operation."""

    name: str
    created: datetime
    objects: dict[str, StoredObject] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)

    def object(self, key: str) -> StoredObject:
        """Return an object.

        Raises:
            AwsError: NoSuchKey.
        """
        try:
            return self.objects[key]
        except KeyError:
            raise no_such_key() from None


class Buckets:
    """The buckets of an account by name."""

    def __init__(self) -> None:
        self.by_name: dict[str, Bucket] = {}

    def get(self, request: Object) -> Bucket:
        """Return the bucket of a request.

        Source of AccessDenied: model, ExpectedBucketOwner.

        Raises:
            AwsError: NoSuchBucket, or AccessDenied if another account was expected to own it.
        """
        return self.owned(request['Bucket'], request.get('ExpectedBucketOwner'))

    def owned(self, name: str, owner: str | None) -> Bucket:
        bucket = self.by_name.get(name)
        if bucket is None:
            raise no_such_bucket()
        if owner is not None and owner != ACCOUNT_ID:
            raise AwsError('AccessDenied', 'Access Denied', 403)
        return bucket


def no_such_bucket() -> AwsError:
    return AwsError('NoSuchBucket', 'The specified bucket does not exist', 404)


def no_such_key() -> AwsError:
    return AwsError('NoSuchKey', 'The specified key does not exist.', 404)
