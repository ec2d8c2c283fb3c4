"""The operations on objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from mega.local.errors import AwsError
from mega.local.operations import NextError, Object, Operation
from mega.local.s3 import rules
from mega.local.s3.bucket_operations import without_code
from mega.local.s3.bucket_settings import default_encryption
from mega.local.s3.buckets import Bucket, Buckets, StoredObject
from mega.local.s3.checksums import checksums_of, etag_of, etag_of_encrypted
from mega.local.state import ACCOUNT_ID, REGION, State

__all__ = ('ObjectOperations', 'encryption_of', 'stored_object')

DEFAULT_TYPE = 'binary/octet-stream'

_KEPT_HEADERS = (
    'CacheControl',
    'ContentDisposition',
    'ContentEncoding',
    'ContentLanguage',
    'ContentType',
    'StorageClass',
)
_ENCRYPTION = ('ServerSideEncryption', 'SSEKMSKeyId', 'BucketKeyEnabled')
_DEFAULT_KMS_KEY = f'arn:aws:kms:{REGION}:{ACCOUNT_ID}:key/00000000-0000-0000-0000-000000000000'


class ObjectOperations:
    """PutObject, GetObject and the other operations on objects."""

    def __init__(self, state: State, buckets: Buckets) -> None:
        self._state = state
        self._buckets = buckets
        self.operations: dict[str, Operation] = {
            'CopyObject': self._copy_object,
            'DeleteObject': self._delete_object,
            'DeleteObjects': self._delete_objects,
            'DeleteObjectTagging': self._delete_object_tagging,
            'GetObject': self._get_object,
            'GetObjectTagging': self._get_object_tagging,
            'HeadObject': self._head_object,
            'PutObject': self._put_object,
            'PutObjectTagging': self._put_object_tagging,
        }

    def _put_object(self, request: Object, next_error: NextError) -> Object:
        bucket, key = self._buckets.get(request), request['Key']
        rules.check_conditions_of_put(
            bucket.objects.get(key), request.get('IfMatch'), request.get('IfNoneMatch')
        )
        stored = stored_object(self._state, bucket, request, request.get('Body', b''))
        bucket.objects[key] = stored
        return {'ETag': stored.etag, **encryption_of(stored), **checksum_members(stored)}

    def _get_object(self, request: Object, next_error: NextError) -> Object:
        found = self._found(request)
        part = rules.range_of(request.get('Range'), len(found.body))
        answer = _description(found, request)
        if part is None:
            return {**answer, 'Body': found.body}
        body = found.body[part.start : part.stop]
        place = f'bytes {part.start}-{part.stop - 1}/{len(found.body)}'
        # The stored checksums are of the whole object.
        whole = {name: value for name, value in answer.items() if 'Checksum' not in name}
        return {**whole, 'ContentLength': len(body), 'ContentRange': place, 'Body': body}

    def _head_object(self, request: Object, next_error: NextError) -> Object:
        try:
            return _description(self._found(request), request)
        except AwsError as error:
            raise without_code(error) from None

    def _found(self, request: Object) -> StoredObject:
        found = self._buckets.get(request).object(request['Key'])
        rules.check_conditions_of_get(found, request.get('IfMatch'), request.get('IfNoneMatch'))
        return found

    def _copy_object(self, request: Object, next_error: NextError) -> Object:
        """Copy an object with its tags. MetadataDirective decides about its metadata."""
        name, key = _source_of(request['CopySource'])
        source = self._buckets.owned(name, request.get('ExpectedSourceBucketOwner')).object(key)
        bucket = self._buckets.get(request)
        replaces = request.get('MetadataDirective') == 'REPLACE'
        copied = {**source.headers, 'Metadata': source.metadata}
        given = {**request} if replaces else {**request, **copied}
        stored = stored_object(self._state, bucket, given, source.body, source.tags)
        bucket.objects[request['Key']] = stored
        result = {'ETag': stored.etag, 'LastModified': stored.modified}
        return {'CopyObjectResult': result, **encryption_of(stored)}

    def _delete_object(self, request: Object, next_error: NextError) -> Object:
        """Delete an object. To delete it again is not an error (model, DeleteObject)."""
        self._buckets.get(request).objects.pop(request['Key'], None)
        return {}

    def _delete_objects(self, request: Object, next_error: NextError) -> Object:
        bucket = self._buckets.get(request)
        asked = request['Delete']
        listed = rules.structures(asked.get('Objects'), 'Key')
        if not 0 < len(listed) <= rules.MAX_KEYS:
            raise rules.malformed_xml()
        deleted: list[Object] = []
        errors: list[Object] = []
        for each in listed:
            if error := next_error():
                errors.append({'Key': each['Key'], 'Code': error.code, 'Message': error.message})
            else:
                bucket.objects.pop(each['Key'], None)
                deleted.append({'Key': each['Key']})
        answer = {'Deleted': [] if asked.get('Quiet') else deleted, 'Errors': errors}
        return {name: found for name, found in answer.items() if found}

    def _put_object_tagging(self, request: Object, next_error: NextError) -> Object:
        listed = rules.structures(request['Tagging'].get('TagSet'), 'Key', 'Value')
        tags = {str(tag['Key']): str(tag['Value']) for tag in listed}
        self._set_tags(request, rules.check_tags(tags))
        return {}

    def _delete_object_tagging(self, request: Object, next_error: NextError) -> Object:
        self._set_tags(request, {})
        return {}

    def _set_tags(self, request: Object, tags: dict[str, str]) -> None:
        bucket, key = self._buckets.get(request), request['Key']
        bucket.objects[key] = replace(bucket.object(key), tags=tags)

    def _get_object_tagging(self, request: Object, next_error: NextError) -> Object:
        tags = self._buckets.get(request).object(request['Key']).tags
        return {'TagSet': [{'Key': key, 'Value': value} for key, value in tags.items()]}


def stored_object(
    state: State,
    bucket: Bucket,
    request: Object,
    body: bytes,
    tags: Mapping[str, str] | None = None,
    etag: str | None = None,
) -> StoredObject:
    """Return the object of a PutObject, or of a request with the same parameters.

    Raises:
        AwsError: for parameters that S3 refuses.
    """
    metadata = request.get('Metadata') or {}
    rules.check_key(request['Key'])
    rules.check_metadata(metadata)
    given = {name: request[name] for name in _KEPT_HEADERS if request.get(name)}
    encryption = {name: request[name] for name in _ENCRYPTION if request.get(name)}
    if not encryption:
        encryption = default_encryption(bucket)
    is_kms = str(encryption.get('ServerSideEncryption', '')).startswith('aws:kms')
    if is_kms:
        encryption.setdefault('SSEKMSKeyId', _DEFAULT_KMS_KEY)
    checksums = checksums_of(body, request)
    return StoredObject(
        body,
        etag or (etag_of_encrypted(body, checksums) if is_kms else etag_of(body)),
        state.date(),
        {'ContentType': DEFAULT_TYPE, **given, **encryption},
        {name.lower(): value for name, value in metadata.items()},
        tags if tags is not None else rules.tags_of(request.get('Tagging') or ''),
        checksums,
    )


def encryption_of(stored: StoredObject) -> Object:
    return {name: stored.headers[name] for name in _ENCRYPTION if name in stored.headers}


def checksum_members(stored: StoredObject) -> Object:
    return {**stored.checksums, 'ChecksumType': 'FULL_OBJECT'}


def _description(found: StoredObject, request: Object) -> Object:
    """Return the members of GetObject except the body, which HeadObject returns, too."""
    answer: dict[str, Any] = {
        'AcceptRanges': 'bytes',
        'ContentLength': len(found.body),
        'ETag': found.etag,
        'LastModified': found.modified,
        'Metadata': dict(found.metadata),
        **found.headers,
    }
    if found.tags:
        answer['TagCount'] = len(found.tags)
    if request.get('ChecksumMode') == 'ENABLED':
        answer.update(checksum_members(found))
    return answer


def _source_of(source: str | Mapping[str, str]) -> tuple[str, str]:
    """Return the bucket and the key of a CopySource."""
    if not isinstance(source, str):
        return source['Bucket'], source['Key']
    name, separator, key = unquote(source).lstrip('/').partition('/')
    if not separator or not key:
        problem = 'Copy Source must mention the source bucket and key: sourcebucket/sourcekey'
        raise rules.invalid_argument(problem)
    return name, key
