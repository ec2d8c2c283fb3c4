"""Uploads in parts in the in-memory S3."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from mega.local.s3.multipart import MIN_PART_BYTES
from tests.local.aws_account import LocalAccount

PLACE = {'Bucket': 'payloads', 'Key': 'k'}


class Upload:
    """An upload in parts of the object `k`."""

    def __init__(self, aws: LocalAccount, **request: Any) -> None:
        self._aws = aws
        created = aws.s3('CreateMultipartUpload', **PLACE, **request)
        self.request = {**PLACE, 'UploadId': created['UploadId']}

    def part(self, number: int, body: bytes) -> dict[str, Any]:
        request = {**self.request, 'PartNumber': number, 'Body': body}
        return {'PartNumber': number, 'ETag': self._aws.s3('UploadPart', **request)['ETag']}

    def completion(self, *parts: dict[str, Any]) -> dict[str, Any]:
        return {**self.request, 'MultipartUpload': {'Parts': list(parts)}}


@pytest.fixture
def aws(aws: LocalAccount) -> LocalAccount:
    location = {'LocationConstraint': 'eu-west-1'}
    aws.s3('CreateBucket', Bucket='payloads', CreateBucketConfiguration=location)
    return aws


def test_the_parts_become_an_object_in_the_order_of_their_numbers(aws: LocalAccount) -> None:
    upload = Upload(aws, Metadata={'n': '1'}, Tagging='a=1')
    last = upload.part(7, b'end')
    first = upload.part(2, b'x' * MIN_PART_BYTES)
    listed = aws.s3('ListParts', **upload.request)['Parts']
    assert [each['PartNumber'] for each in listed] == [2, 7]
    assert 'Contents' not in aws.s3('ListObjectsV2', Bucket='payloads')
    done = aws.s3('CompleteMultipartUpload', **upload.completion(first, last))
    found = aws.s3('GetObject', **PLACE)
    assert found['Body'] == b'x' * MIN_PART_BYTES + b'end'
    assert (found['Metadata'], found['TagCount']) == ({'n': '1'}, 1)
    digests = b''.join(bytes.fromhex(each['ETag'].strip('"')) for each in (first, last))
    assert found['ETag'] == done['ETag'] == f'"{hashlib.md5(digests).hexdigest()}-2"'
    assert aws.refused('s3', 'ListParts', **upload.request).code == 'NoSuchUpload'


def test_an_aborted_upload_leaves_nothing(aws: LocalAccount) -> None:
    upload = Upload(aws)
    upload.part(1, b'x')
    aws.s3('AbortMultipartUpload', **upload.request)
    error = aws.refused('s3', 'AbortMultipartUpload', **upload.request)
    assert (error.code, error.status) == ('NoSuchUpload', 404)
    assert aws.s3('ListObjectsV2', Bucket='payloads')['KeyCount'] == 0


def test_a_wrong_list_of_parts_is_refused(aws: LocalAccount) -> None:
    upload = Upload(aws)
    small, other = upload.part(1, b'x'), upload.part(2, b'y')

    def code_of(*parts: dict[str, Any]) -> str:
        return aws.refused('s3', 'CompleteMultipartUpload', **upload.completion(*parts)).code

    assert code_of() == 'MalformedXML'
    assert code_of(other, small) == 'InvalidPartOrder'
    assert code_of(small, small) == 'InvalidPartOrder'
    assert code_of({**small, 'ETag': '"x"'}) == 'InvalidPart'
    assert code_of({**small, 'PartNumber': 3}) == 'InvalidPart'
    assert code_of(small, other) == 'EntityTooSmall'
    aws.s3('CompleteMultipartUpload', **upload.completion(small))


@pytest.mark.parametrize('number', [0, 10_001])
def test_a_part_has_a_number_from_1_to_10000(aws: LocalAccount, number: int) -> None:
    request = {**Upload(aws).request, 'PartNumber': number, 'Body': b''}
    assert aws.refused('s3', 'UploadPart', **request).code == 'InvalidArgument'


def test_the_uploads_of_a_bucket_are_listed_by_key(aws: LocalAccount) -> None:
    for key in ('b/2', 'a/1', 'b/1'):
        aws.s3('CreateMultipartUpload', Bucket='payloads', Key=key)

    def keys(**request: str) -> list[str]:
        found = aws.s3('ListMultipartUploads', Bucket='payloads', **request)
        return [each['Key'] for each in found.get('Uploads', ())]

    assert keys() == ['a/1', 'b/1', 'b/2']
    assert keys(Prefix='b/') == ['b/1', 'b/2']
    assert keys(Prefix='c/') == []


def test_parts_have_the_checksums_of_a_composite_upload(aws: LocalAccount) -> None:
    upload = Upload(aws, ChecksumAlgorithm='SHA256')
    part = upload.part(1, b'x')
    error = aws.refused('s3', 'CompleteMultipartUpload', **upload.completion(part))
    assert error.code == 'InvalidRequest'
    assert 'was created using a sha256 checksum' in error.message
    aws.s3('CompleteMultipartUpload', **upload.completion({**part, 'ChecksumSHA256': 'x'}))


def test_parts_need_no_checksums_if_the_checksum_is_of_the_object(aws: LocalAccount) -> None:
    upload = Upload(aws, ChecksumAlgorithm='CRC32', ChecksumType='FULL_OBJECT')
    aws.s3('CompleteMultipartUpload', **upload.completion(upload.part(1, b'x')))
