"""Buckets and their settings."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.backend import Backend, refused


def test_a_bucket_of_another_region_is_created_once(aws: Backend) -> None:
    """Source: model, CreateBucket, BucketAlreadyOwnedByYou; us-east-1 answers 200."""
    name = aws.bucket()
    with refused('BucketAlreadyOwnedByYou'):
        aws.create_bucket(name)


@pytest.mark.parametrize('name', ['Capital', 'ab', 'x' * 64, 'two..dots'], ids=lambda n: n[:8])
def test_an_invalid_name_of_a_bucket_is_refused(aws: Backend, name: str) -> None:
    """Source: guide, bucket naming rules; InvalidBucketName."""
    with refused('InvalidBucketName'):
        aws.create_bucket(name)


OPERATIONS: dict[str, dict[str, Any]] = {
    'put_object': {'Key': 'k', 'Body': b'x'},
    'get_object': {'Key': 'k'},
    'delete_object': {'Key': 'k'},
    'list_objects_v2': {},
}


@pytest.mark.parametrize('operation', OPERATIONS)
def test_an_operation_on_a_missing_bucket_is_refused(aws: Backend, operation: str) -> None:
    """Source: model, NoSuchBucket; guide, error responses."""
    with refused('NoSuchBucket'):
        getattr(aws.s3, operation)(Bucket=aws.new_name(), **OPERATIONS[operation])


def test_a_deleted_bucket_does_not_exist(aws: Backend) -> None:
    """Source: model, DeleteBucket."""
    name = aws.new_name()
    aws.create_bucket(name)
    aws.s3.delete_bucket(Bucket=name)
    aws.forget(name)
    with refused('NoSuchBucket'):
        aws.s3.get_object(Bucket=name, Key='k')


def test_a_bucket_with_objects_cannot_be_deleted(aws: Backend) -> None:
    """Source: model, DeleteBucket; guide, error responses: BucketNotEmpty."""
    name = aws.bucket()
    aws.s3.put_object(Bucket=name, Key='k', Body=b'x')
    with refused('BucketNotEmpty'):
        aws.s3.delete_bucket(Bucket=name)


def test_a_bucket_blocks_public_access(aws: Backend) -> None:
    """Source: model, PutPublicAccessBlock."""
    name = aws.bucket()
    settings = dict.fromkeys(
        ('BlockPublicAcls', 'IgnorePublicAcls', 'BlockPublicPolicy', 'RestrictPublicBuckets'), True
    )
    aws.s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=settings)
    found = aws.s3.get_public_access_block(Bucket=name)['PublicAccessBlockConfiguration']
    assert found == settings


def test_a_bucket_has_an_encryption(aws: Backend) -> None:
    """Source: model, PutBucketEncryption."""
    name = aws.bucket()
    rule = {'ApplyServerSideEncryptionByDefault': {'SSEAlgorithm': 'AES256'}}
    aws.s3.put_bucket_encryption(
        Bucket=name,
        ServerSideEncryptionConfiguration={'Rules': [{**rule, 'BucketKeyEnabled': False}]},
    )
    response = aws.s3.get_bucket_encryption(Bucket=name)
    [found] = response['ServerSideEncryptionConfiguration']['Rules']
    assert found['ApplyServerSideEncryptionByDefault'] == {'SSEAlgorithm': 'AES256'}


def test_a_bucket_without_lifecycle_rules_has_an_error_of_its_own(aws: Backend) -> None:
    """Source: model, GetBucketLifecycleConfiguration: NoSuchLifecycleConfiguration."""
    with refused('NoSuchLifecycleConfiguration'):
        aws.s3.get_bucket_lifecycle_configuration(Bucket=aws.bucket())


def test_lifecycle_rules_are_replaced_as_a_whole(aws: Backend) -> None:
    """Source: model, PutBucketLifecycleConfiguration: it replaces the existing rules."""
    name = aws.bucket()
    for id in ('one', 'two'):
        rule = {
            'ID': id,
            'Filter': {'Prefix': 'mega/'},
            'Status': 'Enabled',
            'Expiration': {'Days': 30},
            'AbortIncompleteMultipartUpload': {'DaysAfterInitiation': 1},
        }
        aws.s3.put_bucket_lifecycle_configuration(
            Bucket=name, LifecycleConfiguration={'Rules': [rule]}
        )
    aws.wait_for_aws(5)
    assert aws.s3.get_bucket_lifecycle_configuration(Bucket=name)['Rules'] == [rule]
