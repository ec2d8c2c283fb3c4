"""Declare subscriber classes for the tests of filter policies."""

from __future__ import annotations

from typing import Any

from mega.aws.sqs.subscribe import DataSubscriber, EventSubscriber, MessageSubscriber


def subscriber(base: Any, declared: dict[str, Any]) -> type[MessageSubscriber]:
    methods = {'process': lambda self, payload: None}
    return type('Declared', (base,), {**methods, **declared})


def data_subscriber(**pattern: Any) -> type[MessageSubscriber]:
    return subscriber(DataSubscriber, {'pattern': pattern})


def event_subscriber(**declared: Any) -> type[MessageSubscriber]:
    return subscriber(EventSubscriber, declared)
