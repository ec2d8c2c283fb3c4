"""SendMessage: identifiers, bodies and delays."""

from __future__ import annotations

import hashlib

import pytest

from tests.contract.backend import Backend, bodies, refused

MIB = 1_048_576
FORBIDDEN = {
    'NUL': '\x00',
    'VT': '\x0b',
    'US': '\x1f',
    'U+FFFE': '\ufffe',
    'U+FFFF': '\uffff',
    'surrogate': '\ud800',
}
ALLOWED = '\t\n\r \x7f\x80\x9f\ud7ff\ue000\ufffd\U00010000\U0010ffff'


def test_a_sent_message_has_an_id_and_the_digest_of_its_body(aws: Backend) -> None:
    """Source: model, SendMessage: MessageId, and the MD5 of the body in UTF-8."""
    [response] = aws.send(aws.queue(), 'grün')
    assert response['MessageId']
    assert response['MD5OfMessageBody'] == hashlib.md5('grün'.encode()).hexdigest()


def test_each_message_has_another_id(aws: Backend) -> None:
    """Source: model, SendMessage, MessageId."""
    first, second = aws.send(aws.queue(), 'hej', 'hej')
    assert first['MessageId'] != second['MessageId']


def test_a_message_keeps_its_id_until_it_is_received(aws: Backend) -> None:
    """Source: model, ReceiveMessage, MessageId: unique among all queues for a long time."""
    url = aws.queue()
    [response] = aws.send(url, 'hej')
    assert aws.receive_one(url)['MessageId'] == response['MessageId']


@pytest.mark.parametrize(
    'body',
    ['hej', ' {"a": 1} \n', ALLOWED, '<a>&amp;</a>', '😀'],
    ids=['text', 'json', 'edges', 'markup', 'emoji'],
)
def test_a_body_arrives_as_sent(aws: Backend, body: str) -> None:
    """Source: model, SendMessage, MessageBody: the characters that a message may contain."""
    url = aws.queue()
    aws.send(url, body)
    message = aws.receive_one(url)
    assert message['Body'] == body
    assert message['MD5OfBody'] == hashlib.md5(body.encode()).hexdigest()


@pytest.mark.parametrize('character', FORBIDDEN.values(), ids=FORBIDDEN)
def test_a_forbidden_character_in_a_body_is_refused(aws: Backend, character: str) -> None:
    """Source: model, SendMessage, MessageBody; InvalidMessageContents."""
    with refused('InvalidMessageContents'):
        aws.send(aws.queue(), f'hej {character}')


def test_an_empty_body_is_refused(aws: Backend) -> None:
    """Source: model, SendMessage, MessageBody: the minimum size is one character."""
    with refused():
        aws.send(aws.queue(), '')


def test_a_message_of_1_mib_is_accepted(aws: Backend) -> None:
    """Source: model, SendMessage, MessageBody: 1 MiB."""
    url = aws.queue()
    aws.send(url, 'x' * MIB)
    assert len(aws.receive_one(url)['Body']) == MIB


def test_a_message_above_1_mib_is_refused(aws: Backend) -> None:
    """Source: model, SendMessage, MessageBody: 1 MiB; the code is known."""
    with refused('InvalidParameterValue'):
        aws.send(aws.queue(), 'x' * (MIB + 1))


def test_a_queue_may_have_a_lower_limit(aws: Backend) -> None:
    """Source: model, CreateQueue, MaximumMessageSize."""
    url = aws.queue(MaximumMessageSize=1_024)
    aws.send(url, 'x' * 1_024)
    with refused('InvalidParameterValue'):
        aws.send(url, 'x' * 1_025)


def test_the_size_of_a_message_is_in_bytes(aws: Backend) -> None:
    """Source: model, CreateQueue, MaximumMessageSize: how many bytes a message can contain."""
    url = aws.queue(MaximumMessageSize=1_024)
    aws.send(url, 'é' * 512)
    with refused('InvalidParameterValue'):
        aws.send(url, 'é' * 513)


def test_a_delayed_message_is_hidden_until_its_delay_ends(aws: Backend) -> None:
    """Source: model, SendMessage, DelaySeconds."""
    url = aws.queue()
    aws.send(url, 'hej', DelaySeconds=1)
    assert aws.is_empty(url)
    aws.advance(1.1)
    assert aws.receive_one(url)['Body'] == 'hej'


def test_a_queue_may_delay_its_messages(aws: Backend) -> None:
    """Source: model, CreateQueue, DelaySeconds."""
    url = aws.queue(DelaySeconds=900)
    aws.send(url, 'hej')
    assert aws.is_empty(url)


def test_the_delay_of_a_message_overrides_that_of_its_queue(aws: Backend) -> None:
    """Source: model, SendMessage, DelaySeconds: otherwise, the default of the queue applies."""
    url = aws.queue(DelaySeconds=900)
    aws.send(url, 'hej', DelaySeconds=0)
    assert bodies(aws.receive(url)) == ['hej']


@pytest.mark.parametrize('seconds', [-1, 901])
def test_a_delay_out_of_its_range_is_refused(aws: Backend, seconds: int) -> None:
    """Source: model, SendMessage, DelaySeconds: 0 to 900."""
    with refused('InvalidParameterValue'):
        aws.send(aws.queue(), 'hej', DelaySeconds=seconds)


def test_a_deduplication_id_on_a_standard_queue_is_refused(aws: Backend) -> None:
    """Source: model, SendMessage, MessageDeduplicationId: applies only to FIFO queues; known."""
    with refused('InvalidParameterValue'):
        aws.send(aws.queue(), 'hej', MessageDeduplicationId='d')


def test_a_message_of_a_standard_queue_may_have_a_group(aws: Backend) -> None:
    """Source: model, SendMessage, MessageGroupId; guide, fair queues."""
    url = aws.queue()
    aws.send(url, 'hej', MessageGroupId='tenant')
    assert aws.receive_one(url)['Attributes']['MessageGroupId'] == 'tenant'


def test_groups_of_a_standard_queue_do_not_wait(aws: Backend) -> None:
    """Source: guide, fair queues: the group is a tenant, without an order."""
    url = aws.queue()
    aws.send(url, 'a', 'b', MessageGroupId='tenant')
    first, second = aws.receive_one(url), aws.receive_one(url)
    assert {first['Body'], second['Body']} == {'a', 'b'}


@pytest.mark.parametrize('group', ['with space', 'ü', 'x' * 129], ids=['space', 'umlaut', 'long'])
@pytest.mark.parametrize('fifo', [False, True], ids=['standard', 'fifo'])
def test_an_invalid_group_is_refused(aws: Backend, group: str, fifo: bool) -> None:
    """Source: model, SendMessage, MessageGroupId: 128 characters, alphanumeric or punctuation."""
    ids = {'MessageDeduplicationId': 'd'} if fifo else {}
    with refused('InvalidParameterValue'):
        aws.send(aws.queue(fifo), 'hej', MessageGroupId=group, **ids)
