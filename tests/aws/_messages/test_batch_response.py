"""The answer to a batch request: each entry has a result, even if AWS did not write the answer."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mega.aws._messages.batch_response import (
    BatchEntryResult,
    all_successful,
    message_id_in,
    read_batch_response,
)

NOT_MENTIONED = 'NotMentioned'


def test_results_have_the_order_of_the_ids() -> None:
    response = {
        'Successful': [{'Id': '2', 'MessageId': 'm-2'}, {'Id': '0', 'MessageId': 'm-0'}],
        'Failed': [{'Id': '1', 'Code': 'InternalError', 'Message': 'try later'}],
    }
    assert read_batch_response(response, ['0', '1', '2']) == [
        BatchEntryResult(True, 'm-0'),
        BatchEntryResult(False, None, 'InternalError', 'try later', True),
        BatchEntryResult(True, 'm-2'),
    ]


def test_a_success_without_a_message_id_is_a_success() -> None:
    """The answers to DeleteMessageBatch have none; the sender asks for one itself."""
    assert read_batch_response({'Successful': [{'Id': 'a'}]}, 'a') == [BatchEntryResult(True)]


@pytest.mark.parametrize(
    ('entry', 'is_retriable'),
    [
        ({'Code': 'InternalError', 'SenderFault': False}, True),
        ({'Code': 'InternalError'}, True),
        ({'Code': 'InvalidMessageContents', 'SenderFault': True}, False),
        ({'Code': 'KmsDisabled', 'SenderFault': True}, False),
        ({'Code': 'KmsThrottled', 'SenderFault': True}, True),
        ({'Code': 'RequestThrottled', 'SenderFault': True}, True),
        ({'Code': 'ThrottlingException', 'SenderFault': True}, True),
        ({'SenderFault': True}, False),
        ({'Code': 5, 'SenderFault': True}, False),
        ({'Code': None, 'Message': ['x'], 'SenderFault': 'true'}, False),
        ({}, True),
    ],
)
def test_a_failure_is_retriable_unless_it_is_the_senders_fault_and_no_throttle(
    entry: dict[str, Any], is_retriable: bool
) -> None:
    [result] = read_batch_response({'Failed': [{'Id': '0', **entry}]}, ['0'])
    assert not result.is_successful
    assert result.is_retriable is is_retriable
    assert result.code
    assert result.problem


def test_an_entry_that_is_not_mentioned_failed_and_is_retriable() -> None:
    [result] = read_batch_response({'Successful': [{'Id': '7'}]}, ['0'])
    assert (result.is_successful, result.code, result.is_retriable) == (False, NOT_MENTIONED, True)


def test_an_entry_under_both_names_failed() -> None:
    """To repeat it is safer than to lose it."""
    response = {'Successful': [{'Id': '0', 'MessageId': 'm'}], 'Failed': [{'Id': '0'}]}
    assert not read_batch_response(response, ['0'])[0].is_successful


@pytest.mark.parametrize(
    'response',
    [
        None,
        [],
        'Successful',
        {},
        {'Successful': None, 'Failed': None},
        {'Successful': '0', 'Failed': 5},
        {'Successful': {'Id': '0'}},
        {'Successful': [None, '0', {}, [], {'Id': None}, {'Id': 0}, {'Id': ['0']}, {'Id': {}}]},
    ],
    ids=str,
)
def test_an_answer_of_another_shape_mentions_nothing(response: object) -> None:
    assert [result.code for result in read_batch_response(response, ['0', '1'])] == [
        NOT_MENTIONED,
        NOT_MENTIONED,
    ]


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.sampled_from('01'),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(['Successful', 'Failed', 'Id', 'Code', 'Message', 'MessageId', 'x']),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(json)
def test_an_answer_in_which_all_entries_succeed_has_only_successes(response: object) -> None:
    if all_successful(response, ['0', '1']):
        assert all(each.is_successful for each in read_batch_response(response, ['0', '1']))


@pytest.mark.parametrize(
    ('response', 'expected'),
    [
        ({'Successful': [{'Id': '0'}, {'Id': '1'}]}, True),
        ({'Successful': [{'Id': '0'}, {'Id': '1'}], 'Failed': []}, True),
        ({'Successful': [{'Id': '1'}, {'Id': '0'}]}, False),
        ({'Successful': [{'Id': '0'}]}, False),
        ({'Successful': [{'Id': '0'}, {}]}, False),
        ({'Successful': [{'Id': '0'}, None]}, False),
        ({'Successful': [{'Id': '0'}, {'Id': '1'}], 'Failed': [{'Id': '1'}]}, False),
        ({'Successful': {'Id': '0'}}, False),
        (None, False),
    ],
)
def test_entries_are_read_one_by_one_unless_all_succeed(response: object, expected: bool) -> None:
    assert all_successful(response, ['0', '1']) is expected


@given(json)
def test_any_answer_has_one_result_for_each_entry(response: object) -> None:
    results = read_batch_response(response, ['0', '1'])
    assert len(results) == 2
    assert all(isinstance(result.code, str) for result in results)
    assert all(result.is_successful or result.code for result in results)


@pytest.mark.parametrize(
    'entry', [None, 'm', {}, {'MessageId': ''}, {'MessageId': 5}, {'MessageId': None}], ids=str
)
def test_an_answer_without_a_message_id_has_none(entry: object) -> None:
    assert message_id_in(entry) is None
