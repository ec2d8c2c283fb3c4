"""SQS: sending payloads to queues, and in `mega.aws.sqs.subscribe` receiving them."""

from __future__ import annotations

from mega.aws.sqs.publish import SqsPublisher

__all__ = ('SqsPublisher',)
