"""Objects."""

from __future__ import annotations

import hashlib

import pytest

from tests.conditional_puts import with_conditional_puts
from tests.contract.backend import Backend, refused


def test_an_object_is_returned_as_stored(aws: Backend) -> None:
    """Source: model, PutObject and GetObject."""
    bucket, content = aws.bucket(), bytes(range(256))
    aws.s3.put_object(Bucket=bucket, Key='k', Body=content, ContentType='text/plain')
    found = aws.s3.get_object(Bucket=bucket, Key='k')
    assert found['Body'].read() == content
    assert (found['ContentLength'], found['ContentType']) == (256, 'text/plain')


def test_an_object_may_be_empty(aws: Backend) -> None:
    """Source: model, PutObject, Body."""
    bucket = aws.bucket()
    aws.s3.put_object(Bucket=bucket, Key='k', Body=b'')
    found = aws.s3.get_object(Bucket=bucket, Key='k')
    assert (found['ContentLength'], found['Body'].read()) == (0, b'')


def test_an_object_has_the_type_of_bytes_by_default(aws: Backend) -> None:
    """Source: guide, object metadata: binary/octet-stream."""
    bucket = aws.bucket()
    aws.s3.put_object(Bucket=bucket, Key='k', Body=b'x')
    assert aws.s3.get_object(Bucket=bucket, Key='k')['ContentType'] == 'binary/octet-stream'


def test_the_etag_of_an_object_is_its_digest(aws: Backend) -> None:
    """Source: guide, Object, ETag: the MD5 of an object with SSE-S3, in quotes."""
    bucket = aws.bucket()
    etag = aws.s3.put_object(Bucket=bucket, Key='k', Body=b'hej')['ETag']
    assert etag == f'"{hashlib.md5(b"hej").hexdigest()}"'
    assert aws.s3.get_object(Bucket=bucket, Key='k')['ETag'] == etag


def test_an_object_is_replaced(aws: Backend) -> None:
    """Source: model, PutObject; guide, consistency: a read after a write returns it."""
    bucket = aws.bucket()
    for content in (b'one', b'two'):
        aws.s3.put_object(Bucket=bucket, Key='k', Body=content)
    assert aws.s3.get_object(Bucket=bucket, Key='k')['Body'].read() == b'two'


def test_a_missing_object_is_not_returned(aws: Backend) -> None:
    """Source: model, GetObject, NoSuchKey, with the permission to list the bucket."""
    with refused('NoSuchKey'):
        aws.s3.get_object(Bucket=aws.bucket(), Key='k')


def test_a_missing_object_has_no_head(aws: Backend) -> None:
    """Source: model, HeadObject: only the status, because the response has no body."""
    with refused('404'):
        aws.s3.head_object(Bucket=aws.bucket(), Key='k')


def test_the_head_of_an_object_has_its_size(aws: Backend) -> None:
    """Source: model, HeadObject."""
    bucket = aws.bucket()
    aws.s3.put_object(Bucket=bucket, Key='k', Body=b'hej', Metadata={'a': 'b'})
    head = aws.s3.head_object(Bucket=bucket, Key='k')
    assert (head['ContentLength'], head['Metadata']) == (3, {'a': 'b'})


def test_a_deleted_object_does_not_exist(aws: Backend) -> None:
    """Source: model, DeleteObject."""
    bucket = aws.bucket()
    aws.s3.put_object(Bucket=bucket, Key='k', Body=b'x')
    aws.s3.delete_object(Bucket=bucket, Key='k')
    with refused('NoSuchKey'):
        aws.s3.get_object(Bucket=bucket, Key='k')


def test_a_missing_object_can_be_deleted(aws: Backend) -> None:
    """Source: model, DeleteObject: known: it succeeds."""
    aws.s3.delete_object(Bucket=aws.bucket(), Key='k')


