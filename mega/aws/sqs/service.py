"""SQS as a destination of messages: the names of its requests, and its rules.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
"""

from __future__ import annotations

from typing import Any

from mega.aws._messages.destinations import check_host, check_queue_url
from mega.aws._messages.limits import DEFAULT_MAX_MESSAGE_BYTES, check_delay, check_ids, check_size
from mega.aws._publishing.service import ServiceApi
from mega.aws._transport.client import AwsClient

__all__ = ('SQS',)


def _check_destination(name: str, queue_url: str, endpoint_url: object) -> None:
    check_host(name, check_queue_url(name, queue_url), endpoint_url)


def _check_options(options: dict[str, Any], is_fifo: bool) -> None:
    if 'DelaySeconds' in options:
        options['DelaySeconds'] = check_delay(options['DelaySeconds'], is_fifo)
    check_ids(options, is_fifo)


def _check_size(body: str, attributes: dict[str, Any], size: int, limit: int) -> None:
    check_size(size, limit)


def _delivered_size(body: str, attributes: dict[str, Any], size: int) -> int:
    return size


def exclusive_queue_url(queue_url: str) -> str:
    return queue_url


def _fetch_limit(aws: AwsClient, queue_url: str) -> object:
    names = ['MaximumMessageSize']
    response = aws.call('get_queue_attributes', QueueUrl=queue_url, AttributeNames=names)
    return response['Attributes']['MaximumMessageSize']


def _max_batch_bytes(limit: int) -> int:
    # The limit of one message may be lower than that of a batch, but not the other way round.
    return max(DEFAULT_MAX_MESSAGE_BYTES, limit)


SQS = ServiceApi(
    send_operation='SendMessage',
    send_method='send_message',
    send_batch_method='send_message_batch',
    destination_parameter='QueueUrl',
    body_parameter='MessageBody',
    entries_parameter='Entries',
    destination_option='queue_url',
    options={
        'delay_seconds': 'DelaySeconds',
        'message_group_id': 'MessageGroupId',
        'message_deduplication_id': 'MessageDeduplicationId',
    },
    check_destination=_check_destination,
    check_options=_check_options,
    check_size=_check_size,
    delivered_size=_delivered_size,
    exclusive_queue_url=exclusive_queue_url,
    fetch_max_message_bytes=_fetch_limit,
    max_batch_bytes=_max_batch_bytes,
)
