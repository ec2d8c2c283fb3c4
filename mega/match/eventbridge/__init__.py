"""EventBridge's event patterns, with EventBridge's meaning.

- `parser`: parses the objects, arrays and `$or` of an event pattern.
- `value_parser`: parses the literals and operators in the arrays.
- `operators`: the literals and operators as patterns of one scalar.
- `matcher`: decides which events match, also inside arrays.
"""

from mega.match.eventbridge.parser import from_eventbridge

__all__ = ('from_eventbridge',)