def test_metadata_of_an_object_is_returned(aws: Backend) -> None:
    """Source: model, PutObject, Metadata."""
    bucket, metadata = aws.bucket(), {'queue-url': 'https://queue/1?a=b&c'}
    aws.s3.put_object(Bucket=bucket, Key='k', Body=b'x', Metadata=metadata)
    assert aws.s3.get_object(Bucket=bucket, Key='k')['Metadata'] == metadata


def test_the_names_of_metadata_are_in_lower_case(aws: Backend) -> None:
    """Source: guide, object metadata: S3 stores user-defined keys in lowercase."""
    bucket = aws.bucket()
    aws.s3.put_object(Bucket=bucket, Key='k', Body=b'x', Metadata={'Queue-URL': 'X'})
    assert aws.s3.get_object(Bucket=bucket, Key='k')['Metadata'] == {'queue-url': 'X'}


def test_tags_of_an_object_are_returned(aws: Backend) -> None:
    """Source: model, PutObject, Tagging: URL query parameters; GetObject, TagCount."""
    bucket = aws.bucket()
    aws.s3.put_object(Bucket=bucket, Key='k', Body=b'x', Tagging='team=a%20b&kind=c')
    tags = aws.s3.get_object_tagging(Bucket=bucket, Key='k')['TagSet']
    assert {tag['Key']: tag['Value'] for tag in tags} == {'team': 'a b', 'kind': 'c'}
    assert aws.s3.get_object(Bucket=bucket, Key='k')['TagCount'] == 2


@with_conditional_puts
def test_a_conditional_put_creates_an_object(aws: Backend) -> None:
    """Source: model, PutObject, IfNoneMatch."""
    bucket = aws.bucket()
    aws.s3.put_object(Bucket=bucket, Key='k', Body=b'x', IfNoneMatch='*')
    assert aws.s3.get_object(Bucket=bucket, Key='k')['Body'].read() == b'x'


@with_conditional_puts
def test_a_conditional_put_does_not_replace_an_object(aws: Backend) -> None:
    """Source: model, PutObject, IfNoneMatch: 412 Precondition Failed."""
    bucket = aws.bucket()
    aws.s3.put_object(Bucket=bucket, Key='k', Body=b'one')
    with refused('PreconditionFailed'):
        aws.s3.put_object(Bucket=bucket, Key='k', Body=b'two', IfNoneMatch='*')
    assert aws.s3.get_object(Bucket=bucket, Key='k')['Body'].read() == b'one'


KEYS = ['../x', '/abs', 'a//b', '%2e%2e', 'grün 😀', 'a+b&c=d?e#f', 'x' * 1_024]


@pytest.mark.parametrize('key', KEYS, ids=lambda key: ascii(key[:8]))
def test_a_key_is_any_text(aws: Backend, key: str) -> None:
    """Source: guide, object keys: up to 1,024 bytes of UTF-8, without a meaning."""
    bucket = aws.bucket()
    aws.s3.put_object(Bucket=bucket, Key=key, Body=b'hej')
    assert aws.s3.get_object(Bucket=bucket, Key=key)['Body'].read() == b'hej'
    listed = aws.s3.list_objects_v2(Bucket=bucket)['Contents']
    assert [each['Key'] for each in listed] == [key]


def test_a_key_above_1024_bytes_is_refused(aws: Backend) -> None:
    """Source: guide, object keys: up to 1,024 bytes of UTF-8; KeyTooLongError."""
    with refused('KeyTooLongError'):
        aws.s3.put_object(Bucket=aws.bucket(), Key='é' * 513, Body=b'x')


def test_objects_are_listed_by_prefix_in_order(aws: Backend) -> None:
    """Source: model, ListObjectsV2, Prefix."""
    bucket = aws.bucket()
    for key in ('b/2', 'a/1', 'b/1'):
        aws.s3.put_object(Bucket=bucket, Key=key, Body=b'x')
    listed = aws.s3.list_objects_v2(Bucket=bucket, Prefix='b/')['Contents']
    assert [(each['Key'], each['Size']) for each in listed] == [('b/1', 1), ('b/2', 1)]


