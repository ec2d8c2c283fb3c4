"""SNS: the publisher, the envelope of a notification, and filter policies from patterns.

The module imports its names on first use: a service that only publishes does not need the filter
policies, and one that only receives needs neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mega._lazy_import import import_on_first_use

if TYPE_CHECKING:
    from mega.aws.sns.filter_policy.policy import FilterPolicy, Widened, to_filter_policy
    from mega.aws.sns.publish import SnsPublisher

__all__ = ('FilterPolicy', 'SnsPublisher', 'Widened', 'to_filter_policy')

__getattr__ = import_on_first_use(
    __name__,
    {
        'FilterPolicy': '.filter_policy.policy',
        'SnsPublisher': '.publish',
        'Widened': '.filter_policy.policy',
        'to_filter_policy': '.filter_policy.policy',
    },
)
