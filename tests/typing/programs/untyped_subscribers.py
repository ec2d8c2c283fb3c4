"""Subscribers without type parameters."""

from __future__ import annotations

from typing import Any

from typing_extensions import assert_type

from mega.aws.sqs.subscribe import (
    BlobSubscriber,
    DataSubscriber,
    EventSubscriber,
    Message,
    MessageSubscriber,
    ProcessStatus,
    TextSubscriber,
)
from mega.event import Payload
from mega.match.functions import one_of


class Added(EventSubscriber):
    name = one_of('item.added', 'item.moved')
    version = 1

    def process(self, payload: Payload) -> ProcessStatus:
        assert_type(self.message, Message)
        return ProcessStatus.DONE


class Data(DataSubscriber):
    pattern = {'type': 'order'}

    async def process(self, payload: dict[str, Any]) -> None: ...


class Text(TextSubscriber):
    def process(self, payload: str) -> None: ...


class Blob(BlobSubscriber):
    def process(self, payload: bytes) -> None: ...


class Everything(MessageSubscriber):
    retriable_exceptions = (TimeoutError,)

    def process(self, payload: object) -> None: ...


class Wrong(EventSubscriber):
    def process(self, payload: str) -> None: ...  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
