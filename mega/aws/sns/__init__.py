"""SNS: the publisher, the envelope of a notification, and filter policies from patterns.

The module imports the filter policies on first use, because a service that only publishes does not
need them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mega.aws.sns.publish import SnsPublisher

if TYPE_CHECKING:
    from mega.aws.sns.filter_policy.policy import FilterPolicy, Widened, to_filter_policy

__all__ = ('FilterPolicy', 'SnsPublisher', 'Widened', 'to_filter_policy')


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    from mega.aws.sns.filter_policy import policy

    return getattr(policy, name)
