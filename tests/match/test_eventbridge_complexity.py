"""`from_eventbridge` refuses wildcards that AWS calls too complex."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mega.errors import PatternError
from mega.match.eventbridge import from_eventbridge
from mega.match.eventbridge.complexity import MAX_COMPLEXITY, wildcard_complexity
from mega.match.functions.wildcards import Wildcard, parse_pieces
from tests.hostile import cpu_limit
from tests.profile import amount

EVENT_BUS = '*:*:*:*:*:event-bus/*'


def compiled(text: str) -> Wildcard:
    return Wildcard(text, False, parse_pieces(text, fold=False))


def wildcards(*texts: str) -> list[Any]:
    return [{'wildcard': text} for text in texts]


def stacks(count: int) -> list[Any]:
    return wildcards(*(f'*:stack/{name}/*' for name in 'ABCDEF'[:count]))


@pytest.mark.parametrize(
    ('texts', 'complexity'),
    [
        (['*'], 1),
        (['x'], 1),
        (['x*'], 2),
        (['*x'], 2),
        (['*x*y'], 3),
        (['*a', '*b'], 4),
        (['*aaaa'], 5),
        (['*.png', '*.gif', '*.jpg', '*.bmp'], 8),
        (['*', '*'], 1),
        (['*.png', '*.png'], 2),
        (['*', 'ab*c'], 3),
        ([r'\**\*\*'], 3),
        (['*éé'], 3),
        (['*é', '*è'], 4),  # after the first byte, which both letters have
        (['ab*x*', 'ac*'], 3),
    ],
)
def test_counts_the_positions_that_one_value_reaches(texts: list[str], complexity: int) -> None:
    assert wildcard_complexity([(compiled(text),) for text in texts]) == complexity


def test_counts_the_common_beginning_of_alternatives_once() -> None:
    """The wildcards inside one `anything-but` are one pattern for AWS."""
    assert wildcard_complexity([(compiled('*.a'), compiled('*.b'))]) == 3
    assert wildcard_complexity([(compiled('*.a'),), (compiled('*.b'),)]) == 4


def most_positions(texts: list[str]) -> int:
    """Return the complexity: the reference reads all values, as sets of the reached beginnings."""
    alphabet = {*''.join(texts)} - {'*'}
    beginnings = {(text, length) for text in {*texts} - {'*'} for length in range(len(text) + 1)}

    def closed(found: set[tuple[str, int]]) -> frozenset[tuple[str, int]]:
        for text, length in [*found]:
            while text[length : length + 1] == '*':
                length += 1  # an asterisk may stand for no byte
                found.add((text, length))
        return frozenset(found & beginnings)

    reached = [closed({(text, 0) for text, _ in beginnings})]
    for state in reached:  # grows while it is read
        for byte in alphabet:
            after = {(text, length + 1) for text, length in state if text[length:][:1] == byte}
            stay = {(text, length) for text, length in state if length and text[length - 1] == '*'}
            following = closed(after | stay)
            if following not in reached:
                reached.append(following)
    return max(map(len, reached)) + ('*' in texts)


TEXTS = st.text(alphabet='ab*', min_size=1, max_size=6).map(
    lambda text: text.replace('***', '*').replace('**', '*')
)


@settings(max_examples=amount(40, 2_000))
@given(st.lists(TEXTS, min_size=1, max_size=3))
def test_agrees_with_a_search_through_all_values(texts: list[str]) -> None:
    counted = wildcard_complexity([(compiled(text),) for text in texts])
    complexity = most_positions(texts)
    assert counted == complexity or min(counted, complexity) > MAX_COMPLEXITY


@pytest.mark.parametrize(
    'pattern',
    [
        {'EventBusArn': [{'wildcard': EVENT_BUS}]},
        {'a': [{'anything-but': {'wildcard': EVENT_BUS}}]},
        {'a': [{'anything-but': {'wildcard': ['x*', EVENT_BUS]}}]},
        {'a': stacks(4)},
        {'a': ['x', {'exists': False}, {'prefix': 'y'}, *stacks(4)]},
        {'a': wildcards(*(f'*/data/*.{end}' for end in ('bif', 'tif', 'svs', 'tiff')))},
        {'$or': [{'a': stacks(2)}, {'a': wildcards('*:stack/C/*', '*:stack/D/*')}]},
        {'k': [1], '$or': [{'a': stacks(2)}, {'a': wildcards('*:stack/C/*', '*:stack/D/*')}]},
        {'a': wildcards(*(f'{letter}*' for letter in 'abcdefghijk'))},
        {'a': wildcards('*' + 'x' * 100_000)},
    ],
)
def test_refuses_wildcards_that_aws_calls_too_complex(pattern: dict[str, Any]) -> None:
    with pytest.raises(PatternError, match='write fewer asterisks') as caught, cpu_limit(1):
        from_eventbridge(pattern)
    assert caught.value.path == ('EventBusArn' if 'EventBusArn' in pattern else 'a')


@pytest.mark.parametrize(
    'pattern',
    [
        {'a': wildcards('arn:aws:events:us-east-1:*:event-bus/*')},
        {'a': wildcards('/Users/*/dir/dir/dir/dir/dir/doc.txt')},
        {'a': stacks(3)},
        {'a': wildcards('*.bif', '*.tif', '*.svs', '*.tiff')},
        {'a': [{'anything-but': {'wildcard': [f'*.{end}' for end in 'abcdef']}}]},
        {'a': stacks(3), 'b': stacks(3)},
        # The values of `a` lead to different tests of `b`.
        {'$or': [{'a': [n], 'b': stacks(3)} for n in range(3)]},
        {'a': wildcards('*' + ''.join(map(chr, range(0x4E00, 0x4E00 + 3_000))))},
    ],
)
def test_accepts_wildcards_that_aws_accepts(pattern: dict[str, Any]) -> None:
    with cpu_limit(2):
        assert repr(from_eventbridge(pattern)) == f'from_eventbridge({pattern!r})'
