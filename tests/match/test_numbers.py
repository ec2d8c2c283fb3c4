"""Numbers in patterns and in comparisons: exact in every spelling."""

from __future__ import annotations

from decimal import Decimal, FloatOperation, Inexact, localcontext

import pytest

from mega.match import evaluate
from mega.match.functions import between, eq, gt, gte, lt, lte, not_, one_of
from tests.match.tables import check, table

NAN, INFINITY = float('nan'), float('inf')
BIG = 2**53
LONG = 10**4_999


@table(
    ('the equal integer', 42, 42, True),
    ('another integer', 43, 42, False),
    ('the equal float for an integer', 42.0, 42, True),
    ('the equal integer for a float', 42, 42.0, True),
    ('the equal decimal', Decimal('42'), 42, True),
    ('a decimal with more zeros', Decimal('42.00'), 42, True),
    ('the equal integer for a decimal', 42, Decimal('42.0'), True),
    ('the equal float for a decimal', 2.5, Decimal('2.5'), True),
    ('the equal decimal for a float', Decimal('2.5'), 2.5, True),
    ('negative zero', -0.0, 0, True),
    ('true for one', True, 1, False),
    ('false for zero', False, 0, False),
    ('true for one as a float', True, 1.0, False),
    ('true for one as a decimal', True, Decimal(1), False),
    ('null for zero', None, 0, False),
    ('bytes that spell it', b'42', 42, False),
    ('the next integer beyond 53 bits', BIG + 1, BIG, False),
    ('the next integer for a float', BIG + 1, float(BIG), False),
    ('the float for the next integer', float(BIG), BIG + 1, False),
    ('the same large integer', 10**40 + 1, 10**40 + 1, True),
    ('a sum that is not what it seems', 0.1 + 0.2, 0.3, False),
    ('an integer of 5,000 digits', LONG, LONG, True),
    ('another integer of 5,000 digits', LONG + 1, LONG, False),
    ('infinity', INFINITY, INFINITY, True),
    ('infinity for a number', INFINITY, 10**400, False),
    ('a number for infinity', 10**400, INFINITY, False),
    ('an array that has it', [42], 42, False),
    ('an object that has it', {'42': 42}, 42, False),
)
def test_a_number_matches_the_equal_number(lhs: object, rhs: object, holds: bool) -> None:
    check(lhs, rhs, holds)


@table(
    ('an integer', '42', 42, True),
    ('a negative integer', '-42', -42, True),
    ('zeros behind the point', '42.00', 42, True),
    ('an exponent', '4.2e1', 42, True),
    ('a capital exponent', '42E+0', 42, True),
    ('a negative exponent', '4200e-2', 42, True),
    ('one times a hundred', '1e2', 100, True),
    ('negative zero', '-0', 0, True),
    ('a float as it is written', '19.99', 19.99, True),
    ('a float with a zero more', '19.990', 19.99, True),
    ('a float by the digits of its binary value', f'{19.99:.60f}', 19.99, False),
    ('a third of the cents', '19.991', 19.99, False),
    ('a decimal', '19.99', Decimal('19.99'), True),
    ('an integer for a float', '42', 42.0, True),
    ('another number', '43', 42, False),
    ('the next integer beyond 53 bits', str(BIG + 1), BIG, False),
    ('the next integer for a float', str(BIG + 1), float(BIG), False),
    ('the large integer itself', str(BIG + 1), BIG + 1, True),
    ('zero with a huge exponent', '0e999999999', 0, True),
    ('a large exponent', '1e400', 10**400, True),
    ('a large exponent for infinity', '1e400', INFINITY, False),
    ('a small exponent for zero', '1e-400', 0, False),
    ('a huge exponent', '1e999999999', 1, False),
    ('a huge negative exponent', '1e-999999999', 0, False),
    ('an exponent beyond all bounds', '1e99999999999999999999', 1, False),
    ('5,000 digits', '1' + '0' * 4_999, LONG, True),
    ('5,000 other digits', '1' + '0' * 4_998 + '1', LONG, False),
)
def test_a_number_matches_a_string_that_spells_it(lhs: object, rhs: object, holds: bool) -> None:
    check(lhs, rhs, holds)


@pytest.mark.parametrize('rhs', [42, 42.0, Decimal(42)], ids=repr)
@pytest.mark.parametrize(
    'lhs',
    [
        '+42', ' 42', '42 ', '42\n', '\t42', '4_2', '042', '-042', '00042', '42.', '0x2a',
        '0b101010', '0o52', '42L', '42j', '42f', '4 2', '42,0', '4.2e', 'e1', '4.2e1.0', '--42',
        '−42', '٤٢', '４２', '४२', '4２', '42.٠', '4.2e١', '42\x00', '\ufeff42', '42%',
        '{42}', 'forty-two', '(42)', '',
    ],
    ids=ascii,
)  # fmt: skip
def test_a_text_outside_of_jsons_grammar_does_not_spell_a_number(lhs: str, rhs: object) -> None:
    check(lhs, rhs, False)
    assert not evaluate(lhs, gt(-100))
    assert not evaluate(lhs, lt(100))


