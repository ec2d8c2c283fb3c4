"""The bucket of offloaded bodies: created only on request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mega.aws._transport.client import AwsClient
from mega.errors import TransportError

__all__ = ('DEFAULT_EXPIRY_DAYS', 'create_bucket', 'create_missing_bucket', 'lifecycle_rules')

DEFAULT_EXPIRY_DAYS = 30

RULE_ID = 'mega-offloaded-bodies'

DEFAULT_REGION = 'us-east-1'
"""The region that CreateBucket does not accept as a location.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucketConfiguration.html
"""


def create_bucket(
    aws: AwsClient,
    bucket: str,
    prefix: str,
    encryption: dict[str, Any],
    expire_after_days: int | None,
) -> None:
    """Create a bucket that is encrypted, closed to the public, and has a rule to expire objects.

    A bucket that the account owns already gets these settings, and keeps its other rules.

    Raises:
        TransportError: if one of the requests failed.
    """
    _create(aws, bucket, {})
    aws.call(
        'put_public_access_block',
        Bucket=bucket,
        PublicAccessBlockConfiguration={
            'BlockPublicAcls': True,
            'IgnorePublicAcls': True,
            'BlockPublicPolicy': True,
            'RestrictPublicBuckets': True,
        },
    )
    key = encryption['SSEKMSKeyId']
    rule = {
        'SSEAlgorithm': encryption['ServerSideEncryption'] or ('aws:kms' if key else 'AES256'),
        **({'KMSMasterKeyID': key} if key else {}),
    }
    aws.call(
        'put_bucket_encryption',
        Bucket=bucket,
        ServerSideEncryptionConfiguration={
            'Rules': [
                {'ApplyServerSideEncryptionByDefault': rule, 'BucketKeyEnabled': bool(key)},
            ]
        },
    )
    if expire_after_days is not None:
        _expire_objects(aws, bucket, prefix, expire_after_days)


def create_missing_bucket(aws: AwsClient, bucket: str, parameters: Mapping[str, Any]) -> None:
    """Create a bucket with these parameters of CreateBucket. An existing bucket is left as it is.

    Raises:
        TransportError: if one of the requests failed.
    """
    try:
        aws.call('head_bucket', Bucket=bucket)
    except TransportError as error:
        if error.code not in _MISSING:
            raise
        _create(aws, bucket, parameters)


_MISSING = ('404', 'NoSuchBucket')  # the response to a HEAD request has no body, and so no code


def _create(aws: AwsClient, bucket: str, parameters: Mapping[str, Any]) -> None:
    region = aws.region
    location = None if region == DEFAULT_REGION else {'LocationConstraint': region}
    given = {'CreateBucketConfiguration': location, **parameters}
    try:
        aws.call('create_bucket', Bucket=bucket, **given)
    except TransportError as error:
        if error.code != 'BucketAlreadyOwnedByYou':
            raise


def _expire_objects(aws: AwsClient, bucket: str, prefix: str, days: int) -> None:
    rule = {
        'ID': RULE_ID,
        'Filter': {'Prefix': prefix},
        'Status': 'Enabled',
        'Expiration': {'Days': days},
        'AbortIncompleteMultipartUpload': {'DaysAfterInitiation': 1},
    }
    # The request replaces all rules of the bucket.
    others = [each for each in lifecycle_rules(aws, bucket) if each.get('ID') != RULE_ID]
    aws.call(
        'put_bucket_lifecycle_configuration',
        Bucket=bucket,
        LifecycleConfiguration={'Rules': [*others, rule]},
    )


def lifecycle_rules(aws: AwsClient, bucket: str, owner: str | None = None) -> list[dict[str, Any]]:
    """Return the lifecycle rules of a bucket, which the account `owner` must own, if it is given.

    Raises:
        TransportError: if S3 did not return them.
    """
    try:
        answer = aws.call(
            'get_bucket_lifecycle_configuration', Bucket=bucket, ExpectedBucketOwner=owner
        )
    except TransportError as error:
        if error.code == 'NoSuchLifecycleConfiguration':
            return []
        raise
    rules: list[dict[str, Any]] = answer.get('Rules', [])
    return rules
