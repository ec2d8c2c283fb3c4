"""Message attributes and message system attributes."""

from __future__ import annotations

import hashlib
from struct import pack
from typing import Any

import pytest

from tests.contract.backend import Backend, refused

STRING = {'DataType': 'String', 'StringValue': 'grün'}
NUMBER = {'DataType': 'Number', 'StringValue': '1.50'}
BINARY = {'DataType': 'Binary', 'BinaryValue': b'\x00\xff'}
EVERY: dict[str, dict[str, Any]] = {'text': STRING, 'number': NUMBER, 'binary': BINARY}
TRACE: dict[str, dict[str, Any]] = {
    'AWSTraceHeader': {'DataType': 'String', 'StringValue': 'Root=1-5759e988-bd862e3f'}
}


def digest(attributes: dict[str, dict[str, Any]]) -> str:
    """Return the MD5 of attributes. Source: guide, message metadata, calculating the MD5 digest."""
    encoded = b''
    for name, attribute in sorted(attributes.items()):
        value = attribute.get('BinaryValue')
        kind = b'\x01' if value is None else b'\x02'
        content = attribute['StringValue'].encode() if value is None else value
        for part in (name.encode(), attribute['DataType'].encode()):
            encoded += pack('>I', len(part)) + part
        encoded += kind + pack('>I', len(content)) + content
    return hashlib.md5(encoded).hexdigest()


@pytest.mark.parametrize('attribute', [STRING, NUMBER, BINARY], ids=lambda each: each['DataType'])
def test_an_attribute_arrives_as_sent(aws: Backend, attribute: dict[str, Any]) -> None:
    """Source: model, MessageAttributeValue."""
    url = aws.queue()
    aws.send(url, 'hej', MessageAttributes={'name': attribute})
    assert aws.receive_one(url)['MessageAttributes'] == {'name': attribute}


def test_a_type_may_have_a_label(aws: Backend) -> None:
    """Source: guide, message metadata: custom data types."""
    url, attributes = aws.queue(), {'n': {'DataType': 'Number.int', 'StringValue': '5'}}
    aws.send(url, 'hej', MessageAttributes=attributes)
    assert aws.receive_one(url)['MessageAttributes'] == attributes


def test_the_response_of_a_send_has_the_digest_of_the_attributes(aws: Backend) -> None:
    """Source: model, SendMessage, MD5OfMessageAttributes."""
    [response] = aws.send(aws.queue(), 'hej', MessageAttributes=EVERY)
    assert response['MD5OfMessageAttributes'] == digest(EVERY)


def test_a_received_message_has_the_digest_of_its_attributes(aws: Backend) -> None:
    """Source: model, Message, MD5OfMessageAttributes."""
    url = aws.queue()
    aws.send(url, 'hej', MessageAttributes=EVERY)
    assert aws.receive_one(url)['MD5OfMessageAttributes'] == digest(EVERY)


def received(aws: Backend, names: list[str] | None) -> dict[str, Any]:
    url = aws.queue()
    attributes = dict.fromkeys(('a.x', 'a.y', 'b'), STRING)
    aws.send(url, 'hej', MessageAttributes=attributes)
    parameters = {} if names is None else {'MessageAttributeNames': names}
    [message] = aws.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, **parameters)['Messages']
    return dict(message)


@pytest.mark.parametrize(
    ('names', 'found'),
    [
        pytest.param(None, set(), id='none'),
        pytest.param(['b', 'c'], {'b'}, id='by name'),
        pytest.param(['a.*'], {'a.x', 'a.y'}, id='by prefix'),
        pytest.param(['All'], {'a.x', 'a.y', 'b'}, id='all'),
        pytest.param(['.*'], {'a.x', 'a.y', 'b'}, id='all by prefix'),
    ],
)
def test_only_requested_attributes_are_returned(
    aws: Backend, names: list[str] | None, found: set[str]
) -> None:
    """Source: model, ReceiveMessage, MessageAttributeNames."""
    assert set(received(aws, names).get('MessageAttributes', {})) == found


def test_the_digest_covers_the_returned_attributes_only(aws: Backend) -> None:
    """Source: guide, message metadata: the SDKs compare the digest with what they received."""
    assert received(aws, ['b'])['MD5OfMessageAttributes'] == digest({'b': STRING})


