"""An event pattern of EventBridge as an option: `--match '{"amount": [{"numeric": [">", 5]}]}'`."""

from __future__ import annotations

import json

import click

from mega.errors import PatternError
from mega.match import Pattern
from mega.match.eventbridge import from_eventbridge

__all__ = ('read_pattern',)


def read_pattern(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> Pattern | None:
    """Return the pattern in the text of an option: a callback of click.

    Raises:
        click.BadParameter: for invalid JSON, or an invalid pattern.
    """
    if text is None:
        return None
    try:
        pattern: Pattern = from_eventbridge(json.loads(text))
    except json.JSONDecodeError as error:
        raise click.BadParameter(f'invalid JSON: {error}') from error
    except (PatternError, ValueError, RecursionError) as error:
        raise click.BadParameter(str(error)) from error
    return pattern
