"""The service in docs/getting-started.md runs, and its commands print what the page shows."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.command import start_interpreter
from tests.test_documented_commands import comparable, pattern_of, printed_by

pytestmark = pytest.mark.no_cover  # other tests run the same lines

PAGE = Path(__file__).parent.parent / 'docs' / 'getting-started.md'
if not PAGE.exists():
    pytest.skip('only a checkout has it, an installed package does not', allow_module_level=True)

_, _, REST = PAGE.read_text(encoding='utf-8').partition('\n## A service on your machine\n')
SECTION, _, _ = REST.partition('\n## ')
BLOCKS = re.compile(
    r'^```(?:python title="(?P<file>[\w./]+)"|console)\n(?P<text>.*?)^```$',
    re.MULTILINE | re.DOTALL,
)


@contextmanager
def server(arguments: list[str], output: str) -> Iterator[dict[str, str]]:
    """Run `mega local` until the end of the block, and yield the variables that it prints."""
    port = ('--port', '0')
    with start_interpreter(*arguments, *port, stderr=subprocess.STDOUT) as process:
        try:
            assert process.stdout
            lines = [process.stdout.readline() for _ in output.splitlines()]
            printed = ''.join(lines)
            assert comparable(printed) == comparable(output)
            yield dict(re.findall(r'^export (\w+)=(.*)$', printed, re.MULTILINE))
        finally:
            process.terminate()


def examples() -> Iterator[tuple[list[str], str]]:
    """The commands of the section with their output."""
    for block in BLOCKS.finditer(SECTION):
        if block['file'] is None:
            for example in block['text'].removeprefix('$ ').split('\n$ '):
                line, _, output = example.partition('\n')
                yield shlex.split(line.removeprefix('mega ')), output.rstrip('\n')


@pytest.mark.usefixtures('no_handlers_of_moto')
def test_the_service_prints_what_the_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, 'shop', raising=False)  # that of another document
    [module] = [block for block in BLOCKS.finditer(SECTION) if block['file']]
    Path(module['file']).parent.mkdir()
    Path(module['file']).write_text(module['text'], encoding='utf-8')
    (arguments, output), *others = examples()
    with server(arguments, output) as variables:
        for arguments, output in others:
            printed = printed_by(arguments, variables)
            assert re.fullmatch(pattern_of(output), comparable(printed)), f'{arguments}\n{printed}'
