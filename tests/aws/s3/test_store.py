"""A store alone: its settings, its requests to S3, and the responses."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import boto3
import pytest

from mega.aws.s3 import Pointer, S3PayloadStore
from mega.errors import (
    ConfigurationError,
    OffloadError,
)
from tests.aws.answers import Answer, s3_error, s3_object
from tests.aws.fault_server import FaultServer
from tests.aws.s3.making import BUCKET, keys_in, store_on
from tests.local_aws import REGION, LocalAws

OK = s3_object(b'ok')


@pytest.fixture(scope='module')
def a_client() -> Iterator[Any]:
    """A client of a server that does not exist."""
    session: Any = boto3.Session()
    credentials = {'aws_access_key_id': 'testing', 'aws_secret_access_key': 'testing'}
    endpoint = 'http://127.0.0.1:1'
    with closing(
        session.client('s3', region_name=REGION, endpoint_url=endpoint, **credentials)
    ) as client:
        yield client


@pytest.mark.parametrize(
    'settings',
    [
        {'bucket': ''},
        {'bucket': 'ab'},
        {'bucket': 'a' * 64},
        {'bucket': 'Upper'},
        {'bucket': 'a/b'},
        {'bucket': '../x'},
        {'bucket': 'a_b'},
        {'bucket': 'abc\n'},
        {'bucket': '-abc'},
        {'bucket': 'arn:aws:s3:eu-west-1:123456789012:accesspoint/x'},
        {'bucket': None},
        {'bucket': 5},
        {'threshold': -1},
        {'threshold': 1_048_577},
        {'threshold': 1.5},
        {'threshold': True},
        {'threshold': None},
        {'max_payload': 0},
        {'max_payload': 2 * 1024**3 + 1},
        {'max_payload': '5'},
        {'on_missing': 'ignore'},
        {'on_missing': None},
        {'key_prefix': '../'},
        {'key_prefix': 'a b'},
        {'key_prefix': 'é/'},
        {'key_prefix': 'a' * 901},
        {'key_prefix': None},
        {'allowed_buckets': 'another'},
        {'allowed_buckets': ['ok-bucket', 'a/b']},
        {'allowed_buckets': [None]},
        {'allowed_prefixes': 'in/'},
        {'allowed_prefixes': [1]},
        {'allowed_prefixes': ['a/../']},
        {'allowed_prefixes': ['ok/', './']},
        {'put_arguments': {'Body': b''}},
        {'put_arguments': {'Key': 'k'}},
        {'put_arguments': {'Bucket': 'b'}},
        {'put_arguments': {'ContentEncoding': 'gzip'}},
        {'put_arguments': {'ContentType': 'text/html'}},
        {'put_arguments': {'ExpectedBucketOwner': '123456789012'}},
        {'put_arguments': {'Taging': 'a=b'}},
        {'expected_bucket_owner': '1234'},
        {'expected_bucket_owner': '1234-5678-9012'},
        {'expected_bucket_owner': 123456789012},
        {'expected_bucket_owner': {BUCKET: '1234'}},
        {'expected_bucket_owner': {'another': '123456789012'}},
        {'expected_bucket_owner': [BUCKET]},
    ],
    ids=repr,
)
def test_the_constructor_refuses_invalid_settings(a_client: Any, settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        S3PayloadStore(**{'bucket': BUCKET, 'client': a_client, **settings})
    [name] = settings
    assert name in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    'settings',
    [
        {'threshold': 0},
        {'threshold': 1_048_576},
        {'max_payload': 1},
        {'max_payload': 2 * 1024**3},
        {'key_prefix': 'a/b_c-d.e/'},
        {'bucket': 'a.b-c'},
        {'allowed_prefixes': []},
        {'expected_bucket_owner': '123456789012'},
        {'expected_bucket_owner': {}},
        {'expected_bucket_owner': {BUCKET: '123456789012'}},
    ],
    ids=repr,
)
def test_settings_at_their_limits_are_accepted_without_a_request(
    a_client: Any, settings: dict[str, Any]
) -> None:
    S3PayloadStore(**{'bucket': BUCKET, 'client': a_client, **settings})


def test_the_constructor_refuses_a_missing_region(
    faults: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For S3, boto3 would use us-east-1, and create buckets there. For SQS it raises an error."""
    credentials: Any = {**faults.credentials, 'region_name': None}
    with pytest.raises(ConfigurationError, match='region_name='):
        S3PayloadStore(BUCKET, **credentials)
    monkeypatch.setenv('AWS_DEFAULT_REGION', 'eu-west-1')
    with S3PayloadStore(BUCKET, **credentials) as store:
        assert store._aws.region == 'eu-west-1'


