"""The delay before SQS delivers a message again that the function reports as failed.

Lambda leaves such a message in the queue until its visibility timeout ends. The function changes
that timeout before it returns:

    ChangeMessageVisibilityBatch   [{'Id': '0', 'ReceiptHandle': ..., 'VisibilityTimeout': 60}]

The policies that AWS and SAM provide differ: `SQSPollerPolicy` of SAM permits the call, and
`AWSLambdaSQSQueueExecutionRole` does not. A change that fails loses only the delay.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibilityBatch.html
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from msgspec import Struct

from mega.aws._messages.batch_response import read_batch_response
from mega.aws._messages.destinations import queue_name
from mega.aws._transport.call_errors import with_advice
from mega.aws._transport.client import AwsClient
from mega.aws.lambda_.records import LambdaRecord
from mega.errors import ConfigurationError, TransportError, safe_repr
from mega.logging import about, get_logger

__all__ = ('DelayedRetry', 'VisibilityChanger', 'queue_url_of')

_log = get_logger(__name__)

MAX_ENTRIES = 10
"""Entries of one request, at most."""

MAX_DELAY = 43_200 - 1_500
"""Seconds. A message can stay hidden for twelve hours after its receive. Before the change, Lambda
may have collected a batch for five minutes, and the function may have run for fifteen. The rest is
a margin."""


class DelayedRetry(Struct, frozen=True):
    """A message that becomes visible in its queue after a number of seconds."""

    record: LambdaRecord
    queue_arn: str
    seconds: int


class VisibilityChanger:
    """Changes the visibility timeouts of messages. `connect` returns a client of SQS."""

    def __init__(self, connect: Callable[[], AwsClient]) -> None:
        self._connect = connect
        self._has_warned = False

    def change(self, retries: Sequence[DelayedRetry]) -> None:
        """Let SQS deliver messages after their delays. A failure is logged: the first as a warning.

        The messages behind a failed one in its group need the same delay: SQS delivers no message
        of a group while it hides another one.
        """
        for arn in dict.fromkeys(retry.queue_arn for retry in retries):
            of_queue = [retry for retry in retries if retry.queue_arn == arn]
            for start in range(0, len(of_queue), MAX_ENTRIES):
                self._change(arn, of_queue[start : start + MAX_ENTRIES])

    def _change(self, queue_arn: str, retries: Sequence[DelayedRetry]) -> None:
        ids = [str(position) for position in range(len(retries))]
        entries = [
            {
                'Id': id,
                'ReceiptHandle': retry.record.received['ReceiptHandle'],
                'VisibilityTimeout': min(retry.seconds, MAX_DELAY),
            }
            for id, retry in zip(ids, retries, strict=True)
        ]
        url = ''
        try:
            aws = self._connect()
            url = queue_url_of(aws, queue_arn)
            response = aws.call('change_message_visibility_batch', QueueUrl=url, Entries=entries)
        except TransportError as error:
            self._report(queue_arn, retries, str(with_advice(error, url)))
            return
        except ConfigurationError as error:  # for example no region
            self._report(queue_arn, retries, str(error))
            return
        answers = read_batch_response(response, ids)
        for retry, answer in zip(retries, answers, strict=True):
            if not answer.is_successful:
                problem = f'{safe_repr(answer.code)}: {safe_repr(answer.problem)}'
                self._report(queue_arn, [retry], problem)

    def _report(self, queue_arn: str, retries: Sequence[DelayedRetry], problem: str) -> None:
        text = 'messages %s become visible when their visibility timeout ends, without a delay: %s'
        level = logging.DEBUG if self._has_warned else logging.WARNING
        self._has_warned = True
        ids = ', '.join(retry.record.id for retry in retries)
        _log.log(
            level, text, ids, problem, code='no-delay', extra=about(queue=queue_name(queue_arn))
        )


def queue_url_of(aws: AwsClient, arn: str) -> str:
    """Return the URL of a queue, on the host to which a client sends its calls."""
    *_, account, name = arn.split(':')
    return f'{aws.endpoint_url}/{account}/{name}'
