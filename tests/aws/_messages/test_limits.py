"""The publisher refuses a message before the request if, and only if, AWS refuses it.

Each row runs three times against a server with AWS's rules: by plain boto3, by the publisher, and
by the publisher in a batch. All three must agree. Separate tests explain the exceptions: ten
attributes for a topic, room for SNS's envelope, a limit that could not be read.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mega.aws._messages.limits import check_attributes, check_body
from mega.aws.sns import SnsPublisher
from mega.aws.sqs import SqsPublisher
from mega.errors import EncodeError, PayloadTooLargeError, PublishError
from mega.local import Server
from tests.aws._messages.limit_rows import (
    KB,
    MB,
    NOT_TAKEN,
    ROWS,
    SERVICES,
    SMALL,
    TAKEN,
    TOO_LARGE,
    Row,
    string,
)
from tests.local_aws import Service
from tests.profile import some

EACH_SERVICE = pytest.mark.parametrize('service', SERVICES)
CASES = [
    pytest.param(row, service, id=f'{service}, {name!a}')
    for name, row in ROWS.items()
    for service in row.services
]

NAMES_OF = {
    'delay_seconds': 'DelaySeconds',
    'subject': 'Subject',
    'message_group_id': 'MessageGroupId',
    'message_deduplication_id': 'MessageDeduplicationId',
}


def is_taken_by_aws(client: Any, service: Service, destination: str, row: Row) -> bool:
    """Return whether plain boto3 can send the message to the destination."""
    options = {NAMES_OF[name]: value for name, value in row.options.items()}
    parameters = {'MessageAttributes': row.attributes, **options}
    try:
        if service == 'sqs':
            client.send_message(QueueUrl=destination, MessageBody=row.body, **parameters)
        else:
            client.publish(TopicArn=destination, Message=row.body, **parameters)
    except ClientError as error:
        return error.response['ResponseMetadata']['HTTPStatusCode'] != 400
    return True


def publisher(clients: dict[Service, Any], service: Service, destination: str) -> Any:
    kind = SqsPublisher if service == 'sqs' else SnsPublisher
    return kind(destination, client=clients[service])


def assert_is_about(error: PublishError, path: str) -> None:
    if path == TOO_LARGE:
        assert isinstance(error, PayloadTooLargeError)
        assert error.size == error.limit + 1
        assert f'{error.size:,}' in str(error)
        assert f'{error.limit:,}' in str(error)
    else:
        assert isinstance(error, EncodeError)
        assert error.path == path


def sends(server: Server) -> int:
    """Return the number of requests that sent messages."""
    calls = server.counts().calls
    return sum(count for name, count in calls.items() if name.startswith(('Send', 'Publish')))


@pytest.mark.parametrize(('row', 'service'), CASES)
def test_fault_77_a_message_is_refused_before_the_request_if_and_only_if_aws_refuses_it(
    row: Row, service: Service, server: Server, clients: dict[Service, Any]
) -> None:
    destination = row.destination(server, service)
    assert is_taken_by_aws(clients[service], service, destination, row) is (row.refused_at is None)
    send = publisher(clients, service, destination).publish_raw_message
    if row.refused_at is None:
        assert send(row.body, message_attributes=row.attributes, **row.options)
        return
    with pytest.raises(PublishError) as caught:
        send(row.body, message_attributes=row.attributes, **row.options)
    assert_is_about(caught.value, row.refused_at)
    assert sends(server) == 1


@pytest.mark.no_cover  # other tests run the same lines
@pytest.mark.parametrize(('row', 'service'), some(CASES, 3))
def test_a_batch_refuses_the_same_messages_and_sends_the_rest(
    row: Row, service: Service, server: Server, clients: dict[Service, Any]
) -> None:
    destination = row.destination(server, service)
    others = {'message_group_id': 'other'} if destination.endswith('.fifo') else {}

    def each(name: str) -> Callable[[str], Any]:
        return lambda text: (row.options if text == row.body else others).get(name)

    results = publisher(clients, service, destination).publish_batch(
        ['before', row.body, 'after'],
        message_attributes=lambda text: row.attributes if text == row.body else None,
        **{name: each(name) for name in {**others, **row.options}},
        raise_on_failure=False,
    )
    assert [result.error is None for result in results] == [True, row.refused_at is None, True]
    assert [bool(result.message_id) for result in results] == [True, row.refused_at is None, True]
    if row.refused_at is not None:
        assert_is_about(results[1].error, row.refused_at)
    assert len(server.accepted()) == 2 + (row.refused_at is None)


@EACH_SERVICE
@pytest.mark.parametrize('character', NOT_TAKEN + '\ud800\udfff', ids=ascii)
def test_fault_75_the_error_of_a_character_has_its_code_point_and_position(
    service: Service, character: str, server: Server, clients: dict[Service, Any]
) -> None:
    """The position is in characters. Half of a surrogate pair cannot be encoded as bytes at all."""
    destination = SMALL(server, service)
    send = publisher(clients, service, destination).publish_raw_message
    with pytest.raises(EncodeError, match=f'U\\+{ord(character):04X} at character 3') as caught:
        send(f'\U0001f600é漢{character}\x00')
    assert character not in str(caught.value)
    with pytest.raises(EncodeError, match=f'U\\+{ord(character):04X} at character 1'):
        send('hej', message_attributes={'a': f'a{character}'})


@pytest.mark.parametrize('count', [8, 9, 10])
def test_fault_78_the_payload_type_is_one_of_ten_attributes(
    count: int, server: Server, clients: dict[Service, Any]
) -> None:
    """A blob has a payload type, which leaves room for nine attributes of the user."""
    ours = publisher(clients, 'sqs', SMALL(server, 'sqs'))
    attributes = {f'a{number}': 'v' for number in range(count)}
    if count < 10:
        assert ours.publish(b'\x00', message_attributes=attributes)
        return
    with pytest.raises(EncodeError, match='11') as caught:
        ours.publish(b'\x00', message_attributes=attributes)
    assert caught.value.path == 'message_attributes'


@EACH_SERVICE
@pytest.mark.parametrize('extra', [-1, 0, 1], ids=['below', 'at', 'above'])
def test_the_payload_type_counts_in_the_size(
    service: Service, extra: int, server: Server, clients: dict[Service, Any]
) -> None:
    """Its name, type and value: here `MegaPayloadType`, `String` and `text`."""
    ours = publisher(clients, service, SMALL(server, service))
    text = '{'.ljust(KB - len('MegaPayloadTypeStringtext') + extra)
    if extra <= 0:
        assert ours.publish(text)
        return
    with pytest.raises(PayloadTooLargeError) as caught:
        ours.publish(text)
    assert (caught.value.size, caught.value.limit) == (KB + 1, KB)


@pytest.mark.parametrize('count', [10, 11])
def test_a_topic_accepts_ten_attributes(
    count: int, server: Server, clients: dict[Service, Any]
) -> None:
    """SNS accepts more, and discards the message for each queue with raw message delivery."""
    row = Row(attributes={f'a{number}': string('v') for number in range(count)})
    destination = SMALL(server, 'sns')
    assert is_taken_by_aws(clients['sns'], 'sns', destination, row)
    ours = publisher(clients, 'sns', destination)
    if count == 10:
        assert ours.publish_raw_message(row.body, message_attributes=row.attributes)
        return
    with pytest.raises(EncodeError):
        ours.publish_raw_message(row.body, message_attributes=row.attributes)


@pytest.mark.parametrize(
    ('kind', 'refused'),
    [
        ('String.' + 'l' * 249, False),
        ('String.' + 'l' * 250, True),
        ('String.' + 'é' * 124, False),
        ('String.' + 'é' * 125, True),
        ('String.\x00', True),
        ('String.\ufffe', True),
        ('String.\ud800', True),
        ('String.', True),
    ],
    ids=ascii,
)
def test_an_attribute_type_has_256_bytes_and_the_characters_of_a_body(
    kind: str, refused: bool
) -> None:
    """The Developer Guide says so about message attributes. botocore's model does not."""
    if not refused:
        check_attributes({'a': string('v', kind)})
        return
    with pytest.raises(EncodeError) as caught:
        check_attributes({'a': string('v', kind)})
    assert caught.value.path == 'message_attributes.a'


@pytest.mark.parametrize('character', TAKEN + NOT_TAKEN, ids=ascii)
def test_an_event_with_any_character_is_sent_escaped(
    character: str, server: Server, clients: dict[Service, Any]
) -> None:
    """Only texts and raw messages are refused for their characters: JSON escapes them."""
    publisher(clients, 'sqs', SMALL(server, 'sqs')).publish({'a': character})
    [accepted] = server.accepted()
    assert json.loads(accepted.body) == {'a': character}


def test_characters_are_checked_before_the_size() -> None:
    with pytest.raises(EncodeError):
        check_body('a' * MB + '\x00')
