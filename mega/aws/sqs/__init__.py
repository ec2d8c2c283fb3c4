"""SQS: the publisher and the receiver. The listener is in `mega.aws.sqs.subscribe`.

The module imports each of them on first use, because a listener needs neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mega._lazy_import import import_on_first_use

if TYPE_CHECKING:
    from mega.aws.sqs.publish import SqsPublisher
    from mega.aws.sqs.receive import ReceivedMessage, SqsReceiver

__all__ = ('ReceivedMessage', 'SqsPublisher', 'SqsReceiver')

__getattr__ = import_on_first_use(
    __name__,
    {'ReceivedMessage': '.receive', 'SqsPublisher': '.publish', 'SqsReceiver': '.receive'},
)
