"""Instants as text: read as plain and slow code reads them, written as `isoformat` does."""

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

# A day; or a day and a time of hours, minutes, or seconds, with or without a zone.
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
TELLING = (
    '', '0', '9', '24', '60', '٣', ':', '-', '.', ',', 'T', 't', 'Z', '+', ' ', '\n', 'W', '\0',
    '\ud800', 'é',
)  # fmt: skip


def read_plainly(text: str) -> datetime | None:
    """The text as it stands, by the first parser that takes it."""
    for parser in (datetime.fromisoformat, isoparse) if GRAMMAR.fullmatch(text) else ():
        with suppress(ValueError, OverflowError):
            instant = parser(text)
            return instant if instant.tzinfo else instant.replace(tzinfo=timezone.utc)
    return None


@st.composite
def nearly_instants(draw: st.DrawFn) -> str:
    """Instants in many spellings, a character or two of some of them changed."""
    precision, separator = draw(st.sampled_from(PRECISIONS)), draw(st.sampled_from('TT t'))
    written = draw(st.datetimes()).isoformat(separator, precision) + draw(st.sampled_from(ZONES))
    text = draw(st.just(written) | st.from_regex(GRAMMAR, fullmatch=True))
    for _ in range(draw(st.integers(0, 2))):
        place, length = draw(st.integers(0, len(text))), draw(st.integers(0, 2))
        text = text[:place] + draw(st.sampled_from(TELLING)) + text[place + length :]
    return text


@given(nearly_instants())
@example('2020-05-04T24:00')
@example('9999-12-31T24:00:00')
@example('2020-05-04Z')
@example('2020-05-04T15:53:23.123Z\n')
def test_reads_every_spelling_as_plain_code_does(text: str) -> None:
    read, expected = timestamps.parse_timestamp(text), read_plainly(text)
    assert read == expected
    if read is not None and expected is not None:
        assert read.utcoffset() == expected.utcoffset()


@pytest.mark.parametrize('zone', ['', 'Z', '+00:00', '-00:00', '+0000', '+00'])
@pytest.mark.parametrize('decimals', ['', '.1', '.12', '.123', ',123', '.1234', '.123456789012'])
def test_reads_any_number_of_decimals_in_utc_however_utc_is_said(decimals: str, zone: str) -> None:
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
def test_answers_none_where_little_is_missing_or_too_much(text: str) -> None:
    assert timestamps.parse_timestamp(text) is None


def test_a_text_of_utc_is_read_as_pythons_own_utc() -> None:
    """So nothing has to convert it."""
    for text in ('2020-05-04T15:53:23.123', '2020-05-04T15:53:23Z', '2020-05-04T15', '2020-05-04'):
        read = timestamps.parse_timestamp(text)
        assert read is not None
        assert read.tzinfo is timezone.utc


@given(st.datetimes(timezones=st.none() | fixed_zones))
@example(datetime(1, 1, 1))
@example(datetime(9999, 12, 31, 23, 59, 59, 999_999))
def test_writes_what_isoformat_writes_without_the_zone(instant: datetime) -> None:
    naive = instant.replace(tzinfo=None)
    assert timestamps.format_timestamp(instant) == naive.isoformat(timespec='milliseconds')


@given(st.datetimes(timezones=fixed_zones | st.timezones()))
def test_an_instant_in_utc_is_the_same_instant(instant: datetime) -> None:
    in_utc = timestamps.to_utc(instant)
    if in_utc is None:
        assert instant.year in (1, 9999)
    else:
        assert in_utc.utcoffset() == timedelta(0)
        assert in_utc == instant.astimezone(timezone.utc)
