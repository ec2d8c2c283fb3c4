"""The operations on buckets."""

from __future__ import annotations

from mega.local.errors import AwsError
from mega.local.operations import NextError, Object, Operation
from mega.local.s3 import rules
from mega.local.s3.bucket_settings import settings_operations
from mega.local.s3.buckets import Bucket, Buckets
from mega.local.state import ACCOUNT_ID, REGION, State

__all__ = ('BucketOperations',)


class BucketOperations:
    """CreateBucket and the other operations on buckets. All buckets are in the model's region."""

    def __init__(self, state: State, buckets: Buckets) -> None:
        self._state = state
        self._buckets = buckets
        self.operations: dict[str, Operation] = {
            'CreateBucket': self._create_bucket,
            'DeleteBucket': self._delete_bucket,
            'GetBucketLocation': self._get_bucket_location,
            'HeadBucket': self._head_bucket,
            'ListBuckets': self._list_buckets,
            **settings_operations(buckets),
        }

    def _create_bucket(self, request: Object, next_error: NextError) -> Object:
        name = request['Bucket']
        rules.check_bucket_name(name)
        _check_location(request.get('CreateBucketConfiguration') or {})
        if name in self._buckets.by_name:
            raise AwsError(
                'BucketAlreadyOwnedByYou',
                'Your previous request to create the named bucket succeeded and you already own '
                'it.',
                409,
            )
        self._buckets.by_name[name] = Bucket(name, self._state.date())
        return {'Location': f'http://{name}.s3.amazonaws.com/'}

    def _head_bucket(self, request: Object, next_error: NextError) -> Object:
        """Return the region. The response has no body, so that an error is only its status."""
        try:
            self._buckets.get(request)
        except AwsError as error:
            raise without_code(error) from None
        return {'BucketRegion': REGION}

    def _get_bucket_location(self, request: Object, next_error: NextError) -> Object:
        self._buckets.get(request)
        return {'LocationConstraint': REGION}

    def _list_buckets(self, request: Object, next_error: NextError) -> Object:
        found = sorted(self._buckets.by_name.values(), key=lambda bucket: bucket.name)
        return {
            'Buckets': [{'Name': each.name, 'CreationDate': each.created} for each in found],
            'Owner': {'ID': ACCOUNT_ID},
        }

    def _delete_bucket(self, request: Object, next_error: NextError) -> Object:
        bucket = self._buckets.get(request)
        if bucket.objects:
            problem = 'The bucket you tried to delete is not empty'
            raise AwsError('BucketNotEmpty', problem, 409)
        del self._buckets.by_name[bucket.name]
        return {}


def _check_location(configuration: Object) -> None:
    """Refuse another region than the model's.

    Source: API reference, CreateBucket: without a location the region is us-east-1.
    """
    location = configuration.get('LocationConstraint')
    if location != REGION:
        raise AwsError(
            'IllegalLocationConstraintException',
            f'The {location or "unspecified"} location constraint is incompatible for the region '
            'specific endpoint this request was sent to.',
        )


def without_code(error: AwsError) -> AwsError:
    """Return the error of a HEAD request: boto3 shows the status in place of a code."""
    reasons = {403: 'Forbidden', 404: 'Not Found', 412: 'Precondition Failed'}
    return AwsError(str(error.status), reasons.get(error.status, 'Bad Request'), error.status)
