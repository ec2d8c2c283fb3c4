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

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mega.aws.lambda_.handler import LambdaHandler

__all__ = ('LambdaHandler',)


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    from mega.aws.lambda_.handler import LambdaHandler

    return LambdaHandler
