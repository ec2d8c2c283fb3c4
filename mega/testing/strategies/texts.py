"""Texts: with given parts, of a regular expression, in a range, or with the form of a timestamp.

`texts` returns a strategy, and some texts that are likely to meet the needs. The caller tests both.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from functools import singledispatch
from ipaddress import ip_address
from typing import Any

from hypothesis import strategies as st

from mega import timestamps
from mega.match.eventbridge import operators
from mega.match.functions.network import Cidr
from mega.match.functions.text import IEquals, Regex
from mega.match.functions.wildcards import Wildcard
from mega.match.pattern import Pattern
from mega.testing.strategies.needs import Needs, Part
from mega.testing.strategies.ranges import Range, floats_in, floats_near, integers_in, integers_near

__all__ = ('CHARACTERS', 'texts')

CHARACTERS = st.characters(codec='utf-8', exclude_categories=('Cc', 'Cs', 'Cn', 'Co'))
"""The characters of generated texts. SQS refuses most control characters in a text payload.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
"""

LONGEST = 20
"""The number of characters of a text without a given length."""

COMMON = ('', 'a', 'b', 'text', '0', 'Z', 'é', '~', 'two words')

YEAR = timedelta(days=365)
MILLISECOND = timedelta(milliseconds=1)


def texts(needs: Needs) -> tuple[st.SearchStrategy[str] | None, list[str]]:
    """Return a strategy of texts, None if there are none; and texts that probably fit."""
    if needs.is_timestamp:
        return _timestamps(needs.instants)
    if needs.is_spelled:
        numbers = integers_in(needs.numbers), floats_in(needs.numbers)
        spelled = [each.map(repr) for each in numbers if each is not None]
        near = *integers_near(needs.numbers), *floats_near(needs.numbers)
        return (st.one_of(spelled) if spelled else None), list(map(repr, near))
    if needs.order.is_empty:
        return None, []
    samples = [*COMMON, *_composed(needs), *_ordered(needs.order)]
    if needs.whole:
        return _with_parts(st.one_of(list(map(_whole, needs.whole))), needs), samples
    if needs.starts or needs.ends or needs.inside:
        return _with_parts(None, needs), samples
    if needs.order.is_limited:
        low = needs.order.low or ''
        cut = st.integers(0, len(low)).map(lambda end: low[:end])
        return st.builds(_join, st.just(low) | cut, st.text(CHARACTERS, max_size=LONGEST)), samples
    return _of_length(needs.lengths, 0), samples


def _of_length(lengths: list[int] | None, known: int) -> st.SearchStrategy[str]:
    """Return any texts that complete a text of a known length."""
    if lengths is None:
        return st.text(CHARACTERS, max_size=LONGEST)
    sizes = [length - known for length in lengths if length >= known][: 2 * LONGEST]
    if not sizes:
        return st.just('')

    def of_size(size: int) -> st.SearchStrategy[str]:
        varied = st.text(CHARACTERS, min_size=min(size, LONGEST), max_size=min(size, LONGEST))
        return varied.map(lambda text: text + 'x' * (size - len(text)))

    return st.sampled_from(sizes).flatmap(of_size)


def _join(*parts: str) -> str:
    return ''.join(parts)


# ── parts ────────────────────────────────────────────────────────────────────────────────────────


def _longest(parts: list[Part]) -> Part:
    return max(parts, key=lambda part: len(part.text), default=Part(''))


def _composed(needs: Needs) -> Iterator[str]:
    """Yield texts with all parts: of the given lengths, and with parts that overlap."""
    start, end = _longest(needs.starts).text, _longest(needs.ends).text
    middle = _join(*(part.text for part in needs.inside))
    known = len(start) + len(middle) + len(end)
    for length in (needs.lengths or range(known, known + 1))[:20]:
        yield _join(start, middle, 'a' * (length - known), end)
    for size in range(min(len(start), len(end)) + 1):
        yield start + end[size:]


def _with_parts(whole: st.SearchStrategy[str] | None, needs: Needs) -> st.SearchStrategy[str]:
    """Return texts with all parts. A whole text may contain some of them already."""
    start, end = _longest(needs.starts), _longest(needs.ends)
    parts = [start, *needs.inside, end]
    given = [_any_case(part.text) if part.ignore_case else st.just(part.text) for part in parts]
    if whole is not None:
        before = [given[:1], []] if start.text else [[]]
        after = [given[-1:], []] if end.text else [[]]
        middle = [whole, *given[1:-1]]
        return st.one_of(
            whole,
            *(st.builds(_join, *first, *middle, *last) for first in before for last in after),
        )
    known = sum(len(part.text) for part in parts)
    rest = _of_length(needs.lengths, known)
    if not needs.inside or needs.lengths is not None:
        return st.builds(_join, *given[:-1], rest, given[-1])
    short = st.text(CHARACTERS, max_size=5)
    return st.builds(_join, given[0], short, *given[1:-1], rest, given[-1])


def _any_case(text: str) -> st.SearchStrategy[str]:
    """Return the text in any mix of cases with the same folded form."""
    folded = [
        sorted(
            case
            for case in {character, character.lower(), character.upper()}
            if case.casefold() == character.casefold()
        )
        for character in text
    ]
    return st.builds(_join, *(st.sampled_from(cases) for cases in folded))


# ── whole texts ──────────────────────────────────────────────────────────────────────────────────


@singledispatch
def _whole(pattern: Pattern) -> st.SearchStrategy[str]:
    """Return texts that match a pattern of whole texts."""
    raise NotImplementedError  # each kind of pattern is registered below


@_whole.register
def _(pattern: Regex) -> st.SearchStrategy[str]:
    matched = st.from_regex(pattern.regex, fullmatch=True, alphabet=CHARACTERS)
    rest = st.text(CHARACTERS, max_size=5)
    if pattern.name == 'fullmatch':
        return matched
    if pattern.name == 'match':
        return matched | st.builds(_join, matched, rest)
    return matched | st.builds(_join, rest, matched, rest)


@_whole.register
def _(pattern: Wildcard) -> st.SearchStrategy[str]:
    any_run = st.text(CHARACTERS, max_size=5)
    parts: list[st.SearchStrategy[str]] = []
    for piece in pattern.pieces:
        for character in piece.characters:
            if character is None:
                parts.append(CHARACTERS)
            else:
                parts.append(_any_case(character) if pattern.ignore_case else st.just(character))
        parts.append(any_run)
    return st.builds(_join, *parts[:-1])


@_whole.register
def _(pattern: IEquals) -> st.SearchStrategy[str]:
    return _any_case(pattern.text)


@_whole.register
def _(pattern: operators.CaseInsensitive) -> st.SearchStrategy[str]:
    cases = (
        st.sampled_from([character, character.lower(), character.upper()])
        for character in pattern.text
    )
    text, rest = st.builds(_join, *cases), st.text(CHARACTERS, max_size=5)
    before = st.just('') if pattern.at_start else rest
    after = st.just('') if pattern.at_end else rest
    return st.builds(_join, before, text, after)


@_whole.register(Cidr)
@_whole.register(operators.AddressBlock)
def _(pattern: Cidr | operators.AddressBlock) -> st.SearchStrategy[str]:
    (_, first), (_, last) = pattern.bounds
    kind: Any = type(pattern.block.network_address)
    return st.integers(first, last).map(lambda bits: str(kind(bits)))


@_whole.register
def _(pattern: operators.AddressText) -> st.SearchStrategy[str]:
    return st.sampled_from([pattern.text, str(ip_address(pattern.address[1]))])


# ── ranges ───────────────────────────────────────────────────────────────────────────────────────


def _ordered(order: Range) -> Iterator[str]:
    """Yield texts near the bounds of a range."""
    for bound in order.bounds:
        yield bound
        yield bound + '0'
        yield bound + 'a'
        yield bound[:-1]
        if bound and (before := ord(bound[-1]) - 1) >= ord(' '):
            yield bound[:-1] + chr(before) + 'z'


def _timestamps(instants: Range) -> tuple[st.SearchStrategy[str] | None, list[str]]:
    """Return timestamps in a range, to the millisecond."""
    if instants.is_empty:
        return None, []
    start = datetime.min.replace(tzinfo=timezone.utc)
    end = datetime.max.replace(tzinfo=timezone.utc)
    low, high = instants.low, instants.high
    if low is None and high is None:
        low = datetime(2020, 1, 1, tzinfo=timezone.utc)
    if low is None:
        low = high - min(YEAR, high - start)
    if high is None:
        high = low + min(YEAR, end - low)
    span = (high - low) // MILLISECOND
    samples = [low + offset * MILLISECOND for offset in {0, 1, span // 2, span - 1, span}
               if 0 <= offset <= span]  # fmt: skip
    within = st.integers(0, span).map(lambda offset: _format(low + offset * MILLISECOND))
    return within, [_format(sample) for sample in samples]


def _format(instant: datetime) -> str:
    """Return an instant in the form of events; with microseconds if it has them."""
    return (
        instant.isoformat() if instant.microsecond % 1_000 else timestamps.format_timestamp(instant)
    )
