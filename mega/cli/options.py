"""The options that several commands share: the access to AWS, the format of the output, verbosity.

The options of AWS set the environment variables of boto3. They therefore also apply to clients that
a target creates, and to child processes.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

from mega.cli.output import FORMATS, Output

__all__ = (
    'OTHER_ENDPOINT_VARIABLES',
    'Command',
    'app_dir_option',
    'aws_options',
    'effects_output_options',
    'no_color_option',
    'output_options',
    'receive_options',
    'use_endpoint',
    'verbose_option',
)

Command = TypeVar('Command', bound=Callable[..., Any])

OTHER_ENDPOINT_VARIABLES = (
    'AWS_ENDPOINT_URL_SQS',
    'AWS_ENDPOINT_URL_SNS',
    'AWS_ENDPOINT_URL_S3',
    'AWS_IGNORE_CONFIGURED_ENDPOINT_URLS',
)
"""Variables that precede or disable `AWS_ENDPOINT_URL`:
https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html"""


def aws_options(command: Command) -> Command:
    """Add `--endpoint-url`, `--region` and `--profile`."""
    for option in (
        click.option(
            '--endpoint-url',
            metavar='URL',
            expose_value=False,
            callback=_set_endpoint,
            help='The server to call instead of AWS. Default: as boto3 finds it.',
        ),
        click.option(
            '--region',
            metavar='NAME',
            expose_value=False,
            callback=_setter('AWS_DEFAULT_REGION'),
            help='The AWS region. Default: that of the queue or topic, or as boto3 finds it.',
        ),
        click.option(
            '--profile',
            metavar='NAME',
            expose_value=False,
            callback=_setter('AWS_PROFILE'),
            help='The profile of the AWS configuration. Default: as boto3 finds it.',
        ),
    ):
        command = option(command)
    return command


def output_options(command: Command) -> Command:
    """Add `-o`, `--no-color` and `-v`. The command receives an `Output` as `output`."""
    return _output_options(command, has_effects=False)


def effects_output_options(command: Command) -> Command:
    """Add the options of `output_options` to a command with other effects than its output."""
    return _output_options(command, has_effects=True)


def _output_options(command: Command, *, has_effects: bool) -> Command:
    for option in (
        click.option(
            '-o',
            '--output',
            type=click.Choice(FORMATS),
            default='text',
            show_default=True,
            callback=lambda context, parameter, value: Output(value, has_effects=has_effects),
            help='The format of the data on stdout.',
        ),
        no_color_option,
        verbose_option,
    ):
        command = option(command)
    return command


def no_color_option(command: Command) -> Command:
    """Add `--no-color`, for `has_color` of the output."""
    return click.option(
        '--no-color',
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=_disable_color,
        help='Print no colors. So does the environment variable NO_COLOR.',
    )(command)


def verbose_option(command: Command) -> Command:
    """Add `-v`, which prints the log of the library, and the tracebacks of errors."""
    return click.option(
        '-v',
        '--verbose',
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=_print_log,
        help='Print the log of the library on stderr, and the traceback of an error.',
    )(command)


def receive_options(command: Command) -> Command:
    """Add `--wait` and `--force`, as the arguments `wait` and `is_forced`."""
    for option in (
        click.option(
            '--force',
            'is_forced',
            is_flag=True,
            help='Receive although SQS may then move messages to the dead-letter queue.',
        ),
        click.option(
            '--wait',
            type=click.IntRange(0, 20),
            default=1,
            show_default=True,
            metavar='SECONDS',
            help='Wait so long for messages. With 0, SQS asks only some of its servers.',
        ),
    ):
        command = option(command)
    return command


def app_dir_option(command: Command) -> Command:
    """Add `--app-dir`, as the argument `app_dir`."""
    return click.option(
        '--app-dir',
        default='.',
        metavar='DIR',
        help='The directory to import the target from. Default: the working directory.',
    )(command)


def _setter(variable: str) -> Callable[[click.Context, click.Parameter, str | None], None]:
    def set_variable(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
        if value is not None:
            os.environ[variable] = value

    return set_variable


def use_endpoint(url: str) -> None:
    """Let all clients of this process and of its children call this server."""
    for variable in OTHER_ENDPOINT_VARIABLES:
        os.environ.pop(variable, None)
    os.environ['AWS_ENDPOINT_URL'] = url


def _set_endpoint(context: click.Context, parameter: click.Parameter, url: str | None) -> None:
    if url is not None:
        use_endpoint(url)


def _disable_color(context: click.Context, parameter: click.Parameter, is_set: bool) -> None:
    if is_set:
        context.color = False


def _print_log(context: click.Context, parameter: click.Parameter, is_set: bool) -> None:
    if is_set:
        logging.basicConfig(format='%(levelname)s %(name)s: %(message)s')
        logging.getLogger('mega').setLevel(logging.DEBUG)
