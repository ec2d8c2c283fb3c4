"""Every match of a regular expression contains its literal texts."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mega.match.functions.regex_literals import literals_of
from tests.profile import amount

LITERALS: dict[str, tuple[str, bool] | None] = {
    'abc': ('abc', True),
    r'shop_\d+\.thing(s?)\.paid': ('.thing', False),
    r'v[0-9]+/orders?/': ('/order', False),
    r'ab+c': ('ab', True),
    r'ab*c{2}d{,3}e{1,}f': ('a', True),
    r'a{x}bc': ('x}bc', False),
    r'(abcd|x)ef': ('ef', False),
    r'[]abc]de': ('de', False),
    r'[^]abc]de': ('de', False),
    r'[\]abc]de': ('de', False),
    r'(?P<name>abc)(?=def)g': ('g', False),
    r'(?i:abc)de': ('de', False),
    r'([(]|abc\))de': ('de', False),
    r'\bab\Bcde\Z': ('cde', False),
    r'^abc$': ('abc', False),
    'a\nb': ('a\nb', True),
    'a\\\nb': ('a\nb', True),
    r'é+\.': ('é', True),
    'ab|cd': None,
    '(?i)abc': None,
    '(?x)a b c': None,
    r'(?#a(bc)de': None,
    'foo(?#c)?bar': None,
    'foo(?#c)*bar': None,
    'foo(?#c){0}bar': None,
    '(?x:a # )\nb)cd': None,
    '(?mx-i:a # )\nb)cd': None,
    '(?-x:ab)cde': ('cde', False),
    'foob{0}ar': ('foo', True),
    r'\x41bc': None,
    r'\u0041bc': None,
    r'(a)\1bc': None,
    r'.*': None,
    '': None,
}


@pytest.mark.parametrize('regex', LITERALS)
def test_the_literals_of_text_is_found(regex: str) -> None:
    found = [(one.text, one.is_start) for one in literals_of(re.compile(regex))]
    assert next(iter(found), None) == LITERALS[regex]


PARTS = st.sampled_from(
    ['a', 'ab', 'b', r'\.', '.', '[ab]', '[^a]', '[]a]', r'\w', '^', '$', r'\b', '(a|b)', '(?:ab)',
     '(?=a)', '(?!b)', '(?#a)', '(?x:a # )\n)', '(?i:a)', '(a(b))', '|', r'\n', r'\ ', '}', '{',
     ',', '-', 'é']
)  # fmt: skip
QUANTIFIERS = st.sampled_from(
    ['', '', '', '?', '*', '+', '{0}', '{2}', '{0,1}', '{,2}', '+?', '??']
)
REGEXES = st.lists(st.tuples(PARTS, QUANTIFIERS).map(''.join), max_size=5).map(''.join)


@settings(max_examples=amount(200, 20_000), deadline=None)
@given(REGEXES, st.lists(st.text('abA.é {}-,', max_size=8), min_size=10, max_size=10))
def test_every_match_contains_the_literal_texts(source: str, texts: list[str]) -> None:
    try:
        regex = re.compile(source)
    except re.error:
        return
    for found in filter(None, map(regex.search, texts)):
        for literal in literals_of(regex):
            assert literal.text in found[0]
            assert found[0].startswith(literal.text) or not literal.is_start
