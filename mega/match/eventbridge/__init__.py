"""EventBridge's event patterns, with EventBridge's meaning.

- `parser`: parses the objects, arrays and `$or` of an event pattern.
- `value_parser`: parses the literals and operators in the arrays.
- `complexity`: counts the complexity of wildcards as AWS does.
- `filter_policy_limits`: the limits of SNS's filter policies, which have the same language.
- `operators`: the literals and operators as patterns of one scalar.
- `matcher`: decides which events match, also inside arrays.

The module imports the parser on first use. The index and the explanation need only the other two
modules, and most programs parse no event patterns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mega.match.eventbridge.parser import from_eventbridge

__all__ = ('from_eventbridge',)


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    from mega.match.eventbridge import parser

    return getattr(parser, name)
