"""Unusual and spoofed messages of SNS, by the numbers of the catalogue of faults.

Every sender to a queue can write an envelope. So its data proves nothing, its links are never
followed, and at worst the message cannot be opened.
"""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from mega.aws.sns.envelope import SubscriptionNotice
from mega.aws.sqs.message import Message, read_message
from mega.aws.sqs.opening import MissingBody, open_message
from mega.aws.sqs.subscribe import DataSubscriber, MessageSubscriber, SqsListener, Stats
from mega.codec import AnyPayload, encode, payload_type_hint
from mega.errors import ConsumeError, EnvelopeError, EventError
from tests.aws._publishing.batches import QUEUE
from tests.aws.answers import sqs_answer
from tests.aws.fault_server import FaultServer
from tests.aws.payloads import CONFIRMATION, ENVELOPE
from tests.aws.sqs.subscribe.factories import listener_on, warnings_of, will_receive
from tests.event.examples import ITEM_ADDED
from tests.local_aws import LocalAws

CONFIRMATIONS = ['SubscriptionConfirmation', 'UnsubscribeConfirmation']


def message(body: str, attributes: dict[str, Any] | None = None) -> Message:
    """A message as SQS delivers it. With None it has no attributes at all."""
    received = {'MessageId': 'm', 'ReceiptHandle': 'r', 'Body': body}
    return read_message(received if attributes is None else {**received, **attributes})


def opened(document: object) -> AnyPayload | SubscriptionNotice | MissingBody:
    return open_message(message(json.dumps(document)))[1]


def enveloped(body: str, **fields: object) -> dict[str, Any]:
    return {**ENVELOPE, 'Message': body, 'MessageAttributes': {}, **fields}


@pytest.mark.parametrize(
    'attributes',
    [None, {'MessageAttributes': {}}, {'Attributes': {}}, {'MessageAttributes': {}, 'New': {}}],
    ids=['absent', 'empty', 'others', 'unknown'],
)
def test_fault_18_missing_attributes_are_empty(
    attributes: dict[str, Any] | None,
) -> None:
    assert open_message(message('{"a":1}', attributes)) == (message('{"a":1}'), {'a': 1})


def test_fault_18_attributes_missing_in_the_envelope_are_empty() -> None:
    without = {name: value for name, value in ENVELOPE.items() if name != 'MessageAttributes'}
    found, payload = open_message(message(json.dumps(without)))
    assert payload == {'x': 1}
    assert found.attributes == {}
    assert open_message(message(json.dumps(enveloped('{"x":1}'))))[0].attributes == {}


@pytest.mark.parametrize('text', ['abc', '', '1,5', 'NaN', '9' * 5_000], ids=lambda t: t[:5])
def test_fault_19_an_invalid_number_is_kept_as_its_text(text: str) -> None:
    direct = {'MessageAttributes': {'n': {'DataType': 'Number', 'StringValue': text}}}
    assert open_message(message('hej', direct))[0].attributes == {'n': text}
    attributes = {'n': {'Type': 'Number', 'Value': text}}
    wrapped = json.dumps(enveloped('hej', MessageAttributes=attributes))
    assert open_message(message(wrapped))[0].attributes == {'n': text}


@pytest.mark.parametrize('kind', CONFIRMATIONS)
def test_fault_20_a_confirmation_is_not_a_payload(kind: str) -> None:
    found = opened({**CONFIRMATION, 'Type': kind})
    assert found == SubscriptionNotice(kind, CONFIRMATION['TopicArn'])
    assert CONFIRMATION['SubscribeURL'] not in repr(found)


@pytest.mark.parametrize('kind', CONFIRMATIONS)
def test_fault_20_a_confirmation_is_deleted_and_its_link_is_never_followed(
    kind: str, aws: LocalAws, faults: FaultServer, caplog: pytest.LogCaptureFixture
) -> None:
    class Everything(MessageSubscriber):
        def process(self, payload: AnyPayload) -> None:
            pytest.fail('a confirmation is for nobody')

    queue_url = aws.create_queue()
    links = {name: f'{faults.url}/{name}' for name in ('SubscribeURL', 'SigningCertURL')}
    body = json.dumps({**CONFIRMATION, 'Type': kind, **links})
    aws.client('sqs').send_message(QueueUrl=queue_url, MessageBody=body)
    with SqsListener(queue_url, [Everything], wait_time_seconds=0, **aws.credentials) as listener:
        stats = listener.drain()
    assert (stats.received, stats.deleted, stats.retried) == (1, 1, 0)
    assert aws.counts(queue_url) == (0, 0)
    assert faults.requests == []
    assert kind in caplog.text
    assert faults.url not in caplog.text


