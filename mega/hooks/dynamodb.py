"""Records of the `Idempotency` hook in a table of DynamoDB.

A record is one item, and a transition is one conditional write. DynamoDB returns the item that
refused it.

    id          the key of the record, a text: the partition key of the table
    owner       a text
    is_done     a boolean
    until_ms    when the record ends, in milliseconds since the epoch; compared in every condition
    expiration  the same in seconds, rounded up; DynamoDB removes the item some time after it

The end is compared with the clock of the machine that makes the call: DynamoDB has none.
"""

from __future__ import annotations

import math
from typing import Any

from mega.aws._transport.client import ClientOwner, create_client
from mega.aws._transport.time_limits import TimeLimit, within
from mega.aws._transport.tracebacks import without_secrets_in_tracebacks
from mega.errors import ConfigurationError, TransportError, safe_repr
from mega.hooks.records import Record
from mega.logging import about, get_logger

__all__ = ('DynamoDbStore',)

_log = get_logger(__name__)

KEY, EXPIRATION = 'id', 'expiration'

CONNECTIONS = 50
READ_TIMEOUT = 5.0

CALL_SECONDS = 10.0
"""The time of one call with its retries. One thread renews the leases of all subscribers."""

ACTIVE_SECONDS = 120.0
"""Seconds to wait until DynamoDB has created a table. DynamoDB usually needs ten seconds."""

POLL_SECONDS = 1.0

_IS_ABSENT = '(attribute_not_exists(id) OR until_ms <= :now)'
_IS_TAKEN_BY_OWNER = '(#owner = :owner AND is_done = :false AND until_ms > :now)'


