"""Timestamps: compared with a simple and slow parser, and with `isoformat`."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime, timedelta, timezone

import pytest
from dateutil.parser import isoparse
from hypothesis import example, given
from hypothesis import strategies as st

from mega import timestamps
from tests.event.examples import MOMENT
from tests.strategies import fixed_zones

# A date; or a date and a time in hours, minutes or seconds, with or without a zone.
GRAMMAR = re.compile(
    r"""[0-9]{4}-[0-9]{2}-[0-9]{2}
        ( [T ] ( [0-9]{2} | [0-9]{2}:[0-9]{2} | [0-9]{2}:[0-9]{2}:[0-9]{2} ([.,][0-9]{1,12})? )
               ( Z | [+-][0-9]{2} | [+-][0-9]{4} | [+-][0-9]{2}:[0-9]{2} )?
        )?""",
    re.VERBOSE,
)
PRECISIONS = ('auto', 'hours', 'minutes', 'seconds', 'milliseconds', 'microseconds')
ZONES = (
    '', '', 'Z', '+00:00', '-00:00', '+02:00', '-0330', '+14', '+23:59', '+24:00', '+02:60', 'z',
    'ZZ', 'Z+00:00', '+00:00Z', '+2', '+00:00:00',
)  # fmt: skip
SPECIAL = (
    '', '0', '9', '24', '60', '٣', ':', '-', '.', ',', 'T', 't', 'Z', '+', ' ', '\n', 'W', '\0',
    '\ud800', 'é',
)  # fmt: skip


class SpecialDatetime(datetime):
    """A class as in pandas and pendulum."""

    def isoformat(self, sep: str = 'T', timespec: str = 'auto') -> str:
        return super().isoformat(sep, timespec).lower()


def parse_simply(text: str) -> datetime | None:
    """Return the result of the first parser that accepts the text."""
    for parser in (datetime.fromisoformat, isoparse) if GRAMMAR.fullmatch(text) else ():
        with suppress(ValueError, OverflowError):
            instant = parser(text)
            return instant if instant.tzinfo else instant.replace(tzinfo=timezone.utc)
    return None


@st.composite
def near_timestamps(draw: st.DrawFn) -> str:
    """Generate timestamps in many spellings, some with a few changed characters."""
    precision, separator = draw(st.sampled_from(PRECISIONS)), draw(st.sampled_from('TT t'))
    written = draw(st.datetimes()).isoformat(separator, precision) + draw(st.sampled_from(ZONES))
    text = draw(st.just(written) | st.from_regex(GRAMMAR, fullmatch=True))
    for _ in range(draw(st.integers(0, 2))):
        place, length = draw(st.integers(0, len(text))), draw(st.integers(0, 2))
        text = text[:place] + draw(st.sampled_from(SPECIAL)) + text[place + length :]
    return text


@given(near_timestamps())
@example('2020-05-04T24:00')
@example('9999-12-31T24:00:00')
@example('2020-05-04Z')
@example('2020-05-04T15:53:23.123Z\n')
def test_parses_every_spelling_as_the_simple_parser_does(text: str) -> None:
    read, expected = timestamps.parse_timestamp(text), parse_simply(text)
    assert read == expected
    if read is not None and expected is not None:
        assert read.utcoffset() == expected.utcoffset()


@pytest.mark.parametrize('zone', ['', 'Z', '+00:00', '-00:00', '+0000', '+00'])
@pytest.mark.parametrize('decimals', ['', '.1', '.12', '.123', ',123', '.1234', '.123456789012'])
def test_parses_any_number_of_decimals_with_any_spelling_of_utc(decimals: str, zone: str) -> None:
    cut = decimals[1:7].ljust(6, '0')
    read = timestamps.parse_timestamp(f'2020-05-04T15:53:23{decimals}{zone}')
    assert read == MOMENT.replace(microsecond=int(cut))


@pytest.mark.parametrize(
    'text',
    ['2020-05-04Z', '2020-05-04+00:00', '2020-05-04T', '2020-05-04TZ', '2020-05-04T15:53:23.Z',
     '2020-05-04T15:53:23.1234567890123', '2020-05-04T15:53.5', '2020-05-04T15:53:23ZZ',
     '2020-05-04T15:53:23Z+00:00', '2020-05-04T15:53:23+00:00Z', '2020-05-04T15:53:23.12-',
     '2020-05-04T15:53:23.-01', '2020-05-04T1553', '20200504T155323', '2020-W1-04T15:53:23.123',
     '2020-05-04T24:00:00.001', '9999-12-31T24:00', '2020-05-04T15:53:23.1٣3'],
)  # fmt: skip
def test_returns_none_if_a_part_is_missing_or_too_long(text: str) -> None:
    assert timestamps.parse_timestamp(text) is None


def test_a_timestamp_in_utc_has_the_tzinfo_of_python() -> None:
    """`to_utc` then returns it without a conversion."""
    for text in ('2020-05-04T15:53:23.123', '2020-05-04T15:53:23Z', '2020-05-04T15', '2020-05-04'):
        read = timestamps.parse_timestamp(text)
        assert read is not None
        assert read.tzinfo is timezone.utc


@given(st.datetimes(timezones=st.none() | fixed_zones))
@example(datetime(1, 1, 1))
@example(datetime(9999, 12, 31, 23, 59, 59, 999_999))
@example(SpecialDatetime(2020, 5, 4, 15, 53, 23, 123_456, timezone.utc))
def test_writes_what_isoformat_writes_without_the_zone(instant: datetime) -> None:
    expected = datetime.isoformat(instant.replace(tzinfo=None), timespec='milliseconds')
    assert timestamps.format_timestamp(instant) == expected


@given(st.datetimes(timezones=st.just(timezone.utc)))
def test_parses_what_it_writes_as_a_written_timestamp(instant: datetime) -> None:
    text = timestamps.format_timestamp(instant)
    assert timestamps.parse_written_timestamp(text) == timestamps.parse_timestamp(text)


@given(near_timestamps() | st.text('0123456789-T:.Z+ W', min_size=23, max_size=23))
@example('2020-05-04T15:53:23.12Z')
@example('2020-05-04T15:53:23.1+0')
@example('2020-05-04T24:00:00.000')
@example('2020-W19-1T15:53:23.123')
def test_a_written_timestamp_is_one_that_it_would_write(text: str) -> None:
    instant = timestamps.parse_written_timestamp(text)
    if instant is not None:
        assert timestamps.format_timestamp(instant) == text
        assert instant.tzinfo is timezone.utc


@given(st.datetimes(timezones=fixed_zones | st.timezones()))
def test_to_utc_returns_the_same_instant(instant: datetime) -> None:
    in_utc = timestamps.to_utc(instant)
    if in_utc is None:
        assert instant.year in (1, 9999)
    else:
        assert in_utc.utcoffset() == timedelta(0)
        assert in_utc == instant.astimezone(timezone.utc)
