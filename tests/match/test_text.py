"""Patterns of texts: prefixes, suffixes, substrings, wildcards, regular expressions, case."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from mega.errors import PatternError
from mega.match import Pattern, evaluate
from mega.match.functions import (
    any_,
    cidr,
    fullmatch,
    iequals,
    match,
    prefix,
    search,
    substring,
    suffix,
    wildcard,
)
from tests.match.tables import DAY, ID, NOON, VALUES, check, table

GRIN = '\U0001f600'  # one character, two UTF-16 units


@table(
    ('prefix, the start', 'item.added', prefix('item.'), True),
    ('prefix, the whole', 'item', prefix('item'), True),
    ('prefix, not the start', 'an item', prefix('item'), False),
    ('prefix, longer than the value', 'item', prefix('item.added'), False),
    ('prefix, another case', 'Item', prefix('item'), False),
    ('prefix, nothing', 'item', prefix(''), True),
    ('prefix, nothing of nothing', '', prefix(''), True),
    ('prefix, something of nothing', '', prefix('a'), False),
    ('prefix, no wildcard', 'abc', prefix('a*'), False),
    ('prefix, no regular expression', 'abc', prefix('.'), False),
    ('prefix, half of what looks like one character', 'e\u0301', prefix('e'), True),
    ('prefix, not normalised', 'e\u0301', prefix('\u00e9'), False),
    ('prefix, a lone surrogate', '\ud800a', prefix('\ud800'), True),
    ('suffix, the end', 'report.pdf', suffix('.pdf'), True),
    ('suffix, the whole', '.pdf', suffix('.pdf'), True),
    ('suffix, not the end', 'report.pdf.exe', suffix('.pdf'), False),
    ('suffix, longer than the value', 'pdf', suffix('.pdf'), False),
    ('suffix, another case', 'report.PDF', suffix('.pdf'), False),
    ('suffix, nothing', 'item', suffix(''), True),
    ('suffix, before a newline', 'report.pdf\n', suffix('.pdf'), False),
    ('substring, within', 'a cart full', substring('cart'), True),
    ('substring, at the start', 'cart', substring('cart'), True),
    ('substring, at the end', 'a cart', substring('cart'), True),
    ('substring, in pieces', 'c-art', substring('cart'), False),
    ('substring, longer than the value', 'cart', substring('carts'), False),
    ('substring, another case', 'a Cart', substring('cart'), False),
    ('substring, nothing', '', substring(''), True),
    ('substring, a newline', 'a\nb', substring('\n'), True),
)
def test_a_text_has_a_prefix_suffix_or_substring(lhs: object, rhs: object, holds: bool) -> None:
    check(lhs, rhs, holds)


@table(
    ('iequals, the same', 'straße', iequals('straße'), True),
    ('iequals, capitals', 'Item', iequals('iTEM'), True),
    ('iequals, longer', 'items', iequals('item'), False),
    ('iequals, shorter', 'ite', iequals('item'), False),
    ('iequals, white space', 'item ', iequals('item'), False),
    ('iequals, a capital of two letters', 'STRASSE', iequals('straße'), True),
    ('iequals, and back', 'straße', iequals('STRASSE'), True),
    ('iequals, the capital sharp s', 'STRA\u1e9eE', iequals('strasse'), True),
    ('iequals, a ligature', 'ﬁle', iequals('FILE'), True),
    ('iequals, the three sigmas', 'ΟΔΟΣ', iequals('οδος'), True),
    ('iequals, the kelvin sign', '\u212a', iequals('k'), True),
    ('iequals, a dotted capital', '\u0130', iequals('i\u0307'), True),
    ('iequals, that is not i', '\u0130', iequals('i'), False),
    ('iequals, nor is the dotless', '\u0131', iequals('I'), False),
    ('iequals, not normalised', 'E\u0301', iequals('\u00e9'), False),
    ('iequals, no accents are dropped', 'É', iequals('e'), False),
    ('iequals, digits of another script', '٤', iequals('4'), False),
    ('iequals, a lone surrogate', '\ud800A', iequals('\ud800a'), True),
    ('iequals, null', None, iequals('none'), False),
    ('iequals, true', True, iequals('true'), False),
    ('prefix, capitals', 'ITEM.added', prefix('item.', ignore_case=True), True),
    ('prefix, other letters', 'ITEMS', prefix('item.', ignore_case=True), False),
    ('prefix, a letter that grows', 'straße', prefix('STRASS', ignore_case=True), True),
    ('prefix, half of a letter that grows', 'ß', prefix('S', ignore_case=True), True),
    ('prefix, longer once it grew', 'ss', prefix('ß', ignore_case=True), True),
    ('prefix, longer than the value', 's', prefix('ß', ignore_case=True), False),
    ('prefix, nothing', 'A', prefix('', ignore_case=True), True),
    ('suffix, capitals', 'report.PDF', suffix('.pdf', ignore_case=True), True),
    ('suffix, other letters', 'report.PDX', suffix('.pdf', ignore_case=True), False),
    ('suffix, a letter that grows', 'groß', suffix('OSS', ignore_case=True), True),
    ('suffix, half of it', 'groß', suffix('S', ignore_case=True), True),
    ('suffix, a sigma at the end', 'ΟΔΟΣ', suffix('ος', ignore_case=True), True),
    ('suffix, longer than the value', 'S', suffix('ß', ignore_case=True), False),
    ('substring, capitals', 'A CART FULL', substring('cart', ignore_case=True), True),
    ('substring, other letters', 'A CARD', substring('cart', ignore_case=True), False),
    ('substring, a letter that grows', 'die Straße', substring('RASSE', ignore_case=True), True),
    ('substring, across it', 'aßb', substring('SB', ignore_case=True), True),
    ('not ignored where that is said', 'Item', prefix('item', ignore_case=False), False),
)
def test_case_is_folded_on_both_sides(lhs: object, rhs: object, holds: bool) -> None:
    check(lhs, rhs, holds)


@table(
    ('a run', 'a long b', wildcard('a*b'), True),
    ('no run', 'ab', wildcard('a*b'), True),
    ('a run across lines', 'a\n\nb', wildcard('a*b'), True),
    ('more behind', 'a long bc', wildcard('a*b'), False),
    ('more before', 'ca b', wildcard('a*b'), False),
    ('the first end is not the last', 'abab', wildcard('a*b'), True),
    ('anything', 'anything', wildcard('*'), True),
    ('nothing', '', wildcard('*'), True),
    ('two stars', 'ab', wildcard('**'), True),
    ('one character', 'axb', wildcard('a?b'), True),
    ('none for one', 'ab', wildcard('a?b'), False),
    ('two for one', 'axxb', wildcard('a?b'), False),
    ('a newline is a character', 'a\nb', wildcard('a?b'), True),
    ('beyond the first plane too', GRIN, wildcard('?'), True),
    ('and it is only one', GRIN, wildcard('??'), False),
    ('a lone surrogate too', '\ud800', wildcard('?'), True),
    ('at least two', 'abc', wildcard('??*'), True),
    ('fewer than two', 'a', wildcard('??*'), False),
    ('the pieces in their order', '10.1.2.3', wildcard('10.*.3'), True),
    ('a piece is not used twice', 'aba', wildcard('ab*ba'), False),
    ('back to an earlier star', 'aXbXc', wildcard('a*b*c'), True),
    ('the last piece last', 'mississippi', wildcard('m*iss*ip*i'), True),
    ('no text without gaps but the same', 'abc', wildcard('abc'), True),
    ('another text', 'abd', wildcard('abc'), False),
    ('a prefix of it', 'abc', wildcard('ab'), False),
    ('another case', 'ABC', wildcard('a*'), False),
    ('a star, escaped', 'a*b', wildcard(r'a\*b'), True),
    ('a run for it', 'axb', wildcard(r'a\*b'), False),
    ('a question mark, escaped', 'a?b', wildcard(r'a\?b'), True),
    ('a character for it', 'axb', wildcard(r'a\?b'), False),
    ('a backslash, escaped', 'a\\b', wildcard(r'a\\b'), True),
    ('it escapes once', 'a\\xyz', wildcard(r'a\\*'), True),
    ('and then a star', 'a\\*', wildcard(r'a\\\*'), True),
    ('any other letter, escaped', 'and', wildcard(r'a\n\d'), True),
    ('which is no newline', 'a\n', wildcard(r'a\n'), False),
    ('a class of no regular expression', 'b', wildcard('[ab]'), False),
    ('brackets as they stand', '[ab].', wildcard('[ab].'), True),
    ('case ignored', 'A LONG B', wildcard('a*b', ignore_case=True), True),
    ('case ignored, otherwise not', 'A LONG C', wildcard('a*b', ignore_case=True), False),
    ('one of the folded text', 'straße', wildcard('STRA??E', ignore_case=True), True),
    ('is two for one letter', 'straße', wildcard('STRA?E', ignore_case=True), False),
    ('a letter that grows in the pattern', 'STRASSE', wildcard('*aße', ignore_case=True), True),
    ('an escape and case', 'A*B', wildcard(r'a\*b', ignore_case=True), True),
    ('an escaped letter that grows', 'SS', wildcard(r'\ß', ignore_case=True), True),
)
def test_a_text_matches_a_wildcard(lhs: object, rhs: object, holds: bool) -> None:
    check(lhs, rhs, holds)


@table(
    ('fullmatch, the whole', '987650', fullmatch(r'\d+'), True),
    ('fullmatch, a letter more', '987650x', fullmatch(r'\d+'), False),
    ('fullmatch, a newline more', '987650\n', fullmatch(r'\d+'), False),
    ('fullmatch, a letter before', 'x987650', fullmatch(r'\d+'), False),
    ('fullmatch, an alternative', 'ab', fullmatch('a|ab'), True),
    ('fullmatch, flags', 'A\nB', fullmatch('a.b', re.I | re.S), True),
    ('fullmatch, compiled', 'AB', fullmatch(re.compile('ab', re.I)), True),
    ('fullmatch, as long as allowed', 'aaa', fullmatch('a+', max_length=3), True),
    ('fullmatch, longer than allowed', 'aaaa', fullmatch('a+', max_length=3), False),
    ('search, in the middle', 'order 42 paid', search(r'\d+'), True),
    ('search, at the start', '42', search(r'\d+'), True),
    ('search, nowhere', 'order paid', search(r'\d+'), False),
    ('search, an anchor', 'order 42', search(r'^\d+'), False),
    ('search, flags', 'AN ORDER', search('order', flags=re.I), True),
    ('search, compiled', 'an ORDER', search(re.compile('(?i)order')), True),
    ('search, as long as allowed', 'baa', search('a', max_length=3), True),
    ('search, longer than allowed', 'baaa', search('a', max_length=3), False),
    ('search, nothing', '', search(''), True),
    ('match, from the start alone', 'order 42', match(r'\d+'), False),
)
def test_fullmatch_matches_the_whole_text_and_search_any_part(
    lhs: object, rhs: object, holds: bool
) -> None:
    check(lhs, rhs, holds)


ANY_TEXT: list[Pattern] = [
    prefix(''), suffix(''), substring(''), wildcard('*'), prefix('', ignore_case=True),
    suffix('', ignore_case=True), substring('', ignore_case=True),
    wildcard('*', ignore_case=True), fullmatch('(?s).*'), search(''),
]  # fmt: skip


@pytest.mark.parametrize('rhs', ANY_TEXT, ids=repr)
def test_a_pattern_of_any_text_matches_only_texts(rhs: Pattern) -> None:
    for lhs in VALUES:
        check(lhs, rhs, isinstance(lhs, str))


@pytest.mark.parametrize(
    'lhs', [5, 5.0, True, None, b'5', ID, DAY, NOON, ['5'], {'5': '5'}], ids=repr
)
@pytest.mark.parametrize('function', [prefix, suffix, substring, wildcard, iequals, search])
def test_no_value_is_converted_to_a_text(function: Callable[[str], Pattern], lhs: object) -> None:
    for text in ('5', '5.0', 'True', 'None', "b'5'", str(ID), str(DAY), str(NOON), "['5']"):
        check(lhs, function(text), False)


PIECES: list[Callable[..., Pattern]] = [prefix, suffix, substring, wildcard]
TEXTS: list[Callable[..., Pattern]] = [*PIECES, iequals]
REGEXES: list[Callable[..., Pattern]] = [fullmatch, search]


@pytest.mark.parametrize('function', [*TEXTS, *REGEXES])
@pytest.mark.parametrize(
    'value', [5, None, True, b'a', ['a'], ('a', 'b'), {'a': 1}, any_(), len, str, DAY], ids=repr
)
def test_an_argument_that_is_not_a_str_is_refused(
    function: Callable[[Any], Pattern], value: object
) -> None:
    with pytest.raises(PatternError) as refusal:
        function(value)
    assert refusal.value.path == ''
    assert refusal.value.value is value
    assert str(refusal.value)


@pytest.mark.parametrize('text', ['\\', 'a\\', '*\\', r'a\\' + '\\', '\\' * 99], ids=repr)
@pytest.mark.parametrize('fold', [False, True])
def test_a_backslash_that_escapes_nothing_is_refused(text: str, fold: bool) -> None:
    with pytest.raises(PatternError) as refusal:
        wildcard(text, ignore_case=fold)
    assert refusal.value.value == text
    assert evaluate(r'a\\'[:-1], wildcard(r'a\\'))


@pytest.mark.parametrize('function', REGEXES)
@pytest.mark.parametrize(
    'regex', ['(', '*', '[a', 'a{99999999999999999999}', '(' * 5_000], ids=lambda regex: regex[:9]
)
def test_an_invalid_regular_expression_is_refused(
    function: Callable[..., Pattern], regex: str
) -> None:
    with pytest.raises(PatternError) as refusal:
        function(regex)
    assert refusal.value.value == regex


@pytest.mark.parametrize('function', REGEXES)
@pytest.mark.parametrize('max_length', ['3', -1, 2.5, True], ids=repr)
def test_an_invalid_max_length_is_refused(
    function: Callable[..., Pattern], max_length: object
) -> None:
    with pytest.raises(PatternError):
        function('a', max_length=max_length)
    with pytest.raises(PatternError):
        function('a', 'i')


@pytest.mark.parametrize('function', [*TEXTS, cidr])
def test_an_error_shortens_a_long_value(function: Callable[[Any], Pattern]) -> None:
    with pytest.raises(PatternError) as refusal:
        function([function.__name__] * 10_000)
    assert len(str(refusal.value)) < 500


@pytest.mark.parametrize('gaps', [1, 40])
def test_a_long_piece_of_a_wildcard_may_contain_gaps(gaps: int) -> None:
    piece = 'ab?' * gaps + 'c'
    for text in ('ab-' * gaps + 'c', 'ab-ab' + 'ab-' * gaps + 'c', 'ab-' * (gaps + 3) + 'c--'):
        assert evaluate(f'x{text}y', wildcard(f'x*{piece}*y'))
        assert not evaluate(f'x{text}y'.replace('c', 'd'), wildcard(f'x*{piece}*y'))
    assert not evaluate(f'x{"ab-" * (gaps - 1)}c y', wildcard(f'x*{piece}*y'))


@pytest.mark.parametrize('function', [prefix, suffix, substring, wildcard])
def test_the_options_of_functions_are_keywords(function: Any) -> None:
    with pytest.raises(TypeError):
        function('a', True)


@pytest.mark.parametrize('function', [match, fullmatch, search])
def test_the_max_length_is_a_keyword_and_may_be_0(function: Any) -> None:
    with pytest.raises(TypeError):
        function('a', 0, 5)
    assert evaluate('', function('a*', max_length=0))
    assert not evaluate('a', function('a*', max_length=0))
    assert evaluate('a', function('a*', max_length=1))
    assert not evaluate('aa', function('a*', max_length=1))


def test_only_asterisks_and_question_marks_have_a_meaning_in_a_wildcard() -> None:
    for character in filter(str.isprintable, map(chr, range(0x250))):
        if character not in '*?\\':
            literal = wildcard(f'a{character}b')
            assert evaluate(f'a{character}b', literal)
            assert not evaluate('a~~b', literal)
            assert not evaluate('a~b', literal) or character == '~'


@pytest.mark.parametrize('before', ['', 'x', 'xy'])
def test_a_long_piece_with_gaps_begins_and_ends_at_its_own_characters(before: str) -> None:
    """A piece of more than 32 characters is found by a loop, in place of a regular expression."""
    piece, text = 'a' + '?' * 40 + 'b', 'a' + '-' * 40 + 'b'
    for pattern, holds in [
        (f'*{piece}*', True),
        (f'*{piece}*b', False),
        (f'*{piece}*c', False),
        (f'*?{piece}*', bool(before)),
        (f'{before}*{piece}*', True),
    ]:
        assert evaluate(f'{before}{text}', wildcard(pattern)) is holds
        assert evaluate(f'{before}{text}b', wildcard(f'{pattern}b')) is holds
    assert not evaluate(f'{before}{text[1:]}', wildcard(f'*{piece}*'))
    assert not evaluate(f'{before}{text[:-1]}', wildcard(f'*{piece}*'))


@pytest.mark.parametrize('ignore_case', [False, True])
def test_an_escaped_character_belongs_to_its_own_piece(ignore_case: bool) -> None:
    pattern = wildcard(r'a*b\*c*\?d', ignore_case=ignore_case)
    assert evaluate('a-b*c-?d', pattern)
    assert not evaluate('a*-bc-?d', pattern)
    assert not evaluate('a-b*c?-d', pattern)


def test_pieces_of_a_wildcard_do_not_overlap() -> None:
    assert not evaluate('ab', wildcard('*a?*b'))
    assert evaluate('abb', wildcard('*a?*b'))
