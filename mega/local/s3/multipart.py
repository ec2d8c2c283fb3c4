"""Uploads in parts."""

from __future__ import annotations

from itertools import pairwise
from uuid import uuid4

from mega.local.errors import AwsError
from mega.local.operations import NextError, Object, Operation
from mega.local.s3 import rules
from mega.local.s3.buckets import Bucket, Buckets, Part, Upload
from mega.local.s3.checksums import CHECKSUMS, checksums_of, etag_of, md5_of
from mega.local.s3.object_operations import checksum_members, encryption_of, stored_object
from mega.local.state import State

__all__ = ('MultipartOperations',)

MIN_PART_BYTES = 5 * 1024**2
MAX_PARTS = 10_000
"""Guide, multipart upload limits. The last part may be smaller."""


class MultipartOperations:
    """CreateMultipartUpload and the operations that follow it."""

    def __init__(self, state: State, buckets: Buckets) -> None:
        self._state = state
        self._buckets = buckets
        self.operations: dict[str, Operation] = {
            'AbortMultipartUpload': self._abort,
            'CompleteMultipartUpload': self._complete,
            'CreateMultipartUpload': self._create,
            'ListMultipartUploads': self._list_uploads,
            'ListParts': self._list_parts,
            'UploadPart': self._upload_part,
        }

    def _create(self, request: Object, next_error: NextError) -> Object:
        bucket, key = self._buckets.get(request), request['Key']
        described = stored_object(self._state, bucket, request, b'')  # checks the parameters
        upload_id = uuid4().hex
        encryption = encryption_of(described)
        bucket.uploads[upload_id] = Upload(key, dict(request), encryption, self._state.date())
        place = {'Bucket': bucket.name, 'Key': key, 'UploadId': upload_id}
        algorithm = request.get('ChecksumAlgorithm')
        checksum = {'ChecksumAlgorithm': algorithm} if algorithm else {}
        return {**place, **encryption, **checksum}

    def _upload_part(self, request: Object, next_error: NextError) -> Object:
        _, upload = self._upload(request)
        number, body = request.get('PartNumber', 0), request.get('Body', b'')
        if not 1 <= number <= MAX_PARTS:
            problem = 'Part number must be an integer between 1 and 10000, inclusive'
            raise rules.invalid_argument(problem)
        checksums = checksums_of(body, request)
        part = Part(body, etag_of(body), self._state.date())
        upload.parts[number] = part
        return {'ETag': part.etag, **checksums, **upload.encryption}

    def _complete(self, request: Object, next_error: NextError) -> Object:
        bucket, upload = self._upload(request)
        key = upload.key
        rules.check_conditions_of_put(
            bucket.objects.get(key), request.get('IfMatch'), request.get('IfNoneMatch')
        )
        listed = (request.get('MultipartUpload') or {}).get('Parts') or []
        rules.structures(listed, 'PartNumber', 'ETag')
        parts = self._checked(upload, listed)
        digest = md5_of(b''.join(bytes.fromhex(part.etag.strip('"')) for part in parts)).hex()
        body = b''.join(part.body for part in parts)
        created = {name: value for name, value in upload.request.items() if name not in CHECKSUMS}
        stored = stored_object(self._state, bucket, created, body, etag=f'"{digest}-{len(parts)}"')
        bucket.objects[key] = stored
        del bucket.uploads[request['UploadId']]
        return {
            'Location': f'http://{bucket.name}.s3.amazonaws.com/{key}',
            'Bucket': bucket.name,
            'Key': key,
            'ETag': stored.etag,
            **encryption_of(stored),
            **checksum_members(stored),
        }

    def _checked(self, upload: Upload, listed: list[Object]) -> list[Part]:
        """Return the parts of a completed upload (API reference, CompleteMultipartUpload)."""
        if not listed:
            raise rules.malformed_xml()
        numbers = [each['PartNumber'] for each in listed]
        if any(later <= number for number, later in pairwise(numbers)):
            problem = (
                'The list of parts was not in ascending order. Parts must be ordered by number.'
            )
            raise AwsError('InvalidPartOrder', problem)
        _check_checksums(upload, listed)
        parts: list[Part] = []
        for each in listed:
            part = upload.parts.get(each['PartNumber'])
            if part is None or str(each['ETag']).strip('"') != part.etag.strip('"'):
                raise AwsError(
                    'InvalidPart',
                    'One or more of the specified parts could not be found. The part may not have '
                    "been uploaded, or the specified entity tag may not match the part's.",
                )
            parts.append(part)
        if any(len(each.body) < MIN_PART_BYTES for each in parts[:-1]):
            problem = 'Your proposed upload is smaller than the minimum allowed size'
            raise AwsError('EntityTooSmall', problem)
        return parts

    def _abort(self, request: Object, next_error: NextError) -> Object:
        bucket, _ = self._upload(request)
        del bucket.uploads[request['UploadId']]
        return {}

    def _list_parts(self, request: Object, next_error: NextError) -> Object:
        """Return all parts: the model has no pages of parts."""
        bucket, upload = self._upload(request)
        parts = [
            {
                'PartNumber': number,
                'LastModified': part.modified,
                'ETag': part.etag,
                'Size': len(part.body),
            }
            for number, part in sorted(upload.parts.items())
        ]
        place = {'Bucket': bucket.name, 'Key': upload.key, 'UploadId': request['UploadId']}
        return {**place, 'IsTruncated': False, **({'Parts': parts} if parts else {})}

    def _list_uploads(self, request: Object, next_error: NextError) -> Object:
        """Return all uploads: the model has no pages of uploads."""
        bucket = self._buckets.get(request)
        prefix = request.get('Prefix') or ''
        uploads = [
            {'UploadId': upload_id, 'Key': upload.key, 'Initiated': upload.initiated}
            for upload_id, upload in sorted(bucket.uploads.items(), key=lambda item: item[1].key)
            if upload.key.startswith(prefix)
        ]
        answer = {'Bucket': bucket.name, 'Prefix': prefix, 'IsTruncated': False}
        return {**answer, **({'Uploads': uploads} if uploads else {})}

    def _upload(self, request: Object) -> tuple[Bucket, Upload]:
        bucket = self._buckets.get(request)
        upload = bucket.uploads.get(request['UploadId'])
        if upload is None or upload.key != request['Key']:
            problem = 'The specified multipart upload does not exist.'
            raise AwsError('NoSuchUpload', problem, 404)
        return bucket, upload


def _check_checksums(upload: Upload, listed: list[Object]) -> None:
    """Refuse parts without checksums if the upload was created with an algorithm.

    Source: API reference, CompletedPart: required for checksums of the type COMPOSITE. The text of
    the error is that of AWS.
    """
    algorithm = upload.request.get('ChecksumAlgorithm')
    if algorithm is None or upload.request.get('ChecksumType') == 'FULL_OBJECT':
        return
    for each in listed:
        if f'Checksum{algorithm}' not in each:
            raise AwsError(
                'InvalidRequest',
                f'The upload was created using a {algorithm.lower()} checksum. The complete '
                'request must include the checksum for each part. It was missing for part '
                f'{each["PartNumber"]} in the request.',
            )
