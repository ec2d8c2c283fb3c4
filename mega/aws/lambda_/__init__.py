"""AWS Lambda: subscribers in a function that a queue, a topic or a pipe invokes.

    handler.py        LambdaHandler, the public class
    records.py        the records of an event as messages
    invocation.py     one event: the order of its messages, and the ones that failed
    failed_record.py  ... one of them
    deadline.py       the remaining time of the function
    queue_calls.py    the calls to SQS: dead letters and delays
    visibility.py     ... the delays

A message takes the same path as in a listener: `mega.aws.sqs.subscribe.processing`. Lambda receives
and deletes it. The handler is imported on first use, because others need only the records.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mega._lazy_import import import_on_first_use

if TYPE_CHECKING:
    from mega.aws.lambda_.handler import LambdaHandler

__all__ = ('LambdaHandler',)

__getattr__ = import_on_first_use(__name__, {'LambdaHandler': '.handler'})
