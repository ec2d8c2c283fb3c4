"""What the in-memory SNS refuses to publish and to create."""

from __future__ import annotations

from typing import Any

import pytest

from tests.local.aws_account import LocalAccount


def attribute(data_type: str, value: str) -> dict[str, Any]:
    return {'n': {'DataType': data_type, 'StringValue': value}}


@pytest.mark.parametrize(
    ('request_', 'code', 'problem'),
    [
        ({'Message': ''}, 'InvalidParameter', 'Empty message'),
        ({'Message': 'a\x00'}, 'InvalidParameter', "'#x0'"),
        ({'Message': 'x' * 262_145}, 'InvalidParameter', 'Message too long'),
        ({'Message': 'é' * 131_073}, 'InvalidParameter', 'Message too long'),
        ({'Subject': ''}, 'InvalidParameter', 'Subject'),
        ({'Subject': 'x' * 100}, 'InvalidParameter', 'Subject'),
        ({'Subject': 'a\nb'}, 'InvalidParameter', 'Subject'),
        ({'MessageAttributes': attribute('Number', 'x')}, 'ParameterValueInvalid', 'number'),
        ({'MessageAttributes': attribute('String', '\x01')}, 'ParameterValueInvalid', '#x1'),
        ({'MessageGroupId': 'a b'}, 'InvalidParameter', 'MessageGroupId'),
        ({'MessageDeduplicationId': 'a'}, 'InvalidParameter', 'MessageDeduplicationId'),
        ({'MessageStructure': 'xml'}, 'InvalidParameter', 'Message Structure'),
    ],
)
def test_an_invalid_message_is_refused(
    aws: LocalAccount, request_: dict[str, Any], code: str, problem: str
) -> None:
    error = aws.refused('sns', 'Publish', TopicArn=aws.topic('t'), **{'Message': 'x', **request_})
    assert (error.code, problem in error.message) == (code, True), error.message


@pytest.mark.parametrize(
    ('ids', 'problem'),
    [
        ({}, 'MessageGroupId parameter is required'),
        ({'MessageGroupId': 'g'}, 'ContentBasedDeduplication'),
        ({'MessageGroupId': 'g', 'MessageDeduplicationId': ''}, 'MessageDeduplicationId'),
    ],
)
def test_a_message_of_a_fifo_topic_needs_its_ids(
    aws: LocalAccount, ids: dict[str, str], problem: str
) -> None:
    error = aws.refused('sns', 'Publish', TopicArn=aws.topic('t.fifo'), Message='x', **ids)
    assert (error.code, problem in error.message) == ('InvalidParameter', True)


def test_a_topic_may_accept_messages_of_a_mebibyte(aws: LocalAccount) -> None:
    topic, queue = aws.topic('t', MaximumMessageSize='1048576'), aws.queue('q')
    aws.subscribe(topic, queue, RawMessageDelivery='true')
    aws.sns('Publish', TopicArn=topic, Message='x' * 1_048_576)
    assert len(aws.bodies(queue)[0]) == 1_048_576
    request = {'TopicArn': topic, 'Message': 'x' * 1_048_577}
    assert aws.refused('sns', 'Publish', **request).code == 'InvalidParameter'


@pytest.mark.parametrize(
    ('entries', 'code'),
    [
        ([], 'EmptyBatchRequest'),
        ([('a', 'x')] * 2, 'BatchEntryIdsNotDistinct'),
        ([(str(number), 'x') for number in range(11)], 'TooManyEntriesInBatchRequest'),
        ([('é', 'x')], 'InvalidBatchEntryId'),
        ([('a', 'x' * 131_072), ('b', 'x' * 131_073)], 'BatchRequestTooLong'),
    ],
    ids=['empty', 'equal ids', 'eleven', 'an id', 'size'],
)
def test_an_invalid_batch_is_refused(
    aws: LocalAccount, entries: list[tuple[str, str]], code: str
) -> None:
    given = [{'Id': entry_id, 'Message': body} for entry_id, body in entries]
    request = {'TopicArn': aws.topic('t'), 'PublishBatchRequestEntries': given}
    assert aws.refused('sns', 'PublishBatch', **request).code == code


@pytest.mark.parametrize(
    ('name', 'attributes'),
    [
        ('', {}),
        ('a b', {}),
        ('x' * 257, {}),
        ('t.fifo', {}),
        ('t', {'FifoTopic': 'true'}),
        ('t', {'MaximumMessageSize': '1023'}),
        ('t', {'MaximumMessageSize': 'x'}),
        ('t', {'MaximumMessageSize': '9' * 5_000}),
        ('t', {'MaximumMessageSize': '\u0661024'}),
        ('t', {'Colour': 'red'}),
        ('t', {'ContentBasedDeduplication': 'true'}),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_invalid_topic_is_refused(
    aws: LocalAccount, name: str, attributes: dict[str, str]
) -> None:
    error = aws.refused('sns', 'CreateTopic', Name=name, Attributes=attributes)
    assert error.code == 'InvalidParameter'
