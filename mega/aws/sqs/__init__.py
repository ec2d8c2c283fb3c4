"""SQS: the publisher. The listener is in `mega.aws.sqs.subscribe`.

The module imports the publisher on first use, because a listener does not need it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mega.aws.sqs.publish import SqsPublisher

__all__ = ('SqsPublisher',)


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    from mega.aws.sqs.publish import SqsPublisher

    return SqsPublisher
