"""The Python of the documents runs, block after block.

The ```python blocks of a document share one namespace. The environment makes them use a local AWS.
HTML comments, which a reader does not see, control the test:

    <!-- test: run          runs, but is not shown; `aws` is
    aws.create_queue()      the local server that the blocks use
    -->

    <!-- test: skip, because it never returns -->   the next block does not run

A block that begins with `>>>` is a doctest: its output must be the shown output.
"""

from __future__ import annotations

import doctest
import re
from collections.abc import Iterator
from pathlib import Path
from types import CodeType

import pytest
from sqlalchemy import Engine

from tests.local_aws import LocalAws

ROOT = Path(__file__).parent.parent
DOCUMENTS = [name for name in ('README.md', 'CONTRIBUTING.md') if (ROOT / name).exists()] + [
    path.relative_to(ROOT).as_posix() for path in sorted((ROOT / 'docs').rglob('*.md'))
]

PARTS = re.compile(
    r'^<!-- test: skip, because [^\n]+ -->$\n+^```python$.*?^```$'
    r'|^<!-- test: run$\n(?P<hidden>.*?)^-->$'
    r'|^```python$\n(?P<shown>.*?)^```$'
    r'|^(?P<unknown><!--\s*test[^\n]*)$',
    re.MULTILINE | re.DOTALL,
)


def programs(text: str, name: str) -> Iterator[CodeType | doctest.DocTest]:
    """Yield the parts of a document that run. Tracebacks show the document's line numbers."""
    for part in PARTS.finditer(text):
        line = text.count('\n', 0, part.start())
        if part['unknown']:
            pytest.fail(f'{name}:{line + 1}: neither "run" nor "skip, because": {part["unknown"]}')
        program = part['hidden'] or part['shown']
        if program and program.startswith('>>> '):
            yield doctest.DocTestParser().get_doctest(program, {}, name, name, line + 1)
        elif program:
            source = '\n' * (line + 1) + program
            yield compile(source, name, 'exec', dont_inherit=True)  # as if it were a file


def run(program: CodeType | doctest.DocTest, namespace: dict[str, object]) -> None:
    """Run a program in the namespace of the programs before it."""
    if isinstance(program, CodeType):
        exec(program, namespace)
        return
    program.globs = namespace
    report: list[str] = []
    runner = doctest.DocTestRunner(verbose=False)
    if runner.run(program, out=report.append, clear_globs=False).failed:
        pytest.fail(''.join(report))


@pytest.mark.parametrize('name', DOCUMENTS)
def test_the_python_of_a_document_runs(
    name: str, moto: LocalAws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('AWS_ENDPOINT_URL', moto.endpoint_url)
    monkeypatch.setenv('AWS_ACCESS_KEY_ID', moto.credentials['aws_access_key_id'])
    monkeypatch.setenv('AWS_SECRET_ACCESS_KEY', moto.credentials['aws_secret_access_key'])
    monkeypatch.setenv('AWS_DEFAULT_REGION', moto.region)
    namespace: dict[str, object] = {'__name__': name, 'aws': moto}
    for program in programs((ROOT / name).read_text(encoding='utf-8'), name):
        run(program, namespace)
    for value in namespace.values():
        if isinstance(value, Engine):
            value.dispose()


LINK = re.compile(r'\]\((?!https?:)([^)#\s]+)?(?:#([^)\s]+))?\)')
CODE = re.compile('^```.*?^```$', re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize('name', DOCUMENTS)
def test_the_links_between_documents_lead_to_files_and_headings(name: str) -> None:
    document = ROOT / name
    for path, anchor in LINK.findall(CODE.sub('', document.read_text(encoding='utf-8'))):
        target = document.parent / path if path else document
        assert target.exists(), f'{name} links to {path}'
        if not anchor:
            continue
        text = CODE.sub('', target.read_text(encoding='utf-8'))
        headings = re.findall('^#+ (.+)$', text, re.MULTILINE)
        anchors = [re.sub(r'[^\w -]', '', title).lower().replace(' ', '-') for title in headings]
        assert anchor in anchors, f'{name} links to {path}#{anchor}'


QUICK_START = re.compile(
    r'^```python\n(?P<program>.*?)^```\n+'
    r'^```console\n\$ python quickstart\.py\n(?P<output>.*?)^```$',
    re.MULTILINE | re.DOTALL,
)


@pytest.mark.skipif('README.md' not in DOCUMENTS, reason='only a checkout has the README')
def test_the_quick_start_prints_what_the_readme_shows(capfd: pytest.CaptureFixture[str]) -> None:
    found = QUICK_START.search((ROOT / 'README.md').read_text(encoding='utf-8'))
    assert found
    exec(compile(found['program'], 'quickstart.py', 'exec', dont_inherit=True), {})
    assert capfd.readouterr() == (found['output'], '')


DOCUMENT = """
```console
$ python
```

```python
shown = 1
```

<!-- test: run
hidden = shown + 1
-->

```python
>>> hidden
2
>>> more = 3
```

<!-- test: skip, because it does not end -->
```python
while True: pass
```

```python
raise ValueError(shown + hidden + more)
```
"""


def test_shown_and_hidden_blocks_run_in_order_without_skipped_blocks() -> None:
    namespace: dict[str, object] = {}
    *programs_before, last = programs(DOCUMENT, 'README.md')
    for program in programs_before:
        run(program, namespace)
    with pytest.raises(ValueError, match='6') as caught:
        run(last, namespace)
    place = caught.traceback[-1]
    assert (Path(place.path).name, place.lineno + 1) == ('README.md', 26)


def test_a_doctest_with_other_output_fails_with_its_line() -> None:
    [program] = programs('Text\n\n```python\n>>> 1 + 1\n3\n```\n', 'README.md')
    with pytest.raises(pytest.fail.Exception, match=r'(?s)"README\.md", line 4.*Got:\s+2'):
        run(program, {})


def test_a_test_comment_without_run_or_skip_is_an_error() -> None:
    with pytest.raises(pytest.fail.Exception, match=r'README\.md:2: .*skip -->'):
        list(programs('Text\n<!-- test: skip -->\n', 'README.md'))
