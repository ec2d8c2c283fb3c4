"""Laws between the functions of the language, on generated payloads and patterns."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mega.errors import PatternError
from mega.match import Pattern, evaluate
from mega.match.functions import (
    and_,
    any_,
    contains,
    contains_all,
    eq,
    every,
    exactly,
    field,
    fullmatch,
    gt,
    gte,
    iequals,
    in_,
    is_a,
    length,
    lt,
    lte,
    match,
    neq,
    not_,
    one_of,
    or_,
    prefix,
    search,
    substring,
    suffix,
    wildcard,
)
from tests.match.reference import build
from tests.match.strategies import (
    PIECES,
    REGEXES,
    TEXTS,
    descriptions,
    json_values,
    payloads,
    scalars,
)
from tests.match.tables import in_place

ONE_VALUE: list[Callable[[Any], Pattern]] = [
    eq, neq, gt, gte, lt, lte, one_of, not_, contains, every, length, contains_all, or_, and_,
    lambda value: in_([value, 'a']), lambda value: exactly([value, value]),
]  # fmt: skip
ONE_TEXT: list[Callable[..., Pattern]] = [prefix, suffix, substring, wildcard]


def texts() -> st.SearchStrategy[str]:
    return st.sampled_from(TEXTS + PIECES) | st.text('aAbßſSs*?\\\n', max_size=5)


def patterns() -> st.SearchStrategy[Any]:
    return descriptions().map(build)


def literal(text: str) -> str:
    """The wildcard that matches only this text."""
    return re.sub(r'([*?\\])', r'\\\1', text)


# ── text ─────────────────────────────────────────────────────────────────────────────────────────


@given(texts() | json_values(), texts(), st.booleans())
def test_a_star_makes_a_wildcard_a_prefix_suffix_or_substring(
    lhs: object, piece: str, fold: bool
) -> None:
    same = literal(piece)
    for gaps, function in ((f'{same}*', prefix), (f'*{same}', suffix), (f'*{same}*', substring)):
        expected = in_place(lhs, function(piece, ignore_case=fold))
        assert in_place(lhs, wildcard(gaps, ignore_case=fold)) == expected


@given(texts() | json_values(), texts().filter(bool))
def test_a_wildcard_without_stars_matches_only_the_text(lhs: object, text: str) -> None:
    assert in_place(lhs, wildcard(literal(text))) == in_place(lhs, eq(text))
    assert in_place(lhs, wildcard(literal(text), ignore_case=True)) == in_place(lhs, iequals(text))


@given(texts(), texts().filter(bool))
def test_texts_with_equal_case_folding_match_alike(lhs: str, rhs: str) -> None:
    assert evaluate(lhs, iequals(rhs)) is (lhs.casefold() == rhs.casefold())
    assert evaluate(lhs, iequals(rhs)) is evaluate(lhs.casefold(), iequals(rhs.casefold()))


@pytest.mark.parametrize('function', ONE_TEXT[:3], ids=lambda function: function.__name__)
@given(texts(), texts())
def test_what_matches_still_matches_when_case_is_ignored(
    function: Callable[..., Pattern], lhs: str, rhs: str
) -> None:
    if evaluate(lhs, function(rhs)):
        assert evaluate(lhs, function(rhs, ignore_case=True))
    assert evaluate(lhs + rhs, suffix(rhs))
    assert evaluate(rhs + lhs, prefix(rhs))
    assert evaluate(lhs + rhs + lhs, substring(rhs))


@given(texts() | json_values(), st.sampled_from(REGEXES))
def test_fullmatch_implies_match_and_match_implies_search(lhs: object, regex: str) -> None:
    whole, start, anywhere = (evaluate(lhs, call(regex)) for call in (fullmatch, match, search))
    assert whole <= start <= anywhere


# ── arrays ───────────────────────────────────────────────────────────────────────────────────────


@given(json_values(), st.lists(patterns(), min_size=1, max_size=3))
def test_contains_all_is_contains_of_each(lhs: object, members: list[Any]) -> None:
    expected = in_place(lhs, and_(*map(contains, members)))
    assert in_place(lhs, contains_all(*members)) == expected


@given(json_values(), patterns())
def test_every_is_the_negation_of_contains_not(lhs: object, rhs: Any) -> None:
    expected = in_place(lhs, and_(is_a(list), not_(contains(not_(rhs)))))
    assert in_place(lhs, every(rhs)) == expected


@given(json_values(), st.lists(patterns(), max_size=3))
def test_an_exact_match_is_also_a_match_as_a_set(lhs: object, members: list[Any]) -> None:
    if evaluate(lhs, exactly(members)):
        assert evaluate(lhs, members)
        assert evaluate(lhs, length(len(members)))
        assert not members or evaluate(lhs, contains_all(*members))


@given(json_values())
def test_length_agrees_with_python(lhs: object) -> None:
    sized = isinstance(lhs, (str, list, tuple, dict))
    assert evaluate(lhs, length(any_())) is sized
    assert evaluate(lhs, length(gte(0))) is sized
    if isinstance(lhs, (str, list, tuple, dict)):
        assert evaluate(lhs, and_(length(len(lhs)), not_(length(len(lhs) + 1))))


@given(json_values(), st.sampled_from((str, float, bool, list, tuple, dict, None, object)))
def test_every_value_has_a_type(lhs: object, kind: type | None) -> None:
    assert evaluate(lhs, is_a(kind)) is evaluate(lhs, is_a(kind, kind))
    assert evaluate(lhs, is_a(kind, object)) is True
    assert evaluate(lhs, is_a(bool, int)) is isinstance(lhs, int)
    assert evaluate(lhs, is_a(int)) is (type(lhs) is int)


# ── fields ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize('function', ONE_VALUE, ids=range(len(ONE_VALUE)))
@given(json_values(), scalars())
def test_a_field_equals_its_scalar(
    function: Callable[[Any], Pattern], lhs: object, other: object
) -> None:
    """As if the pattern contained this value. A value that does not compare does not match."""
    payload = {'lhs': lhs, 'there': {'other': other}}
    try:
        written = function(other)
    except PatternError:
        assert function in (gt, gte, lt, lte)
        written = not_(any_())
    assert evaluate(payload, {'lhs': function(field('there.other'))}) is (
        evaluate(payload, {'lhs': written})
    )


@given(json_values(), json_values())
def test_a_field_equals_an_equal_array_or_object(lhs: object, other: object) -> None:
    """Members in order and keys one by one, as with `exactly`, and without other keys."""

    def written(value: object) -> Any:
        if isinstance(value, dict):
            keys = {key: written(member) for key, member in value.items()}
            return and_(keys, length(len(keys)), is_a(dict))
        if isinstance(value, (list, tuple)):
            return exactly([written(member) for member in value])
        return value

    for here in (lhs, other):
        payload = {'lhs': here, 'there': {'other': other}}
        assert evaluate(payload, {'lhs': field('there.other')}) is evaluate(here, written(other))


@given(scalars(), scalars())
def test_a_missing_field_equals_and_compares_with_nothing(lhs: object, other: object) -> None:
    payload = {'lhs': lhs, 'there': other}
    for function in (eq, gt, gte, lt, lte, one_of):
        assert not evaluate(payload, {'lhs': function(field('there.other'))})
        assert evaluate(payload, {'lhs': not_(function(field('there.other')))})


@given(payloads(), patterns())
def test_every_value_equals_itself_at_every_path(lhs: dict[str, Any], rhs: Any) -> None:
    for key in lhs:
        assert evaluate(lhs, {key: field([key])})
        assert evaluate(lhs, or_(rhs, {key: eq(field([key]))}))
        assert not evaluate(lhs, and_(rhs, {key: neq(field([key]))}))
