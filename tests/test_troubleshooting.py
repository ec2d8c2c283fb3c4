"""Every log line and every error of the package has its entry in `docs/troubleshooting.md`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import mega.errors
from mega.aws.sqs.receive import deliveries
from mega.aws.sqs.subscribe.preflight.findings import Kind
from mega.aws.sqs.subscribe.processing import failures
from mega.aws.sqs.subscribe.runtime import delivery_log
from tests.test_layout import FILES, name_of, uses_of_loggers

pytestmark = pytest.mark.no_cover  # they run no code of the package

PAGE = Path(__file__).parent.parent / 'docs' / 'troubleshooting.md'

if not PAGE.exists():
    pytest.skip('only a checkout has it, an installed package does not', allow_module_level=True)

TEXT = PAGE.read_text(encoding='utf-8')
ERRORS, MESSAGES = TEXT.split('\n## Log messages of listeners\n')
HEADING = re.compile('^### (.+)$', re.MULTILINE)
QUOTED = re.compile(r'(?<!\*)\*([^*\n]+)\*(?!\*)')

NOTICES = {notice.code for module in (deliveries, delivery_log) for notice in module._WARNINGS}
FINDINGS = {kind.code for kind in Kind}  # docs/doctor.md explains them
VARIABLE_CODES = {'notice.code': NOTICES, 'finding.code': FINDINGS}


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding='utf-8'))


@cache
def uses() -> list[tuple[ast.Module, str, str, ast.Call]]:
    """The calls of loggers: the module, the place, the method and the call."""
    return [
        (tree_of(path), f'{name_of(path)}:{use.lineno}', use.attr, call)
        for path in FILES
        if 'get_logger(' in path.read_text(encoding='utf-8')
        for use, call in uses_of_loggers(tree_of(path))
        if call is not None
    ]


def calls(*methods: str) -> Iterator[tuple[ast.Module, str, ast.Call]]:
    """Yield the calls of methods of loggers, with their modules and places."""
    for tree, place, method, call in uses():
        if method in methods:
            yield tree, place, call


def codes_of(call: ast.Call) -> set[str]:
    """Return the codes that a call may log; an empty set if it has none."""
    values = [keyword.value for keyword in call.keywords if keyword.arg == 'code']
    if values and isinstance(values[0], ast.Constant):
        return {str(values[0].value)}
    return set().union(*(VARIABLE_CODES[ast.unparse(value)] for value in values))


def texts_of(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def texts_assigned_to(name: str, tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and any(
            isinstance(each, ast.Name) and each.id == name
            for target in node.targets
            for each in ast.walk(target)
        ):
            yield from texts_of(node.value)


def test_every_warning_and_error_has_a_code() -> None:
    found = [place for _, place, call in calls('warning', 'error', 'log') if not codes_of(call)]
    assert found == []


def test_every_code_has_one_entry_and_every_entry_a_code() -> None:
    used = set().union(*(codes_of(call) for *_, call in calls('warning', 'error', 'log')))
    assert sorted(HEADING.findall(MESSAGES)) == sorted(used - FINDINGS)


def test_every_error_has_one_entry() -> None:
    errors = [name for name in mega.errors.__all__ if name.endswith('Error')]
    others = [failures.EventLoopError.__name__, failures.InvalidResultError.__name__]
    assert sorted(HEADING.findall(ERRORS)) == sorted([*errors, *others, ImportError.__name__])


def test_every_line_of_information_is_in_the_table() -> None:
    quoted = QUOTED.findall(TEXT.partition('\n## Information\n')[2])
    for tree, place, call in calls('info', 'debug'):
        texts = [str(call.args[0].value)] if isinstance(call.args[0], ast.Constant) else []
        if isinstance(call.args[0], ast.Name):
            texts = [*texts_assigned_to(call.args[0].id, tree)]
        written = [text for text in texts if re.search('[a-z]{2}', text)]
        assert not written or any(q in text for q in quoted for text in written), (place, written)


def test_the_package_contains_every_text_that_is_quoted() -> None:
    texts = [text for path in FILES for text in texts_of(tree_of(path))]
    missing = [quoted for quoted in QUOTED.findall(TEXT) if not any(quoted in t for t in texts)]
    assert missing == []