def test_an_empty_bucket_has_no_contents(aws: Backend) -> None:
    """Source: model, ListObjectsV2."""
    assert 'Contents' not in aws.s3.list_objects_v2(Bucket=aws.bucket())


@pytest.mark.parametrize(
    ('range', 'found', 'of'),
    [('bytes=1-3', b'123', '1-3'), ('bytes=7-', b'789', '7-9'), ('bytes=-2', b'89', '8-9')],
)
def test_a_part_of_an_object_is_returned(aws: Backend, range: str, found: bytes, of: str) -> None:
    """Source: model, GetObject, Range and ContentRange; RFC 9110."""
    bucket = aws.bucket()
    aws.s3.put_object(Bucket=bucket, Key='k', Body=b'0123456789')
    response = aws.s3.get_object(Bucket=bucket, Key='k', Range=range)
    assert response['Body'].read() == found
    assert response['ContentRange'] == f'bytes {of}/10'


def test_a_range_beyond_an_object_is_refused(aws: Backend) -> None:
    """Source: guide, error responses: InvalidRange."""
    bucket = aws.bucket()
    aws.s3.put_object(Bucket=bucket, Key='k', Body=b'0123456789')
    with refused('InvalidRange'):
        aws.s3.get_object(Bucket=bucket, Key='k', Range='bytes=10-')


def account_of(aws: Backend) -> str:
    return aws.arn(aws.queue()).split(':')[4]


def test_the_owner_of_a_bucket_may_be_named(aws: Backend) -> None:
    """Source: model, PutObject, ExpectedBucketOwner."""
    bucket, owner = aws.bucket(), account_of(aws)
    place = {'Bucket': bucket, 'Key': 'k', 'ExpectedBucketOwner': owner}
    aws.s3.put_object(**place, Body=b'x')
    assert aws.s3.get_object(**place)['Body'].read() == b'x'
    aws.s3.delete_object(**place)


@pytest.mark.parametrize('operation', ['put_object', 'get_object', 'delete_object'])
def test_a_bucket_of_another_owner_is_refused(aws: Backend, operation: str) -> None:
    """Source: model, ExpectedBucketOwner: 403 Forbidden, access denied."""
    bucket = aws.bucket()
    aws.s3.put_object(Bucket=bucket, Key='k', Body=b'x')
    body = {'Body': b'y'} if operation == 'put_object' else {}
    with refused('AccessDenied'):
        getattr(aws.s3, operation)(
            Bucket=bucket, Key='k', ExpectedBucketOwner='999999999999', **body
        )
    assert aws.s3.get_object(Bucket=bucket, Key='k')['Body'].read() == b'x'


def test_a_checksum_is_returned_on_request(aws: Backend) -> None:
    """Source: model, GetObject, ChecksumMode; boto3 sends a checksum with each object."""
    bucket = aws.bucket()
    aws.s3.put_object(Bucket=bucket, Key='k', Body=b'hej', ChecksumAlgorithm='CRC32')
    found = aws.s3.get_object(Bucket=bucket, Key='k', ChecksumMode='ENABLED')
    assert found['Body'].read() == b'hej'
    assert found['ChecksumCRC32'] == 'DGhULg=='


def test_an_object_is_encrypted_by_default(aws: Backend) -> None:
    """Source: model, PutObject, ServerSideEncryption: SSE-S3 by default."""
    bucket = aws.bucket()
    stored = aws.s3.put_object(Bucket=bucket, Key='k', Body=b'x')
    assert stored['ServerSideEncryption'] == 'AES256'
    found = aws.s3.get_object(Bucket=bucket, Key='k')
    assert found['ServerSideEncryption'] == 'AES256'


def test_an_object_may_be_encrypted_by_kms(aws: Backend) -> None:
    """Source: model, PutObject, ServerSideEncryption: without a key, the one of S3."""
    bucket = aws.bucket()
    aws.s3.put_object(Bucket=bucket, Key='k', Body=b'x', ServerSideEncryption='aws:kms')
    assert aws.s3.get_object(Bucket=bucket, Key='k')['ServerSideEncryption'] == 'aws:kms'
