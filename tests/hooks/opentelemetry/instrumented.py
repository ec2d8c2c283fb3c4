"""A program with the hook beside installed instrumentation of botocore and boto3sqs.

    python -m tests.hooks.opentelemetry.instrumented OWN|PASSED QUEUE_URL DEAD_URL

It publishes 30 messages in each of three ways, and processes them. The messages have clients of the
library's own, or a client that the program passes. It prints a report as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from typing import Any

import boto3
from opentelemetry.instrumentation.boto3sqs import Boto3SQSInstrumentor
from opentelemetry.instrumentation.botocore import BotocoreInstrumentor

from mega.aws.sqs import SqsPublisher
from mega.aws.sqs.subscribe import MessageSubscriber, SqsListener
from tests.hooks.opentelemetry.recording import Recorded

__all__ = ('main',)


class Fails(MessageSubscriber):
    """A subscriber that fails for the raw messages."""

    def process(self, payload: Any) -> None:
        """Fail for a text."""
        if isinstance(payload, str):
            raise ValueError


def main() -> None:
    client_kind, queue_url, dead_url = sys.argv[1:]
    recorded = Recorded()
    hook = recorded.hook(parent='child')
    settings: dict[str, Any] = {'hooks': [hook]}
    url = os.environ['AWS_ENDPOINT_URL']
    if client_kind == 'OWN':  # boto3sqs wraps the class of the first client
        publisher = SqsPublisher(queue_url, **settings)
    botocore: Any = BotocoreInstrumentor
    botocore().instrument(tracer_provider=recorded.tracers)
    Boto3SQSInstrumentor().instrument(tracer_provider=recorded.tracers)
    client = boto3.client('sqs', endpoint_url=url)
    if client_kind == 'PASSED':
        settings['client'] = client
        publisher = SqsPublisher(queue_url, **settings)
    with publisher:
        publisher.publish({})
        publisher.publish_raw_message('text')
        publisher.publish_batch([{}] * 30)
    with SqsListener(
        queue_url,
        [Fails],
        wait_time_seconds=0,
        max_number_of_messages=10,
        concurrency=3,
        dead_letter_queue_url=dead_url,
        **settings,
    ) as listener:
        stats = listener.drain()
    names = Counter(recorded.names)
    client.list_queues()
    report = {
        'names': names,
        'after': Counter(recorded.names) - names,
        'wrapped': hasattr(type(publisher._aws.client).receive_message, '_self_wrapper'),
        'kept by boto3sqs': len(Boto3SQSInstrumentor.received_messages_spans),
        'transports': [stats.transport, publisher._aws.transport],
        'scopes': sorted({_scope(each) for each in recorded.spans}),
        'traces': len({each.context.trace_id for each in recorded.spans}),
    }
    sys.stdout.write(json.dumps(report))


def _scope(span: Any) -> str:
    return str(span.instrumentation_scope.name)


if __name__ == '__main__':
    main()
