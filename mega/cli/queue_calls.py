"""Calls of SQS for one queue. The error of a call says what to change."""

from __future__ import annotations

from typing import Any

from mega.aws._transport.call_errors import with_advice
from mega.aws._transport.client import AwsClient
from mega.errors import TransportError

__all__ = ('call_queue', 'queue_url_of')


def call_queue(aws: AwsClient, url: str, method: str, **parameters: Any) -> dict[str, Any]:
    """Call SQS for a queue, by boto3's name of the method.

    Raises:
        TransportError: if the call fails, with the remedy.
    """
    try:
        return aws.call(method, QueueUrl=url, **parameters)
    except TransportError as error:
        raise with_advice(error, url) from error.__cause__


def queue_url_of(aws: AwsClient, name: str, account: str | None = None) -> str:
    """Return the URL of a queue by its name. None: in the account of the credentials.

    Raises:
        TransportError: if SQS does not return it, with the remedy.
    """
    try:
        found = aws.call('get_queue_url', QueueName=name, QueueOwnerAWSAccountId=account)
    except TransportError as error:
        raise with_advice(error, name) from error.__cause__
    url: str = found['QueueUrl']
    return url
