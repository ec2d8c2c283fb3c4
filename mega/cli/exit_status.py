"""The exit codes of the command, and the line on stderr that explains a failure.

error                          code   line
UsageError of click               2   the problem, and where the usage is described
ConfigurationError                2   the problem, as the library states it
TargetError                       3   the target cannot be loaded or started, and why
TransportError                    4   AWS refused the request, and what to change
any other MegaError, OSError      1   the problem
ClosedOutputError               141   none: `mega ... | head` is no failure
Ctrl-C                          130   `Interrupted`
SIGTERM                         143   `Terminated`
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress

import click

from mega.cli.interruption import Terminated, sigterm_interrupts
from mega.errors import ConfigurationError, MegaError, TransportError, single_line

__all__ = ('ClosedOutputError', 'CommandError', 'OutputError', 'TargetError', 'run')

SUCCESS = 0
FAILURE = 1
USAGE = 2
TARGET = 3
REFUSED = 4
CLOSED_OUTPUT = 141  # as a shell reports a process that SIGPIPE ended
INTERRUPTED = 130  # as a shell reports a process that SIGINT ended
TERMINATED = 143  # and one that SIGTERM ended

_MAX_LINE_LENGTH = 2_000


class CommandError(Exception):
    """The operation did not succeed. The text is the line for the user."""

    exit_code = FAILURE


class OutputError(CommandError):
    """Stdout cannot be written: its reader has closed it, as `head` does, or a disk is full."""

    def __init__(self, error: OSError) -> None:
        problem = f'the output cannot be written: {error.strerror or error}'
        if isinstance(error, BrokenPipeError):
            problem = 'the reader of the output closed it: the output is incomplete'
        super().__init__(problem)


class ClosedOutputError(OutputError):
    """The reader of stdout has closed it, and the command has no other effect than its output."""

    exit_code = CLOSED_OUTPUT


class TargetError(CommandError):
    """The target of a command cannot be loaded or started."""

    exit_code = TARGET


def run(command: click.Command, arguments: Sequence[str] | None = None) -> int:
    """Run a command, print a failure as one line on stderr, and return the exit code."""
    try:
        with sigterm_interrupts():
            status = command.main(arguments, prog_name='mega', standalone_mode=False)
            sys.stdout.flush()
    except click.ClickException as error:
        _report_usage(error)
        return error.exit_code
    except (KeyboardInterrupt, click.Abort) as error:
        return _report_end(error)
    except OutputError as error:
        _close_stdout()
        return error.exit_code if isinstance(error, ClosedOutputError) else _report(error)
    except Exception as error:
        return _report(error)
    return status if isinstance(status, int) else SUCCESS


def _report_usage(error: click.ClickException) -> None:
    """Print a wrong use. A group of commands without a command prints its help, since click 8.2."""
    if isinstance(error, getattr(click.exceptions, 'NoArgsIsHelpError', ())):
        error.show()
        return
    context = getattr(error, 'ctx', None)
    command = 'mega' if context is None else context.command_path
    text = single_line(error.format_message(), _MAX_LINE_LENGTH).rstrip('.')
    _print(f'Error: {text}. See {command} --help')


def _report_end(error: BaseException) -> int:
    """Print which signal ended the command, and return its exit code."""
    if Terminated in (type(error), type(error.__context__)):  # click replaces it with Abort
        _print('Terminated')
        return TERMINATED
    _print('Interrupted')
    return INTERRUPTED


def _report(error: Exception) -> int:
    """Print an error, and return its exit code."""
    import traceback  # here, because help and completion do not need it

    known = isinstance(error, (CommandError, MegaError, OSError))
    text = str(error) if known else f'unexpected {type(error).__name__}: {error}'
    _print(f'Error: {single_line(text, _MAX_LINE_LENGTH)}')
    if known:
        from mega.logging import about, get_logger

        log = get_logger(__name__)
        log.debug('the traceback of the error', exc_info=error, extra=about())  # --verbose shows it
    else:
        traceback.print_exception(error)
    if isinstance(error, CommandError):
        return error.exit_code
    if isinstance(error, TransportError):
        return REFUSED
    return USAGE if isinstance(error, ConfigurationError) else FAILURE


def _print(line: str) -> None:
    with suppress(OSError, ValueError):  # stderr is closed: the exit code remains
        click.echo(line, err=True)


def _close_stdout() -> None:
    """Let Python flush nothing more into a closed pipe at its exit."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
