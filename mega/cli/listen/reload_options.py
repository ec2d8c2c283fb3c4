"""The options of `--reload`, which become the `SourcePolling` of the parent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import click
from click.core import ParameterSource

from mega.cli.listen.source_polling import SourcePolling
from mega.cli.listen.source_watcher import DEFAULT_INCLUDE, SourceWatcher

__all__ = ('reload_options',)

_OPTIONS = (
    click.option(
        '--reload-exclude',
        metavar='GLOB',
        multiple=True,
        help='Files and directories to ignore. Repeatable. Caches, hidden directories and '
        'virtual environments are always ignored.',
    ),
    click.option(
        '--reload-include',
        metavar='GLOB',
        multiple=True,
        default=DEFAULT_INCLUDE,
        show_default=True,
        help='Files to watch. Repeatable.',
    ),
    click.option(
        '--reload-dir',
        type=click.Path(exists=True, file_okay=False),
        metavar='DIR',
        multiple=True,
        default=('.',),
        help='A directory to watch. Repeatable. Default: the working directory.',
    ),
    click.option(
        '--reload', is_flag=True, help='Replace the processes when a source file changes.'
    ),
)
"""In the reverse order of the help."""


def reload_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--reload`, `--reload-dir`, `--reload-include` and `--reload-exclude`.

    The command receives a `SourcePolling` as `sources`; None without `--reload`.
    """

    @wraps(command)
    def with_sources(
        *arguments: Any,
        reload: bool,
        reload_dir: Sequence[str],
        reload_include: Sequence[str],
        reload_exclude: Sequence[str],
        **others: Any,
    ) -> Any:
        sources = None
        if reload:
            watcher = SourceWatcher(reload_dir, reload_include, reload_exclude)
            sources = SourcePolling(watcher)
        else:
            _refuse_details()
        return command(*arguments, sources=sources, **others)

    for option in _OPTIONS:
        with_sources = option(with_sources)
    return with_sources


def _refuse_details() -> None:
    """Refuse options that have no effect without `--reload`."""
    context = click.get_current_context()
    for name in ('reload_dir', 'reload_include', 'reload_exclude'):
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            option = name.replace('_', '-')
            raise click.UsageError(f'--{option} has no effect without --reload')
