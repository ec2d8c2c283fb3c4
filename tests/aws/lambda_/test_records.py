from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mega.aws.lambda_.records import LambdaRecord, is_message_event, read_records, write_record
from mega.aws.sqs.message import read_message
from mega.aws.sqs.opening import open_message
from mega.errors import DecodeError
from tests.aws.lambda_.documented import SNS_RECORD, SQS_RECORD
from tests.aws.lambda_.events import QUEUE_ARN


def test_a_record_of_sqs_becomes_the_message_that_a_receive_returns() -> None:
    [record] = read_records({'Records': [SQS_RECORD]})
    message = read_message(record.received)
    assert message.id == SQS_RECORD['messageId']
    assert message.receipt_handle == SQS_RECORD['receiptHandle']
    assert message.attributes == {'priority': '1', 'key': b'\0\1'}
    assert (message.receive_count, message.group_id) == (2, 'customer-5')
    assert open_message(message)[1] == {'amount': 5}
    assert record.received['MessageAttributes']['priority'] == {
        'DataType': 'Number',
        'StringValue': '1',
    }


def test_a_record_of_sns_is_opened_like_an_envelope_in_a_queue() -> None:
    [record] = read_records({'Records': [SNS_RECORD]})
    message, payload = open_message(read_message(record.received))
    assert message.id == '95df01b4-ee98-5cb9-9903-4c221d41eb5e'
    assert message.topic_arn == 'arn:aws:sns:us-east-1:123456789012:events'
    assert (message.attributes, message.subject) == ({'priority': '1'}, None)
    assert payload == {'amount': 5}


def test_a_list_of_records_alone_is_an_event_of_a_pipe() -> None:
    assert is_message_event([SQS_RECORD])
    assert read_records([SQS_RECORD]) == read_records({'Records': [SQS_RECORD]})


@pytest.mark.parametrize(
    'event',
    [
        {'Records': [{'eventSource': 'aws:s3', 's3': {}}]},
        {'Records': [SQS_RECORD, {'eventSource': 'aws:s3'}]},
        {'Records': []},
        {'Records': [5]},
        {'Records': [{'eventSource': []}]},
        {'amount': 5},
        [],
        'text',
        None,
    ],
    ids=repr,
)
def test_another_object_is_not_an_event_of_messages(event: object) -> None:
    assert not is_message_event(event)


@pytest.mark.parametrize(
    ('event', 'problem'),
    [
        (
            {'amount': 5},
            r"it has no records of SQS or SNS: it is an object with the keys \['amount'",
        ),
        (None, 'it has no records of SQS or SNS: it is None'),
        (
            {'detail-type': 'Order', 'detail': {}},
            "it is an event of EventBridge, with detail-type='O",
        ),
        (
            {'Records': 5, 'httpMethod': 'GET'},
            "it is a request of API Gateway .*, with httpMethod='G",
        ),
        ({'Records': [SQS_RECORD, 5]}, r'Records\[1\] is of the source None'),
        ([{'eventSource': 'aws:s3'}], r"Records\[0\] is of the source 'aws:s3', not aws:sqs or"),
        ([{**SQS_RECORD, 'body': 5}], r'Records\[0\]: Expected `str`, got `int` - at `\$.body`'),
        ([{**SQS_RECORD, 'eventSourceARN': 'my-queue'}], r'Records\[0\]: Expected `str` matching'),
        ([{**SQS_RECORD, 'eventSourceARN': None}], r'Records\[0\]: Expected `str`, got `null`'),
        ([{**SNS_RECORD, 'Sns': None}], r'Records\[0\]: Expected `object`, got `null`'),
    ],
)
def test_an_invalid_record_is_named(event: Any, problem: str) -> None:
    with pytest.raises(DecodeError, match=f'^invalid Lambda event: .*{problem}'):
        read_records(event)


def test_an_event_without_records_has_no_messages() -> None:
    assert read_records({'Records': []}) == []


TEXTS = st.text(st.characters(exclude_categories=['Cs']), min_size=1, max_size=9)
TYPES = st.sampled_from(['', '.custom', '.ä'])
ATTRIBUTES = st.one_of(
    st.builds(lambda kind, text: {'DataType': f'String{kind}', 'StringValue': text}, TYPES, TEXTS),
    st.builds(
        lambda kind, n: {'DataType': f'Number{kind}', 'StringValue': str(n)}, TYPES, st.integers()
    ),
    st.builds(
        lambda kind, data: {'DataType': f'Binary{kind}', 'BinaryValue': data},
        TYPES,
        st.binary(min_size=1, max_size=9),
    ),
)


@given(TEXTS, st.dictionaries(st.text('abc', min_size=1), ATTRIBUTES, max_size=10))
def test_a_message_is_the_same_after_it_was_a_record_in_json(
    body: str, attributes: dict[str, Any]
) -> None:
    received = {
        'MessageId': 'm-1',
        'ReceiptHandle': 'handle',
        'Body': body,
        'Attributes': {'ApproximateReceiveCount': '1', 'MessageGroupId': 'a'},
        'MessageAttributes': attributes,
    }
    event = json.dumps({'Records': [write_record(received, QUEUE_ARN)]})
    assert read_records(json.loads(event)) == [LambdaRecord(received, QUEUE_ARN)]