@pytest.mark.parametrize(
    'data',
    [
        {'Service': 'Amazon S3', 'Event': 's3:TestEvent', 'Time': '2014-10-13T15:57:02.089Z',
         'Bucket': 'uploads', 'RequestId': '5582815E1AEA5ADF', 'HostId': '8cLeGAmw098X5cv4Zkwc'},
        {'Records': [{'eventSource': 'aws:s3', 's3': {'object': {'key': 'a'}}}]},
        {'version': '0', 'id': '7bf73129', 'detail-type': 'order', 'source': 'shop',
         'account': '123456789012', 'time': '2020-05-04T15:53:23Z', 'detail': {'id': 1}},
    ],
    ids=['s3:TestEvent', 's3', 'EventBridge'],
)  # fmt: skip
def test_fault_21_a_message_of_another_aws_service_is_data(data: dict[str, Any]) -> None:
    assert opened(data) == data
    assert opened(enveloped(json.dumps(data))) == data


def test_fault_52_an_envelope_sent_directly_to_the_queue_is_opened() -> None:
    """The sender names the topic: `topic_arn` is information, and not proof."""
    forged = enveloped(json.dumps(ITEM_ADDED), TopicArn='arn:aws:sns:eu-west-1:000000000000:theirs')
    found, payload = open_message(message(json.dumps(forged)))
    assert payload == opened(ITEM_ADDED)
    assert found.topic_arn == 'arn:aws:sns:eu-west-1:000000000000:theirs'


@pytest.mark.parametrize(
    'url',
    [
        'http://169.254.169.254/',
        'file:///etc/passwd',
        'https://sns.evil.example/a.pem',
        'https://sns.us-east-1.amazonaws.com.evil.example/a.pem',
        '',
        None,
        5,
    ],
    ids=repr,
)
def test_fault_53_and_54_no_link_of_an_envelope_is_followed(url: object) -> None:
    links = {'SigningCertURL': url, 'UnsubscribeURL': url, 'SubscribeURL': url}
    assert opened(enveloped('{"a":1}', **links)) == {'a': 1}


@pytest.mark.parametrize('mark', ['text', 'data', 'event', 'blob', 'nonsense', ''])
@pytest.mark.parametrize('kind', ['String', 'Number', 'Binary', 'String.Array', 'Thing'])
def test_fault_55_altered_attributes_can_only_prevent_the_opening(mark: str, kind: str) -> None:
    """SNS does not sign them. The payload depends on the body only."""
    forged = enveloped(
        '{"a":1}', MessageAttributes={'MegaPayloadType': {'Type': kind, 'Value': mark}}
    )
    try:
        payload = opened(forged)
    except (ConsumeError, EventError):
        return
    assert payload in ('{"a":1}', {'a': 1})


@pytest.mark.parametrize('name', ['MessageId', 'TopicArn'])
@pytest.mark.parametrize('value', ['1\nSubject\nS', 'a\rb', '\n', 'x\r\n'], ids=repr)
def test_fault_56_a_line_break_in_a_required_field_is_refused(name: str, value: str) -> None:
    value = f'arn:{value}'
    with pytest.raises(EnvelopeError, match=name) as caught:
        opened(enveloped('{"a":1}', **{name: value}))
    assert str(caught.value).isprintable()


def test_fault_57_an_envelope_opens_however_old_it_is() -> None:
    """The retention period of the queue decides how old a message may be."""
    assert opened(enveloped('{"a":1}', Timestamp='2010-04-26T20:45:04.751Z')) == {'a': 1}


