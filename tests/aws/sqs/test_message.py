"""Messages as SQS delivers them, and their payloads."""

from __future__ import annotations

import json
import pickle
import time
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mega.aws.sqs.message import Message, read_message, seconds_since_send
from mega.aws.sqs.opening import open_message
from mega.codec import encode
from mega.errors import DecodeError, EnvelopeError, EventError
from mega.event import Payload
from tests.aws.payloads import CASES, ENVELOPE, Case
from tests.event.examples import ITEM_ADDED, document
from tests.payload_equality import as_received, with_types

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
FAR = 4_102_444_800_000  # the year 2100, in milliseconds


def received(body: str = 'hej', mark: str | None = None, **system: object) -> dict[str, Any]:
    """A message as boto3 returns it. `attributes` replaces its system attributes."""
    attributes = {'MegaPayloadType': {'DataType': 'String', 'StringValue': mark}} if mark else {}
    return {
        'MessageId': '5fea7756-0ea4-451a-a703-a558b933e274',
        'ReceiptHandle': 'MbZj6wDWli+JvwwJaBV+3dcjk2YW2vA3+STFFljTM8tJJg6HRG6PYSasuWXPJB+Cw',
        'MD5OfBody': 'fafb00f5732ab283681e124bf8747ed1',
        'Body': body,
        'Attributes': {'ApproximateReceiveCount': '1', 'SentTimestamp': '1588607603123', **system},
        'MessageAttributes': attributes,
    }


def opened(body: str, mark: str | None = None) -> object:
    return open_message(read_message(received(body, mark)))[1]


def wrapped(body: str, mark: str | None = None, **fields: object) -> str:
    """The body in an envelope of SNS. Fields that are None are left out."""
    marks = {'MegaPayloadType': {'Type': 'String', 'Value': mark}} if mark else {}
    envelope = {**ENVELOPE, 'Message': body, 'MessageAttributes': marks, **fields}
    return json.dumps({name: value for name, value in envelope.items() if value is not None})


def test_every_field_of_a_message_is_read() -> None:
    everything = received(
        'hej', ApproximateReceiveCount='3', MessageGroupId='cart-7', SenderId='AIDA'
    )
    everything['MessageAttributes'] = {
        'tenant': {'DataType': 'String', 'StringValue': 'a'},
        'price': {'DataType': 'Number', 'StringValue': '19.90'},
        'digest': {'DataType': 'Binary', 'BinaryValue': b'\x00'},
    }
    assert read_message(everything) == Message(
        id=everything['MessageId'],
        body='hej',
        receipt_handle=everything['ReceiptHandle'],
        attributes={'tenant': 'a', 'price': '19.90', 'digest': b'\x00'},
        group_id='cart-7',
        receive_count=3,
        sent_time=datetime(2020, 5, 4, 15, 53, 23, 123_000, tzinfo=timezone.utc),
        topic_arn=None,
        subject=None,
    )


def test_a_message_without_optional_fields_is_read() -> None:
    message = read_message({'MessageId': 'm', 'ReceiptHandle': 'r', 'Body': 'hej'})
    assert message == Message('m', 'hej', 'r')
    assert message.attributes == {}
    assert message.receive_count == 1
    assert message.sent_time is None
    assert message.group_id is None


def test_a_message_without_a_body_has_an_empty_one() -> None:
    assert read_message({'MessageId': 'm', 'ReceiptHandle': 'r'}).body == ''


@pytest.mark.parametrize(
    'count',
    ['', '0', '-1', '1.5', 'abc', ' ', '1e3', '0x10', 'NaN', '²', '9' * 5_000, None, {}, [2]],
    ids=lambda count: repr(count)[:20],
)
def test_an_invalid_receive_count_is_1(count: object) -> None:
    assert read_message(received(ApproximateReceiveCount=count)).receive_count == 1


def test_a_missing_receive_count_is_1() -> None:
    message = received()
    del message['Attributes']['ApproximateReceiveCount']
    assert read_message(message).receive_count == 1
    del message['Attributes']
    assert read_message(message).receive_count == 1


@given(st.integers(1, 10**9))
def test_a_receive_count_is_read(count: int) -> None:
    assert read_message(received(ApproximateReceiveCount=str(count))).receive_count == count


@given(st.integers(0, FAR))
def test_the_sent_time_is_exact_to_the_millisecond(milliseconds: int) -> None:
    sent = read_message(received(SentTimestamp=str(milliseconds))).sent_time
    assert sent == EPOCH + timedelta(milliseconds=milliseconds)
    assert sent.tzinfo is timezone.utc


