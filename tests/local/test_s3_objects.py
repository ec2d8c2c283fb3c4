"""Objects of the in-memory S3."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from datetime import datetime, timezone
from typing import Any

import pytest

from mega.local.s3.rules import range_of
from tests.local.aws_account import LocalAccount

BUCKET = 'payloads'


@pytest.fixture
def aws(aws: LocalAccount) -> LocalAccount:
    location = {'LocationConstraint': 'eu-west-1'}
    aws.s3('CreateBucket', Bucket=BUCKET, CreateBucketConfiguration=location)
    return aws


def put(aws: LocalAccount, key: str = 'k', body: bytes = b'hello', **request: Any) -> str:
    """Store an object, and return its ETag."""
    return str(aws.s3('PutObject', Bucket=BUCKET, Key=key, Body=body, **request)['ETag'])


def keys(aws: LocalAccount) -> list[str]:
    listed = aws.s3('ListObjectsV2', Bucket=BUCKET).get('Contents', [])
    return [each['Key'] for each in listed]


def test_an_object_is_returned_as_it_was_stored(aws: LocalAccount) -> None:
    given: dict[str, Any] = {
        'ContentType': 'text/plain',
        'Metadata': {'Queue': 'q'},
        'Tagging': 'a=1&b=%26',
    }
    etag = put(aws, **given)
    found = aws.s3('GetObject', Bucket=BUCKET, Key='k')
    assert found == {
        'Body': b'hello',
        'AcceptRanges': 'bytes',
        'ContentLength': 5,
        'ContentType': 'text/plain',
        'ETag': etag,
        'LastModified': datetime(2026, 1, 1, tzinfo=timezone.utc),
        'Metadata': {'queue': 'q'},
        'ServerSideEncryption': 'AES256',
        'TagCount': 2,
    }
    assert etag == f'"{hashlib.md5(b"hello").hexdigest()}"'
    del found['Body']
    assert aws.s3('HeadObject', Bucket=BUCKET, Key='k') == found
    tags = aws.s3('GetObjectTagging', Bucket=BUCKET, Key='k')['TagSet']
    assert tags == [{'Key': 'a', 'Value': '1'}, {'Key': 'b', 'Value': '&'}]


def test_an_object_has_a_checksum(aws: LocalAccount) -> None:
    assert aws.s3('PutObject', Bucket=BUCKET, Key='k', Body=b'hello')['ChecksumCRC32'] == 'NhCmhg=='
    found = aws.s3('GetObject', Bucket=BUCKET, Key='k', ChecksumMode='ENABLED')
    assert (found['ChecksumCRC32'], found['ChecksumType']) == ('NhCmhg==', 'FULL_OBJECT')


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('ChecksumCRC32', 'AAAAAA=='),
        ('ChecksumSHA256', b64encode(hashlib.sha256(b'other').digest()).decode()),
        ('ContentMD5', b64encode(hashlib.md5(b'other').digest()).decode()),
    ],
)
def test_a_body_with_another_checksum_is_refused(aws: LocalAccount, name: str, value: str) -> None:
    request = {'Bucket': BUCKET, 'Key': 'k', 'Body': b'hello', name: value}
    assert aws.refused('s3', 'PutObject', **request).code == 'BadDigest'
    assert keys(aws) == []


def test_a_given_checksum_is_returned(aws: LocalAccount) -> None:
    digest = b64encode(hashlib.sha256(b'hello').digest()).decode()
    put(aws, ChecksumSHA256=digest)
    found = aws.s3('HeadObject', Bucket=BUCKET, Key='k', ChecksumMode='ENABLED')
    assert found['ChecksumSHA256'] == digest
    assert 'ChecksumCRC32' not in found


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('bytes=0-1', (0, 2)),
        ('bytes=1-', (1, 5)),
        ('bytes=-2', (3, 5)),
        ('bytes=-9', (0, 5)),
        ('bytes=2-99', (2, 5)),
        ('bytes=3-1', None),
        ('bytes=-', None),
        ('bytes=0-1,3-4', None),
        ('items=0-1', None),
        (f'bytes=0-{"9" * 30}', None),
        (None, None),
    ],
)
def test_a_range_selects_bytes(text: str | None, expected: tuple[int, int] | None) -> None:
    assert range_of(text, 5) == (expected and range(*expected))


def test_a_part_of_an_object_is_returned(aws: LocalAccount) -> None:
    put(aws)
    request = {'Bucket': BUCKET, 'Key': 'k', 'ChecksumMode': 'ENABLED'}
    found = aws.s3('GetObject', **request, Range='bytes=1-2')
    assert (found['Body'], found['ContentRange'], found['ContentLength']) == (
        b'el',
        'bytes 1-2/5',
        2,
    )
    assert 'ChecksumCRC32' not in found
    error = aws.refused('s3', 'GetObject', **request, Range='bytes=5-')
    assert (error.code, error.status) == ('InvalidRange', 416)


@pytest.mark.parametrize(('operation', 'code'), [('GetObject', 'NoSuchKey'), ('HeadObject', '404')])
def test_a_missing_object_is_an_error(aws: LocalAccount, operation: str, code: str) -> None:
    error = aws.refused('s3', operation, Bucket=BUCKET, Key='k')
    assert (error.code, error.status) == (code, 404)


@pytest.mark.parametrize(
    ('operation', 'code'), [('PutObject', 'NoSuchBucket'), ('HeadObject', '404')]
)
def test_a_missing_bucket_is_an_error(aws: LocalAccount, operation: str, code: str) -> None:
    error = aws.refused('s3', operation, Bucket='other', Key='k')
    assert (error.code, error.status) == (code, 404)


@pytest.mark.parametrize(
    ('operation', 'code'),
    [('PutObject', 'AccessDenied'), ('GetObject', 'AccessDenied'), ('HeadObject', '403')],
)
def test_another_owner_than_expected_is_an_error(
    aws: LocalAccount, operation: str, code: str
) -> None:
    put(aws)
    request = {'Bucket': BUCKET, 'Key': 'k', 'ExpectedBucketOwner': '210987654321'}
    error = aws.refused('s3', operation, **request)
    assert (error.code, error.status) == (code, 403)
    put(aws, ExpectedBucketOwner='123456789012')


def test_an_object_is_stored_only_if_it_is_new(aws: LocalAccount) -> None:
    put(aws, IfNoneMatch='*')
    request = {'Bucket': BUCKET, 'Key': 'k', 'Body': b'other'}
    error = aws.refused('s3', 'PutObject', **request, IfNoneMatch='*')
    assert (error.code, error.status) == ('PreconditionFailed', 412)
    assert aws.refused('s3', 'PutObject', **request, IfNoneMatch='"x"').code == 'NotImplemented'


def test_an_object_is_replaced_only_if_it_is_known(aws: LocalAccount) -> None:
    request = {'Bucket': BUCKET, 'Key': 'k'}
    assert aws.refused('s3', 'PutObject', **request, IfMatch='"x"').code == 'NoSuchKey'
    etag = put(aws)
    assert aws.refused('s3', 'PutObject', **request, IfMatch='"x"').code == 'PreconditionFailed'
    assert put(aws, body=b'other', IfMatch=etag) != etag


def test_an_object_is_returned_only_under_its_conditions(aws: LocalAccount) -> None:
    etag = put(aws)
    request = {'Bucket': BUCKET, 'Key': 'k'}
    assert aws.s3('GetObject', **request, IfMatch=etag)['Body'] == b'hello'
    assert aws.refused('s3', 'GetObject', **request, IfMatch='"x"').code == 'PreconditionFailed'
    assert aws.refused('s3', 'HeadObject', **request, IfMatch='"x"').code == '412'
    assert aws.refused('s3', 'GetObject', **request, IfNoneMatch=etag).code == '304'


@pytest.mark.parametrize(
    ('request_', 'code'),
    [
        ({'Key': 'é' * 513}, 'KeyTooLongError'),
        ({'Key': 'k', 'Metadata': {'a': 'x' * 2_048}}, 'MetadataTooLarge'),
        ({'Key': 'k', 'Tagging': '&'.join(f'{n}=' for n in range(11))}, 'BadRequest'),
        ({'Key': 'k', 'Tagging': 'a=1&a=2'}, 'InvalidTag'),
        ({'Key': 'k', 'Tagging': f'a={"x" * 257}'}, 'InvalidTag'),
    ],
    ids=['key', 'metadata', 'eleven tags', 'equal keys', 'a long tag'],
)
def test_what_is_too_large_is_refused(
    aws: LocalAccount, request_: dict[str, Any], code: str
) -> None:
    assert aws.refused('s3', 'PutObject', Bucket=BUCKET, Body=b'', **request_).code == code


def test_a_key_may_have_1024_bytes(aws: LocalAccount) -> None:
    put(aws, 'é' * 512)
    assert keys(aws) == ['é' * 512]


def test_an_object_can_be_deleted_twice(aws: LocalAccount) -> None:
    put(aws)
    for _ in range(2):
        assert aws.s3('DeleteObject', Bucket=BUCKET, Key='k') == {}
    assert keys(aws) == []


def test_objects_are_deleted_together(aws: LocalAccount) -> None:
    put(aws, 'a')
    put(aws, 'b')
    both = [{'Key': 'a'}, {'Key': 'c'}]
    answer = aws.s3('DeleteObjects', Bucket=BUCKET, Delete={'Objects': both})
    assert answer == {'Deleted': both}
    quiet = {'Objects': [{'Key': 'b'}], 'Quiet': True}
    assert aws.s3('DeleteObjects', Bucket=BUCKET, Delete=quiet) == {}
    assert keys(aws) == []
    many = {'Objects': [{'Key': 'k'}] * 1_001}
    error = aws.refused('s3', 'DeleteObjects', Bucket=BUCKET, Delete=many)
    assert error.code == 'MalformedXML'


def test_an_object_is_copied_with_its_metadata_and_tags(aws: LocalAccount) -> None:
    put(aws, 'a b', Metadata={'n': '1'}, Tagging='t=1', ContentType='text/plain')
    copied = aws.s3('CopyObject', Bucket=BUCKET, Key='copy', CopySource=f'{BUCKET}/a%20b')
    found = aws.s3('GetObject', Bucket=BUCKET, Key='copy')
    assert (found['Body'], found['Metadata'], found['TagCount']) == (b'hello', {'n': '1'}, 1)
    assert (found['ContentType'], found['ETag']) == (
        'text/plain',
        copied['CopyObjectResult']['ETag'],
    )
    source = {'Bucket': BUCKET, 'Key': 'a b'}
    request = {'Bucket': BUCKET, 'Key': 'a b', 'CopySource': source}
    aws.s3('CopyObject', **request, MetadataDirective='REPLACE', Metadata={'n': '2'})
    assert aws.s3('GetObject', Bucket=BUCKET, Key='a b')['Metadata'] == {'n': '2'}
    missing = {**request, 'CopySource': f'{BUCKET}/x'}
    assert aws.refused('s3', 'CopyObject', **missing).code == 'NoSuchKey'
    assert aws.refused('s3', 'CopyObject', **{**request, 'CopySource': 'x'}).code == (
        'InvalidArgument'
    )


def test_the_tags_of_an_object_can_change(aws: LocalAccount) -> None:
    put(aws)
    tags = [{'Key': 'a', 'Value': '1'}]
    place = {'Bucket': BUCKET, 'Key': 'k'}
    aws.s3('PutObjectTagging', **place, Tagging={'TagSet': tags})
    assert aws.s3('GetObjectTagging', **place) == {'TagSet': tags}
    aws.s3('DeleteObjectTagging', **place)
    assert aws.s3('GetObjectTagging', **place) == {'TagSet': []}


def test_keys_are_listed_in_pages_in_the_order_of_their_bytes(aws: LocalAccount) -> None:
    every = ['B', 'a', 'a/b', '\uffff', '\U00010000']
    for key in reversed(every):
        put(aws, key)
    assert keys(aws) == every
    found: list[str] = []
    request: dict[str, Any] = {'Bucket': BUCKET, 'MaxKeys': 2}
    while True:
        page = aws.s3('ListObjectsV2', **request)
        found += [each['Key'] for each in page['Contents']]
        assert page['KeyCount'] <= 2
        if not page['IsTruncated']:
            break
        request['ContinuationToken'] = page['NextContinuationToken']
    assert found == every
    error = aws.refused('s3', 'ListObjectsV2', Bucket=BUCKET, ContinuationToken='é')
    assert error.code == 'InvalidArgument'


def test_keys_are_listed_by_prefix_and_delimiter(aws: LocalAccount) -> None:
    for key in ('a/1', 'a/2', 'b', 'c/d/1'):
        put(aws, key)
    found = aws.s3('ListObjectsV2', Bucket=BUCKET, Delimiter='/')
    assert [each['Prefix'] for each in found['CommonPrefixes']] == ['a/', 'c/']
    assert [each['Key'] for each in found['Contents']] == ['b']
    assert found['KeyCount'] == 3
    first = aws.s3('ListObjectsV2', Bucket=BUCKET, Delimiter='/', MaxKeys=1)
    second = aws.s3(
        'ListObjectsV2',
        Bucket=BUCKET,
        Delimiter='/',
        MaxKeys=1,
        ContinuationToken=first['NextContinuationToken'],
    )
    assert [each['Key'] for each in second['Contents']] == ['b']
    below = aws.s3('ListObjectsV2', Bucket=BUCKET, Prefix='a/', StartAfter='a/1')
    assert [each['Key'] for each in below['Contents']] == ['a/2']
    nothing = aws.s3('ListObjectsV2', Bucket=BUCKET, MaxKeys=0)
    assert (nothing['IsTruncated'], nothing['KeyCount']) == (False, 0)
    error = aws.refused('s3', 'ListObjectsV2', Bucket=BUCKET, MaxKeys=-1)
    assert error.code == 'InvalidArgument'