@pytest.mark.parametrize('binary', [False, True], ids=['json', 'bson'])
@pytest.mark.parametrize('data', [ENVELOPE, CONFIRMATION], ids=['envelope', 'confirmation'])
def test_fault_58_data_that_looks_like_an_envelope_has_a_payload_type_and_remains_data(
    data: dict[str, Any], binary: bool
) -> None:
    body = encode(data, binary)
    mark = payload_type_hint(data, body)
    assert mark is not None
    attributes = {'MegaPayloadType': {'DataType': 'String', 'StringValue': mark.value}}
    direct = message(body, {'MessageAttributes': attributes})
    assert open_message(direct) == (direct, data)
    inner = {'MegaPayloadType': {'Type': 'String', 'Value': mark.value}}
    assert opened(enveloped(body, MessageAttributes=inner)) == data


@pytest.mark.parametrize('name', ['Type', 'Message', 'MessageId', 'TopicArn', 'Timestamp'])
@pytest.mark.parametrize('data', [ENVELOPE, CONFIRMATION], ids=['envelope', 'confirmation'])
def test_fault_58_data_without_one_field_of_an_envelope_has_no_payload_type(
    data: dict[str, Any], name: str
) -> None:
    almost = {key: value for key, value in data.items() if key != name}
    assert payload_type_hint(almost, encode(almost)) is None
    assert opened(almost) == almost


def test_fault_58_an_envelope_within_an_envelope_is_data() -> None:
    assert opened(enveloped(json.dumps(ENVELOPE))) == ENVELOPE
    assert opened(enveloped(json.dumps(CONFIRMATION))) == CONFIRMATION


def test_an_envelope_changes_only_the_data_of_sns() -> None:
    """A message has the id and the receipt handle of SQS, also in an envelope with these names."""
    before = message(json.dumps(enveloped('hej', MessageId='forged', ReceiptHandle='forged')))
    after, _ = open_message(before)
    changed = {
        name for name in Message.__struct_fields__ if getattr(before, name) != getattr(after, name)
    }
    of_sns = {'topic_arn', 'subject', 'sns_message_id', '_sns_timestamp'}
    assert changed == {*of_sns, '_sqs_attributes'}


IDENTIFYING = ('Type', 'MessageId', 'TopicArn', 'Message', 'Timestamp')


def test_a_listener_processes_an_envelope_with_only_the_fields_that_identify_it(
    faults: FaultServer,
) -> None:
    """Local servers write such envelopes. The data subscriber would not match the envelope."""
    envelope = {name: enveloped('{"a":1}')[name] for name in IDENTIFYING}
    assert drained(faults, envelope) == [({'a': 1}, {}, {})]


def test_a_listener_processes_an_envelope_with_unreadable_optional_parts(
    faults: FaultServer, caplog: pytest.LogCaptureFixture
) -> None:
    good = {'Type': 'String', 'Value': 'x'}
    envelope = enveloped('{"a":1}', Subject=5, MessageAttributes={'good': good, 'bad': [4111]})
    unreadable = {'Subject': 5, 'MessageAttributes': {'bad': [4111]}}
    assert drained(faults, envelope) == [({'a': 1}, {'good': 'x'}, unreadable)]
    [line] = warnings_of(caplog)
    assert "['MessageAttributes', 'Subject', 'bad']" in line
    assert '4111' not in line


def test_a_subscriber_does_not_see_what_another_changed_in_the_unreadable_parts(
    faults: FaultServer,
) -> None:
    envelope = enveloped('{"a":1}', MessageAttributes={'bad': [1]})
    unreadable = {'MessageAttributes': {'bad': [1]}}
    assert drained(faults, envelope, times=2) == [({'a': 1}, {}, unreadable)] * 2


def drained(faults: FaultServer, envelope: dict[str, Any], times: int = 1) -> list[Any]:
    """Return the payload, attributes and unreadable parts that each subscriber received."""
    seen: list[Any] = []

    class Recording(DataSubscriber):
        pattern = {'a': 1}

        def process(self, payload: dict[str, Any]) -> None:
            message = self.message
            seen.append((payload, message.attributes, copy.deepcopy(message.unreadable)))
            message.unreadable.get('MessageAttributes', {}).clear()

    subscribers = [type(f'Recording{n}', (Recording,), {}) for n in range(times)]
    received = {'MessageId': '1', 'ReceiptHandle': 'a', 'Body': json.dumps(envelope)}
    will_receive(faults, sqs_answer(Messages=[received]), sqs_answer())
    stats = listener_on(faults, QUEUE, *subscribers).drain()
    assert stats == Stats(received=1, done=1, deleted=1)
    return seen
