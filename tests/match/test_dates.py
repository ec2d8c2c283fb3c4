"""Instants and days in patterns and in comparisons, as `datetime`, `date` or text."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone, tzinfo

import pytest

from mega.match import evaluate
from mega.match.functions import between, eq, gt, gte, lt, lte
from tests.match.tables import check, table

UTC = timezone.utc
WEST, EAST = timezone(timedelta(hours=-3)), timezone(timedelta(hours=5, minutes=30))
DAY = date(2020, 5, 4)
NOON = datetime(2020, 5, 4, 12, tzinfo=UTC)
EXACT = datetime(2020, 5, 4, 15, 53, 23, 123000, tzinfo=UTC)
MIDNIGHT = datetime(2020, 5, 4, tzinfo=UTC)


@table(
    ('the same instant', EXACT, EXACT, True),
    ('the same instant elsewhere', EXACT.astimezone(WEST), EXACT, True),
    ('the same instant for a pattern from elsewhere', EXACT, EXACT.astimezone(EAST), True),
    ('no zone means UTC', EXACT.replace(tzinfo=None), EXACT, True),
    ('no zone in the pattern means UTC', EXACT, EXACT.replace(tzinfo=None), True),
    ('no zone on either side', EXACT.replace(tzinfo=None), EXACT.replace(tzinfo=None), True),
    ('the same clock elsewhere', EXACT.replace(tzinfo=WEST), EXACT, False),
    ('a millisecond later', EXACT + timedelta(milliseconds=1), EXACT, False),
    ('its text', '2020-05-04T15:53:23.123', EXACT, True),
    ('its text with Z', '2020-05-04T15:53:23.123Z', EXACT, True),
    ('its text with an offset', '2020-05-04T12:53:23.123-03:00', EXACT, True),
    ('its text with another offset', '2020-05-04T21:23:23.123+05:30', EXACT, True),
    ('its text with microseconds', '2020-05-04T15:53:23.123000+00:00', EXACT, True),
    ('a microsecond later as text', '2020-05-04T15:53:23.123001', EXACT, False),
    ('the offset ignored', '2020-05-04T15:53:23.123-03:00', EXACT, False),
    ('the text without decimals', '2020-05-04T15:53:23', EXACT, False),
    ('whole seconds', '2020-05-04T12:00:00Z', NOON, True),
    ('one decimal', '2020-05-04T12:00:00.0', NOON, True),
    ('a day as text is its midnight', '2020-05-04', MIDNIGHT, True),
    ('a day as a date is its midnight', DAY, MIDNIGHT, True),
    ('a day is not its noon', '2020-05-04', NOON, False),
    ('a date is not its noon', DAY, NOON, False),
    ('null', None, EXACT, False),
    ('the seconds since 1970', EXACT.timestamp(), EXACT, False),
    ('their text', str(EXACT.timestamp()), EXACT, False),
    ('true', True, EXACT, False),
    ('an array', [EXACT], EXACT, False),
    ('bytes', b'2020-05-04T12:00:00Z', NOON, False),
)
def test_a_datetime_matches_the_same_instant(lhs: object, rhs: object, holds: bool) -> None:
    check(lhs, rhs, holds)


@table(
    ('the day as text', '2020-05-04', DAY, True),
    ('the day as a date', date(2020, 5, 4), DAY, True),
    ('another day', '2020-05-05', DAY, False),
    ('another date', date(2020, 5, 3), DAY, False),
    ('its midnight', '2020-05-04T00:00:00', DAY, True),
    ('its last moment', '2020-05-04T23:59:59.999999Z', DAY, True),
    ('the next midnight', '2020-05-05T00:00:00Z', DAY, False),
    ('an instant on it', NOON, DAY, True),
    ('an instant without a zone', datetime(2020, 5, 4, 23, 59), DAY, True),
    ('another day here, this day in UTC', '2020-05-05T03:00:00+05:30', DAY, True),
    ('this day here, another in UTC', '2020-05-04T22:00:00-03:00', DAY, False),
    ('this day elsewhere, another in UTC', datetime(2020, 5, 4, 22, tzinfo=WEST), DAY, False),
    ('null', None, DAY, False),
    ('a number', 20200504, DAY, False),
    ('the year and month', '2020-05', DAY, False),
    ('an array', ['2020-05-04'], DAY, False),
)
def test_a_date_matches_any_instant_on_that_utc_day(lhs: object, rhs: object, holds: bool) -> None:
    check(lhs, rhs, holds)


@table(
    ('later', '2020-05-04T12:00:00.001', gt(NOON), True),
    ('not after itself', '2020-05-04T12:00:00', gt(NOON), False),
    ('at least itself', NOON.astimezone(EAST), gte(NOON), True),
    ('at most itself', '2020-05-04T09:00:00-03:00', lte(NOON), True),
    ('earlier', datetime(2020, 5, 4, 11, 59), lt(NOON), True),
    ('later by its text, earlier by its instant', '2020-05-04T13:00:00+05:30', lt(NOON), True),
    ('a day before the noon of that day', '2020-05-04', lt(NOON), True),
    ('a date before the noon of that day', DAY, lt(NOON), True),
    ('a day not before its own midnight', '2020-05-04', lt(MIDNIGHT), False),
    ('a day at its own midnight', DAY, gte(MIDNIGHT), True),
    ('between, at the lower end', '2020-05-04', between(MIDNIGHT, NOON), True),
    ('between, at the upper end', NOON, between(MIDNIGHT, NOON), True),
    ('beyond', '2020-05-04T12:00:00.001Z', between(MIDNIGHT, NOON), False),
    ('equal', '2020-05-04T12:00:00Z', eq(NOON), True),
    ('a number', 1e12, gt(NOON), False),
    ('text that is no instant', 'tomorrow', gt(NOON), False),
    ('null', None, lt(NOON), False),
    ('true', True, lt(NOON), False),
)
def test_comparisons_order_instants(lhs: object, rhs: object, holds: bool) -> None:
    check(lhs, rhs, holds)


@table(
    ('that day is not after it', '2020-05-04T23:59:59.999', gt(DAY), False),
    ('the next midnight is after it', '2020-05-05T00:00:00', gt(DAY), True),
    ('that day is at least it', '2020-05-04T00:00:00', gte(DAY), True),
    ('the day before is not', '2020-05-03T23:59:59.999', gte(DAY), False),
    ('that day is at most it', '2020-05-04T23:59:59.999', lte(DAY), True),
    ('the next day is not', '2020-05-05', lte(DAY), False),
    ('that day is not before it', '2020-05-04T00:00:00', lt(DAY), False),
    ('the day before is before it', date(2020, 5, 3), lt(DAY), True),
    ('the next day here, that day in UTC', '2020-05-05T03:00:00+05:30', gt(DAY), False),
    ('that day here, the next in UTC', '2020-05-04T22:00:00-03:00', gt(DAY), True),
    ('an instant on that day', NOON, lte(DAY), True),
    ('a date after it', date(2020, 5, 5), gt(DAY), True),
    ('the whole of the first day', '2020-05-04T00:00:00Z', between(DAY, date(2020, 5, 5)), True),
    ('the whole of the last day', '2020-05-05T23:59:59Z', between(DAY, date(2020, 5, 5)), True),
    ('the day after', '2020-05-06T00:00:00Z', between(DAY, date(2020, 5, 5)), False),
    ('one day', NOON, between(DAY, DAY), True),
    ('equal', '2020-05-04T22:00:00', eq(DAY), True),
    ('a number', 20200505, gt(DAY), False),
    ('null', None, lt(DAY), False),
)
def test_comparisons_with_a_date_compare_utc_days(lhs: object, rhs: object, holds: bool) -> None:
    check(lhs, rhs, holds)


@pytest.mark.parametrize(
    'lhs',
    [
        '', ' ', 'now', '3', '2024', 'May 5', '10-11-12', '1588593600', '04/05/2020', '2020-5-4',
        '2020-05-04T', '2020-05-04T12:00:00 ', ' 2020-05-04', '2020-05-04\n',
        '2020-05-04T12:00:00\n', '2020-13-01', '2020-02-30', '2020-02-30T00:00:00',
        '2020-05-04T25:00:00', '2020-05-04T12:60:00', '0000-01-01', '-2020-05-04', '+2020-05-04',
        '2020-05-04T12:00:00+99:00', '2020-05-04T12:00:00X', '٢٠٢٠-٠٥-٠٤',
        '２０２０-０５-０４T12:00:00', '2020-05-04T12:00:0٠', '1' * 50_000, 'T12:00:00',
        '2020-05-04T12:00:00[Europe/Paris]',
    ],
    ids=lambda lhs: ascii(lhs[:40]),
)  # fmt: skip
def test_a_text_that_is_not_iso_8601_is_not_an_instant(lhs: str) -> None:
    ages = date(1, 1, 1), date(9999, 12, 31)
    instants = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    check(lhs, DAY, False)
    check(lhs, NOON, False)
    assert not evaluate(lhs, between(*ages))
    assert not evaluate(lhs, between(*instants))


@pytest.mark.parametrize(
    'lhs',
    [
        '0001-01-01T00:00:00+14:00',
        '9999-12-31T23:59:59-14:00',
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
        datetime(9999, 12, 31, 23, 59, tzinfo=timezone(timedelta(hours=-14))),
    ],
    ids=str,
)
@pytest.mark.parametrize(
    'rhs', [DAY, NOON, eq(NOON), eq(DAY), between(NOON, EXACT), between(DAY, DAY)], ids=repr
)
def test_instants_at_the_limits_of_the_calendar_are_compared(lhs: object, rhs: object) -> None:
    """Even if the time in UTC is outside of the range of `datetime`."""
    check(lhs, rhs, False)


@pytest.mark.parametrize('rhs', [date.min, date.max, datetime.min, datetime.max], ids=repr)
def test_the_limits_of_the_calendar_are_valid_patterns(rhs: date) -> None:
    check(rhs, rhs, True)
    check(rhs.isoformat(), rhs, True)
    check(rhs, gte(rhs), True)
    check(rhs, gt(rhs), False)
    check(DAY, rhs, False)


class Summer(tzinfo):
    """Two hours ahead of UTC until 2020-10-25 at 3:00, when clocks go back to 2:00."""

    def utcoffset(self, when: datetime | None) -> timedelta:
        assert when is not None
        clock, change = when.replace(tzinfo=None, fold=0), datetime(2020, 10, 25, 2)
        still = clock < change or (clock < change + timedelta(hours=1) and not when.fold)
        return timedelta(hours=2 if still else 1)

    def dst(self, when: datetime | None) -> timedelta:
        return self.utcoffset(when) - timedelta(hours=1)

    def tzname(self, when: datetime | None) -> str:
        return 'SUMMER'


FIRST = datetime(2020, 10, 25, 2, 30, tzinfo=Summer())
SECOND = FIRST.replace(fold=1)


@table(
    ('the first time', '2020-10-25T00:30:00Z', FIRST, True),
    ('the second time', '2020-10-25T01:30:00Z', SECOND, True),
    ('the second for the first', '2020-10-25T01:30:00Z', FIRST, False),
    ('the first as a datetime', datetime(2020, 10, 25, 0, 30, tzinfo=UTC), FIRST, True),
    ('the first for a pattern in UTC', FIRST, datetime(2020, 10, 25, 0, 30), True),
    ('the same clock an hour later', SECOND, FIRST, False),
    ('the later one is later', SECOND, gt(FIRST), True),
    ('the earlier one is earlier', FIRST, lt(SECOND), True),
)
def test_a_repeated_hour_at_the_end_of_summer_time_is_two_instants(
    lhs: object, rhs: object, holds: bool
) -> None:
    """In Python, a repeated wall-clock time never equals an instant of another zone."""
    check(lhs, rhs, holds)
