"""Uploads in parts."""

from __future__ import annotations

from hashlib import md5
from typing import Any

import pytest

from tests.contract.backend import Backend, refused

SMALLEST = 5 * 1024**2
"""Bytes of a part that is not the last one: guide, multipart upload limits."""


class Upload:
    """An upload in parts of the object `k`, in a new bucket."""

    def __init__(self, aws: Backend, **settings: Any) -> None:
        self._s3 = aws.s3
        self.bucket = aws.bucket()
        self.place = {'Bucket': self.bucket, 'Key': 'k'}
        created = aws.s3.create_multipart_upload(**self.place, **settings)
        self.request = {**self.place, 'UploadId': created['UploadId']}

    def part(self, number: int, content: bytes) -> dict[str, Any]:
        """Upload a part, and return how the completion names it."""
        answer = self._s3.upload_part(**self.request, PartNumber=number, Body=content)
        checksums = {name: answer[name] for name in answer if name.startswith('ChecksumC')}
        return {'PartNumber': number, 'ETag': answer['ETag'], **checksums}

    def complete(self, *parts: dict[str, Any]) -> dict[str, Any]:
        listed = {'Parts': list(parts)}
        completed: dict[str, Any] = self._s3.complete_multipart_upload(
            **self.request, MultipartUpload=listed
        )
        return completed

    def uploads(self) -> list[str]:
        found = self._s3.list_multipart_uploads(Bucket=self.bucket).get('Uploads', [])
        return [each['UploadId'] for each in found]


def test_an_object_exists_when_its_parts_are_complete(aws: Backend) -> None:
    """Source: guide, multipart upload overview."""
    upload = Upload(aws, Metadata={'queue': 'q'}, ContentType='application/octet-stream')
    last, first = upload.part(3, b'end'), upload.part(1, b'x' * SMALLEST)
    with refused('404'):
        aws.s3.head_object(**upload.place)
    completed = upload.complete(first, last)
    found = aws.s3.get_object(**upload.place)
    assert found['Body'].read() == b'x' * SMALLEST + b'end'
    assert (found['Metadata'], found['ContentType']) == ({'queue': 'q'}, 'application/octet-stream')
    digests = b''.join(md5(part).digest() for part in (b'x' * SMALLEST, b'end'))
    assert completed['ETag'] == found['ETag'] == f'"{md5(digests).hexdigest()}-2"'
    assert upload.uploads() == []


def test_an_upload_may_have_one_small_part(aws: Backend) -> None:
    """Source: guide, multipart upload limits: the last part has no minimum size."""
    upload = Upload(aws)
    upload.complete(upload.part(1, b'x'))
    assert aws.s3.get_object(**upload.place)['Body'].read() == b'x'


def test_a_part_is_replaced_by_a_part_with_its_number(aws: Backend) -> None:
    """Source: API reference, UploadPart."""
    upload = Upload(aws)
    upload.part(1, b'one')
    upload.complete(upload.part(1, b'two'))
    assert aws.s3.get_object(**upload.place)['Body'].read() == b'two'


def test_an_upload_lists_its_parts(aws: Backend) -> None:
    """Source: API reference, ListParts."""
    upload = Upload(aws)
    parts = [upload.part(2, b'two'), upload.part(1, b'one!')]
    listed = aws.s3.list_parts(**upload.request)['Parts']
    assert [(each['PartNumber'], each['Size']) for each in listed] == [(1, 4), (2, 3)]
    assert [each['ETag'] for each in listed] == [parts[1]['ETag'], parts[0]['ETag']]


def test_an_aborted_upload_leaves_nothing(aws: Backend) -> None:
    """Source: API reference, AbortMultipartUpload."""
    upload = Upload(aws)
    upload.part(1, b'x')
    assert upload.uploads() == [upload.request['UploadId']]
    aws.s3.abort_multipart_upload(**upload.request)
    assert upload.uploads() == []
    with refused('NoSuchUpload'):
        aws.s3.list_parts(**upload.request)
    with refused('404'):
        aws.s3.head_object(**upload.place)


