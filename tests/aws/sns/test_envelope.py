"""The envelope of SNS: which objects are envelopes, and their content."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from mega.aws.sns.envelope import Envelope, SubscriptionNotice, parse_envelope
from mega.codec import looks_like_envelope, payload_type_hint
from mega.errors import EnvelopeError
from tests.aws.payloads import CONFIRMATION, ENVELOPE

# AWS or a server in its place really sends each of these.
SENT: dict[str, dict[str, Any]] = {
    'with everything': ENVELOPE,
    'without subject and attributes': {
        name: value
        for name, value in ENVELOPE.items()
        if name not in ('Subject', 'MessageAttributes')
    },
    'of a FIFO topic': {
        **ENVELOPE,
        'TopicArn': 'arn:aws:sns:us-east-2:123456789012:orders.fifo',
        'SequenceNumber': '10000000000000003000',
    },
    'of China': {**ENVELOPE, 'TopicArn': 'arn:aws-cn:sns:cn-north-1:123456789012:orders'},
    'without a signature': {
        name: value for name, value in ENVELOPE.items() if not name.startswith('Sign')
    },
    'without a link': {name: value for name, value in ENVELOPE.items() if name != 'UnsubscribeURL'},
    'with only the fields that identify it': {
        name: ENVELOPE[name] for name in ('Type', 'MessageId', 'TopicArn', 'Message', 'Timestamp')
    },
    'with a field to come': {**ENVELOPE, 'Priority': {'level': 3}},
}
REQUIRED = ('Type', 'Message', 'MessageId', 'TopicArn', 'Timestamp')


def without(document: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in names}


@pytest.mark.parametrize('document', SENT.values(), ids=SENT.keys())
def test_an_envelope_of_sns_is_opened(document: dict[str, Any]) -> None:
    assert looks_like_envelope(document)
    envelope = parse_envelope(document)
    assert isinstance(envelope, Envelope)
    assert envelope.body == '{"x":1}'
    assert envelope.topic_arn == document['TopicArn']


def test_an_envelope_holds_the_subject_and_the_attributes() -> None:
    assert parse_envelope(ENVELOPE) == Envelope(
        body='{"x":1}',
        topic_arn='arn:aws:sns:us-east-2:123456789012:orders',
        message_id='dc1e94d9-56c5-5e96-808d-cc7f68faa162',
        timestamp='2021-02-16T21:41:19.978Z',
        subject='an order',
        attributes={'a': 'b'},
    )


@pytest.mark.parametrize('document', [without(ENVELOPE, 'Subject'), {**ENVELOPE, 'Subject': None}])
def test_an_envelope_may_have_no_subject(document: dict[str, Any]) -> None:
    envelope = parse_envelope(document)
    assert isinstance(envelope, Envelope)
    assert envelope.subject is None


def test_an_envelope_may_have_no_attributes() -> None:
    absent, empty = without(ENVELOPE, 'MessageAttributes'), {**ENVELOPE, 'MessageAttributes': {}}
    null = {**ENVELOPE, 'MessageAttributes': None}
    assert parse_envelope(absent) == parse_envelope(empty) == parse_envelope(null)


@pytest.mark.parametrize('name', REQUIRED)
@pytest.mark.parametrize('document', [ENVELOPE, CONFIRMATION], ids=['envelope', 'confirmation'])
def test_without_one_of_its_fields_an_object_is_data(document: dict[str, Any], name: str) -> None:
    assert looks_like_envelope(document)
    data = without(document, name)
    assert not looks_like_envelope(data)
    assert payload_type_hint(data, '') is None


@pytest.mark.parametrize('name', REQUIRED)
@pytest.mark.parametrize('value', [None, 5, True, [], {}], ids=repr)
def test_with_a_field_of_another_kind_an_object_is_data(name: str, value: object) -> None:
    assert not looks_like_envelope({**ENVELOPE, name: value})


@pytest.mark.parametrize(
    'document',
    [
        {},
        without(CONFIRMATION, 'SubscribeURL'),
        {**ENVELOPE, 'Type': 'notification'},
        {**ENVELOPE, 'Type': 'Order'},
        {**ENVELOPE, 'TopicArn': 'orders'},
        {**ENVELOPE, 'TopicArn': ''},
        {name.lower(): value for name, value in ENVELOPE.items()},
        {'order': ENVELOPE},
    ],
    ids=[
        'nothing', 'no link to confirm', 'another case of the type',
        'another type', 'no ARN', 'an empty ARN', 'other names', 'within data',
    ],
)  # fmt: skip
def test_an_object_that_resembles_an_envelope_is_data(document: dict[str, Any]) -> None:
    assert not looks_like_envelope(document)


@pytest.mark.parametrize('kind', ['SubscriptionConfirmation', 'UnsubscribeConfirmation'])
def test_a_confirmation_is_recognised_and_its_links_are_not_kept(kind: str) -> None:
    found = parse_envelope({**CONFIRMATION, 'Type': kind})
    assert found == SubscriptionNotice(kind, 'arn:aws:sns:us-east-2:123456789012:orders')
    kept = ' '.join(str(value) for value in dataclasses.asdict(found).values())
    assert 'https' not in kept
    assert CONFIRMATION['Token'] not in kept


@pytest.mark.parametrize('name', ['TopicArn', 'MessageId', 'Timestamp'])
@pytest.mark.parametrize('line_break', ['\n', '\r', '\r\n'], ids=repr)
def test_a_line_break_in_a_required_field_is_refused(name: str, line_break: str) -> None:
    """SNS signs its fields line by line, so a line break would turn one field into two."""
    value = f'{ENVELOPE[name]}{line_break}Subject{line_break}S'
    with pytest.raises(EnvelopeError, match=name) as caught:
        parse_envelope({**ENVELOPE, name: value})
    assert str(caught.value).isprintable()


def test_a_message_may_have_line_breaks() -> None:
    envelope = parse_envelope({**ENVELOPE, 'Message': 'a\r\nb\n'})
    assert isinstance(envelope, Envelope)
    assert envelope.body == 'a\r\nb\n'


@pytest.mark.parametrize('name', ['TopicArn', 'MessageId'])
def test_a_line_break_in_a_confirmation_is_refused(name: str) -> None:
    with pytest.raises(EnvelopeError):
        parse_envelope({**CONFIRMATION, name: 'arn:aws:sns\nToken'})


@pytest.mark.parametrize('subject', [5, True, [], {}, ['a'], 'two\nlines', '\r'], ids=repr)
def test_a_subject_that_is_not_one_line_of_text_is_kept_beside_the_other_fields(
    subject: object,
) -> None:
    envelope = parse_envelope({**ENVELOPE, 'Subject': subject})
    assert isinstance(envelope, Envelope)
    assert (envelope.body, envelope.subject, envelope.attributes) == ('{"x":1}', None, {'a': 'b'})
    assert envelope.unreadable == {'Subject': subject}


def test_unreadable_attributes_are_kept_beside_the_readable_ones() -> None:
    unreadable = {'b': 'text', 'c': {'Type': 'Binary', 'Value': '!'}}
    attributes = {**ENVELOPE['MessageAttributes'], **unreadable}
    envelope = parse_envelope({**ENVELOPE, 'MessageAttributes': attributes})
    assert isinstance(envelope, Envelope)
    assert envelope.attributes == {'a': 'b'}
    assert envelope.unreadable == {'MessageAttributes': unreadable}


@pytest.mark.parametrize('attributes', ['a', ['a'], 5, True], ids=repr)
def test_attributes_that_are_not_an_object_are_kept(attributes: object) -> None:
    envelope = parse_envelope({**ENVELOPE, 'MessageAttributes': attributes})
    assert isinstance(envelope, Envelope)
    assert envelope.unreadable == {'MessageAttributes': attributes}


def test_an_error_shows_a_foreign_value_shortened() -> None:
    with pytest.raises(EnvelopeError) as caught:
        parse_envelope({**ENVELOPE, 'MessageId': '\x1b[2J\n' * 10_000})
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 200


def test_an_envelope_does_not_show_its_body() -> None:
    assert '4111' not in repr(parse_envelope({**ENVELOPE, 'Message': '4111'}))


def test_unwrapping_changes_nothing() -> None:
    document = {**ENVELOPE, 'MessageAttributes': {'a': {'Type': 'String', 'Value': 'b'}}}
    before = {**document, 'MessageAttributes': {'a': {'Type': 'String', 'Value': 'b'}}}
    parse_envelope(document)
    assert document == before
