"""The range check of numeric options: what is refused, and what the error says."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from mega.errors import ConfigurationError, EncodeError, check_int, check_seconds


@pytest.mark.parametrize('value', [1, 2, 10])
def test_an_int_within_its_range_is_returned(value: int) -> None:
    assert check_int('number', value, 1, 10) is value


@pytest.mark.parametrize('value', [0, 11, -1, 1.0, True, None, '5', float('nan'), Decimal(5)])
def test_any_other_value_of_an_int_option_is_refused(value: Any) -> None:
    with pytest.raises(ConfigurationError, match=r'^number=.*: must be 1 to 10$'):
        check_int('number', value, 1, 10)


def test_the_error_names_the_unit() -> None:
    with pytest.raises(ConfigurationError, match=r'^size=-1: must be 0 to 262,144 bytes$'):
        check_int('size', -1, 0, 262_144, 'bytes')


@pytest.mark.parametrize('value', [0, 0.0, 0.5, 60, 60.0])
def test_seconds_may_be_an_int_or_a_float(value: float) -> None:
    assert check_seconds('delay', value, 0, 60) == value


@pytest.mark.parametrize(
    'value', [-0.1, 60.1, True, None, '5', float('nan'), float('inf'), float('-inf'), Decimal(5)]
)
def test_any_other_value_of_a_seconds_option_is_refused(value: Any) -> None:
    with pytest.raises(ConfigurationError, match=r'^delay=.*: must be 0 to 60 seconds$'):
        check_seconds('delay', value, 0, 60)


def test_the_error_of_a_message_option_is_an_encode_error() -> None:
    with pytest.raises(EncodeError, match=r'delay_seconds is 901: must be 0 to 900') as caught:
        check_int('delay_seconds', 901, 0, 900, error=EncodeError)
    assert caught.value.path == 'delay_seconds'
    with pytest.raises(EncodeError, match=r'wait is nan: must be 0 to 1 seconds'):
        check_seconds('wait', float('nan'), 0, 1, error=EncodeError)


def test_a_value_that_cannot_be_shown_is_refused_all_the_same() -> None:
    class Hidden:
        def __repr__(self) -> str:
            raise LookupError

    with pytest.raises(ConfigurationError, match='number=<Hidden instance'):
        check_int('number', Hidden(), 1, 10)