def test_an_aborted_upload_cannot_be_continued(aws: Backend) -> None:
    """Source: API reference, UploadPart and CompleteMultipartUpload, NoSuchUpload."""
    upload = Upload(aws)
    part = upload.part(1, b'x')
    aws.s3.abort_multipart_upload(**upload.request)
    with refused('NoSuchUpload'):
        upload.part(2, b'y')
    with refused('NoSuchUpload'):
        upload.complete(part)


def test_an_upload_that_does_not_exist_cannot_be_aborted(aws: Backend) -> None:
    """Source: API reference, AbortMultipartUpload, NoSuchUpload."""
    upload = Upload(aws)
    aws.s3.abort_multipart_upload(**upload.request)
    with refused('NoSuchUpload'):
        aws.s3.abort_multipart_upload(**upload.request)


def test_an_upload_to_a_missing_bucket_is_refused(aws: Backend) -> None:
    """Source: API reference, error responses, NoSuchBucket."""
    with refused('NoSuchBucket'):
        aws.s3.create_multipart_upload(Bucket=aws.new_name(), Key='k')


def test_a_small_part_before_the_last_one_is_refused(aws: Backend) -> None:
    """Source: API reference, CompleteMultipartUpload, EntityTooSmall."""
    upload = Upload(aws)
    parts = [upload.part(1, b'x'), upload.part(2, b'y')]
    with refused('EntityTooSmall'):
        upload.complete(*parts)


def test_parts_in_another_order_are_refused(aws: Backend) -> None:
    """Source: API reference, CompleteMultipartUpload, InvalidPartOrder."""
    upload = Upload(aws)
    first, second = upload.part(1, b'x'), upload.part(2, b'y' * SMALLEST)
    with refused('InvalidPartOrder'):
        upload.complete(second, first)


@pytest.mark.parametrize('wrong', [{'PartNumber': 2}, {'ETag': f'"{"0" * 32}"'}], ids=list)
def test_an_unknown_part_is_refused(aws: Backend, wrong: dict[str, Any]) -> None:
    """Source: API reference, CompleteMultipartUpload, InvalidPart."""
    upload = Upload(aws)
    part = upload.part(1, b'x')
    with refused('InvalidPart'):
        upload.complete({**part, **wrong})


def test_a_part_that_arrives_damaged_is_refused(aws: Backend) -> None:
    """Source: guide, checking object integrity: BadDigest."""
    upload = Upload(aws)
    wrong = 'AAAAAA=='  # a CRC32 of zeros
    with refused('BadDigest'):
        aws.s3.upload_part(**upload.request, PartNumber=1, Body=b'x', ChecksumCRC32=wrong)


def test_the_parts_of_a_completion_have_the_checksums_of_its_upload(aws: Backend) -> None:
    """Source: API reference, CompletedPart: required for checksums of the type COMPOSITE."""
    upload = Upload(aws, ChecksumAlgorithm='CRC32')
    answer = aws.s3.upload_part(
        **upload.request, PartNumber=1, Body=b'x', ChecksumAlgorithm='CRC32'
    )
    part = {'PartNumber': 1, 'ETag': answer['ETag']}
    with refused('InvalidRequest'):
        upload.complete(part)
    upload.complete({**part, 'ChecksumCRC32': answer['ChecksumCRC32']})


def test_a_part_of_an_object_is_returned_by_its_range(aws: Backend) -> None:
    """Source: API reference, GetObject, Range."""
    upload = Upload(aws)
    upload.complete(upload.part(1, b'x' * SMALLEST), upload.part(2, b'end'))
    found = aws.s3.get_object(**upload.place, Range=f'bytes={SMALLEST - 1}-{SMALLEST + 1}')
    assert (found['ContentLength'], found['Body'].read()) == (3, b'xen')
