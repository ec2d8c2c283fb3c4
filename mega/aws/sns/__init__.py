"""SNS: the publisher, the envelope of a notification, and filter policies from patterns.

The module imports its names on first use: a service that only publishes does not need the filter
policies, and one that only receives needs neither.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mega.aws.sns.filter_policy.policy import FilterPolicy, Widened, to_filter_policy
    from mega.aws.sns.publish import SnsPublisher

__all__ = ('FilterPolicy', 'SnsPublisher', 'Widened', 'to_filter_policy')


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    module = 'publish' if name == 'SnsPublisher' else 'filter_policy.policy'
    return getattr(import_module(f'{__name__}.{module}'), name)