class DynamoDbStore(ClientOwner):
    """Keeps records in a table of DynamoDB, which `create_table()` creates.

    The table has the partition key `id`, a text, and removes items by the attribute `expiration`.
    A table of the idempotency of Powertools for AWS Lambda has both by default.

    - The clocks of all machines should be synchronized, as on AWS. A clock that is ahead by some
      seconds ends records earlier by them: a message that is delivered twice at the same time may
      then be processed twice. A clock that is behind ends them later.
    - A call writes one item of less than 1 kB: one write unit. A subscriber that runs needs two.
    - The table must be in one region. Replicas in several regions of a global table do not refuse a
      second owner.

    A call takes 10 seconds at most, retries included. The connection options are those of
    `SqsPublisher`. Safe to share among threads.

    Raises:
        ConfigurationError: for invalid settings.
    """

    @without_secrets_in_tracebacks
    def __init__(
        self,
        table_name: str,
        *,
        aws_access_key_id: str | None = None,
        aws_secret_access_key: str | None = None,
        aws_session_token: str | None = None,
        region_name: str | None = None,
        endpoint_url: str | None = None,
        session: Any = None,
        client: Any = None,
    ) -> None:
        if not isinstance(table_name, str) or not table_name:
            problem = 'must be the name or the ARN of a table'
            raise ConfigurationError(f'table_name={safe_repr(table_name)}: {problem}')
        self.table_name = table_name
        super().__init__(
            create_client(
                'dynamodb',
                None,
                aws_access_key_id=aws_access_key_id,
                aws_secret_access_key=aws_secret_access_key,
                aws_session_token=aws_session_token,
                region_name=region_name,
                endpoint_url=endpoint_url,
                session=session,
                client=client,
                connections=CONNECTIONS,
                read_timeout=READ_TIMEOUT,
            )
        )

    def take(self, key: str, owner: str, seconds: float) -> Record | None:
        """Take an absent record. See `IdempotencyStore`."""
        condition = f'{_IS_ABSENT} OR {_IS_TAKEN_BY_OWNER}'
        now = self._now_ms()
        values = {':now': _number(now), ':owner': {'S': owner}, ':false': {'BOOL': False}}
        item = {**_item(key, now, seconds), 'owner': {'S': owner}, 'is_done': {'BOOL': False}}
        found = self._write('put_item', condition, values, Item=item)
        if found is None:
            return None
        return Record(found['is_done']['BOOL'], (int(found['until_ms']['N']) - now) / 1_000)

    def renew(self, key: str, owner: str, seconds: float) -> bool:
        """Let a taken record end later or earlier. See `IdempotencyStore`."""
        now = self._now_ms()
        item = _item(key, now, seconds)
        found = self._write(
            'update_item',
            _IS_TAKEN_BY_OWNER,
            {
                ':now': _number(now),
                ':owner': {'S': owner},
                ':false': {'BOOL': False},
                ':until': item['until_ms'],
                ':expiration': item[EXPIRATION],
            },
            Key={KEY: item[KEY]},
            UpdateExpression=f'SET until_ms = :until, {EXPIRATION} = :expiration',
        )
        return found is None

    def finish(self, key: str, owner: str, seconds: float) -> bool:
        """Let a record be done. See `IdempotencyStore`."""
        now = self._now_ms()
        item = {**_item(key, now, seconds), 'owner': {'S': owner}, 'is_done': {'BOOL': True}}
        values = {':now': _number(now), ':owner': {'S': owner}}
        return (
            self._write('put_item', f'{_IS_ABSENT} OR #owner = :owner', values, Item=item) is None
        )

    def release(self, key: str, owner: str) -> bool:
        """Remove a taken record. See `IdempotencyStore`."""
        values = {
            ':now': _number(self._now_ms()),
            ':owner': {'S': owner},
            ':false': {'BOOL': False},
        }
        return self._write('delete_item', _IS_TAKEN_BY_OWNER, values, Key={KEY: {'S': key}}) is None

    def check(self) -> None:
        """Check the key of the table, and that DynamoDB removes items by `expiration`.

        Raises:
            ConfigurationError: if the table does not exist, or one of them is different.
            TransportError: if DynamoDB does not answer.
        """
        try:
            table = self._describe()
            expiry = self._call('describe_time_to_live')
        except TransportError as error:
            if error.code == 'ResourceNotFoundException':
                raise self._wrong_table('create it with create_table()') from error
            if error.code != 'AccessDeniedException':
                raise
            problem = 'the key and the expiry of the table %s are not checked: %s'
            extra = about(table=self.table_name, error=error.code)
            _log.warning(
                problem, safe_repr(self.table_name), error.code, code='table-unchecked', extra=extra
            )
            return
        self._check_key(table)
        if not self._is_enabled(expiry):
            advice = 'call create_table(), or enable its Time to Live with that attribute'
            raise self._wrong_expiry(advice)

    def create_table(self) -> None:
        """Create the table with on-demand capacity, or complete one that exists. Wait for it.

        The call may be repeated. A store never creates its table by itself.

        Raises:
            ConfigurationError: if the table has another key, or expires items by another attribute.
            TransportError: if DynamoDB did not create or change the table.
        """
        try:
            self._call(
                'create_table',
                KeySchema=[{'AttributeName': KEY, 'KeyType': 'HASH'}],
                AttributeDefinitions=[{'AttributeName': KEY, 'AttributeType': 'S'}],
                BillingMode='PAY_PER_REQUEST',
            )
        except TransportError as error:
            if error.code != 'ResourceInUseException':
                raise
        self._check_key(self._wait_until_active())
        if not self._is_enabled(self._call('describe_time_to_live')):
            specification = {'Enabled': True, 'AttributeName': EXPIRATION}
            self._call('update_time_to_live', TimeToLiveSpecification=specification)

    def _wait_until_active(self) -> dict[str, Any]:
        """Return the description of the table."""
        clock = self._aws.clock
        deadline = clock.monotonic() + ACTIVE_SECONDS
        while clock.monotonic() < deadline:
            try:
                table = self._describe()
            except TransportError as error:
                # Documented for DescribeTable directly after CreateTable.
                if error.code != 'ResourceNotFoundException':
                    raise
            else:
                if table['TableStatus'] == 'ACTIVE':
                    return table
            clock.sleep(POLL_SECONDS)
        problem = f'the table is not active after {ACTIVE_SECONDS:.0f} seconds'
        raise TransportError('CreateTable', 'Timeout', problem, True)

    def _describe(self) -> dict[str, Any]:
        table: dict[str, Any] = self._call('describe_table')['Table']
        return table

    def _check_key(self, table: dict[str, Any]) -> None:
        if table['KeySchema'] != [{'AttributeName': KEY, 'KeyType': 'HASH'}]:
            raise self._wrong_table(f'its key must be {KEY!r} alone: use another table')

    def _is_enabled(self, expiry: dict[str, Any]) -> bool:
        """Return whether DynamoDB removes records.

        Raises:
            ConfigurationError: if it removes items by another attribute. A table has only one.
        """
        description = expiry['TimeToLiveDescription']
        if description['TimeToLiveStatus'] not in ('ENABLED', 'ENABLING'):
            return False
        if (name := description.get('AttributeName')) != EXPIRATION:
            advice = 'disable that, wait for up to an hour, and call create_table()'
            raise self._wrong_expiry(
                f'its Time to Live has the attribute {safe_repr(name)}: {advice}'
            )
        return True

    def _wrong_expiry(self, advice: str) -> ConfigurationError:
        return self._wrong_table(f'it does not remove items by {EXPIRATION!r}: {advice}')

    def _wrong_table(self, problem: str) -> ConfigurationError:
        return ConfigurationError(
            f'the table {safe_repr(self.table_name)} cannot keep records: {problem}'
        )

    def _now_ms(self) -> int:
        return int(self._aws.clock.time() * 1_000)

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        with within(TimeLimit(CALL_SECONDS, self._aws.clock)):
            return self._aws.call(method, TableName=self.table_name, **parameters)

    def _write(
        self, method: str, condition: str, values: dict[str, Any], **parameters: Any
    ) -> dict[str, Any] | None:
        """Write an item if the condition is true. Return None, or the item that refused it."""
        try:
            self._call(
                method,
                ConditionExpression=condition,
                ExpressionAttributeNames={'#owner': 'owner'},  # a reserved word of DynamoDB
                ExpressionAttributeValues=values,
                ReturnValuesOnConditionCheckFailure='ALL_OLD',
                **parameters,
            )
        except TransportError as error:
            if error.code != 'ConditionalCheckFailedException':
                raise
            found: dict[str, Any] = getattr(error.__cause__, 'response', {}).get('Item', {})
            return found
        return None


def _item(key: str, now_ms: int, seconds: float) -> dict[str, Any]:
    """Return the attributes that every write of a record has."""
    until_ms = now_ms + math.ceil(seconds * 1_000)
    return {
        KEY: {'S': key},
        'until_ms': _number(until_ms),
        EXPIRATION: _number(math.ceil(until_ms / 1_000)),
    }


def _number(value: int) -> dict[str, str]:
    return {'N': str(value)}