@pytest.mark.parametrize(
    'time', ['', 'abc', '-5', '1.5', '9' * 18, '9' * 5_000, None, []], ids=lambda t: repr(t)[:20]
)
def test_an_invalid_sent_time_is_none(time: object) -> None:
    assert read_message(received(SentTimestamp=time)).sent_time is None


def test_the_seconds_since_the_send_are_never_negative() -> None:
    def seconds(sent: object) -> float | None:
        return seconds_since_send(read_message(received(SentTimestamp=sent)))

    assert seconds(str(int(time.time() * 1_000) - 60_000)) == pytest.approx(60, abs=30)
    assert seconds(str(FAR)) == 0  # the clocks differ
    assert seconds(None) is None


def with_first_id(value: str | bytes, message: dict[str, Any]) -> dict[str, Any]:
    """The message with the attribute MegaMessageId."""
    kind = 'Binary' if isinstance(value, bytes) else 'String'
    message['MessageAttributes']['MegaMessageId'] = {'DataType': kind, f'{kind}Value': value}
    return message


def test_the_origin_id_is_the_id_of_the_first_message() -> None:
    assert read_message(received()).origin_id == received()['MessageId']
    again = read_message(with_first_id('first', received()))
    assert (again.origin_id, again.id) == ('first', received()['MessageId'])
    assert pickle.loads(pickle.dumps(again)).origin_id == 'first'


@pytest.mark.parametrize('value', [b'first', '', ' ', 'a b', 'a\n', 'é', '\x1b[2J', 'x' * 129])
def test_an_invalid_first_id_is_ignored(value: str | bytes) -> None:
    message = read_message(with_first_id(value, received()))
    assert message.origin_id == message.id


def test_an_envelope_keeps_the_first_id_beside_it() -> None:
    message = read_message(with_first_id('outer', received(wrapped('hej'))))
    assert open_message(message)[0].origin_id == 'outer'


def test_the_first_id_in_an_envelope_is_older_than_the_one_beside_it() -> None:
    inner = {'MegaMessageId': {'Type': 'String', 'Value': 'inner'}}
    body = wrapped('hej', MessageAttributes=inner)
    message = read_message(with_first_id('outer', received(body)))
    assert open_message(message)[0].origin_id == 'inner'


def test_unknown_fields_of_a_message_are_ignored() -> None:
    plain = received(mark='text')
    rich = json.loads(json.dumps(plain))
    rich['Confidence'] = {'Level': 3}
    rich['Attributes']['Weather'] = 'fine'
    rich['MessageAttributes']['MegaPayloadType']['Language'] = 'en'
    rich['MessageAttributes']['shape'] = {'DataType': 'Polygon', 'PolygonValue': [1, 2, 3]}
    assert read_message(rich) == read_message(plain)


def test_missing_and_empty_attributes_are_equal() -> None:
    absent, empty = received('{"a":1}'), received('{"a":1}')
    del absent['MessageAttributes']
    assert read_message(absent) == read_message(empty)
    assert open_message(read_message(absent)) == open_message(read_message(empty))


def test_an_attribute_with_an_invalid_number_is_its_text() -> None:
    message = received()
    message['MessageAttributes'] = {'n': {'DataType': 'Number', 'StringValue': 'abc'}}
    assert read_message(message).attributes == {'n': 'abc'}


def test_a_message_is_immutable_and_its_repr_hides_body_and_receipt_handle() -> None:
    message = read_message(received('the card number is 4111'))
    with pytest.raises(AttributeError):
        message.id = 'another'  # type: ignore[misc]  # what is tested
    assert '4111' not in repr(message)
    assert message.receipt_handle not in repr(message)
    assert message.id in repr(message)


@pytest.mark.parametrize('case', CASES.values(), ids=CASES.keys())
def test_a_published_payload_is_opened(case: Case) -> None:
    payload = opened(encode(case.payload, case.binary), case.mark)
    assert with_types(payload) == with_types(as_received(case.payload))


@pytest.mark.parametrize('case', CASES.values(), ids=CASES.keys())
def test_a_published_payload_is_opened_from_an_envelope(case: Case) -> None:
    payload = opened(wrapped(encode(case.payload, case.binary), case.mark))
    assert with_types(payload) == with_types(as_received(case.payload))


