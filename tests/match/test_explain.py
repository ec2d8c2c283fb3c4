"""Explanations: the leaf, the value and the wanted pattern."""

from __future__ import annotations

from typing import Any

import pytest

from mega.errors import PatternError
from mega.event import Event, Payload
from mega.match import PatternSet, explain
from mega.match.functions import (
    and_,
    any_,
    contains,
    eq,
    exists,
    field,
    gt,
    missing,
    neq,
    not_,
    one_of,
    optional,
    or_,
    prefix,
)

LHS: dict[str, Any] = {
    'event': {'domain': 'shop', 'name': 'item.added', 'attributes': {'quantity': 3}},
    'object': {'type': 'cart', 'tags': ['a', 'b']},
}


def fails(rhs: object, lhs: object = LHS) -> list[str]:
    """The failed findings, as text."""
    explanation = explain(lhs, rhs)
    assert not explanation
    return [str(finding) for finding in explanation.findings if not finding.holds]


@pytest.mark.parametrize(
    ('rhs', 'finding'),
    [
        ({'event': {'name': 'removed'}}, "- event.name is 'item.added', wanted 'removed'"),
        ({'event': {'name': prefix('u:')}}, "- event.name is 'item.added', wanted prefix('u:')"),
        ({'event': {'attributes': {'quantity': gt(3)}}},
         '- event.attributes.quantity is 3, wanted gt(3)'),
        ({'event': {'subject': 'x'}}, "- event.subject is missing, wanted 'x'"),
        ({'event': {'subject': not_('x')}}, "- event.subject is missing, wanted not_('x')"),
        ({'event': {'name': missing()}}, "- event.name is 'item.added', wanted missing()"),
        ({'event': {'name': {'a': 'x'}}}, "- event.name is 'item.added', wanted {'a': 'x'}"),
        ({'extra': {'a': 1}}, "- extra is missing, wanted {'a': 1}"),
        ({'event': {'domain': eq('cart')}}, "- event.domain is 'shop', wanted 'cart'"),
        ({'event': {'domain': optional('cart')}}, "- event.domain is 'shop', wanted 'cart'"),
        ({'event': {'domain': and_(exists(), 'cart')}}, "- event.domain is 'shop', wanted 'cart'"),
        ({'event': {'domain': or_('cart', 'user')}},
         "- event.domain is 'shop', wanted or_('cart', 'user')"),
        ({'event': {'name': neq(field('event.name'))}},
         "- event.name is 'item.added', wanted not_(eq(field('event.name')))"),
        ({'object': {'tags': one_of('a', 'b')}},
         "- object.tags is ['a', 'b'], wanted one_of('a', 'b')"
         ' (an array is never one of them: contains(...) looks into it)'),
        ({'object': {'tags': contains('c')}}, "- object.tags is ['a', 'b'], wanted contains('c')"),
        ([], '- the value is '),
    ],
)  # fmt: skip
def test_an_explanation_names_the_failed_leaf_the_value_and_the_wanted_pattern(
    rhs: object, finding: str
) -> None:
    (failed,) = fails(rhs)
    assert failed.startswith(finding)


def test_an_explanation_has_the_result_of_every_leaf() -> None:
    rhs = {
        'event': {'domain': 'shop', 'name': 'x', 'attributes': {'quantity': 3}},
        'object': any_(),
    }
    assert {finding.path: finding.holds for finding in explain(LHS, rhs).findings} == {
        'event.domain': True,
        'event.name': False,
        'event.attributes.quantity': True,
        'object': True,
    }


def test_the_first_failure_is_shown_first_and_is_the_reason() -> None:
    explanation = explain(LHS, {'event': {'domain': 'shop', 'name': 'x'}, 'object': {'type': 'y'}})
    assert explanation.reason is not None
    assert explanation.reason.path == 'event.name'
    assert str(explanation) == (
        'it does not match\n'
        "  - event.name is 'item.added', wanted 'x'\n"
        "  - object.type is 'cart', wanted 'y'\n"
        "  + event.domain is 'shop', wanted 'shop'"
    )


def test_a_match_is_explained_too() -> None:
    explanation = explain(LHS, {'event': {'domain': 'shop'}})
    assert explanation
    assert explanation.reason is None
    assert str(explanation) == "it matches\n  + event.domain is 'shop', wanted 'shop'"


def test_all_failures_of_alternative_objects_are_shown() -> None:
    assert fails(or_({'event': {'name': 'x'}}, {'object': {'type': 'y'}})) == [
        "- event.name is 'item.added', wanted 'x'",
        "- object.type is 'cart', wanted 'y'",
    ]


def test_only_the_matching_alternative_is_shown() -> None:
    explanation = explain(LHS, or_({'event': {'name': 'x'}}, {'object': {'type': 'cart'}}))
    assert [finding.path for finding in explanation.findings] == ['object.type']


def test_a_predicate_is_not_called_if_another_condition_failed() -> None:
    asked: list[object] = []
    rhs = {'event': {'domain': asked.append, 'name': 'x'}}
    assert fails(rhs)[-1].startswith("? event.domain is 'shop', wanted list.append")
    assert asked == []


def test_a_predicate_that_raises_is_shown_and_does_not_match() -> None:
    def broken(lhs: object) -> bool:
        raise ValueError('no\nway')

    (failed,) = fails({'event': {'name': broken}})
    assert failed.endswith(r"(it raised ValueError('no\nway'))")


def test_untrusted_text_is_shortened_and_escaped() -> None:
    lhs = {'a' * 500: '\x1b[31m' * 500, 'b\n': {'c': list(range(10**5))}}
    text = str(explain(lhs, {'a' * 500: 1, 'b\n': {'c': 'x' * 5000}}))
    assert len(text.splitlines()) == 3
    assert max(map(len, text.splitlines())) < 300
    assert '\x1b' not in text


def test_findings_beyond_the_limit_are_counted() -> None:
    text = str(explain({}, {f'k{i:02}': i for i in range(40)}))
    assert text.splitlines()[1:3] == [
        '  - k00 is missing, wanted 0',
        '  - k01 is missing, wanted 1',
    ]
    assert text.splitlines()[-1] == '  ... and 28 more'


def test_an_object_with_to_dict_is_explained_as_its_dict() -> None:
    payload = Payload(Event('user:login', '2020-05-04T15:53:23.123'))  # type: ignore[arg-type]
    assert fails({'event': {'version': 2}}, payload) == ['- event.version is 1, wanted 2']


def test_explain_refuses_an_invalid_pattern() -> None:
    with pytest.raises(PatternError, match=r'event\.name'):
        explain(LHS, {'event': {'name': object()}})


def test_a_set_explains_each_of_its_patterns_in_a_line() -> None:
    class Cart:
        pass

    patterns: PatternSet[object] = PatternSet()
    patterns.add({'event': {'domain': 'shop'}}, Cart)
    patterns.add({'event': {'domain': 'user'}}, 'users')
    explanations = patterns.explain(LHS)
    assert str(explanations) == "Cart: matches\n'users': event.domain is 'shop', wanted 'user'"
    assert explanations.matching == [Cart]
    assert [(target, bool(why)) for target, why in explanations] == [(Cart, True), ('users', False)]
    assert repr(explanations) == '<1 of 2 match>'
