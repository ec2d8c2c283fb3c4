"""SNS as a destination of messages: the names of its requests, and its rules.

https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
"""

from __future__ import annotations

from typing import Any

from mega.aws._messages.destinations import check_topic_arn
from mega.aws._messages.limits import (
    check_ids,
    check_size,
    check_size_in_envelope,
    check_subject,
    size_in_envelope,
)
from mega.aws._publishing.service import ServiceApi
from mega.aws._transport.client import AwsClient

__all__ = ('SNS',)


def _check_destination(name: str, topic_arn: str, endpoint_url: object) -> None:
    check_topic_arn(name, topic_arn)


def _check_options(options: dict[str, Any], is_fifo: bool) -> None:
    check_subject(options.get('Subject'))
    check_ids(options, is_fifo)


def _check_size(body: str, attributes: dict[str, Any], size: int, limit: int) -> None:
    check_size(size, limit)
    check_size_in_envelope(body, attributes, size)


def _delivered_size(body: str, attributes: dict[str, Any], size: int) -> int:
    return size_in_envelope(body, attributes)


def exclusive_queue_url(topic_arn: str) -> None:
    return None  # each subscribed queue gets a message


def _fetch_limit(aws: AwsClient, topic_arn: str) -> object:
    response = aws.call('get_topic_attributes', TopicArn=topic_arn)
    return response['Attributes']['MaximumMessageSize']


def _max_batch_bytes(limit: int) -> int:
    return limit


SNS = ServiceApi(
    send_operation='Publish',
    send_method='publish',
    send_batch_method='publish_batch',
    destination_parameter='TopicArn',
    body_parameter='Message',
    entries_parameter='PublishBatchRequestEntries',
    destination_option='topic_arn',
    options={
        'subject': 'Subject',
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
