"""The statements of a relay: claim rows, settle them, and read what is left.

A claim gives rows a token, and hides them until it ends. Only a relay that has the token settles
them. Rows of one message group are claimed in their order:

    position  group  due_at     claimable
    1         a      now        yes
    2         a      now        yes, together with 1
    3         b      in 10 s    not yet: it is claimed, or waits for its next attempt
    4         b      now        no: 3 comes first
    5         none   now        yes

Claims and settlements run one at a time (`serialized`). Otherwise a relay could claim row 2 while
another one claims row 1, or puts it back.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Table,
    and_,
    bindparam,
    delete,
    exists,
    func,
    not_,
    or_,
    select,
    text,
    update,
)

from mega.outbox.table import FAILED, PENDING, SENT, is_pending, is_sent, is_unsent
from mega.outbox.wake_ups import notification

__all__ = (
    'FailedMessage',
    'PutBack',
    'claim',
    'delete_sent',
    'lag',
    'list_failed',
    'put_back',
    'retry_failed',
    'seconds_until_due',
    'settle_sent',
)


class FailedMessage(Struct, frozen=True):
    """A message of an outbox that AWS refused for good.

    `id` is its `MegaMessageId`. `destination` is the URL of a queue or the ARN of a topic.
    `failures` counts the attempts, and `error` is the text of the last failure.
    """

    id: str
    destination: str
    message_group: str | None
    created_at: datetime
    failures: int
    error: str


class PutBack(Struct, frozen=True):
    """A claimed row that was not sent, as it goes back into the table.

    `failures` counts its failed attempts, and `refusals` those with an error that is not retriable.
    `error` is the text of the last one; None if there was no attempt.
    """

    position: int
    state: str
    due_at: datetime
    failures: int
    refusals: int
    error: str | None


_CLAIMED = (
    *('position', 'id', 'destination', 'message_group'),
    *('body', 'attributes', 'options', 'failures', 'refusals'),
)
"""The columns that a relay needs. The others would take as long to read."""


def claim(
    connection: Connection,
    table: Table,
    token: str,
    due: datetime,
    until: datetime,
    limit: int,
    paused: Collection[str] = (),
) -> list[Row[Any]]:
    """Claim at most `limit` rows that are due at a time, and return them in their order.

    Rows of a destination in `paused` are left.
    """
    earlier = table.alias('earlier')
    is_blocked = exists().where(
        earlier.c.destination == table.c.destination,
        earlier.c.message_group == table.c.message_group,
        earlier.c.position < table.c.position,
        is_unsent(earlier),
        or_(earlier.c.state == FAILED, earlier.c.due_at > due),
    )
    is_active = [table.c.destination.not_in(list(paused))] if paused else []
    claimable = (
        select(table.c.position)
        .where(is_pending(table), table.c.due_at <= due, not_(is_blocked), *is_active)
        .order_by(table.c.position)
        .limit(limit)
        .with_for_update(skip_locked=True)  # users may lock rows, for example to delete them
        .cte('claimable')
    )
    statement = (
        update(table)
        .where(table.c.position.in_(select(claimable.c.position)))
        .values(claim=token, due_at=until)
        .returning(*(table.c[name] for name in _CLAIMED))
    )
    return sorted(connection.execute(statement), key=lambda row: row.position)


def put_back(connection: Connection, table: Table, token: str, rows: Sequence[PutBack]) -> None:
    """End the claim of rows that were not sent."""
    if not rows:
        return
    statement = (
        update(table)
        .where(table.c.position == bindparam('at'), table.c.claim == token)
        .values(
            claim=None,
            state=bindparam('new_state'),
            due_at=bindparam('new_due_at'),
            failures=bindparam('new_failures'),
            refusals=bindparam('new_refusals'),
            error=func.coalesce(bindparam('new_error'), table.c.error),
        )
    )
    values = [
        {
            'at': row.position,
            'new_state': row.state,
            'new_due_at': row.due_at,
            'new_failures': row.failures,
            'new_refusals': row.refusals,
            'new_error': row.error,
        }
        for row in rows
    ]
    connection.execute(statement, values)


def settle_sent(
    connection: Connection,
    table: Table,
    token: str,
    positions: Sequence[int],
    sent_at: datetime | None,
) -> None:
    """Delete the rows that the token still claims, or mark them as sent at `sent_at`.

    Call `put_back` first: every row that is left was sent. `positions` are in ascending order.
    """
    if not positions:
        return
    # The first condition has an index: the key of the table.
    in_range = table.c.position.between(positions[0], positions[-1])
    is_claimed = and_(in_range, table.c.claim == token)
    if sent_at is None:
        connection.execute(delete(table).where(is_claimed))
    else:
        sent = update(table).where(is_claimed).values(state=SENT, sent_at=sent_at, claim=None)
        connection.execute(sent)


def list_failed(connection: Connection, table: Table, limit: int) -> list[FailedMessage]:
    """Return the first rows that have failed, in their order."""
    columns = [table.c[name] for name in FailedMessage.__struct_fields__]
    failed = select(*columns).where(_has_failed(table)).order_by(table.c.position)
    return [FailedMessage(*row) for row in connection.execute(failed.limit(limit))]


def retry_failed(connection: Connection, table: Table, ids: Collection[str] | None) -> list[str]:
    """Let rows that have failed be sent again, all or those with these ids. Return their ids."""
    failed = _has_failed(table)
    if ids is not None:
        failed = and_(failed, table.c.id.in_(ids))
    due_at = text('CURRENT_TIMESTAMP')
    values = {'state': PENDING, 'failures': 0, 'refusals': 0, 'due_at': due_at}
    wake_up = notification(connection.dialect.name, table.name)
    statement = update(table).where(failed).values(values).returning(table.c.id, *wake_up)
    return list(connection.execute(statement).scalars())


def _has_failed(table: Table) -> ColumnElement[bool]:
    return and_(is_unsent(table), table.c.state == FAILED)  # the first one has an index


def delete_sent(connection: Connection, table: Table, before: datetime) -> None:
    """Delete the rows that were sent before a time, except those that are locked."""
    old = select(table.c.position).where(is_sent(table), table.c.sent_at < before)
    unlocked = old.with_for_update(skip_locked=True)
    connection.execute(delete(table).where(table.c.position.in_(unlocked)))


def seconds_until_due(connection: Connection, table: Table, now: datetime) -> float:
    """Return the seconds until the next pending row is due.

    Infinity if every pending row is due already, or none is pending.
    """
    next_due = select(func.min(table.c.due_at)).where(is_pending(table), table.c.due_at > now)
    due_at: datetime | None = connection.execute(next_due).scalar()
    return math.inf if due_at is None else (due_at - now).total_seconds()


def lag(connection: Connection, table: Table, now: datetime) -> float:
    """Return the age of the oldest pending row in seconds; 0 if there is none."""
    oldest = select(table.c.created_at).where(is_pending(table)).order_by(table.c.position).limit(1)
    created_at: datetime | None = connection.execute(oldest).scalar()
    return 0.0 if created_at is None else max(0.0, (now - created_at).total_seconds())
