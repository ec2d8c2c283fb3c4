"""The settlement of a message by the outcomes of its subscribers: a complete table, and laws."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from mega.aws.sqs.subscribe import ProcessStatus
from mega.aws.sqs.subscribe.processing.outcome import Outcome
from mega.aws.sqs.subscribe.processing.settlement import (
    Settlement,
    SettlementAction,
    SettlementPolicy,
    StatsField,
    settle,
    settle_undecodable,
    settle_unfetchable,
)
from mega.aws.sqs.subscribe.reason import Reason
from mega.errors import ConfigurationError, DecodeError, EventError, OffloadError, RetriableError
from tests.aws.sqs.subscribe.factories import MESSAGE, subscriber

ACK, LEAVE, DEAD_LETTER = SettlementAction.ACK, SettlementAction.LEAVE, SettlementAction.DEAD_LETTER
MADE = subscriber(called='Inventory')
STATUSES = {
    'D': ProcessStatus.DONE,
    'L': ProcessStatus.RETRY_LATER,
    'F': ProcessStatus.FATAL_ERROR,
    'R': ProcessStatus.RETRIABLE_ERROR,
}

# Statuses of the subscribers, in any order and number; the action without and with a dead-letter
# queue of the listener; the counter in `Stats`.
TABLE = [
    ('D', ACK, ACK, StatsField.DONE),
    ('F', ACK, DEAD_LETTER, StatsField.FATAL),
    ('DF', ACK, DEAD_LETTER, StatsField.FATAL),
    ('L', LEAVE, LEAVE, StatsField.RETRIED),
    ('R', LEAVE, LEAVE, StatsField.RETRIED),
    ('DL', LEAVE, LEAVE, StatsField.RETRIED),
    ('DR', LEAVE, LEAVE, StatsField.RETRIED),
    ('FL', LEAVE, LEAVE, StatsField.RETRIED),
    ('FR', LEAVE, LEAVE, StatsField.RETRIED),
    ('LR', LEAVE, LEAVE, StatsField.RETRIED),
    ('DFL', LEAVE, LEAVE, StatsField.RETRIED),
    ('DFR', LEAVE, LEAVE, StatsField.RETRIED),
    ('DLR', LEAVE, LEAVE, StatsField.RETRIED),
    ('FLR', LEAVE, LEAVE, StatsField.RETRIED),
    ('DFLR', LEAVE, LEAVE, StatsField.RETRIED),
]
WITH_QUEUE = SettlementPolicy(has_dead_letter_queue=True)


def outcome(status: ProcessStatus | str, error: BaseException | None = None) -> Outcome:
    return Outcome(MADE, STATUSES[status] if isinstance(status, str) else status, error)


def retry(delay: Any) -> Outcome:
    return outcome('R', RetriableError(delay))


def test_the_table_has_every_combination() -> None:
    assert len({frozenset(said) for said, *_ in TABLE}) == 2 ** len(ProcessStatus) - 1


@pytest.mark.parametrize(
    ('said', 'without', 'with_queue', 'count'), TABLE, ids=[row[0] for row in TABLE]
)
def test_the_settlement_for_all_subscribers(
    said: str, without: SettlementAction, with_queue: SettlementAction, count: StatsField
) -> None:
    for statuses in product(said, repeat=len(said) + 1):
        if set(statuses) == set(said):
            outcomes = [outcome(status) for status in statuses]
            for policy, action in ((SettlementPolicy(), without), (WITH_QUEUE, with_queue)):
                settlement = settle(outcomes, policy, MESSAGE)
                assert (settlement.action, settlement.stats_field) == (action, count)
                assert settlement.delay is None
                assert settlement.reason or count is not StatsField.FATAL


@pytest.mark.parametrize(
    ('settings', 'action'),
    [
        ({}, ACK),
        ({'unmatched': 'delete'}, ACK),
        ({'unmatched': 'leave'}, LEAVE),
        ({'is_fifo': True}, ACK),
        ({'has_dead_letter_queue': True}, DEAD_LETTER),
        ({'has_dead_letter_queue': True, 'is_fifo': True}, DEAD_LETTER),
        ({'unmatched': 'delete', 'has_dead_letter_queue': True}, ACK),
        ({'unmatched': 'leave', 'has_dead_letter_queue': True}, LEAVE),
        ({'unmatched': 'dead-letter', 'has_dead_letter_queue': True}, DEAD_LETTER),
    ],
    ids=str,
)
def test_an_unmatched_message_is_settled_by_the_policy(
    settings: dict[str, Any], action: SettlementAction
) -> None:
    settlement = settle([], SettlementPolicy(**settings), MESSAGE)
    assert (settlement.action, settlement.stats_field) == (action, StatsField.UNMATCHED)
    assert settlement.reason


@pytest.mark.parametrize(('has_queue', 'action'), [(False, LEAVE), (True, DEAD_LETTER)])
@pytest.mark.parametrize('error', [DecodeError('is no JSON'), EventError('event.name', 'is 5')])
def test_an_invalid_body_is_dead_lettered_or_left(
    has_queue: bool, action: SettlementAction, error: Exception
) -> None:
    settlement = settle_undecodable(
        error, SettlementPolicy(has_dead_letter_queue=has_queue), MESSAGE
    )
    assert (settlement.action, settlement.stats_field) == (action, StatsField.UNOPENED)
    assert settlement.reason == Reason(type(error).__name__, str(error))


REASON = Reason('ValueError', 'no such item')


@pytest.mark.parametrize(
    'wrong',
    [
        {'action': 'ack', 'stats_field': StatsField.DONE},
        {'action': ACK, 'stats_field': 'done'},
        {'action': DEAD_LETTER, 'stats_field': StatsField.FATAL},
        {'action': DEAD_LETTER, 'stats_field': StatsField.FATAL, 'reason': 'no such item'},
        {'action': LEAVE, 'stats_field': StatsField.RETRIED, 'delay': 1.5},
        {'action': LEAVE, 'stats_field': StatsField.RETRIED, 'delay': '1'},
    ],
    ids=str,
)
def test_a_settlement_with_a_wrong_type_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=r'must be|requires'):
        Settlement(**wrong)


def test_a_settlement_is_frozen() -> None:
    settlement: Any = Settlement(LEAVE, StatsField.RETRIED, REASON, 5)
    with pytest.raises(AttributeError):
        settlement.delay = 6


def test_settlements_and_policies_are_equal_by_their_values() -> None:
    assert Settlement(DEAD_LETTER, StatsField.FATAL, REASON) == Settlement(
        DEAD_LETTER, StatsField.FATAL, REASON
    )
    assert SettlementPolicy(max_receives=None) == SettlementPolicy()


@pytest.mark.parametrize('name', ['unhandled', 'unmatched', 'uniform'])
def test_a_policy_is_frozen_and_slotted(name: str) -> None:
    policy: Any = SettlementPolicy()
    assert not hasattr(policy, '__dict__')
    with pytest.raises(AttributeError):
        setattr(policy, name, None)


@pytest.mark.parametrize(
    ('settings', 'problem'),
    [
        ({'unhandled': 'ignore'}, "unhandled='ignore': must be 'fatal' or 'retry'"),
        ({'unhandled': None}, 'unhandled=None: must be'),
        ({'unmatched': 'keep'}, "unmatched='keep': must be"),
        ({'unmatched': 'dead-letter'}, 'requires dead_letter_queue_url='),
        ({'unmatched': 'leave', 'is_fifo': True}, 'would block the message group'),
        ({'retry_delay': 'soon'}, 'retry_delay'),
        ({'max_receives': 2}, 'max_receives=2 requires dead_letter_queue_url='),
    ],
    ids=str,
)
def test_settings_that_contradict_each_other_are_refused(
    settings: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(problem)):
        SettlementPolicy(**settings)


@pytest.mark.parametrize(
    ('unhandled', 'status'),
    [('fatal', ProcessStatus.FATAL_ERROR), ('retry', ProcessStatus.RETRIABLE_ERROR)],
)
def test_the_policy_has_the_status_of_an_exception_that_nobody_handles(
    unhandled: Any, status: ProcessStatus
) -> None:
    assert SettlementPolicy(unhandled=unhandled).status_of_unhandled is status


@pytest.mark.parametrize('field', StatsField)
def test_the_field_of_a_settlement_is_a_key_like_its_text(field: StatsField) -> None:
    assert {field.value: 1}[field] == 1


@pytest.mark.parametrize(
    ('error', 'receives', 'action', 'field'),
    [
        (OffloadError('bucket', 'key', 'is unavailable'), 1, LEAVE, StatsField.UNOPENED),
        (OffloadError('bucket', 'key', 'is unavailable'), 3, DEAD_LETTER, StatsField.EXHAUSTED),
        (MemoryError(), 3, LEAVE, StatsField.UNOPENED),
    ],
    ids=['first receive', 'last receive', 'no attempt'],
)
def test_a_body_that_cannot_be_read_at_present_is_left_until_the_last_receive(
    error: Exception, receives: int, action: SettlementAction, field: StatsField
) -> None:
    policy = SettlementPolicy(has_dead_letter_queue=True, max_receives=3, retry_delay=7)
    message = structs.replace(MESSAGE, receive_count=receives)
    settlement = settle_unfetchable(error, policy, message)
    assert (settlement.action, settlement.stats_field) == (action, field)
    assert settlement.delay == (7 if action is LEAVE else None)
    assert settlement.reason
    assert settlement.reason.error_name == type(error).__name__


def test_the_reason_is_the_first_fatal_error() -> None:
    first = outcome('F', KeyError('no such item'))
    settlement = settle([outcome('D'), first, outcome('F', ValueError('no'))], WITH_QUEUE, MESSAGE)
    assert settlement.reason == Reason('KeyError', "'no such item'", 'Inventory')


def test_the_reason_for_a_retry_is_the_first_one_or_a_failure_of_the_machine() -> None:
    asked = [outcome('R', KeyError('a')), outcome('L'), outcome('R', ValueError('b'))]
    failed = [outcome('R', MemoryError()), outcome('R', SystemExit(1))]
    for outcomes, name in [
        (asked, 'KeyError'),
        (asked[::-1], 'ValueError'),
        ([*asked, *failed], 'MemoryError'),
        ([*failed[::-1], *asked], 'SystemExit'),
    ]:
        reason = settle(outcomes, SettlementPolicy(), MESSAGE).reason
        assert reason
        assert reason.error_name == name


def test_without_an_exception_the_reason_is_the_returned_status() -> None:
    reason = settle([outcome('F')], WITH_QUEUE, MESSAGE).reason
    assert reason
    assert (reason.error_name, reason.subscriber) == ('FATAL_ERROR', 'Inventory')


class WordlessError(Exception):
    def __str__(self) -> str:
        raise ValueError('not even this')


@pytest.mark.parametrize(
    ('error', 'text'),
    [
        (ValueError('line 1\nline 2\r\n\tline 3'), 'line 1 line 2 line 3'),
        (WordlessError(), '<WordlessError without a text>'),
    ],
    ids=['lines', '__str__ raises'],
)
def test_the_text_of_a_reason_is_always_one_line(error: Exception, text: str) -> None:
    reason = settle([outcome('F', error)], WITH_QUEUE, MESSAGE).reason
    assert reason
    assert reason.text == text


@pytest.mark.parametrize(
    ('outcomes', 'delay'),
    [
        ([retry(5)], 5),
        ([retry(0)], 0),
        ([retry(None)], None),
        ([outcome('L')], None),
        ([outcome('R', TimeoutError())], None),
        ([retry(5), retry(90), retry(10)], 90),
        ([retry(0), retry(5)], 5),
        ([outcome('L'), retry(7), outcome('D'), outcome('F')], 7),
        ([retry(-3)], None),
        ([retry(10**10)], None),
        ([retry(math.inf)], None),
        ([retry(math.nan)], None),
        ([retry(Decimal('NaN'))], None),
        ([retry([])], None),
        ([retry([]), retry(math.nan), retry(3)], 3),
    ],
    ids=lambda value: None if isinstance(value, list) else str(value),
)
def test_a_message_is_delivered_again_after_the_longest_delay(
    outcomes: list[Outcome], delay: int | None
) -> None:
    settlement = settle(outcomes, SettlementPolicy(), MESSAGE)
    assert (settlement.action, settlement.stats_field, settlement.delay) == (
        LEAVE,
        StatsField.RETRIED,
        delay,
    )
    assert settle(outcomes[::-1], WITH_QUEUE, MESSAGE).delay == delay


@given(st.lists(st.floats(0, 43_200), min_size=1, max_size=3))
def test_a_retry_is_never_early_and_less_than_a_second_late(asked: list[float]) -> None:
    delay = settle([retry(seconds) for seconds in asked], SettlementPolicy(), MESSAGE).delay
    assert delay is not None
    assert delay - 1 < max(asked) <= delay


errors = st.sampled_from(
    [None, ValueError(), RetriableError(), RetriableError(9), MemoryError(), WordlessError()]
)
lists_of_outcomes = st.lists(st.builds(outcome, st.sampled_from(ProcessStatus), errors), max_size=5)
policies = st.one_of(
    st.builds(
        SettlementPolicy,
        unhandled=st.sampled_from(['fatal', 'retry']),
        unmatched=st.sampled_from([None, 'delete']),
        has_dead_letter_queue=st.booleans(),
        is_fifo=st.booleans(),
    ),
    st.builds(
        SettlementPolicy,
        unmatched=st.sampled_from(['leave', 'dead-letter']),
        has_dead_letter_queue=st.just(True),
    ),
)


@given(lists_of_outcomes, policies)
def test_a_message_stays_when_a_subscriber_asks_for_a_retry(
    outcomes: list[Outcome], policy: SettlementPolicy
) -> None:
    settlement = settle(outcomes, policy, MESSAGE)
    if any(found.asks_for_retry for found in outcomes):
        assert settlement.action is LEAVE
    elif outcomes:
        assert settlement.action is not LEAVE


@given(st.text(), policies)
def test_an_invalid_body_is_never_deleted_unless_dead_lettered(
    text: str, policy: SettlementPolicy
) -> None:
    assert settle_undecodable(DecodeError(text), policy, MESSAGE).action is not ACK
    if not policy.has_dead_letter_queue:
        assert settle_undecodable(DecodeError(text), policy, MESSAGE).action is LEAVE


@given(lists_of_outcomes, policies)
def test_nothing_is_dead_lettered_without_a_queue_and_a_reason(
    outcomes: list[Outcome], policy: SettlementPolicy
) -> None:
    settlement = settle(outcomes, policy, MESSAGE)
    if settlement.action is DEAD_LETTER:
        assert policy.has_dead_letter_queue
        assert settlement.reason
