"""Hooks, with the types of their methods."""

from __future__ import annotations

from datetime import timedelta

from typing_extensions import assert_type

from mega.aws.sqs.subscribe import (
    AnyPayload,
    DeliveryResult,
    Hook,
    HookGenerator,
    Message,
    Outcome,
    Subscriber,
)
from mega.hooks import (
    Outgoing,
    PublishHook,
    PublishResult,
    Reason,
    Settlement,
    SettlementAction,
    StatsField,
    blocking,
)
from mega.hooks.idempotency import Idempotency, MemoryStore


class Timing(Hook):
    def around_subscriber(
        self, subscriber: Subscriber, message: Message, payload: AnyPayload
    ) -> HookGenerator[Outcome]:
        outcome = yield
        assert_type(outcome, Outcome)
        assert_type(outcome.duration, float)
        return None

    def around_delivery(self, message: Message) -> HookGenerator[DeliveryResult]:
        result = yield
        assert_type(result, DeliveryResult)
        assert_type(result.settlement, Settlement)
        assert_type(result.settlement.action, SettlementAction)
        assert_type(result.settlement.reason, Reason | None)
        return result


class Postponing(Hook):
    def around_delivery(self, message: Message) -> HookGenerator[DeliveryResult]:
        result = yield
        if result.settlement.action is not SettlementAction.DEAD_LETTER:
            return None
        later = Settlement(SettlementAction.LEAVE, StatsField.RETRIED, delay=60)
        return DeliveryResult(result.outcomes, later)


class Origin(PublishHook):
    def around_publish(self, outgoing: Outgoing) -> HookGenerator[PublishResult]:
        assert_type(outgoing.add_attribute('service', 'shop'), bool)
        result = yield
        assert_type(result, PublishResult)
        return None


class Locking(Hook):
    def around_subscriber(
        self, subscriber: Subscriber, message: Message, payload: AnyPayload
    ) -> HookGenerator[Outcome]:
        key = yield from blocking(str.upper, message.id)
        assert_type(key, str)
        outcome = yield
        assert_type(outcome, Outcome)
        return None


class NoStore:
    def take(self, key: str, owner: str, seconds: float) -> None: ...


Idempotency(MemoryStore(), key='order_id', ttl=timedelta(days=1), scope='billing')
Idempotency(MemoryStore(), key=['event.name', 'object.id'])
Idempotency(MemoryStore(), key=lambda message, payload: message.group_id)


def refused() -> None:
    Idempotency(NoStore())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


class WrongHook(Hook):
    def around_delivery(self, message: Message) -> HookGenerator[Outcome]:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        yield
        return None
