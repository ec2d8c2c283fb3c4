"""SQS: the publisher and the receiver. The listener is in `mega.aws.sqs.subscribe`.

The module imports each of them on first use, because a listener needs neither.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mega.aws.sqs.publish import SqsPublisher
    from mega.aws.sqs.receive import ReceivedMessage, SqsReceiver

__all__ = ('ReceivedMessage', 'SqsPublisher', 'SqsReceiver')

_MODULES = {'ReceivedMessage': 'receive', 'SqsPublisher': 'publish', 'SqsReceiver': 'receive'}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(import_module(f'{__name__}.{_MODULES[name]}'), name)
