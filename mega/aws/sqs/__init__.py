"""SQS: the publisher. The listener is in `mega.aws.sqs.subscribe`."""

from __future__ import annotations

from mega.aws.sqs.publish import SqsPublisher

__all__ = ('SqsPublisher',)
