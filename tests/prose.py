"""Counts odd turns of phrase in the prose of the project: docstrings, comments and documents.

`python -m tests.prose PATH...` lists them with their places, and the count per 1,000 words.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

__all__ = ('count', 'odd_turns', 'prose_of')

ODD_TURNS = re.compile(
    r"""\b(
    whoever | whatever | whichever | somebody | nobody | anybody | is\ no | are\ no
    | so\ many | so\ much | so\ long | (?:of|by|in|for|to)\ which
    | (?:is|are|has|have)\ to\ be | comes?\ again | of\ its\ own | once\ more | is\ wanted
    | one\ that | those\ (?:that|who|which|of)
    | what\ (?:[a-z]+\ ){1,3}is
    )\b""",
    re.IGNORECASE | re.VERBOSE,
)
WORD = re.compile(r"[A-Za-z][A-Za-z'-]*")
STRING_OR_COMMENT = re.compile(  # in a tenth of the time of `tokenize`
    r'''(?s:"""(?:\\.|.)*?"""|\'{3}(?:\\.|.)*?\'{3})|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|\#[^\n]*'''
)
CODE = re.compile(r'```.*?```|``.*?``|`[^`\n]*`', re.DOTALL)


def prose_of(path: Path) -> Iterator[tuple[int, str]]:
    """The prose of a file by line number: all of a document; docstrings and comments of code."""
    text = path.read_text(encoding='utf-8')
    if path.suffix != '.py':
        yield 1, CODE.sub(lambda code: '\n' * code[0].count('\n'), text)
        return
    for statement in _statements(ast.parse(text)):
        if (
            isinstance(statement, ast.Expr)
            and isinstance(statement.value, ast.Constant)
            and isinstance(statement.value.value, str)
        ):
            yield statement.lineno, statement.value.value
    for token in STRING_OR_COMMENT.finditer(text):
        if token[0].startswith('#'):
            yield text.count('\n', 0, token.start()) + 1, token[0]


def _statements(module: ast.Module) -> Iterator[ast.AST]:
    """All statements of a module, without the expressions, which are most of its tree."""
    blocks: list[ast.AST] = [module]
    for node in blocks:
        for name in ('body', 'orelse', 'finalbody', 'handlers', 'cases'):
            blocks += getattr(node, name, ())
        yield node


def odd_turns(path: Path) -> list[tuple[int, str]]:
    """The odd turns of a file, each with its line number."""
    return _odd_turns(prose_of(path))


def count(paths: list[Path]) -> float:
    """The odd turns per 1,000 words of some files."""
    words = turns = 0
    for path in paths:
        prose = list(prose_of(path))
        words += sum(len(WORD.findall(text)) for _, text in prose)
        turns += len(_odd_turns(prose))
    return 1_000 * turns / max(1, words)


def _odd_turns(prose: Iterable[tuple[int, str]]) -> list[tuple[int, str]]:
    return [
        (line + text.count('\n', 0, turn.start()), turn[0])
        for line, text in prose
        for turn in ODD_TURNS.finditer(text)
    ]


def _files(names: list[str]) -> list[Path]:
    found = []
    for path in map(Path, names):
        found += sorted(path.rglob('*.py')) if path.is_dir() else [path]
    return found


if __name__ == '__main__':
    files = _files(sys.argv[1:])
    for file in files:
        for number, turn in odd_turns(file):
            print(f'{file}:{number}: {turn}')  # noqa: T201 # a command prints
    print(f'{count(files):.1f} per 1,000 words')  # noqa: T201
