"""The table of options in the guide is that of the command."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import click
import pytest

from mega.aws.sqs.subscribe.option_checks import check_count, check_grace_period
from mega.cli.listen.command import _MAX_CONCURRENCY, _MAX_GRACE_PERIOD, command
from mega.errors import ConfigurationError

GUIDE = (Path(__file__).parents[3] / 'docs' / 'running.md').read_text(encoding='utf-8')

AWS = {'--endpoint-url', '--region', '--profile'}
OFF = ('off', '')
"""The default of an option without a value, in the guide."""


class Row(NamedTuple):
    """A row of the table: the names of the option, its environment variable, and its default."""

    names: frozenset[str]
    variable: str
    default: str


def documented() -> list[Row]:
    [table] = re.findall(r'^\| option \|.*\n\|---.*\n((?:\|.*\n)+)', GUIDE, re.MULTILINE)
    cells = [re.split(r' *\| *', line)[1:4] for line in table.splitlines()]
    return [
        Row(frozenset(re.findall(r'`(--?[a-z-]+)', names)), variable.strip('`'), default.strip('`'))
        for names, variable, default in cells
    ]


def option_of(row: Row) -> click.Option:
    [found] = [each for each in command.params if row.names == set(each.opts)]
    assert isinstance(found, click.Option)
    return found


def default_of(option: click.Option) -> str | None:
    """Return the default as the help shows it; None if there is none."""
    if option.is_flag:
        return 'off'
    if option.show_default:
        default = option.default
        return ', '.join(default) if isinstance(default, tuple) else str(default)
    found = re.search(r'Default: (.*)\.$', option.help or '')
    return found and found[1]


def test_the_guide_has_each_option() -> None:
    options = {frozenset(each.opts) for each in command.params if isinstance(each, click.Option)}
    rows = {row.names for row in documented()}
    assert rows - {frozenset(AWS)} == {names for names in options if not names <= AWS}
    assert {frozenset(AWS)} <= rows


@pytest.mark.parametrize(
    'row',
    [row for row in documented() if not row.names <= AWS],
    ids=lambda row: max(row.names, key=len),
)
def test_a_row_has_the_variable_and_the_default_of_the_option(row: Row) -> None:
    option = option_of(row)
    assert row.variable == (option.envvar or '')
    expected = default_of(option)
    assert row.default in (OFF if expected is None else [expected])


def test_the_limits_of_options_are_those_of_the_listener() -> None:
    check_count('concurrency', _MAX_CONCURRENCY)
    check_grace_period(_MAX_GRACE_PERIOD)
    with pytest.raises(ConfigurationError):
        check_count('concurrency', _MAX_CONCURRENCY + 1)
    with pytest.raises(ConfigurationError):
        check_grace_period(_MAX_GRACE_PERIOD + 1)
