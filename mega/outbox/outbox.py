"""Publishing within a transaction: the message is a row, which commits with the other rows.

    with engine.begin() as connection:
        connection.execute(insert(orders).values(...))
        outbox.publish(connection, event, queue_url=QUEUE_URL)

A relay sends the row later. Without an outbox, a process that ends between the commit and the call
to AWS loses the message, and a call before the commit publishes an event that may never happen.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, insert

from mega._sql import (
    CallerConnection,
    check_table_name,
    check_transaction,
    dialect_of,
    execute,
    is_missing_table,
    missing_table,
)
from mega.aws._hooks.publishing import PublishHook, PublishResult
from mega.aws._hooks.running import check_hooks, hooks_with
from mega.aws._messages.attributes import MESSAGE_ID_ATTRIBUTE, Attributes, FilterAttributes
from mega.aws._messages.limits import MAX_BYTES
from mega.aws._publishing.encoder import Encoder, encode_payload, is_fifo, message_group
from mega.aws._publishing.hooks import begin_hooks
from mega.aws._publishing.outgoing import EncodedMessage
from mega.aws._publishing.service import ServiceApi
from mega.aws.s3.store import S3PayloadStore
from mega.aws.sns.service import SNS
from mega.aws.sqs.service import SQS
from mega.codec import Publishable
from mega.errors import (
    ConfigurationError,
    EncodeError,
    PublishError,
    RetriableError,
    join_path,
)
from mega.outbox.table import outbox_table
from mega.outbox.wake_ups import notification

__all__ = ('Outbox',)

_WRITTEN = 'written to the outbox'


class Outbox:
    """Writes messages to a table, in the transaction of the caller, for an `OutboxRelay` to send.

    `table` is the table in SQLAlchemy. The documentation has its definition in SQL and for Alembic.
    `table_name` has 1 to 50 small letters, digits and `_`, and does not begin with a digit.
    PostgreSQL and SQLite are supported.

    With a `payload_store`, the relay offloads a body that is too large for a message to S3. Without
    one, `publish` refuses it.

    `hooks` run around the writing of each row, as around a message of a publisher. Here, a hook can
    add the trace of the caller to the message. A hook of the relay cannot.

    Safe to share among threads.

    Raises:
        ConfigurationError: for an invalid `table_name`, or for an object that is not a hook.
    """

    def __init__(
        self,
        table_name: str = 'mega_outbox',
        *,
        payload_store: S3PayloadStore | None = None,
        hooks: Iterable[PublishHook] = (),
    ) -> None:
        self.table = outbox_table(check_table_name(table_name))
        self.payload_store = payload_store
        valid = check_hooks(hooks, PublishHook)
        self._hooks = hooks_with('around_publish', valid, PublishHook)

    def publish(
        self,
        connection: CallerConnection,
        payload: Publishable,
        binary_encoding: bool = False,
        *,
        queue_url: str | None = None,
        topic_arn: str | None = None,
        message_attributes: Attributes | None = None,
        filter_attributes: FilterAttributes | None = None,
        subject: str | None = None,
        delay_seconds: int | timedelta | None = None,
        message_group_id: str | None = None,
        message_deduplication_id: str | None = None,
    ) -> str:
        """Write a message to the table, and return its id.

        The relay sends it after the transaction of `connection` has committed, and never if it is
        rolled back. `connection` is a `Connection` or a `Session` of SQLAlchemy, or a connection of
        Django. `SqsPublisher.publish` and `SnsPublisher.publish` have the same options and checks.
        No call to AWS is made: a queue or a topic with a lower limit than 1 MiB may refuse the
        message later, and the row then fails.

        The id is in the attribute `MegaMessageId`, so that it is the `origin_id` of the message. On
        a FIFO destination it is also the deduplication id, unless another one is given. A delay
        begins when the relay sends the message.

        The messages of a group on a FIFO destination are sent in the order of their `publish`
        calls. For transactions that run at the same time, that order is defined only if they wait
        for each other before `publish`, for example by a lock on the row that they change.

        Raises:
            EncodeError: for a payload, an attribute or an option that no message can carry.
            EventError: for a `dict` that is marked as a MEGA event and breaks the protocol.
            PayloadTooLargeError: for a message that is too large for every queue or topic.
            PublishError: for an error of a hook. If the row was written, the error says so.
            RetriableError: if the database has no table of this name. In a subscriber, the message
                stays in the queue until the table exists. Its cause is the error of the driver.
            ConfigurationError: for a destination that is missing or invalid, for another database,
                for an object that is not a connection, and for a connection in autocommit mode,
                which would commit the row before the changes that it belongs to.
        """
        api, destination = _destination(queue_url, topic_arn)
        id = str(uuid.uuid4())
        options = _options(
            api,
            subject=subject,
            delay_seconds=delay_seconds,
            message_group_id=message_group_id,
            message_deduplication_id=message_deduplication_id,
        )
        if is_fifo(destination):
            options.setdefault('MessageDeduplicationId', id)
        body, attributes = encode_payload(
            payload, binary_encoding, _with_id(message_attributes, id), filter_attributes
        )
        message = EncodedMessage(body, attributes, options)
        with self._within_hooks(api, destination, id, message) as row:
            self._insert(connection, id, destination, row)
        return id

    @contextmanager
    def _within_hooks(
        self, api: ServiceApi, destination: str, id: str, message: EncodedMessage
    ) -> Iterator[EncodedMessage]:
        """Check a message, and yield it with what hooks add: attributes and the trace header."""
        encoder = Encoder(api, _largest_limit, self.payload_store)
        checked = encoder.build(destination, *message)
        begun = begin_hooks(self._hooks, encoder, destination, checked, _WRITTEN)
        try:
            yield message._replace(
                attributes={**message.attributes, **_added(checked.attributes, begun.attributes)},
                options={**message.options, **_added(checked.options, begun.options)},
            )
        except BaseException as error:  # also the cancellation of a task
            failure = PublishError(f'the row was not written: {type(error).__name__}')
            begun.finished(PublishResult(error=failure))
            raise
        result = begun.finished(PublishResult(id))
        if result.error is not None:
            raise result.error

    def _insert(
        self, connection: CallerConnection, id: str, destination: str, message: EncodedMessage
    ) -> None:
        dialect = dialect_of(connection)
        check_transaction(connection)
        row = insert(self.table).values(
            id=id,
            destination=destination,
            message_group=message_group(destination, message.options),
            body=message.body,
            attributes=msgspec.json.encode(message.attributes).decode(),
            options=msgspec.json.encode(message.options).decode(),
        )
        try:
            execute(connection, row.returning(*notification(dialect, self.table.name)))
        except Exception as error:  # each driver has its own classes
            if not is_missing_table(error):
                raise
            reason = missing_table(self.table.name, 'Outbox.create_table')
            raise RetriableError(reason=reason) from error

    def create_table(self, connection: Connection | Engine) -> None:
        """Create the table and its indexes, unless the table exists."""
        self.table.create(connection, checkfirst=True)


def _destination(queue_url: str | None, topic_arn: str | None) -> tuple[ServiceApi, str]:
    """Return the service and the destination of a message."""
    if (queue_url is None) == (topic_arn is None):
        raise ConfigurationError('pass either queue_url= or topic_arn=')
    api, destination = (SQS, queue_url) if topic_arn is None else (SNS, topic_arn)
    assert destination is not None
    api.check_destination(api.destination_option, destination, None)
    return api, destination


def _options(api: ServiceApi, **given: Any) -> dict[str, Any]:
    """Return the options that are set, by AWS's names."""
    options = {}
    for name, value in given.items():
        if value is None:
            continue
        if name not in api.options:
            raise EncodeError(name, f'is not an option of a message to a {api.destination_option}')
        options[api.options[name]] = value
    return options


def _with_id(attributes: Attributes | None, id: str) -> Attributes:
    if attributes and MESSAGE_ID_ATTRIBUTE in attributes:
        problem = 'is set by the outbox only: give the attribute another name'
        raise EncodeError(join_path('message_attributes', MESSAGE_ID_ATTRIBUTE), problem)
    return {**(attributes or {}), MESSAGE_ID_ATTRIBUTE: id}


def _added(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in after.items() if name not in before}


def _largest_limit(destination: str) -> int:
    return MAX_BYTES
