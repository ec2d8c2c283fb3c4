"""Buckets of the in-memory S3, and their settings."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from tests.local.aws_account import LocalAccount

HERE = {'LocationConstraint': 'eu-west-1'}


def create(aws: LocalAccount, name: str = 'payloads') -> None:
    aws.s3('CreateBucket', Bucket=name, CreateBucketConfiguration=HERE)


def test_a_bucket_exists_from_its_creation_to_its_deletion(aws: LocalAccount) -> None:
    create(aws)
    assert aws.s3('HeadBucket', Bucket='payloads') == {'BucketRegion': 'eu-west-1'}
    location = aws.s3('GetBucketLocation', Bucket='payloads')
    assert location == {'LocationConstraint': 'eu-west-1'}
    assert [each['Name'] for each in aws.s3('ListBuckets')['Buckets']] == ['payloads']
    aws.s3('DeleteBucket', Bucket='payloads')
    assert aws.s3('ListBuckets')['Buckets'] == []
    assert aws.refused('s3', 'HeadBucket', Bucket='payloads').code == '404'
    assert aws.refused('s3', 'DeleteBucket', Bucket='payloads').code == 'NoSuchBucket'


def test_a_bucket_of_the_account_cannot_be_created_again(aws: LocalAccount) -> None:
    create(aws)
    request = {'Bucket': 'payloads', 'CreateBucketConfiguration': HERE}
    error = aws.refused('s3', 'CreateBucket', **request)
    assert (error.code, error.status) == ('BucketAlreadyOwnedByYou', 409)


@pytest.mark.parametrize('configuration', [{}, {'LocationConstraint': 'us-west-2'}])
def test_a_bucket_is_in_the_region_of_the_model(
    aws: LocalAccount, configuration: dict[str, str]
) -> None:
    request = {'Bucket': 'payloads', 'CreateBucketConfiguration': configuration}
    error = aws.refused('s3', 'CreateBucket', **request)
    assert error.code == 'IllegalLocationConstraintException'


@pytest.mark.parametrize('name', ['ab', 'Upper', 'a..b', '-ab', '192.168.0.1', 'a' * 64, 'a_b'])
def test_an_invalid_name_of_a_bucket_is_refused(aws: LocalAccount, name: str) -> None:
    assert aws.refused('s3', 'CreateBucket', Bucket=name).code == 'InvalidBucketName'


def test_a_bucket_with_objects_cannot_be_deleted(aws: LocalAccount) -> None:
    create(aws)
    aws.s3('PutObject', Bucket='payloads', Key='k', Body=b'')
    error = aws.refused('s3', 'DeleteBucket', Bucket='payloads')
    assert (error.code, error.status) == ('BucketNotEmpty', 409)


LIFECYCLE = {'Rules': [{'ID': 'r', 'Filter': {'Prefix': ''}, 'Status': 'Enabled'}]}
TAGS = {'TagSet': [{'Key': 'team', 'Value': 'shop'}]}


@pytest.mark.parametrize(
    ('setting', 'member', 'value', 'code', 'answer'),
    [
        (
            'BucketLifecycle',
            'LifecycleConfiguration',
            LIFECYCLE,
            'NoSuchLifecycleConfiguration',
            LIFECYCLE,
        ),
        ('BucketPolicy', 'Policy', '{}', 'NoSuchBucketPolicy', {'Policy': '{}'}),
        ('BucketTagging', 'Tagging', TAGS, 'NoSuchTagSet', TAGS),
    ],
)
def test_a_setting_is_missing_until_it_is_put_and_after_it_is_deleted(
    aws: LocalAccount, setting: str, member: str, value: Any, code: str, answer: Any
) -> None:
    create(aws)
    name = 'BucketLifecycleConfiguration' if setting == 'BucketLifecycle' else setting
    error = aws.refused('s3', f'Get{name}', Bucket='payloads')
    assert (error.code, error.status) == (code, 404)
    aws.s3(f'Put{name}', Bucket='payloads', **{member: value})
    assert aws.s3(f'Get{name}', Bucket='payloads') == answer
    aws.s3(f'Delete{setting}', Bucket='payloads')
    assert aws.refused('s3', f'Get{name}', Bucket='payloads').code == code


def test_a_new_bucket_blocks_public_access(aws: LocalAccount) -> None:
    create(aws)
    found = aws.s3('GetPublicAccessBlock', Bucket='payloads')['PublicAccessBlockConfiguration']
    assert all(found.values())
    changed = {**found, 'BlockPublicAcls': False}
    aws.s3('PutPublicAccessBlock', Bucket='payloads', PublicAccessBlockConfiguration=changed)
    again = aws.s3('GetPublicAccessBlock', Bucket='payloads')
    assert again == {'PublicAccessBlockConfiguration': changed}
    aws.s3('DeletePublicAccessBlock', Bucket='payloads')
    error = aws.refused('s3', 'GetPublicAccessBlock', Bucket='payloads')
    assert error.code == 'NoSuchPublicAccessBlockConfiguration'


def test_objects_are_encrypted_as_their_bucket_or_their_request_says(aws: LocalAccount) -> None:
    create(aws)

    def encryption(**request: Any) -> dict[str, Any]:
        aws.s3('PutObject', Bucket='payloads', Key='k', Body=b'', **request)
        found = aws.s3('HeadObject', Bucket='payloads', Key='k')
        names = ('ServerSideEncryption', 'SSEKMSKeyId', 'BucketKeyEnabled')
        return {name: found[name] for name in names if name in found}

    assert encryption() == {'ServerSideEncryption': 'AES256'}
    kms = {'ServerSideEncryption': 'aws:kms', 'SSEKMSKeyId': 'a key', 'BucketKeyEnabled': True}
    default = {'SSEAlgorithm': 'aws:kms', 'KMSMasterKeyID': 'a key'}
    rule = {'ApplyServerSideEncryptionByDefault': default, 'BucketKeyEnabled': True}
    aws.s3(
        'PutBucketEncryption',
        Bucket='payloads',
        ServerSideEncryptionConfiguration={'Rules': [rule]},
    )
    assert encryption() == kms
    assert encryption(ServerSideEncryption='AES256') == {'ServerSideEncryption': 'AES256'}
    assert encryption(ServerSideEncryption='aws:kms')['SSEKMSKeyId'].startswith('arn:aws:kms:')
    aws.s3('DeleteBucketEncryption', Bucket='payloads')
    assert encryption() == {'ServerSideEncryption': 'AES256'}


def test_the_etag_of_an_object_encrypted_with_kms_is_not_its_md5(aws: LocalAccount) -> None:
    create(aws)

    def etag(body: bytes) -> str:
        request = {'Bucket': 'payloads', 'Key': 'k', 'ServerSideEncryption': 'aws:kms'}
        return str(aws.s3('PutObject', **request, Body=body)['ETag'])

    assert etag(b'a') == etag(b'a') != etag(b'b')
    assert etag(b'a') != f'"{hashlib.md5(b"a").hexdigest()}"'
