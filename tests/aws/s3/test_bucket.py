"""A bucket that is created on request: closed to the public, encrypted, with expiring objects."""

from __future__ import annotations

from typing import Any

import pytest

from mega.aws.s3 import S3PayloadStore
from mega.errors import ConfigurationError, TransportError
from mega.local import FailCall, Server
from tests.aws.answers import Answer
from tests.aws.fault_server import FaultServer
from tests.aws.s3.making import BUCKET, bodies_in, new_bucket_name, store_on
from tests.local_aws import LocalAws

KMS_KEY = 'arn:aws:kms:eu-west-1:123456789012:key/a-key'


def unmade_store(aws: LocalAws, **settings: Any) -> S3PayloadStore:
    store: S3PayloadStore = store_on(aws, new_bucket_name(), **settings)
    return store


def test_the_bucket_is_closed_to_the_public_in_the_region_of_the_store(aws: LocalAws) -> None:
    store, s3 = unmade_store(aws), aws.client('s3')
    store.create_bucket()
    found = s3.get_public_access_block(Bucket=store.bucket)['PublicAccessBlockConfiguration']
    names = ('BlockPublicAcls', 'IgnorePublicAcls', 'BlockPublicPolicy', 'RestrictPublicBuckets')
    assert found == dict.fromkeys(names, True)
    location = s3.get_bucket_location(Bucket=store.bucket)
    assert location['LocationConstraint'] == aws.region


@pytest.mark.parametrize(
    ('settings', 'rule', 'has_bucket_key'),
    [
        ({}, {'SSEAlgorithm': 'AES256'}, False),
        ({'server_side_encryption': 'aws:kms'}, {'SSEAlgorithm': 'aws:kms'}, False),
        (
            {'ssekms_key_id': KMS_KEY},
            {'SSEAlgorithm': 'aws:kms', 'KMSMasterKeyID': KMS_KEY},
            True,
        ),
        (
            {'server_side_encryption': 'aws:kms:dsse', 'ssekms_key_id': KMS_KEY},
            {'SSEAlgorithm': 'aws:kms:dsse', 'KMSMasterKeyID': KMS_KEY},
            True,
        ),
    ],
    ids=['by default', 'KMS', 'a key', 'twice'],
)
def test_the_bucket_is_encrypted_like_the_bodies_of_the_store(
    aws: LocalAws, settings: dict[str, Any], rule: dict[str, str], has_bucket_key: bool
) -> None:
    store = unmade_store(aws, **settings)
    store.create_bucket()
    found = aws.client('s3').get_bucket_encryption(Bucket=store.bucket)
    [found] = found['ServerSideEncryptionConfiguration']['Rules']
    assert found['ApplyServerSideEncryptionByDefault'] == rule
    assert found['BucketKeyEnabled'] is has_bucket_key


@pytest.mark.parametrize('days', [30, 45, 1])
def test_trap_09_objects_under_the_prefix_expire_after_the_life_of_a_message(
    aws: LocalAws, days: int
) -> None:
    """14 days in a queue and 14 in its dead-letter queue, unless another number is given.

    Only AWS can show that old objects are deleted: neither server deletes anything.
    """
    store = unmade_store(aws, key_prefix='in/')
    if days == 30:
        store.create_bucket()
    else:
        store.create_bucket(expire_after_days=days)
    found = aws.client('s3').get_bucket_lifecycle_configuration(Bucket=store.bucket)
    [rule] = found['Rules']
    assert rule['Status'] == 'Enabled'
    assert rule['Filter'] == {'Prefix': 'in/'}
    assert rule['Expiration'] == {'Days': days}
    assert rule['AbortIncompleteMultipartUpload'] == {'DaysAfterInitiation': 1}


def test_without_a_number_of_days_there_is_no_rule(aws: LocalAws) -> None:
    store, s3 = unmade_store(aws), aws.client('s3')
    store.create_bucket(expire_after_days=None)
    with pytest.raises(s3.exceptions.ClientError, match='NoSuchLifecycleConfiguration'):
        s3.get_bucket_lifecycle_configuration(Bucket=store.bucket)


def test_the_bucket_accepts_bodies(aws: LocalAws) -> None:
    store = unmade_store(aws)
    store.create_bucket()
    store.offload('hej').upload()
    assert bodies_in(aws, store.bucket) == ['hej']


def test_in_us_east_1_the_request_has_no_location(faults: FaultServer) -> None:
    """S3 does not accept this region as a location."""
    faults.will(Answer())
    credentials: Any = {**faults.credentials, 'region_name': 'us-east-1'}
    with S3PayloadStore(BUCKET, **credentials) as store:
        store.create_bucket()
    assert faults.requests[0].method == 'PUT'
    assert faults.requests[0].body == b''


@pytest.mark.parametrize('days', [0, -1, 1.5, True, '30', 2**31], ids=repr)
def test_invalid_days_are_refused_before_the_first_request(faults: FaultServer, days: Any) -> None:
    with pytest.raises(ConfigurationError, match='expire_after_days'):
        store_on(faults).create_bucket(expire_after_days=days)
    assert faults.requests == []


def test_a_store_does_not_create_its_bucket_by_itself(aws: LocalAws) -> None:
    store = unmade_store(aws)
    with pytest.raises(Exception, match='NoSuchBucket') as caught:
        store.offload('hej').upload()
    assert 'create the bucket' in str(caught.value)
    found = aws.client('s3').list_buckets()['Buckets']
    assert store.bucket not in [each['Name'] for each in found]


def test_a_second_creation_succeeds_and_keeps_the_other_rules_of_the_bucket(aws: LocalAws) -> None:
    store, s3 = unmade_store(aws), aws.client('s3')
    store.create_bucket()
    other = {'ID': 'other', 'Filter': {'Prefix': 'logs/'}, 'Status': 'Enabled'}
    found = s3.get_bucket_lifecycle_configuration(Bucket=store.bucket)['Rules']
    s3.put_bucket_lifecycle_configuration(
        Bucket=store.bucket,
        LifecycleConfiguration={'Rules': [*found, {**other, 'Expiration': {'Days': 9}}]},
    )
    store.create_bucket(expire_after_days=60)
    rules = s3.get_bucket_lifecycle_configuration(Bucket=store.bucket)['Rules']
    days = {rule['ID']: rule['Expiration']['Days'] for rule in rules}
    assert days == {'other': 9, 'mega-offloaded-bodies': 60}


def test_a_bucket_of_another_account_is_not_configured(server: Server) -> None:
    """No request follows a failed creation: it would change the settings of another owner."""
    server.script(FailCall('BucketAlreadyExists', 409), operation='CreateBucket')
    with (
        S3PayloadStore('bodies', **server.credentials) as store,
        pytest.raises(TransportError, match='BucketAlreadyExists'),
    ):
        store.create_bucket()
    assert sum(server.counts().calls.values()) == 1
