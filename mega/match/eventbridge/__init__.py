"""EventBridge's event patterns, with EventBridge's meaning, and SNS's filter policies.

reading        what is written, checked as AWS checks it
items          what may stand in the array that ends a path
rules          the meaning: which events match, arrays included
filter_policy  the way back: from subscribers to what an SNS subscription lets through
"""

from mega.match.eventbridge.filter_policy.policy import FilterPolicy, Widened, to_filter_policy
from mega.match.eventbridge.reading import from_eventbridge

__all__ = ('FilterPolicy', 'Widened', 'from_eventbridge', 'to_filter_policy')
