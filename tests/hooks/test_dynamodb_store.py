"""The store in DynamoDB: the conformance tests on local servers, and what only it has."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from functools import partial
from io import BytesIO
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from urllib3 import HTTPResponse

from mega.errors import ConfigurationError, TransportError
from mega.hooks import dynamodb
from mega.hooks.dynamodb import DynamoDbStore
from mega.hooks.idempotency import Idempotency
from mega.testing import IdempotencyStoreTests
from tests.local_aws import LocalAws

KEY = 'a' * 64


@pytest.fixture
def store(aws: LocalAws) -> Iterator[DynamoDbStore]:
    with DynamoDbStore(f'records-{uuid4().hex}', **aws.credentials) as made:
        made.create_table()
        yield made


def item(aws: LocalAws, store: DynamoDbStore, key: str = KEY) -> Any:
    return aws.client('dynamodb').get_item(TableName=store.table_name, Key={'id': {'S': key}})[
        'Item'
    ]


class TestDynamoDbStore(IdempotencyStoreTests):
    @pytest.fixture(autouse=True)
    def backend(self, aws: LocalAws, store: DynamoDbStore) -> Iterator[None]:
        self.create = partial(DynamoDbStore, store.table_name, **aws.credentials)
        self.stores: list[DynamoDbStore] = []
        yield
        for each in self.stores:
            each.close()

    def create_store(self) -> DynamoDbStore:
        self.stores.append(self.create())
        return self.stores[-1]


def test_dynamodb_may_remove_a_record_after_its_end(aws: LocalAws, store: DynamoDbStore) -> None:
    for change, seconds in ((store.take, 60), (store.renew, 120), (store.finish, 86_400)):
        now = time.time()
        change(KEY, 'first', seconds)
        found = item(aws, store)
        until = int(found['until_ms']['N']) / 1_000
        assert now + seconds - 1 < until <= time.time() + seconds + 0.001
        assert until <= int(found['expiration']['N']) < until + 1


def test_a_table_may_be_created_more_than_once(store: DynamoDbStore) -> None:
    assert store.take(KEY, 'first', 60) is None
    store.create_table()
    store.check()
    assert store.take(KEY, 'second', 60) is not None


def test_a_table_that_does_not_exist_is_reported_at_the_start(aws: LocalAws) -> None:
    with (
        DynamoDbStore('absent', **aws.credentials) as store,
        pytest.raises(ConfigurationError, match=r'create it with create_table\(\)'),
    ):
        Idempotency(store).check()


@pytest.mark.parametrize(
    ('key', 'expiry', 'problem'),
    [
        ('key', None, "its key must be 'id' alone"),
        ('id', None, "it does not remove items by 'expiration'"),
        ('id', 'ttl', "'expiration': its Time to Live has the attribute 'ttl': disable that"),
    ],
    ids=['key', 'no expiry', 'another expiry'],
)
def test_a_table_that_cannot_keep_records_is_reported_at_the_start(
    aws: LocalAws, key: str, expiry: str | None, problem: str
) -> None:
    name = other_table(aws, key, expiry)
    with (
        DynamoDbStore(name, **aws.credentials) as store,
        pytest.raises(ConfigurationError, match=problem),
    ):
        Idempotency(store).check()


@pytest.mark.parametrize(
    ('key', 'expiry', 'problem'),
    [('key', None, "its key must be 'id' alone"), ('id', 'ttl', 'disable that, wait for up to an')],
    ids=['key', 'another expiry'],
)
def test_a_table_that_cannot_be_completed_is_reported_by_its_creation(
    aws: LocalAws, key: str, expiry: str | None, problem: str
) -> None:
    name = other_table(aws, key, expiry)
    with (
        DynamoDbStore(name, **aws.credentials) as store,
        pytest.raises(ConfigurationError, match=problem),
    ):
        store.create_table()


def other_table(aws: LocalAws, key: str, expiry: str | None) -> str:
    """Create a table with a key and an attribute for Time to Live, and return its name."""
    client, name = aws.client('dynamodb'), f'records-{uuid4().hex}'
    client.create_table(
        TableName=name,
        KeySchema=[{'AttributeName': key, 'KeyType': 'HASH'}],
        AttributeDefinitions=[{'AttributeName': key, 'AttributeType': 'S'}],
        BillingMode='PAY_PER_REQUEST',
    )
    if expiry is not None:
        client.update_time_to_live(
            TableName=name,
            TimeToLiveSpecification={'Enabled': True, 'AttributeName': expiry},
        )
    return name


def test_a_table_that_dynamodb_does_not_find_directly_after_its_creation_is_not_active_yet(
    aws: LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dynamodb, 'POLL_SECONDS', 0.01)
    client = boto3.client('dynamodb', **aws.credentials)
    responses = [b'{"__type": "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException"}'] * 2

    def not_found(request: Any, **_: Any) -> AWSResponse | None:
        if not responses:
            return None
        headers: Any = {'Content-Type': 'application/x-amz-json-1.0'}
        body = HTTPResponse(BytesIO(responses.pop()), preload_content=False)
        return AWSResponse(request.url, 400, headers, body)

    client.meta.events.register('before-send.dynamodb.DescribeTable', not_found)
    store = DynamoDbStore(f'records-{uuid4().hex}', client=client)
    store.create_table()
    assert responses == []
    assert store.take(KEY, 'first', 60) is None
    client.close()


def test_a_call_ends_at_its_time_limit_although_the_server_accepts_connections(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dynamodb, 'CALL_SECONDS', 0.3)
    with socket.create_server(('127.0.0.1', 0)) as silent:
        url = f'http://127.0.0.1:{silent.getsockname()[1]}'
        options = {'aws_access_key_id': 'test', 'aws_secret_access_key': 'test'}
        store = DynamoDbStore('records', region_name='eu-west-1', endpoint_url=url, **options)
        begin = time.monotonic()
        with store, pytest.raises(TransportError) as raised:
            store.renew(KEY, 'first', 60)
    assert raised.value.retriable
    assert time.monotonic() - begin < dynamodb.READ_TIMEOUT


def test_a_call_that_is_refused_is_an_error_and_not_an_answer(aws: LocalAws) -> None:
    with DynamoDbStore('absent', **aws.credentials) as store:
        for call in (store.take, store.renew, store.finish):
            with pytest.raises(TransportError, match='ResourceNotFoundException'):
                call(KEY, 'first', 60)
        with pytest.raises(TransportError, match='ResourceNotFoundException'):
            store.release(KEY, 'first')


@pytest.mark.parametrize('name', ['', None, 5])
def test_a_table_needs_a_name(name: Any) -> None:
    with pytest.raises(ConfigurationError, match='must be the name or the ARN of a table'):
        DynamoDbStore(name, region_name='eu-west-1')
