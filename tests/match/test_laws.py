"""The laws of the language, on generated payloads and patterns."""

from __future__ import annotations

import random
from copy import deepcopy
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from mega.match import Pattern, evaluate
from mega.match.functions import (
    and_,
    between,
    eq,
    gt,
    gte,
    lt,
    lte,
    not_,
    or_,
)
from tests.match.reference import (
    Description,
    build,
    fields_in,
    functions_in,
    matches,
    truth_of_absence,
)
from tests.match.strategies import (
    cases,
    descriptions,
    descriptions_of,
    json_values,
    object_descriptions,
    ordered,
    payloads,
    scalars,
    shuffled,
)
from tests.match.tables import in_place, rebuild


def patterns() -> st.SearchStrategy[Any]:
    return descriptions().map(build)


@given(json_values(), descriptions())
def test_agrees_with_the_reference(lhs: object, description: Description) -> None:
    expected = matches(description, lhs), truth_of_absence(description) is True
    assert in_place(lhs, build(description)) == expected


@given(payloads(), object_descriptions())
def test_agrees_with_the_reference_on_objects(
    lhs: dict[str, Any], description: dict[str, Description]
) -> None:
    assert evaluate(lhs, build(description)) is matches(description, lhs)


@given(payloads(), st.data())
def test_agrees_with_the_reference_on_patterns_built_from_the_payload(
    lhs: dict[str, Any], data: st.DataObject
) -> None:
    """A part of the payload is a pattern that matches it; one change often breaks the match."""
    description = deepcopy(lhs)
    assert evaluate(lhs, description)
    for key in data.draw(st.lists(st.sampled_from(sorted(lhs)), max_size=2)) if lhs else ():
        description[key] = data.draw(descriptions())
    assert evaluate(lhs, build(description)) is matches(description, lhs)


@given(cases())
def test_agrees_with_the_reference_on_patterns_that_the_payload_suggests(
    case: tuple[dict[str, Any], Description],
) -> None:
    lhs, description = case
    assert evaluate(lhs, build(description)) is matches(description, lhs)


@given(json_values().flatmap(lambda lhs: st.tuples(st.just(lhs), descriptions_of(lhs, lhs))))
def test_agrees_with_the_reference_on_any_value_and_patterns_that_it_suggests(
    case: tuple[object, Description],
) -> None:
    lhs, description = case
    expected = matches(description, lhs), truth_of_absence(description) is True
    assert in_place(lhs, build(description)) == expected


@given(json_values(), patterns())
def test_two_negations_cancel(lhs: object, rhs: Any) -> None:
    assert evaluate(lhs, not_(rhs)) is not evaluate(lhs, rhs)
    assert in_place(lhs, not_(not_(rhs))) == in_place(lhs, rhs)


@given(json_values(), st.lists(patterns(), min_size=1, max_size=3))
def test_de_morgan_holds(lhs: object, members: list[Any]) -> None:
    negated = [not_(member) for member in members]
    assert in_place(lhs, not_(and_(*members))) == in_place(lhs, or_(*negated))
    assert in_place(lhs, not_(or_(*members))) == in_place(lhs, and_(*negated))


@given(json_values(), patterns(), patterns())
def test_operators_equal_the_functions(lhs: object, one: Any, other: Any) -> None:
    left = not_(not_(one))
    assert isinstance(left, Pattern)
    assert in_place(lhs, left & other) == in_place(lhs, and_(one, other))
    assert in_place(lhs, left | other) == in_place(lhs, or_(one, other))
    assert in_place(lhs, ~left) == in_place(lhs, not_(one))


@given(cases(), st.integers(0, 2**32))
def test_the_order_of_pattern_members_has_no_effect(
    case: tuple[dict[str, Any], Description], seed: int
) -> None:
    """The members of `exactly` keep their order."""
    lhs, description = case
    other = shuffled(description, random.Random(seed).shuffle)
    assert in_place(lhs, build(other)) == in_place(lhs, build(description))


@given(cases(), st.integers(0, 2**32))
def test_the_order_of_keys_and_members_of_a_payload_has_no_effect(
    case: tuple[dict[str, Any], Description], seed: int
) -> None:
    """The order of keys never has one, the order of an array only in `exactly`."""
    lhs, description = case
    assume('exactly' not in functions_in(description))
    rhs = build(description)
    assert evaluate(shuffled(lhs, random.Random(seed).shuffle), rhs) is evaluate(lhs, rhs)


