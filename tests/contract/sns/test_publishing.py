"""Publish and PublishBatch: limits, rules and results."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.backend import Backend, bodies, refused

DEFAULT_LIMIT = 262_144  # bytes; source: model, Publish, Message


def test_each_published_message_has_another_id(aws: Backend) -> None:
    """Source: model, Publish, MessageId."""
    arn = aws.topic()
    first, second = (aws.sns.publish(TopicArn=arn, Message='hej')['MessageId'] for _ in range(2))
    assert first != second


def test_a_delivered_message_has_an_id_of_its_own(aws: Backend) -> None:
    """Source: model, Message, MessageId is SQS's own."""
    topic, queue = aws.subscribed()
    published = aws.sns.publish(TopicArn=topic, Message='hej')['MessageId']
    assert aws.receive_one(queue)['MessageId'] != published


def test_an_empty_message_is_refused(aws: Backend) -> None:
    """Source: known: Invalid parameter: Empty message."""
    with refused('InvalidParameter'):
        aws.sns.publish(TopicArn=aws.topic(), Message='')


def test_a_forbidden_character_in_a_message_is_refused(aws: Backend) -> None:
    """Source: known: SNS refuses the characters that SQS refuses."""
    with refused('InvalidParameter', 'InvalidParameterValue', 'ParameterValueInvalid'):
        aws.sns.publish(TopicArn=aws.topic(), Message='hej \x0b')


def test_a_message_of_256_kib_is_accepted(aws: Backend) -> None:
    """Source: model, Publish, Message: by default 262,144 bytes."""
    topic, queue = aws.subscribed()
    aws.sns.publish(TopicArn=topic, Message='x' * DEFAULT_LIMIT)
    assert len(aws.receive_one(queue)['Body']) == DEFAULT_LIMIT


def test_a_message_above_256_kib_is_refused(aws: Backend) -> None:
    """Source: model, Publish: InvalidParameter."""
    with refused('InvalidParameter'):
        aws.sns.publish(TopicArn=aws.topic(), Message='x' * (DEFAULT_LIMIT + 1))


def test_a_topic_may_have_a_higher_limit(aws: Backend) -> None:
    """Source: model, CreateTopic, MaximumMessageSize."""
    topic = aws.topic(MaximumMessageSize=1_048_576)
    aws.sns.publish(TopicArn=topic, Message='x' * 1_048_576)
    with refused('InvalidParameter'):
        aws.sns.publish(TopicArn=topic, Message='x' * 1_048_577)


def test_a_topic_may_have_a_lower_limit_in_bytes(aws: Backend) -> None:
    """Source: model, CreateTopic, MaximumMessageSize; Publish: messages are UTF-8."""
    topic = aws.topic(MaximumMessageSize=1_024)
    aws.sns.publish(TopicArn=topic, Message='é' * 512)
    with refused('InvalidParameter'):
        aws.sns.publish(TopicArn=topic, Message='é' * 513)


def test_attributes_count_towards_the_size_of_a_published_message(aws: Backend) -> None:
    """Source: model, Publish: the combined size of body and attributes."""
    topic = aws.topic(MaximumMessageSize=1_024)
    attributes = {'name': {'DataType': 'String', 'StringValue': 'é' * 7}}  # 4 + 6 + 14 bytes
    aws.sns.publish(TopicArn=topic, Message='x' * 1_000, MessageAttributes=attributes)
    with refused('InvalidParameter'):
        aws.sns.publish(TopicArn=topic, Message='x' * 1_001, MessageAttributes=attributes)


def test_a_subject_of_99_characters_is_accepted(aws: Backend) -> None:
    """Source: model, Publish, Subject: less than 100 characters."""
    aws.sns.publish(TopicArn=aws.topic(), Message='hej', Subject='x' * 99)


@pytest.mark.parametrize(
    'subject',
    [
        pytest.param('x' * 101, id='long'),
        pytest.param('two\nlines', id='line break'),
        pytest.param('a\x07bell', id='control'),
    ],
)
def test_an_invalid_subject_is_refused(aws: Backend, subject: str) -> None:
    """Source: model, Publish, Subject: no line breaks or control characters."""
    with refused('InvalidParameter'):
        aws.sns.publish(TopicArn=aws.topic(), Message='hej', Subject=subject)


