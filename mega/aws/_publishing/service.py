"""The differences between SQS and SNS, as a publisher sees them.

One `Publisher` serves both. It takes the names of the requests and the rules of a service from a
`ServiceApi`: `mega.aws.sqs.service.SQS` or `mega.aws.sns.service.SNS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from mega.aws._transport.client import AwsClient

__all__ = ('ServiceApi',)


class ServiceApi(Struct, frozen=True):
    """The names and rules of a service that accepts messages.

    `send_operation` is AWS's name of the request for one message, for errors. `send_method` and
    `send_batch_method` are boto3's names. The names that end in `_parameter` are AWS's names of
    parameters, and `options` maps a publisher's own option names to AWS's names.

    `check_destination(name, destination, endpoint_url)` refuses another kind of destination.
    `check_options(options, is_fifo)` refuses options that the service would refuse, and writes a
    `timedelta` as seconds.
    `check_size(body, attributes, size, limit)` refuses a message that is too large.
    `delivered_size(body, attributes, size)` is the size in the subscribed queue, with the envelope.
    `exclusive_queue_url(destination)` is the URL of the only queue that gets the message; None if
    there may be others. `fetch_max_message_bytes(aws, destination)` asks the service for the
    largest message that the destination accepts. `max_batch_bytes(limit)` is the largest sum of the
    messages of a batch, given that limit. All sizes are in bytes.
    """

    send_operation: str
    send_method: str
    send_batch_method: str
    destination_parameter: str
    body_parameter: str
    entries_parameter: str
    destination_option: str
    options: Mapping[str, str]
    check_destination: Callable[[str, str, object], None]
    check_options: Callable[[dict[str, Any], bool], None]
    check_size: Callable[[str, dict[str, Any], int, int], None]
    delivered_size: Callable[[str, dict[str, Any], int], int]
    exclusive_queue_url: Callable[[str], str | None]
    fetch_max_message_bytes: Callable[[AwsClient, str], object]
    max_batch_bytes: Callable[[int], int]
