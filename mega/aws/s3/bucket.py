"""Creating a bucket for offloaded bodies, for those who ask for it."""

from __future__ import annotations

from typing import Any

from mega.aws._transport.client import AwsClient

__all__ = ('DEFAULT_EXPIRY_DAYS', 'create_bucket')

DEFAULT_EXPIRY_DAYS = 30

DEFAULT_REGION = 'us-east-1'
"""The region that CreateBucket does not take as a location: API reference of CreateBucket."""


def create_bucket(
    aws: AwsClient,
    bucket: str,
    prefix: str,
    encryption: dict[str, Any],
    expire_after_days: int | None,
) -> None:
    """Create a bucket without public access, with encryption and a rule that expires what is old.

    Raises:
        TransportError: when S3 does not do one of these.
    """
    region = aws.region
    location = None if region == DEFAULT_REGION else {'LocationConstraint': region}
    aws.call('create_bucket', Bucket=bucket, CreateBucketConfiguration=location)
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
        aws.call(
            'put_bucket_lifecycle_configuration',
            Bucket=bucket,
            LifecycleConfiguration={
                'Rules': [
                    {
                        'ID': 'mega-offloaded-bodies',
                        'Filter': {'Prefix': prefix},
                        'Status': 'Enabled',
                        'Expiration': {'Days': expire_after_days},
                        'AbortIncompleteMultipartUpload': {'DaysAfterInitiation': 1},
                    }
                ]
            },
        )
