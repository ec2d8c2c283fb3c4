"""The site of the documentation has every page, and its reference every public name."""

from __future__ import annotations

import importlib
import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.test_imports import PUBLIC

yaml: Any = pytest.importorskip('yaml', reason='a dependency of moto')

pytestmark = pytest.mark.no_cover  # they run no code of the package

ROOT = Path(__file__).parent.parent
DOCS = ROOT / 'docs'
SETTINGS = ROOT / 'mkdocs.yml'

if not SETTINGS.exists():
    pytest.skip('only a checkout has it, an installed package does not', allow_module_level=True)

CONFIGURATION = yaml.safe_load(SETTINGS.read_text(encoding='utf-8'))


def pages(navigation: Any) -> Iterator[str]:
    """Yield the pages of the navigation."""
    if isinstance(navigation, str):
        yield navigation
        return
    for each in navigation.values() if isinstance(navigation, dict) else navigation:
        yield from pages(each)


def objects(names: list[str]) -> set[int]:
    """Return the identities of objects by their dotted names."""
    parts = (name.rpartition('.') for name in names)
    return {id(getattr(importlib.import_module(module), name)) for module, _, name in parts}


def test_every_page_is_once_in_the_navigation() -> None:
    written = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob('*.md'))
    assert sorted(pages(CONFIGURATION['nav'])) == written


def test_llms_txt_links_to_every_page() -> None:
    text = (DOCS / 'llms.txt').read_text(encoding='utf-8')
    linked = [f'{page}.md' for page in re.findall(r'\]\(([^)]+)/\)', text)]
    assert sorted(linked) == sorted(set(pages(CONFIGURATION['nav'])) - {'index.md'})


def test_every_public_name_is_in_the_reference() -> None:
    reference = '\n'.join(path.read_text(encoding='utf-8') for path in DOCS.rglob('*.md'))
    described = objects(re.findall(r'^::: (\S+)$', reference, re.MULTILINE))
    public = [f'{module}.{name}' for module, names in PUBLIC.items() for name in names.split()]
    assert [name for name in public if not objects([name]) & described] == []


def test_a_doctest_is_code_and_a_list_is_a_list_in_the_reference() -> None:
    pytest.importorskip('griffe', reason='a tool of scripts/docs')
    to_markdown = runpy.run_path(str(ROOT / 'scripts' / 'reference_docstrings.py'))['to_markdown']
    docstring = 'Return:\n- one\n- two\n\n>>> add(1, 1)\n2\n\nRaises:\n    Error: never.'
    assert to_markdown(docstring) == (
        'Return:\n\n- one\n- two\n\n```pycon\n>>> add(1, 1)\n2\n```\n\nRaises:\n    Error: never.\n'
    )


def test_a_struct_has_a_signature_in_the_reference() -> None:
    griffe: Any = pytest.importorskip('griffe', reason='a tool of scripts/docs')
    structs = runpy.run_path(str(ROOT / 'scripts' / 'reference_docstrings.py'))['Structs']
    loaded = griffe.load(
        'mega.aws.sqs.subscribe.subscribers.retry_delay',
        search_paths=[str(ROOT)],
        extensions=griffe.load_extensions(structs),
    )
    signature = [(each.name, str(each.default)) for each in loaded['Backoff'].parameters]
    assert signature == [('first', '1.0'), ('longest', '900.0'), ('factor', '2.0')]


def test_the_readme_is_short_and_its_numbers_are_current() -> None:
    readme = (ROOT / 'README.md').read_text(encoding='utf-8')
    assert len(readme.splitlines()) <= 180
    checks = len(re.findall('^### MEGA', (DOCS / 'doctor.md').read_text(encoding='utf-8'), re.M))
    assert f'has {checks} checks' in readme
    settings = (ROOT / 'setup.cfg').read_text(encoding='utf-8')
    versions = ' | '.join(
        re.findall(r'Programming Language :: Python :: (3\.\d+)$', settings, re.M)
    )
    assert f'![python: {versions}]' in readme
    assert f'>{versions}<' in (DOCS / 'images' / 'badge-python.svg').read_text(encoding='utf-8')


def test_the_pages_load_nothing_from_other_hosts() -> None:
    assert CONFIGURATION['theme']['font'] is False
    images = [
        image
        for path in [*DOCS.rglob('*.md'), ROOT / 'README.md']
        for image in re.findall(r'!\[[^]]*\]\(([^)]+)\)', path.read_text(encoding='utf-8'))
    ]
    assert images
    assert [image for image in images if '://' in image] == []
