"""The store in DynamoDB: the conformance tests on local servers, and what only it has."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from mega.errors import ConfigurationError, TransportError
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
        ('id', 'ttl', "it does not remove items by 'expiration'"),
    ],
    ids=['key', 'no expiry', 'another expiry'],
)
def test_a_table_that_cannot_keep_records_is_reported_at_the_start(
    aws: LocalAws, key: str, expiry: str | None, problem: str
) -> None:
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
    with (
        DynamoDbStore(name, **aws.credentials) as store,
        pytest.raises(ConfigurationError, match=problem),
    ):
        Idempotency(store).check()


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
