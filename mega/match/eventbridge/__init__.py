"""EventBridge's event patterns, with EventBridge's meaning, and SNS's filter policies.

reading   what is written, checked as AWS checks it
items     what may stand in the array that ends a path
rules     the meaning: which events match, arrays included

policy    from subscribers to a policy, and how much it lets through
wanting   from a pattern to what SNS is asked: nothing that matches may be held back
asked     the same of one value; beginnings: with what texts begin that match
places    where a field of a payload stands in a message
attributes  ... and as which message attribute
branches  what has to hold together, and what instead of each other
fitting   what is left out, until SNS takes it
words     the words of SNS's policies
"""

from mega.match.eventbridge.policy import FilterPolicy, Widened, to_filter_policy
from mega.match.eventbridge.reading import from_eventbridge

__all__ = ('FilterPolicy', 'Widened', 'from_eventbridge', 'to_filter_policy')
