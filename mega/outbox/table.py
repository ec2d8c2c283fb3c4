"""The table of an outbox: one row for each message that its relay has not sent yet.

state      meaning
pending    to be sent, at `due_at` or later
failed     AWS refused it for good: it waits for `OutboxRelay.retry`
sent       sent; only a relay with a `retention` keeps it

`position` is the order of the rows. A relay that claims a row sets `due_at` to the end of the
claim, as a receive from SQS hides a message for its visibility timeout. `failures` counts the
failed attempts to send a row, and `refusals` those of them with an error that is not retriable.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    FromClause,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    text,
)

from mega._sql import UtcDateTime

__all__ = ('FAILED', 'PENDING', 'SENT', 'is_pending', 'is_sent', 'is_unsent', 'outbox_table')

PENDING = 'pending'
FAILED = 'failed'
SENT = 'sent'


def outbox_table(name: str) -> Table:
    """Return the table of an outbox, in a new `MetaData`."""
    now = text('CURRENT_TIMESTAMP')
    table = Table(
        name,
        MetaData(),
        Column('position', BigInteger().with_variant(Integer, 'sqlite'), primary_key=True),
        Column('id', String(36), nullable=False, unique=True),
        Column('destination', Text, nullable=False),
        Column('message_group', String(128)),
        Column('body', Text, nullable=False),
        Column('attributes', Text, nullable=False),
        Column('options', Text, nullable=False),
        Column('state', String(7), nullable=False, server_default=PENDING),
        Column('created_at', UtcDateTime, nullable=False, server_default=now),
        Column('due_at', UtcDateTime, nullable=False, server_default=now),
        Column('claim', String(32)),
        Column('failures', Integer, nullable=False, server_default=text('0')),
        Column('refusals', Integer, nullable=False, server_default=text('0')),
        Column('error', Text),
        Column('sent_at', UtcDateTime),
    )
    _index(f'{name}_pending', [table.c.position], is_pending(table))
    group = [table.c.destination, table.c.message_group, table.c.position]
    _index(f'{name}_group', group, is_unsent(table))
    _index(f'{name}_sent', [table.c.sent_at], is_sent(table))
    return table


def _index(name: str, columns: list[Column[Any]], where: ColumnElement[bool]) -> None:
    """Add an index of a part of the rows. A statement uses it if it has the same condition."""
    Index(name, *columns, postgresql_where=where, sqlite_where=where)


def is_pending(table: FromClause) -> ColumnElement[bool]:
    """Return the condition for pending rows, as the index of them has it."""
    return table.c.state == text(f"'{PENDING}'")


def is_unsent(table: FromClause) -> ColumnElement[bool]:
    """Return the condition for rows that are not sent, as the index of groups has it."""
    return table.c.state != text(f"'{SENT}'")


def is_sent(table: FromClause) -> ColumnElement[bool]:
    """Return the condition for rows that were sent, as the index of their times has it."""
    return table.c.state == text(f"'{SENT}'")