@given(payloads(), object_descriptions(), payloads())
def test_a_dict_pattern_ignores_other_keys(
    lhs: dict[str, Any], description: dict[str, Description], gained: dict[str, Any]
) -> None:
    """At the top: all keys without a pattern that no field reads."""
    rhs = build(description)
    asked = {*rhs, *(path[0] for path in fields_in(description))}
    more = {**{key: value for key, value in gained.items() if key not in asked}, **lhs}
    assert evaluate(more, rhs) is evaluate(lhs, rhs)


def gained(value: Any, data: st.DataObject) -> Any:
    """A value whose objects, at every depth, have additional unknown keys."""
    if isinstance(value, (list, tuple)):
        return type(value)(gained(member, data) for member in value)
    if not isinstance(value, dict):
        return value
    extra = data.draw(st.dictionaries(st.sampled_from(('x', 'y')), scalars(), max_size=1))
    return {**extra, **{key: gained(inner, data) for key, inner in value.items()}}


@given(payloads(), st.data())
def test_a_payload_with_additional_keys_still_matches(
    lhs: dict[str, Any], data: st.DataObject
) -> None:
    """At every depth: a pattern of plain values, and keys without a pattern."""
    assert evaluate(gained(lhs, data), lhs)


ASK_FOR_THE_WHOLE = {'empty', 'length', 'field'}
"""The functions whose results depend on additional keys of an object."""


@given(cases(predicates=False), st.data())
def test_a_pattern_ignores_keys_that_it_does_not_mention(
    case: tuple[dict[str, Any], Description], data: st.DataObject
) -> None:
    """At every depth, negated or not, except for patterns of the size or of another field."""
    lhs, description = case
    assume(not functions_in(description) & ASK_FOR_THE_WHOLE)
    rhs = build(description)
    assert evaluate(gained(lhs, data), rhs) is evaluate(lhs, rhs)


@given(json_values(), patterns())
def test_never_raises_and_never_changes_the_payload(lhs: object, rhs: Any) -> None:
    before = deepcopy(lhs)
    answer = evaluate(lhs, rhs)
    assert isinstance(answer, bool)
    assert repr(lhs) == repr(before)
    assert evaluate(lhs, rhs) is answer


@given(scalars(), ordered(), ordered())
def test_a_value_is_less_equal_greater_or_not_comparable(lhs: object, rhs: Any, other: Any) -> None:
    below, equal, above = (evaluate(lhs, compare(rhs)) for compare in (lt, eq, gt))
    assert below + equal + above <= 1
    assert evaluate(lhs, lte(rhs)) is (below or equal)
    assert evaluate(lhs, gte(rhs)) is (above or equal)
    if type(rhs) is type(other) and evaluate(rhs, lte(other)):
        assert evaluate(lhs, between(rhs, other)) is evaluate(lhs, and_(gte(rhs), lte(other)))


@given(st.integers() | st.floats(allow_nan=False) | st.decimals(allow_nan=False), st.data())
def test_two_numbers_are_always_comparable(lhs: Any, data: st.DataObject) -> None:
    rhs = data.draw(
        st.integers() | st.floats(allow_nan=False) | st.decimals(allow_nan=False) | st.just(lhs)
    )
    assert sum(evaluate(lhs, compare(rhs)) for compare in (lt, eq, gt)) == 1


@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_equals_its_own_text(rhs: float) -> None:
    """As spelled by Python and by JSON."""
    text = str(rhs)
    assert evaluate(text, rhs)
    assert evaluate(text, and_(gte(rhs), lte(rhs), not_(gt(rhs)), not_(lt(rhs))))


@given(descriptions(predicates=False), st.lists(json_values() | payloads(), min_size=1, max_size=5))
def test_a_pattern_is_rebuilt_by_its_repr(description: Description, values: list[object]) -> None:
    pattern = not_(build(description))
    rebuilt = rebuild(pattern)
    assert repr(rebuilt) == repr(pattern)
    for lhs in values:
        assert in_place(lhs, rebuilt) == in_place(lhs, pattern)
