"""The options of the logs, which become `LogSettings`."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from mega.cli.listen.logs import FORMATS, LEVELS, LogSettings

__all__ = ('log_options',)

_OPTIONS = (
    click.option(
        '-v', '--verbose', is_flag=True, help='Log at the level debug, like --log-level debug.'
    ),
    click.option(
        '--no-log-config',
        is_flag=True,
        envvar='MEGA_NO_LOG_CONFIG',
        show_envvar=True,
        help='Configure no logs: your code does. Nothing touches the root logger.',
    ),
    click.option(
        '--log-config',
        type=click.Path(exists=True, dir_okay=False),
        metavar='FILE',
        envvar='MEGA_LOG_CONFIG',
        show_envvar=True,
        help='Configure the logs from a file: JSON for dictConfig (*.json), or the format of '
        'fileConfig. It replaces the level and the format.',
    ),
    click.option(
        '--log-format',
        type=click.Choice(FORMATS),
        default='text',
        show_default=True,
        envvar='MEGA_LOG_FORMAT',
        show_envvar=True,
        help='The format of the logs on stderr.',
    ),
    click.option(
        '--log-level',
        type=click.Choice(LEVELS, case_sensitive=False),
        default='info',
        show_default=True,
        envvar='MEGA_LOG_LEVEL',
        show_envvar=True,
        help='Log at this level and above. Bodies of messages are never logged.',
    ),
)
"""In the reverse order of the help."""


def log_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--log-level`, `--log-format`, `--log-config`, `--no-log-config` and `-v`.

    The command receives `LogSettings` as `logs`.
    """

    @wraps(command)
    def with_settings(
        *arguments: Any,
        log_level: str,
        log_format: str,
        log_config: str | None,
        no_log_config: bool,
        verbose: bool,
        **others: Any,
    ) -> Any:
        _refuse_contradictions()
        path = None if log_config is None else str(Path(log_config).resolve())
        level = 'debug' if verbose else log_level
        logs = LogSettings(level, log_format, path, no_log_config)
        return command(*arguments, logs=logs, **others)

    for option in _OPTIONS:
        with_settings = option(with_settings)
    return with_settings


_DESTINATIONS = ('log_config', 'no_log_config')
_DETAILS = ('log_level', 'log_format', 'verbose')


def _refuse_contradictions() -> None:
    """Refuse options on the command line that another one makes ineffective.

    Environment variables may contradict them: they are often the same for all commands.
    """
    context = click.get_current_context()

    def given(names: tuple[str, ...]) -> list[str]:
        return [
            f'--{name.replace("_", "-")}'
            for name in names
            if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        ]

    destinations, details = given(_DESTINATIONS), given(_DETAILS)
    if len(destinations) > 1 or (destinations and details):
        names = ' and '.join([*destinations, *details])
        raise click.UsageError(f'{names} contradict each other: pass one of them')
