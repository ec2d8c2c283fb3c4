"""EventBridge's event patterns, with EventBridge's meaning.

- `parser`: reads an event pattern, and refuses what AWS refuses.
- `operators`: the values and operators that may stand in the array at the end of a path.
- `matcher`: decides which events match, arrays included.
"""

from mega.match.eventbridge.parser import from_eventbridge

__all__ = ('from_eventbridge',)