def test_ten_attributes_are_accepted(aws: Backend) -> None:
    """Source: guide, message metadata: up to 10 attributes."""
    url = aws.queue()
    aws.send(url, 'hej', MessageAttributes={f'n{number}': STRING for number in range(10)})
    assert len(aws.receive_one(url)['MessageAttributes']) == 10


def test_eleven_attributes_are_refused(aws: Backend) -> None:
    """Source: guide, message metadata: up to 10 attributes."""
    with refused('InvalidParameterValue'):
        aws.send(aws.queue(), 'hej', MessageAttributes={f'n{n}': STRING for n in range(11)})


@pytest.mark.parametrize(
    'name',
    ['AWS.x', 'amazon.x', '.x', 'x.', 'x..y', 'x y', 'ü', 'x' * 257],
    ids=lambda name: name[:8],
)
def test_an_invalid_name_of_an_attribute_is_refused(aws: Backend, name: str) -> None:
    """Source: model, SendMessage, MessageAttributes; ReceiveMessage, MessageAttributeNames."""
    with refused('InvalidParameterValue'):
        aws.send(aws.queue(), 'hej', MessageAttributes={name: STRING})


def test_a_name_of_256_characters_is_accepted(aws: Backend) -> None:
    """Source: model, ReceiveMessage, MessageAttributeNames: up to 256 characters."""
    url, name = aws.queue(), 'A_b-c.' + 'x' * 250
    aws.send(url, 'hej', MessageAttributes={name: STRING})
    assert list(aws.receive_one(url)['MessageAttributes']) == [name]


@pytest.mark.parametrize(
    'attribute',
    [
        pytest.param({'DataType': 'Text', 'StringValue': 'x'}, id='unknown type'),
        pytest.param({'DataType': 'String', 'StringValue': ''}, id='empty text'),
        pytest.param({'DataType': 'Binary', 'BinaryValue': b''}, id='empty bytes'),
        pytest.param({'DataType': 'Number', 'StringValue': 'many'}, id='not a number'),
        pytest.param({'DataType': 'Binary', 'StringValue': 'x'}, id='text as binary'),
    ],
)
def test_an_invalid_attribute_is_refused(aws: Backend, attribute: dict[str, Any]) -> None:
    """Source: guide, message metadata: name, type and value must not be empty."""
    with refused('InvalidParameterValue'):
        aws.send(aws.queue(), 'hej', MessageAttributes={'name': attribute})


def test_a_forbidden_character_in_an_attribute_is_refused(aws: Backend) -> None:
    """Source: model, SendMessage: the characters of a body apply; the code is not documented."""
    attribute = {'DataType': 'String', 'StringValue': 'hej \x0b'}
    with refused('InvalidMessageContents', 'InvalidParameterValue'):
        aws.send(aws.queue(), 'hej', MessageAttributes={'name': attribute})


def test_attributes_count_towards_the_size_of_a_message(aws: Backend) -> None:
    """Source: guide, message metadata: name, type and value are part of the size restriction."""
    url = aws.queue(MaximumMessageSize=1_024)
    attribute = {'name': {'DataType': 'String', 'StringValue': 'é' * 7}}  # 4 + 6 + 14 bytes
    aws.send(url, 'x' * 1_000, MessageAttributes=attribute)
    with refused('InvalidParameterValue'):
        aws.send(url, 'x' * 1_001, MessageAttributes=attribute)


def test_system_attributes_do_not_count_towards_the_size(aws: Backend) -> None:
    """Source: model, SendMessage, MessageSystemAttributes."""
    url = aws.queue(MaximumMessageSize=1_024)
    aws.send(url, 'x' * 1_024, MessageSystemAttributes=TRACE)


def test_a_trace_header_arrives_as_a_system_attribute(aws: Backend) -> None:
    """Source: model, SendMessage, MessageSystemAttributes: AWSTraceHeader."""
    url = aws.queue()
    aws.send(url, 'hej', MessageSystemAttributes=TRACE)
    header = aws.receive_one(url)['Attributes']['AWSTraceHeader']
    assert header == TRACE['AWSTraceHeader']['StringValue']


def test_the_response_of_a_send_has_the_digest_of_the_trace_header(aws: Backend) -> None:
    """Source: model, SendMessage, MD5OfMessageSystemAttributes."""
    [response] = aws.send(aws.queue(), 'hej', MessageSystemAttributes=TRACE)
    assert response['MD5OfMessageSystemAttributes'] == digest(TRACE)
