"""Hooks: user code around deliveries, subscribers and published messages.

This module has the types that hooks are written with:

    Hook             the base class of hooks; PublishHook is for programs without a listener
    HookGenerator    what each method of a hook returns
    blocking         calls a function that may block, from a hook
    around_publish   receives an Outgoing; its result is a PublishResult
    around_relay     runs around each batch of an OutboxRelay; its result is a RelayedBatch
    around_delivery  receives a Message; its result is a DeliveryResult, with an Outcome of each
                     subscriber and a Settlement (SettlementAction, StatsField, Reason);
                     a SettlementCall is reported to its call_observers
    Instrumentation  which instrumentation of botocore a hook replaces

Each hook and each store has a module of its own, with what it needs:

    idempotency.py  a subscriber that finished a message does not process it again
    records.py      the records of that hook, the protocol of their stores, and the store in memory
    keys.py         which messages have the same record
    leases.py       the renewal of records while their subscribers run
    dynamodb.py     the store in DynamoDB
    redis.py        the store in Redis or Valkey
    sql.py          the store in PostgreSQL or SQLite
    prometheus.py   metrics for Prometheus
    opentelemetry/  traces and metrics

Names are imported on first use, so that a service that only publishes does not load the listener.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mega.aws._hooks.instrumentation import Instrumentation
    from mega.aws._hooks.publishing import (
        Outgoing,
        PublishHook,
        PublishResult,
        RelayedBatch,
    )
    from mega.aws._hooks.running import HookGenerator
    from mega.aws._hooks.work import blocking
    from mega.aws.sqs.subscribe.processing.hooks import DeliveryResult, Hook, SettlementCall
    from mega.aws.sqs.subscribe.processing.outcome import Outcome
    from mega.aws.sqs.subscribe.processing.settlement import (
        Settlement,
        SettlementAction,
        StatsField,
    )
    from mega.aws.sqs.subscribe.reason import Reason

__all__ = (
    'DeliveryResult',
    'Hook',
    'HookGenerator',
    'Instrumentation',
    'Outcome',
    'Outgoing',
    'PublishHook',
    'PublishResult',
    'Reason',
    'RelayedBatch',
    'Settlement',
    'SettlementAction',
    'SettlementCall',
    'StatsField',
    'blocking',
)

_MODULES = {
    'DeliveryResult': 'sqs.subscribe.processing.hooks',
    'Hook': 'sqs.subscribe.processing.hooks',
    'HookGenerator': '_hooks.running',
    'Instrumentation': '_hooks.instrumentation',
    'Outcome': 'sqs.subscribe.processing.outcome',
    'Outgoing': '_hooks.publishing',
    'PublishHook': '_hooks.publishing',
    'PublishResult': '_hooks.publishing',
    'Reason': 'sqs.subscribe.reason',
    'RelayedBatch': '_hooks.publishing',
    'Settlement': 'sqs.subscribe.processing.settlement',
    'SettlementAction': 'sqs.subscribe.processing.settlement',
    'SettlementCall': 'sqs.subscribe.processing.hooks',
    'StatsField': 'sqs.subscribe.processing.settlement',
    'blocking': '_hooks.work',
}
"""The module of each name, in `mega.aws`."""


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(import_module(f'mega.aws.{_MODULES[name]}'), name)
