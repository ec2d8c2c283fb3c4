"""The publishers of a relay: one for each service and region of its rows' destinations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from threading import Lock
from typing import Any, TypeAlias, TypedDict

from msgspec.json import Decoder
from sqlalchemy import Row

from mega.aws._executor import run_concurrently
from mega.aws._hooks.publishing import PublishHook, PublishResult
from mega.aws._messages.compression import Compression
from mega.aws._messages.destinations import region_of
from mega.aws._publishing.outgoing import EncodedMessage
from mega.aws._publishing.publisher import Publisher
from mega.aws._transport.client import AwsClient
from mega.aws._transport.time_limits import TimeLimit
from mega.aws.s3.store import S3PayloadStore
from mega.aws.sns.service import SNS
from mega.aws.sqs.service import SQS
from mega.errors import MegaError, PublishError

__all__ = ('Connect', 'Destinations')

Connect: TypeAlias = Callable[[str, str], AwsClient]
"""Returns a client of a service, `sqs` or `sns`, for the region of a destination."""

CONCURRENT_DESTINATIONS = 10
"""Destinations that get messages at a time. A batch waits for all of its destinations."""

_TIMEOUT = 30.0
"""Seconds after which a relay gives up the rows of a destination that does not answer."""


class _Attribute(TypedDict, total=False):
    DataType: str
    StringValue: str
    BinaryValue: bytes  # in JSON as Base64


_decode_attributes = Decoder(dict[str, _Attribute]).decode
_decode_options = Decoder(dict[str, Any]).decode


class Destinations:
    """Sends rows to their queues and topics."""

    def __init__(
        self,
        connect: Connect,
        store: S3PayloadStore | None,
        hooks: Sequence[PublishHook],
        concurrency: int,
        compression: Compression | None,
    ) -> None:
        self._connect = connect
        self._hooks = hooks
        self._store = store
        self._concurrency = concurrency
        self._compression = compression
        self._lock = Lock()
        self._clients: list[AwsClient] = []
        self._publishers: dict[tuple[str, str | None], Publisher] = {}

    def send(self, rows: Sequence[Row[Any]], seconds: float) -> dict[int, PublishResult]:
        """Send rows within `seconds`, and return their results by position. Never raises.

        The rows of a message group are sent in their order, and none of them after one that failed.
        A row has no result if no time was left for its destination.
        """
        end = TimeLimit(seconds)
        by_destination: dict[str, list[Row[Any]]] = {}
        for row in rows:
            by_destination.setdefault(row.destination, []).append(row)
        calls = [
            partial(self._send_to, destination, of_destination, end)
            for destination, of_destination in by_destination.items()
        ]
        results: dict[int, PublishResult] = {}
        sent = run_concurrently('mega-outbox', CONCURRENT_DESTINATIONS, calls)
        for of_destination, found in zip(by_destination.values(), sent, strict=True):
            if isinstance(found, Exception):
                failure = PublishResult(error=_as_mega_error(found))
                found = {row.position: failure for row in of_destination}
            results.update(found)
        return results

    def close(self) -> None:
        """Close the connections to AWS."""
        for client in self._clients:
            client.close()
        self._clients.clear()
        self._publishers.clear()

    def _send_to(
        self, destination: str, rows: Sequence[Row[Any]], end: TimeLimit
    ) -> dict[int, PublishResult]:
        with self._lock:
            publisher = self._publisher(destination)
        seconds = end.seconds_left
        if not seconds:
            return {}
        messages = map(_message, rows)
        results = publisher.send_encoded(destination, messages, self._concurrency, seconds)
        return {row.position: result for row, result in zip(rows, results, strict=True)}

    def _publisher(self, destination: str) -> Publisher:
        service = 'sns' if destination.startswith('arn:') else 'sqs'
        key = service, region_of(destination)
        if key not in self._publishers:
            client = self._connect(service, destination)
            api = SNS if service == 'sns' else SQS
            self._publishers[key] = Publisher(
                client, api, None, self._store, _TIMEOUT, self._hooks, self._compression
            )
            self._clients.append(client)
        return self._publishers[key]


def _message(row: Row[Any]) -> EncodedMessage:
    attributes: dict[str, Any] = {**_decode_attributes(row.attributes)}
    return EncodedMessage(row.body, attributes, _decode_options(row.options))


def _as_mega_error(error: Exception) -> MegaError:
    if isinstance(error, MegaError):
        return error
    unexpected = PublishError(f'not sent: {type(error).__name__}')
    unexpected.__cause__ = error
    return unexpected
