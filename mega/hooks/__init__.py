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

The modules of this package:

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

from typing import TYPE_CHECKING

from mega._lazy_import import import_on_first_use

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
    'DeliveryResult': 'mega.aws.sqs.subscribe.processing.hooks',
    'Hook': 'mega.aws.sqs.subscribe.processing.hooks',
    'HookGenerator': 'mega.aws._hooks.running',
    'Instrumentation': 'mega.aws._hooks.instrumentation',
    'Outcome': 'mega.aws.sqs.subscribe.processing.outcome',
    'Outgoing': 'mega.aws._hooks.publishing',
    'PublishHook': 'mega.aws._hooks.publishing',
    'PublishResult': 'mega.aws._hooks.publishing',
    'Reason': 'mega.aws.sqs.subscribe.reason',
    'RelayedBatch': 'mega.aws._hooks.publishing',
    'Settlement': 'mega.aws.sqs.subscribe.processing.settlement',
    'SettlementAction': 'mega.aws.sqs.subscribe.processing.settlement',
    'SettlementCall': 'mega.aws.sqs.subscribe.processing.hooks',
    'StatsField': 'mega.aws.sqs.subscribe.processing.settlement',
    'blocking': 'mega.aws._hooks.work',
}
"""The module of each name."""

__getattr__ = import_on_first_use(__name__, _MODULES)
