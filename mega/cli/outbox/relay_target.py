"""TARGET of `mega outbox`: the relay, with its database and its settings, in the user's code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mega.cli.exit_status import CommandError
from mega.cli.target import Wanted, load_instance

if TYPE_CHECKING:
    from mega.outbox import OutboxRelay

__all__ = ('relay_of',)


@contextmanager
def relay_of(target: str, app_dir: str) -> Iterator[OutboxRelay]:
    """Yield the relay of a target, and close it at the end of the block.

    Raises:
        TargetError: if the target cannot be loaded, or is not a relay.
        CommandError: if SQLAlchemy is not installed, or the database fails in the block.
    """
    try:
        from mega._sql import describe_failure
        from mega.outbox import OutboxRelay
    except ModuleNotFoundError as error:
        if error.name != 'sqlalchemy':
            raise
        raise CommandError("mega outbox needs SQLAlchemy: pip install 'sqs-mega[sql]'") from None
    from sqlalchemy.exc import SQLAlchemyError

    with load_instance(target, Wanted((OutboxRelay,), 'relay', 'relays'), app_dir) as relay:
        try:
            yield relay
        except SQLAlchemyError as error:
            raise CommandError(f'the database failed: {describe_failure(error)}') from error
