"""The texts of the command name pages of the documentation by their URL."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from mega.cli.documentation import page_url
from mega.cli.main import cli

ROOT = Path(__file__).parents[2]


def helps(command: click.Command, context: click.Context) -> Iterator[str]:
    yield command.get_help(context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            _, found, _ = command.resolve_command(context, [name])
            assert found is not None
            yield from helps(found, click.Context(found, context, name, max_content_width=100))


pytestmark = pytest.mark.skipif(
    not (ROOT / 'docs').exists(), reason='only a checkout has it, an installed package does not'
)


def test_the_url_of_a_page_is_below_that_of_the_project() -> None:
    settings = (ROOT / 'setup.cfg').read_text()
    assert f'Changelog = {page_url("").removesuffix("docs/")}CHANGELOG.md\n' in settings


def test_every_help_names_pages_that_exist_by_their_url() -> None:
    text = '\n'.join(helps(cli, click.Context(cli, info_name='mega', max_content_width=100)))
    named = re.findall(r'\S*docs/[\w-]+\.md', text)
    assert len(named) == 2
    for each in named:
        page = each.rpartition('/')[2]
        assert each == page_url(page)
        assert (ROOT / 'docs' / page).exists()
