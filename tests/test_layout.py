"""The shape of the package: its imports, and the sizes of its packages, files and functions."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TypeAlias

import mega

PACKAGE = Path(mega.__file__).parent
FILES = sorted(PACKAGE.rglob('*.py'))

MAX_IMPORT_DEPTH = 18  # modules in the longest chain of imports
MAX_IN_AWS = 10  # modules and packages directly in mega.aws
MAX_LINES_OF_A_FILE = 400
MAX_LINES_OF_A_FUNCTION = 60

Imports: TypeAlias = dict[str, set[str]]


def name_of(path: Path) -> str:
    """The dotted name of the module that a file holds."""
    parts = path.relative_to(PACKAGE.parent).with_suffix('').parts
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


MODULES = {name_of(path): path for path in FILES}


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run when a module is imported, without those for type checkers alone."""
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(statement, ast.If) and 'TYPE_CHECKING' in ast.unparse(statement.test):
            yield from statements(statement.orelse)
            continue
        yield statement
        for block in ('body', 'orelse', 'finalbody'):
            yield from statements(getattr(statement, block, []))
        for handler in getattr(statement, 'handlers', []):
            yield from statements(handler.body)


def imported_by(path: Path) -> set[str]:
    """The modules of mega that a module imports by its own statements.

    `from package import name` imports the module `package.name` if there is one, and otherwise the
    package. Packages that Python imports on the way to a module do not count.
    """
    found: set[str] = set()
    for statement in statements(ast.parse(path.read_text(encoding='utf-8')).body):
        if isinstance(statement, ast.Import):
            found |= {alias.name for alias in statement.names}
        elif isinstance(statement, ast.ImportFrom):
            source = statement.module or ''
            assert statement.level == 0, f'{path}: imports are absolute'
            for alias in statement.names:
                module = f'{source}.{alias.name}'
                found.add(module if module in MODULES else source)
    return found & set(MODULES) - {name_of(path)}


@cache
def imports() -> Imports:
    return {name: imported_by(path) for name, path in MODULES.items()}


def a_cycle(graph: Imports) -> list[str]:
    """Modules that import each other in a circle; empty if there are none."""
    done: set[str] = set()

    def visit(module: str, path: list[str]) -> list[str]:
        if module in path:
            return [*path[path.index(module) :], module]
        if module in done:
            return []
        for imported in sorted(graph[module]):
            if found := visit(imported, [*path, module]):
                return found
        done.add(module)
        return []

    return next((found for module in graph if (found := visit(module, []))), [])


def longest_chain(graph: Imports) -> list[str]:
    """The longest chain of modules: each imports the next."""

    @cache
    def chain_from(module: str) -> list[str]:
        return [module, *max(map(chain_from, sorted(graph[module])), key=len, default=[])]

    return max(map(chain_from, graph), key=len)


def functions() -> Iterator[tuple[str, int]]:
    """Every function with its place, and its number of lines without decorators."""
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno
                yield f'{name_of(path)}.{node.name}', node.end_lineno - node.lineno + 1


def uses_of_loggers(tree: ast.Module) -> Iterator[tuple[ast.Attribute, ast.Call | None]]:
    """The uses of methods of loggers, each with its call, if it is called.

    A logger is a named result of `getLogger` or `get_logger`.
    """
    nodes = list(ast.walk(tree))
    loggers = {
        target.id
        for node in nodes
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        for target in node.targets
        if isinstance(target, ast.Name)
        and ast.unparse(node.value.func) in ('logging.getLogger', 'get_logger')
    }
    calls = {node.func: node for node in nodes if isinstance(node, ast.Call)}
    for node in nodes:
        match node:
            case ast.Attribute(ast.Name(name), method) if name in loggers and method != 'logger':
                yield node, calls.get(node)


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert a_cycle(imports()) == []


def test_a_chain_of_imports_is_short() -> None:
    chain = longest_chain(imports())
    assert len(chain) <= MAX_IMPORT_DEPTH, ' -> '.join(chain)


def test_the_aws_package_has_few_modules_and_packages_side_by_side() -> None:
    names = {name.split('.')[2] for name in MODULES if name.startswith('mega.aws.')}
    assert len(names) <= MAX_IN_AWS, sorted(names)


def test_no_file_is_long() -> None:
    texts = {name: path.read_text(encoding='utf-8') for name, path in MODULES.items()}
    lines = {name: len(text.splitlines()) for name, text in texts.items()}
    assert {n: count for n, count in lines.items() if count > MAX_LINES_OF_A_FILE} == {}


def test_no_function_is_long() -> None:
    assert {n: lines for n, lines in functions() if lines > MAX_LINES_OF_A_FUNCTION} == {}


def test_every_log_record_says_what_it_is_about() -> None:
    """It has `extra=`: see `mega.logging`. A logger is used for nothing else."""
    problems = [
        f'{name_of(path)}:{use.lineno}'
        for path in FILES
        if re.search('get_?logger', text := path.read_text(encoding='utf-8'), re.IGNORECASE)
        for use, call in uses_of_loggers(ast.parse(text))
        if call is None or 'extra' not in {keyword.arg for keyword in call.keywords}
    ]
    assert problems == []


def test_a_log_call_without_extra_is_found() -> None:
    program = """
        _log = get_logger(__name__)
        _log.info('text', extra=about())
        _log.info('text')
        report = _log.debug
        _log.logger.isEnabledFor(10)
    """
    uses = uses_of_loggers(ast.parse(textwrap.dedent(program)))
    found = {use.lineno: call is not None and len(call.keywords) for use, call in uses}
    assert found == {3: 1, 4: 0, 5: False}


def test_a_cycle_and_the_longest_chain_are_found() -> None:
    chain: Imports = {'a': {'b', 'c'}, 'b': {'c'}, 'c': set()}
    assert a_cycle(chain) == []
    assert longest_chain(chain) == ['a', 'b', 'c']
    assert a_cycle({**chain, 'c': {'b'}}) == ['b', 'c', 'b']
