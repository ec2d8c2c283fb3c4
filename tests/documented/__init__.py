"""The documented examples of the library, and functions to run their code."""

from __future__ import annotations

import re
from pathlib import Path
from types import CodeType
from typing import Any

__all__ = ('EXAMPLES', 'QUEUE_URL', 'TOPIC_ARN', 'code', 'define', 'source')

QUEUE_URL = 'https://sqs.us-east-2.amazonaws.com/424566909325/sqs-mega-test'
TOPIC_ARN = 'arn:aws:sns:us-east-2:424566909325:sqs-mega-test'

_FILE = Path(__file__).parent / 'examples.md'

EXAMPLES: dict[str, tuple[int, str]] = {
    block['title']: (block.string.count('\n', 0, block.start('code')), block['code'])
    for block in re.finditer(
        r'^## (?P<title>[^\n]+)\n```python\n(?P<code>.*?)^```$',
        _FILE.read_text(encoding='utf-8'),
        re.MULTILINE | re.DOTALL,
    )
}
"""The number of the line before the code, and the code, by title."""

CORRECTIONS = {
    'bson.loads(': 'bson.decode(',  # the function's name in pymongo's package
    'def process(payload:': 'def process(self, payload:',
    # The listener's other arguments. In the tests it reads them from the environment.
    "sqs-mega-test',\n    ...\n": "sqs-mega-test'\n",
}
"""Corrections of errors in the examples, and of omissions that no name can replace."""


def source(title: str, corrected: bool = True) -> str:
    """Return the code of an example."""
    text = EXAMPLES[title][1]
    for wrong, right in CORRECTIONS.items() if corrected else ():
        text = text.replace(wrong, right)
    return text


def code(title: str, corrected: bool = True) -> CodeType:
    """Compile the code of an example. Tracebacks show the lines of the file."""
    text = '\n' * EXAMPLES[title][0] + source(title, corrected)
    return compile(text, str(_FILE), 'exec', dont_inherit=True)


def define(*titles: str, **stand_ins: object) -> dict[str, Any]:
    """Run examples in order, with names for their omissions. Return the names they define."""
    names: dict[str, Any] = {'__name__': __name__, **stand_ins}
    for title in titles:
        exec(code(title), names)
    return names
