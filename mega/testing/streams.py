"""Delivers a stream to a subscriber: stores its content in the S3 of a new `Bus`."""

from __future__ import annotations

from functools import partial
from typing import Any

from mega.aws._messages.attributes import Attributes, to_aws, with_payload_type
from mega.aws._publishing.streams import Streamable, opened
from mega.aws.s3.store import S3PayloadStore
from mega.aws.sqs.opening import MessageOpener, open_message
from mega.codec import PayloadType
from mega.testing.bus import Bus

__all__ = ('upload_for_delivery',)

_SECONDS = 60.0


def upload_for_delivery(
    stream: Streamable, attributes: Attributes | None
) -> tuple[str, dict[str, Any], MessageOpener]:
    """Store the content of a stream. Return the body and the attributes of its message.

    The function opens the message.

    Raises:
        EncodeError, PublishError: as a publisher raises them.
    """
    bus = Bus()
    marked = with_payload_type(to_aws(attributes), PayloadType.STREAM)
    store = S3PayloadStore(bus.bucket('payloads'), client=bus.s3)
    with opened(stream) as file:
        upload = store.upload_stream(store.draft_stream(), file, _SECONDS)
    return upload.body, {**marked, **upload.attributes}, partial(open_message, store=store)
