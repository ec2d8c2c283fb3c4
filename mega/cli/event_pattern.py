"""An event pattern of EventBridge as an option: `--match '{"amount": [{"numeric": [">", 5]}]}'`."""

from __future__ import annotations

import click

from mega.errors import PatternError
from mega.match import Pattern
from mega.match.eventbridge import from_eventbridge

__all__ = ('read_pattern',)


def read_pattern(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> Pattern | None:
    """Return the pattern in the text of an option: a callback of click.

    `from_eventbridge` documents the accepted forms.

    Raises:
        click.BadParameter: for invalid JSON, or an invalid pattern.
    """
    if text is None:
        return None
    try:
        pattern: Pattern = from_eventbridge(text)
    except PatternError as error:
        raise click.BadParameter(str(error)) from error
    return pattern