@pytest.mark.parametrize(
    ('name', 'attribute'),
    [
        pytest.param('n', {'DataType': 'Text', 'StringValue': 'x'}, id='unknown type'),
        pytest.param('n', {'DataType': 'String', 'StringValue': ''}, id='empty'),
        pytest.param('n', {'DataType': 'Number', 'StringValue': 'many'}, id='not a number'),
        pytest.param('x y', {'DataType': 'String', 'StringValue': 'x'}, id='name'),
    ],
)
def test_an_invalid_attribute_of_a_published_message_is_refused(
    aws: Backend, name: str, attribute: dict[str, Any]
) -> None:
    """Source: model, InvalidParameterValueException; guide, message attributes."""
    with refused('ParameterValueInvalid', 'InvalidParameterValue', 'InvalidParameter'):
        aws.sns.publish(TopicArn=aws.topic(), Message='hej', MessageAttributes={name: attribute})


def test_a_deduplication_id_on_a_standard_topic_is_refused(aws: Backend) -> None:
    """Source: model, Publish, MessageDeduplicationId: applies only to FIFO topics."""
    with refused('InvalidParameter'):
        aws.sns.publish(TopicArn=aws.topic(), Message='hej', MessageDeduplicationId='d')


def entries(*messages: str, **fields: Any) -> list[dict[str, Any]]:
    return [{'Id': f'id-{n}', 'Message': body, **fields} for n, body in enumerate(messages)]


def test_each_entry_of_a_publish_has_a_result(aws: Backend) -> None:
    """Source: model, PublishBatch: Successful, with Id and MessageId."""
    topic, queue = aws.subscribed()
    response = aws.sns.publish_batch(
        TopicArn=topic, PublishBatchRequestEntries=entries(*'abcdefghij')
    )
    results = {each['Id']: each['MessageId'] for each in response['Successful']}
    assert len(results) == len(set(results.values())) == 10
    assert not response['Failed']
    assert sorted(aws.drained(queue, 10)) == [*'abcdefghij']


@pytest.mark.parametrize(
    'bad',
    [
        pytest.param({'Message': ''}, id='empty message'),
        pytest.param({'Message': 'hej', 'Subject': 'x' * 101}, id='subject'),
        pytest.param(
            {
                'Message': 'hej',
                'MessageAttributes': {'n': {'DataType': 'Number', 'StringValue': 'many'}},
            },
            id='attribute',
        ),
    ],
)
def test_an_invalid_entry_of_a_publish_fails_alone(aws: Backend, bad: dict[str, Any]) -> None:
    """Source: model, PublishBatch: the result of each message is reported individually."""
    topic, queue = aws.subscribed()
    response = aws.sns.publish_batch(
        TopicArn=topic,
        PublishBatchRequestEntries=[{'Id': 'bad', **bad}, {'Id': 'good', 'Message': 'good'}],
    )
    [failed] = response['Failed']
    assert (failed['Id'], failed['SenderFault']) == ('bad', True)
    assert failed['Code']
    assert [each['Id'] for each in response['Successful']] == ['good']
    assert bodies(aws.receive(queue)) == ['good']


@pytest.mark.parametrize(
    ('ids', 'code'),
    [
        pytest.param([], 'EmptyBatchRequest', id='empty'),
        pytest.param([*'abcdefghijk'], 'TooManyEntriesInBatchRequest', id='eleven'),
        pytest.param(['a', 'b', 'a'], 'BatchEntryIdsNotDistinct', id='same id'),
        pytest.param(['with space'], 'InvalidBatchEntryId', id='space in id'),
    ],
)
def test_an_invalid_batch_of_publishes_is_refused(aws: Backend, ids: list[str], code: str) -> None:
    """Source: model, errors of PublishBatch."""
    with refused(code, f'{code}Exception', f'AWS.SimpleNotificationService.{code}'):
        aws.sns.publish_batch(
            TopicArn=aws.topic(),
            PublishBatchRequestEntries=[{'Id': each, 'Message': 'hej'} for each in ids],
        )


def test_a_batch_of_publishes_above_the_limit_is_refused(aws: Backend) -> None:
    """Source: model, PublishBatch: the combined size; BatchRequestTooLong."""
    half = 'x' * (DEFAULT_LIMIT // 2 + 1)
    with refused('BatchRequestTooLong', 'BatchRequestTooLongException'):
        aws.sns.publish_batch(TopicArn=aws.topic(), PublishBatchRequestEntries=entries(half, half))


def test_a_batch_of_publishes_at_the_limit_is_accepted(aws: Backend) -> None:
    """Source: model, PublishBatch: the combined size."""
    half = 'x' * (DEFAULT_LIMIT // 2)
    response = aws.sns.publish_batch(
        TopicArn=aws.topic(), PublishBatchRequestEntries=entries(half, half)
    )
    assert len(response['Successful']) == 2