def test_a_message_has_the_data_of_its_envelope() -> None:
    attributes = {
        'tenant': {'Type': 'String', 'Value': 'a'},
        'digest': {'Type': 'Binary', 'Value': 'AP8='},
    }
    before = read_message(received(wrapped('hej', MessageAttributes=attributes)))
    message, payload = open_message(before)
    assert payload == 'hej'
    assert message.topic_arn == ENVELOPE['TopicArn']
    assert message.subject == 'an order'
    assert message.attributes == {'tenant': 'a', 'digest': b'\x00\xff'}
    assert message.id == before.id
    assert message.receipt_handle == before.receipt_handle
    assert message.receive_count == before.receive_count
    assert message.sent_time == before.sent_time


def test_a_message_without_an_envelope_is_not_changed() -> None:
    before = read_message(received('{"a":1}'))
    assert open_message(before) == (before, {'a': 1})


@pytest.mark.parametrize('around', ['\ufeff{}', ' \n{}\n', '{}'], ids=ascii)
def test_white_space_around_an_envelope_does_not_matter(around: str) -> None:
    assert opened(around.replace('{}', wrapped('{"a":1}'))) == {'a': 1}


def test_an_envelope_in_bson_is_an_envelope() -> None:
    envelope = {**ENVELOPE, 'Message': '{"x":1}'}
    assert opened(encode(envelope, binary_encoding=True)) == {'x': 1}


def test_an_envelope_is_opened_only_once() -> None:
    inner = json.loads(wrapped('{"a":1}'))
    assert opened(wrapped(json.dumps(inner))) == inner


def test_a_payload_type_of_the_message_decides_before_an_envelope() -> None:
    body = wrapped('{"a":1}')
    assert opened(body, 'text') == body
    assert opened(body, 'data') == json.loads(body)


def test_a_payload_type_in_the_envelope_applies_to_its_body() -> None:
    assert opened(wrapped('{"a":1}', 'text')) == '{"a":1}'
    assert opened(wrapped('AP8=', 'blob')) == b'\x00\xff'


def test_attributes_of_the_message_do_not_apply_to_the_body_of_an_envelope() -> None:
    """A message has its own attributes, or with an envelope the attributes in the envelope."""
    message = received(wrapped('hej'))
    message['MessageAttributes'] = {'outer': {'DataType': 'String', 'StringValue': 'x'}}
    assert open_message(read_message(message))[0].attributes == {}


def test_an_event_in_an_envelope_is_an_event() -> None:
    assert opened(wrapped(json.dumps(ITEM_ADDED))) == Payload.from_dict(ITEM_ADDED)


@pytest.mark.parametrize(
    'mark', ['DATA', 'json', '', 'data ', 'x' * 10_000], ids=lambda m: repr(m)[:9]
)
def test_a_message_of_an_unknown_payload_type_cannot_be_opened(mark: str) -> None:
    message = received('{"a":1}')
    message['MessageAttributes'] = {'MegaPayloadType': {'DataType': 'String', 'StringValue': mark}}
    with pytest.raises(DecodeError) as caught:
        open_message(read_message(message))
    assert len(str(caught.value)) < 300


def test_a_message_with_a_binary_payload_type_cannot_be_opened() -> None:
    message = received('{"a":1}')
    message['MessageAttributes'] = {
        'MegaPayloadType': {'DataType': 'Binary', 'BinaryValue': b'data'}
    }
    with pytest.raises(DecodeError):
        open_message(read_message(message))


@pytest.mark.parametrize(
    ('body', 'error'),
    [
        ('{"a":', DecodeError),
        (wrapped('{"a":'), DecodeError),
        (wrapped('x', 'data'), DecodeError),
        (wrapped('x', 'nonsense'), DecodeError),
        (wrapped('x', MessageId='a\nb'), EnvelopeError),
        (json.dumps(document({'name': 5})), EventError),
        (wrapped(json.dumps(document({'name': 5}))), EventError),
    ],
    ids=['body', 'inner body', 'inner mark', 'unknown mark', 'envelope', 'event', 'inner event'],
)
def test_the_error_of_an_unreadable_message_does_not_show_its_body(
    body: str, error: type[Exception]
) -> None:
    with pytest.raises(error) as caught:
        opened(body)
    assert body not in str(caught.value)


def test_an_error_never_contains_the_body() -> None:
    for body in ('{"card": "4111 1111"', wrapped('{"card": "4111 1111"'), '{"card": 4111 1111}'):
        with pytest.raises(DecodeError) as caught:
            opened(body)
        assert '4111' not in str(caught.value)
        assert '4111' not in repr(caught.value)