def test_an_uploaded_body_is_fetched(aws: LocalAws) -> None:
    store = store_on(aws, key_prefix='in/')
    upload = store.offload('hej \u6f22 \U0001f600\n', 'https://queue')
    assert keys_in(aws, store.bucket) == []
    upload.upload()
    [key] = keys_in(aws, store.bucket)
    assert key.startswith('in/')
    body, pointer = store.fetch(upload.pointer)
    assert body == 'hej \u6f22 \U0001f600\n'
    assert pointer == upload.pointer
    assert (pointer.bucket, pointer.key, pointer.size) == (store.bucket, key, 13)
    assert pointer.sha256 == hashlib.sha256(body.encode()).hexdigest()
    assert pointer.queue_url == 'https://queue'
    assert store.remove(pointer)
    assert keys_in(aws, store.bucket) == []
    assert store.fetch(pointer) is None


def test_an_upload_happens_once(faults: FaultServer) -> None:
    faults.will(Answer())
    upload = store_on(faults).offload('hej')
    upload.upload()
    upload.upload()
    assert [request.operation for request in faults.requests] == ['PutObject']


def test_a_failed_upload_can_be_repeated(faults: FaultServer) -> None:
    faults.will(s3_error('SlowDown', 503), Answer())
    upload = store_on(faults).offload('hej')
    with pytest.raises(OffloadError) as caught:
        upload.upload()
    assert caught.value.retriable
    upload.upload()
    assert [request.body for request in faults.requests] == [b'hej', b'hej']


def test_a_body_that_was_not_uploaded_is_not_deleted(faults: FaultServer) -> None:
    faults.will(s3_error('AccessDenied', 403), Answer())
    upload = store_on(faults).offload('hej')
    with pytest.raises(OffloadError):
        upload.upload()
    upload.delete()
    assert [request.operation for request in faults.requests] == ['PutObject']


def test_every_put_has_its_content_type_and_the_arguments_of_the_store(faults: FaultServer) -> None:
    faults.will(Answer())
    store = store_on(
        faults,
        expected_bucket_owner='123456789012',
        server_side_encryption='aws:kms',
        ssekms_key_id='a-key',
        tagging={'team': 'a b', 'x': 'é'},
        put_arguments={'StorageClass': 'STANDARD_IA', 'Metadata': {'mine': 'yes'}},
    )
    store.offload('é', 'https://queue').upload()
    [request] = faults.requests
    wanted = {
        'content-type': 'text/plain; charset=utf-8',
        'x-amz-expected-bucket-owner': '123456789012',
        'x-amz-server-side-encryption': 'aws:kms',
        'x-amz-server-side-encryption-aws-kms-key-id': 'a-key',
        'x-amz-tagging': 'team=a+b&x=%C3%A9',
        'x-amz-storage-class': 'STANDARD_IA',
        'x-amz-meta-mine': 'yes',
        'x-amz-meta-mega-queue-url': 'https://queue',
    }
    assert wanted.items() <= dict(request.headers).items()
    assert request.body == 'é'.encode()


def test_put_arguments_of_one_upload_do_not_reach_the_next(faults: FaultServer) -> None:
    """Otherwise the queue in the metadata would let one of many queues delete the body."""
    faults.will(Answer())
    metadata = {'mine': 'yes'}
    store = store_on(faults, put_arguments={'Metadata': metadata})
    store.offload('a', 'https://queue').upload()
    store.offload('b').upload()
    notes = [request.headers.get('x-amz-meta-mega-queue-url') for request in faults.requests]
    assert notes == ['https://queue', None]
    assert metadata == {'mine': 'yes'}


FIRST, SECOND = '123456789012', '210987654321'


@pytest.mark.parametrize(
    ('expected', 'owners'),
    [
        (FIRST, [FIRST, FIRST, FIRST]),
        ({BUCKET: FIRST, 'another': SECOND}, [FIRST, SECOND, SECOND]),
        ({'another': SECOND}, [None, SECOND, SECOND]),
        (None, [None, None, None]),
    ],
    ids=['one for all', 'one for each', 'one for another', 'none'],
)
def test_the_expected_owner_is_sent_for_every_allowed_bucket(
    faults: FaultServer, expected: Any, owners: list[str | None]
) -> None:
    faults.will(OK)
    store = store_on(faults, allowed_buckets=['another'], expected_bucket_owner=expected)
    store.fetch(Pointer(BUCKET, 'k'))
    store.fetch(Pointer('another', 'k'))
    store.remove(Pointer('another', 'k'))
    sent = [each.headers.get('x-amz-expected-bucket-owner') for each in faults.requests]
    assert sent == owners
