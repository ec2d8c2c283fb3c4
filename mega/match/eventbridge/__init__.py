"""EventBridge's event patterns, with EventBridge's meaning.

- `parser`: parses the objects, arrays and `$or` of an event pattern.
- `value_parser`: parses the literals and operators in the arrays.
- `complexity`: counts the complexity of wildcards as AWS does.
- `filter_policy_limits`: the limits of SNS's filter policies, which have the same language.
- `operators`: the literals and operators as patterns of one scalar.
- `matcher`: decides which events match, also inside arrays.
- `array_choices`: the choices of array members, for look-ups in an index.

The module imports the parser on first use. The index and the explanation need only the last three
modules, and most programs parse no event patterns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mega._lazy_import import import_on_first_use

if TYPE_CHECKING:
    from mega.match.eventbridge.parser import from_eventbridge

__all__ = ('from_eventbridge',)

__getattr__ = import_on_first_use(__name__, {'from_eventbridge': '.parser'})
