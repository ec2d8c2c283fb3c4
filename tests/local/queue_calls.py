"""Short forms of the calls that send, receive and settle messages of the model."""

from __future__ import annotations

from typing import Any

from tests.local.aws_account import LocalAccount

__all__ = ('change', 'counts', 'delete', 'received', 'send')


def send(aws: LocalAccount, url: str, *bodies: str, group: str | None = None) -> None:
    """Send messages. In a FIFO queue, the first letter of a body is the group."""
    for body in bodies:
        fields: dict[str, Any] = {'MessageGroupId': group} if group else {}
        if url.endswith('.fifo'):
            fields = {'MessageGroupId': body[0], 'MessageDeduplicationId': body}
        aws.sqs('SendMessage', QueueUrl=url, MessageBody=body, **fields)


def received(
    aws: LocalAccount, url: str, limit: int = 10, seconds: int = 30, **more: Any
) -> dict[str, str]:
    """Receive messages, and return their receipt handles by body, in order."""
    request = {'QueueUrl': url, 'MaxNumberOfMessages': limit, 'VisibilityTimeout': seconds}
    response = aws.sqs('ReceiveMessage', **request, **more)
    return {each['Body']: each['ReceiptHandle'] for each in response.get('Messages', [])}


def change(aws: LocalAccount, url: str, handle: str, seconds: int) -> None:
    aws.sqs(
        'ChangeMessageVisibility', QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=seconds
    )


def delete(aws: LocalAccount, url: str, handle: str) -> None:
    aws.sqs('DeleteMessage', QueueUrl=url, ReceiptHandle=handle)


def counts(aws: LocalAccount, url: str) -> tuple[int, int, int]:
    """Return the numbers of visible, hidden and delayed messages."""
    names = ['', 'NotVisible', 'Delayed']
    names = [f'ApproximateNumberOfMessages{name}' for name in names]
    found = aws.sqs('GetQueueAttributes', QueueUrl=url, AttributeNames=names)['Attributes']
    visible, hidden, delayed = (int(found[name]) for name in names)
    return visible, hidden, delayed