@pytest.mark.parametrize('lhs', ['.5', '00.5', '0.5 ', '+.5', '5.e-1', '½', '1/2'], ids=ascii)
def test_a_fraction_follows_jsons_grammar(lhs: str) -> None:
    check(lhs, 0.5, False)
    check('0.5', 0.5, True)


@pytest.mark.parametrize(
    'lhs', ['NaN', 'nan', 'Infinity', '-Infinity', 'inf', '-inf', 'sNaN', '1e309'], ids=repr
)
@pytest.mark.parametrize('rhs', [NAN, INFINITY, -INFINITY, Decimal('NaN')], ids=repr)
def test_no_text_spells_infinity_or_nan(lhs: str, rhs: object) -> None:
    check(lhs, rhs, False)


@pytest.mark.parametrize('nan', [NAN, Decimal('NaN'), Decimal('sNaN')], ids=repr)
@pytest.mark.parametrize(
    'rhs',
    [0, 1.5, Decimal(1), NAN, 'NaN', None, True, [], [1, NAN], gt(0), lt(0), gte(0), lte(0),
     between(-1, 1), eq(0), one_of(0, 1.5, 'a', NAN)],
    ids=repr,
)  # fmt: skip
def test_nan_equals_nothing_and_compares_with_nothing(nan: object, rhs: object) -> None:
    check(nan, rhs, False)


def test_nan_does_not_equal_itself() -> None:
    """Even the identical object: alone, as a member, in an array, under a key."""
    check(NAN, NAN, False)
    assert not evaluate([NAN], [NAN])
    assert not evaluate({'a': NAN}, {'a': NAN})
    assert not evaluate(NAN, one_of('a', NAN))
    assert evaluate(NAN, not_(NAN))


@table(
    ('above', 5, gt(4), True),
    ('not above itself', 4, gt(4), False),
    ('below', 3, lt(4), True),
    ('not below itself', 4, lt(4), False),
    ('at least, itself', 4, gte(4), True),
    ('at most, itself', 4, lte(4), True),
    ('at least, below', 3, gte(4), False),
    ('at most, above', 5, lte(4), False),
    ('the lower end', 1, between(1, 3), True),
    ('the upper end', 3, between(1, 3), True),
    ('below the range', 0.999, between(1, 3), False),
    ('above the range', Decimal('3.001'), between(1, 3), False),
    ('a range of one', 3, between(3, 3), True),
    ('a range of mixed numbers', 2, between(Decimal('1.5'), 2.5), True),
    ('a string that spells a number above', '42', gt(5), True),
    ('a string by its number, not its text', '9', lt(10), True),
    ('a string in a range', '2e0', between(1, 3), True),
    ('a float at least itself as written', '19.99', gte(19.99), True),
    ('a float at most itself as written', '19.99', lte(19.99), True),
    ('a float not above itself as written', '19.99', gt(19.99), False),
    ('a float not below itself as written', '19.99', lt(19.99), False),
    ('the next integer beyond 53 bits', BIG + 1, gt(float(BIG)), True),
    ('the text of that integer', str(BIG + 1), gt(BIG), True),
    ('what a float cannot hold', 10**400, gt(1.5), True),
    ('the text of such a number', '1e400', gt(1.5), True),
    ('its negative', '-1e400', lt(-1.5), True),
    ('infinity', INFINITY, gt(10**400), True),
    ('what is below infinity', 10**400, lt(INFINITY), True),
    ('true', True, gt(0), False),
    ('false', False, lt(1), False),
    ('true in a range', True, between(0, 1), False),
    ('null', None, lt(1), False),
    ('null, at least', None, gte(0), False),
    ('the empty string', '', gte(0), False),
    ('an array', [5], gt(4), False),
    ('an object', {'a': 5}, gt(4), False),
    ('bytes', b'5', gt(4), False),
    ('an instant', '2020-01-01', gt(4), False),
)
def test_comparisons_order_numbers(lhs: object, rhs: object, holds: bool) -> None:
    check(lhs, rhs, holds)


def test_the_callers_decimal_context_changes_nothing() -> None:
    """Neither its precision nor its traps have an effect."""
    with localcontext() as context:
        context.prec = 3
        context.traps[FloatOperation] = context.traps[Inexact] = True
        check('123456.7', Decimal('123456.7'), True)
        check('123456.7', Decimal('123456.8'), False)
        check(Decimal('2.5'), 2.5, True)
        check(Decimal('123456.7'), gt(123456.5), True)
        check(0.1, between(Decimal(0), 1.5), True)
        check('19.99', 19.99, True)
