"""Received messages in boto3's form, with their bodies from S3.

{'Body': '["software...", {...}]', 'MessageAttributes': {size}, 'ReceiptHandle': 'AQEB'}
    -> {'Body': '<300,000 bytes>', 'MessageAttributes': {}, 'ReceiptHandle': 'AQEB', with a pointer}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

from mega.aws._executor import run_concurrently
from mega.aws._messages.attributes import from_aws
from mega.aws._messages.body_attributes import BODY_ATTRIBUTES
from mega.aws._messages.compression import compression_of, decompress_text
from mega.aws._messages.digests import md5_of_attributes, md5_of_body
from mega.aws.extended.receipt_handles import ReceiptHandle
from mega.aws.s3.pointer import is_offloaded, read_pointer
from mega.aws.s3.store import S3PayloadStore
from mega.errors import MAX_ERROR_CHARACTERS, MegaError, OffloadError, single_line

__all__ = (
    'Opened',
    'describe_failure',
    'fetch_bodies',
    'fetch_message',
    'missing_body',
    'requested_attributes',
)

Opened: TypeAlias = dict[str, Any] | None
"""A message with its body; None if the body does not exist."""

MAX_FETCHES = 10
"""Bodies that are fetched at the same time: as many as a response of SQS has messages."""


def requested_attributes(names: object) -> object:
    """Return the names of message attributes to request: the given names, and of a pointer.

    A value that is not a list is returned as it is, so that boto3 refuses it.
    """
    if names is not None and not isinstance(names, list | tuple):
        return names
    requested = list(names or ())
    if 'All' in requested or '.*' in requested:
        return requested
    return [*requested, *(name for name in BODY_ATTRIBUTES if name not in requested)]


def fetch_bodies(
    store: S3PayloadStore, messages: Sequence[dict[str, Any]]
) -> list[Opened | Exception]:
    """Return each message with its body from S3, or the error of its body, in their order."""
    results: list[Opened | Exception] = list(messages)
    offloaded = {
        place: partial(fetch_message, store, message)
        for place, message in enumerate(messages)
        if any(name in (message.get('MessageAttributes') or {}) for name in BODY_ATTRIBUTES)
    }
    fetched = run_concurrently('mega-s3', MAX_FETCHES, offloaded.values())
    for place, result in zip(offloaded, fetched, strict=True):
        results[place] = result
    return results


def fetch_message(store: S3PayloadStore, message: Mapping[str, Any]) -> Opened:
    """Return a message with its body from S3, or decompressed, if its attributes announce that.

    These attributes are removed, and the digests match the new content. The receipt handle of a
    message whose body is in S3 has the pointer.

    Raises:
        PointerError: for a pointer that is invalid or not allowed, or a body of another size.
        OffloadError: if S3 does not return the body now.
        DecodeError: for a compressed body that is invalid.
        ConfigurationError: for a body in zstd, if the package for it is missing.
    """
    attributes, body = message.get('MessageAttributes') or {}, message['Body']
    if is_offloaded(attributes):
        fetched = store.fetch(read_pointer(body, from_aws(attributes)))
        if fetched is None:
            return None
        handle = ReceiptHandle.with_pointer(message['ReceiptHandle'], fetched.pointer)
        return {**_with_body(message, fetched.body), 'ReceiptHandle': handle}
    compression = compression_of(from_aws(attributes))
    if compression is None:
        return dict(message)
    return _with_body(message, decompress_text(body, compression))


def _with_body(message: Mapping[str, Any], body: str) -> dict[str, Any]:
    """Return a message with another body, without the attributes that announced it."""
    attributes = message['MessageAttributes']
    own = {name: attributes[name] for name in attributes if name not in BODY_ATTRIBUTES}
    return {
        **message,
        'Body': body,
        'MD5OfBody': md5_of_body(body),
        'MessageAttributes': own,
        'MD5OfMessageAttributes': md5_of_attributes(own),
    }


def missing_body(message: Mapping[str, Any]) -> OffloadError:
    """Return the error of a message whose body does not exist."""
    pointer = read_pointer(message['Body'], from_aws(message['MessageAttributes']))
    return OffloadError(pointer.bucket, pointer.key, 'the object does not exist')


def describe_failure(message: Mapping[str, Any], error: MegaError) -> dict[str, str]:
    """Return an entry of `Failed` for a message whose body cannot be returned."""
    return {
        'MessageId': message['MessageId'],
        'ReceiptHandle': message['ReceiptHandle'],
        'Code': type(error).__name__,
        'Message': single_line(str(error), MAX_ERROR_CHARACTERS),
    }
