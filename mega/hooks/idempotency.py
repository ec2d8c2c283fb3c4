"""Idempotency: a subscriber that finished a message does not process it again.

    listener = SqsListener(queue_url, [Invoice, Notify], hooks=[Idempotency(RedisStore(url))])

SQS may deliver a message twice, and delivers it again to all subscribers if one of them asks for a
retry. The hook keeps a record for each subscriber of each message:

    the record is              the subscriber
    absent                     runs. After DONE the record is done, after all else it is absent
    done                       does not run: the outcome is DONE
    taken by another owner     does not run: the outcome is RETRY_LATER, with the time that is left

A process can end between the effect of a subscriber and the record of it. The subscriber then runs
again. Only `SqlStore.once` has no such window.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator
from datetime import timedelta
from itertools import count
from secrets import token_hex
from threading import Lock
from typing import Any

from msgspec import Struct

from mega.aws._hooks.running import HookGenerator
from mega.aws._hooks.work import blocking
from mega.aws.sqs.message import Message
from mega.aws.sqs.subscribe.exceptions import traceback_without_text
from mega.aws.sqs.subscribe.processing.hooks import Hook
from mega.aws.sqs.subscribe.processing.outcome import Outcome
from mega.aws.sqs.subscribe.subscribers.retry_delay import MAX_DELAY
from mega.aws.sqs.subscribe.subscribers.subscriber import ProcessStatus, Subscriber
from mega.codec import AnyPayload
from mega.errors import (
    ConfigurationError,
    InvalidPayloadError,
    RetriableError,
    check_seconds,
    safe_repr,
    single_line,
)
from mega.hooks.keys import Key, KeyFunction, KeyValue, compile_key, default_key, record_key
from mega.hooks.leases import Lease, Leases
from mega.hooks.records import MAX_TTL, IdempotencyStore, MemoryStore, Record, check_store
from mega.logging import about, get_logger

__all__ = (
    'Idempotency',
    'IdempotencyStats',
    'IdempotencyStore',
    'Key',
    'KeyFunction',
    'KeyValue',
    'MemoryStore',
    'Record',
    'default_key',
)

_log = get_logger(__name__)


class IdempotencyStats(Struct, frozen=True):
    """What an `Idempotency` hook did, counted per subscriber and message.

    - `processed`: the subscriber ran.
    - `skipped`: it had finished the message before.
    - `postponed`: another owner was processing the message.
    - `lost`: when it ended, another owner had the record. Its effect may have happened twice.
    - `store_errors`: calls to the store that failed, renewals included.
    """

    processed: int = 0
    skipped: int = 0
    postponed: int = 0
    lost: int = 0
    store_errors: int = 0


class Idempotency(Hook):
    """Runs a subscriber only if it has not finished the same message before.

    `store` keeps the records: `MemoryStore`, `DynamoDbStore`, `RedisStore`, `SqlStore`, or any
    `IdempotencyStore`. At its start, a listener proves with a record that the store works.

    `key` says which messages are the same: a path in the payload such as
    `'event.attributes.order_id'`, several paths, or a function of the message and the payload, that
    returns one or several values. If a value is missing, the outcome is a `FATAL_ERROR`: the
    subscriber never runs without a key. By default, the message decides: see `default_key`.

    `ttl` is the number of seconds for which a record that is done stays, 1 or more: the time within
    which a message may come again. `scope` separates listeners that share a store and have
    subscribers of the same module and name.

    - A record is taken until the visibility timeout of its message ends. A heartbeat extends both.
    - `FATAL_ERROR` leaves no record, so that a message that is redriven is processed.
    - If the store does not answer before the subscriber runs, the outcome is a `RETRIABLE_ERROR`.
      If it does not answer after that, the outcome remains, and the record ends by itself.
    - A subscriber that did not run is not an attempt in the sense of `max_receives`. The redrive
      policy of the queue counts all receives.
    - A hook before this one in `hooks=` also sees the outcomes of subscribers that did not run.

    Safe to share among threads and listeners.

    Raises:
        ConfigurationError: for invalid settings.
    """

    def __init__(
        self,
        store: IdempotencyStore,
        *,
        key: Key | None = None,
        ttl: float | timedelta = 86_400,
        scope: str | None = None,
    ) -> None:
        _check_methods(store)
        if scope is not None and not isinstance(scope, str):
            raise ConfigurationError(f'scope={safe_repr(scope)}: must be a str, or None')
        self._store = store
        self._values_of = compile_key(key)
        self._ttl = check_seconds('ttl', ttl, 1, MAX_TTL)
        self._scope = scope
        self._leases = Leases(store, self._renewal_failed)
        self._random, self._numbers = token_hex(6), count()
        self._lock = Lock()
        self._counts: Counter[str] = Counter()

    def stats(self) -> IdempotencyStats:
        """Return the counts since the hook was created."""
        with self._lock:
            return IdempotencyStats(**self._counts)

    def check(self) -> None:
        """Prove that the store works.

        Raises:
            ConfigurationError: if it does not.
        """
        try:
            check_store(self._store)
        except ConfigurationError:
            raise
        except Exception as error:
            name, kind = type(self._store).__name__, type(error).__name__
            problem = f'{name} failed its check: {kind}: {single_line(str(error))}'
            raise ConfigurationError(problem) from error

    def around_subscriber(
        self, subscriber: Subscriber, message: Message, payload: AnyPayload
    ) -> HookGenerator[Outcome]:
        """Run the subscriber, unless its record says otherwise."""
        try:
            values = self._values_of(message, payload)
        except InvalidPayloadError as error:
            return Outcome(subscriber, ProcessStatus.FATAL_ERROR, error)
        key = record_key(self._scope, subscriber, values)
        lease = self._leases.create(key, self._new_owner(), message)
        try:
            record = yield from blocking(self._store.take, key, lease.owner, lease.seconds)
        except Exception as error:
            self._count('store_errors')
            status = ProcessStatus.RETRIABLE_ERROR
            return Outcome(subscriber, status, error, has_begun=False)
        if record is not None:
            return self._outcome_of(record, subscriber, message)
        try:
            self._leases.begin(lease)
            self._count('processed')
            outcome = yield
        except Exception:  # of another hook, or because no thread can be started
            yield from self._end(lease, is_done=False)
            raise
        finally:
            self._leases.end(lease)
        yield from self._end(lease, is_done=outcome.status is ProcessStatus.DONE)
        return None

    def _new_owner(self) -> str:
        """Return a text that no other owner has, also after a fork, in at most 32 characters.

        Random digits for each owner would take as long as the matching of the message.
        """
        return f'{self._random}{os.getpid():x}-{next(self._numbers):x}'

    def _outcome_of(self, record: Record, subscriber: Subscriber, message: Message) -> Outcome:
        """Return the outcome of a subscriber that does not run."""
        if record.is_done:
            self._count('skipped')
            text = '%s has finished message %s before'
            _log.debug(text, subscriber.__name__, message.id, extra=about())
            return Outcome(subscriber, ProcessStatus.DONE)
        self._count('postponed')
        delay = min(max(0.0, record.time_left), MAX_DELAY)
        error = RetriableError(delay, 'another delivery of the message is in progress')
        return Outcome(subscriber, ProcessStatus.RETRY_LATER, error, has_begun=False)

    def _end(self, lease: Lease, *, is_done: bool) -> Generator[Any, Any, None]:
        """Change the record of a subscriber that ended. A failure of the store changes nothing.

        The effect has happened: another run could only repeat it.
        """
        try:
            if is_done:
                call = blocking(self._store.finish, lease.key, lease.owner, self._ttl)
            else:
                call = blocking(self._store.release, lease.key, lease.owner)
            is_ours = yield from call
        except Exception as error:
            self._count('store_errors')
            problem = 'message %s: its record remains until its time is over: %s'
            extra = about(error=type(error).__name__)
            _log.warning(
                problem,
                lease.message.id,
                traceback_without_text(error),
                code='record-remains',
                extra=extra,
            )
            return
        if is_done and not is_ours:
            self._count('lost')
            problem = 'message %s: another owner has its record, so that it may be processed twice'
            _log.warning(problem, lease.message.id, code='record-lost', extra=about())

    def _renewal_failed(self, lease: Lease, error: Exception) -> None:
        self._count('store_errors')
        message, problem = lease.message, 'message %s: its record was not renewed: %s'
        extra = about(queue=message.queue_name, message_id=message.id, error=type(error).__name__)
        _log.warning(
            problem,
            message.id,
            traceback_without_text(error),
            code='record-not-renewed',
            extra=extra,
        )

    def _count(self, name: str) -> None:
        with self._lock:
            self._counts[name] += 1


def _check_methods(store: object) -> None:
    for name in ('take', 'renew', 'finish', 'release', 'check'):
        if not callable(getattr(store, name, None)):
            problem = f'it has no method {name!r}'
            raise ConfigurationError(f'{safe_repr(store)} is not an IdempotencyStore: {problem}')
