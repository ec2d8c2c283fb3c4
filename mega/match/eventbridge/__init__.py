"""EventBridge's event patterns, with EventBridge's meaning.

reading   what is written, checked as AWS checks it
items     what may stand in the array that ends a path
rules     the meaning: which events match, arrays included
"""

from mega.match.eventbridge.reading import from_eventbridge

__all__ = ('from_eventbridge',)
