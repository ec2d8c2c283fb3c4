"""FIFO queues: order and groups."""

from __future__ import annotations

import hashlib

from tests.contract.backend import Backend, bodies, refused


def fifo(aws: Backend, **attributes: object) -> str:
    return aws.queue(fifo=True, ContentBasedDeduplication=True, **attributes)


def send(aws: Backend, url: str, *messages: str) -> None:
    """Send messages. The first letter of a body is its group."""
    for body in messages:
        aws.send(url, body, MessageGroupId=body[0])


def test_a_message_of_a_fifo_queue_needs_a_group(aws: Backend) -> None:
    """Source: model, SendMessage, MessageGroupId: otherwise the action fails."""
    with refused('MissingParameter'):
        aws.send(fifo(aws), 'hej')


def test_a_message_of_a_fifo_queue_has_no_delay_of_its_own(aws: Backend) -> None:
    """Source: model, SendMessage, DelaySeconds: applied only on the queue level."""
    with refused('InvalidParameterValue'):
        aws.send(fifo(aws), 'hej', MessageGroupId='g', DelaySeconds=5)


def test_a_fifo_queue_may_delay_its_messages(aws: Backend) -> None:
    """Source: model, SendMessage, DelaySeconds: on the queue level."""
    url = fifo(aws, DelaySeconds=1)
    send(aws, url, 'a1', 'a2')
    assert aws.is_empty(url)
    aws.advance(1.1)
    assert aws.drained(url, 2) == ['a1', 'a2']


def test_a_group_arrives_in_the_order_of_its_sends(aws: Backend) -> None:
    """Source: model, SendMessage, MessageGroupId."""
    url = fifo(aws)
    send(aws, url, *(f'a{number}' for number in range(12)))
    assert aws.drained(url, 12) == [f'a{number}' for number in range(12)]


def test_a_batch_keeps_its_order(aws: Backend) -> None:
    """Source: guide, FIFO queues: the order of the entries of a batch."""
    url = fifo(aws)
    entries = [{'Id': each, 'MessageBody': each, 'MessageGroupId': 'g'} for each in 'cabd']
    response = aws.sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert len(response['Successful']) == 4
    assert aws.drained(url, 4) == [*'cabd']


def test_one_receive_may_return_several_messages_of_a_group(aws: Backend) -> None:
    """Source: guide, FIFO delivery logic: as many of the same group as possible."""
    url = fifo(aws)
    send(aws, url, 'a1', 'a2', 'a3')
    assert bodies(aws.receive(url, at_least=3)) == ['a1', 'a2', 'a3']


def test_a_group_waits_for_its_messages_in_flight(aws: Backend) -> None:
    """Source: model, ReceiveMessage: no more messages of the group are returned."""
    url = fifo(aws)
    send(aws, url, 'a1', 'a2')
    assert aws.receive_one(url)['Body'] == 'a1'
    assert aws.is_empty(url)


def test_other_groups_do_not_wait(aws: Backend) -> None:
    """Source: model, ReceiveMessage: messages with another MessageGroupId are returned."""
    url = fifo(aws)
    send(aws, url, 'a1', 'a2', 'b1')
    assert aws.receive_one(url)['Body'] == 'a1'
    assert bodies(aws.receive(url)) == ['b1']


def test_a_delete_lets_the_group_go_on(aws: Backend) -> None:
    """Source: guide, FIFO delivery logic."""
    url = fifo(aws)
    send(aws, url, 'a1', 'a2')
    aws.delete(url, aws.receive_one(url))
    assert aws.receive_one(url)['Body'] == 'a2'


def test_a_released_message_is_the_next_of_its_group(aws: Backend) -> None:
    """Source: guide, FIFO delivery logic."""
    url = fifo(aws)
    send(aws, url, 'a1', 'a2')
    aws.change_visibility(url, aws.receive_one(url), 0)
    assert aws.drained(url, 2) == ['a1', 'a2']


def test_a_group_keeps_its_order_when_its_messages_are_released(aws: Backend) -> None:
    """Source: guide, FIFO delivery logic: the order of a group is strict."""
    url = fifo(aws)
    send(aws, url, 'a1', 'a2', 'a3')
    messages = aws.receive(url, at_least=3)
    for message in reversed(messages):
        aws.change_visibility(url, message, 0)
    assert aws.drained(url, 3) == ['a1', 'a2', 'a3']


def test_a_group_waits_until_all_its_messages_are_released(aws: Backend) -> None:
    """Source: model, ReceiveMessage: while messages of a group are invisible, no more return."""
    url = fifo(aws)
    send(aws, url, 'a1', 'a2')
    [_, second] = aws.receive(url, at_least=2)
    aws.change_visibility(url, second, 0)
    assert aws.is_empty(url)


def test_a_group_keeps_its_order_when_a_timeout_ends(aws: Backend) -> None:
    """Source: guide, FIFO delivery logic: the order of a group is strict."""
    url = fifo(aws, VisibilityTimeout=1)
    send(aws, url, 'a1', 'a2', 'a3')
    aws.receive(url, at_least=3)
    aws.advance(1.1)
    assert aws.drained(url, 3) == ['a1', 'a2', 'a3']


def test_sequence_numbers_increase(aws: Backend) -> None:
    """Source: model, SendMessage, SequenceNumber: 128 bits, increasing within a group."""
    url = fifo(aws)
    sent = [aws.send(url, body, MessageGroupId='g')[0]['SequenceNumber'] for body in 'abc']
    assert sent == sorted(set(sent), key=int)
    received = [each['Attributes']['SequenceNumber'] for each in aws.receive(url, at_least=3)]
    assert received == sent


def test_the_results_of_a_batch_have_sequence_numbers(aws: Backend) -> None:
    """Source: model, SendMessageBatchResultEntry, SequenceNumber."""
    entries = [{'Id': each, 'MessageBody': each, 'MessageGroupId': 'g'} for each in 'ab']
    response = aws.sqs.send_message_batch(QueueUrl=fifo(aws), Entries=entries)
    numbers = {each['Id']: int(each['SequenceNumber']) for each in response['Successful']}
    assert numbers['a'] < numbers['b']


def test_a_standard_queue_has_no_sequence_numbers(aws: Backend) -> None:
    """Source: model, SendMessage, SequenceNumber applies only to FIFO queues."""
    url = aws.queue()
    [response] = aws.send(url, 'hej')
    assert 'SequenceNumber' not in response
    assert 'SequenceNumber' not in aws.receive_one(url)['Attributes']


def test_a_message_shows_its_group_and_deduplication_id(aws: Backend) -> None:
    """Source: model, ReceiveMessage, MessageSystemAttributeNames."""
    url = aws.queue(fifo=True)
    aws.send(url, 'hej', MessageGroupId='g', MessageDeduplicationId='d')
    attributes = aws.receive_one(url)['Attributes']
    assert (attributes['MessageGroupId'], attributes['MessageDeduplicationId']) == ('g', 'd')


def test_a_message_shows_the_digest_that_is_its_deduplication_id(aws: Backend) -> None:
    """Source: model, CreateQueue, ContentBasedDeduplication: SHA-256 of the body."""
    url = fifo(aws)
    aws.send(url, 'hej', MessageGroupId='g')
    found = aws.receive_one(url)['Attributes']['MessageDeduplicationId']
    assert found == hashlib.sha256(b'hej').hexdigest()


def test_a_receive_can_be_repeated_with_its_attempt_id(aws: Backend) -> None:
    """Source: model, ReceiveMessage, ReceiveRequestAttemptId: same messages, same handles."""
    url = fifo(aws)
    send(aws, url, 'a1', 'a2')
    first = aws.receive_one(url, ReceiveRequestAttemptId='attempt')
    again = aws.receive_one(url, ReceiveRequestAttemptId='attempt')
    assert (again['Body'], again['ReceiptHandle']) == ('a1', first['ReceiptHandle'])


def test_another_attempt_id_is_another_receive(aws: Backend) -> None:
    """Source: model, ReceiveMessage, ReceiveRequestAttemptId."""
    url = fifo(aws)
    send(aws, url, 'a1', 'a2')
    assert aws.receive_one(url, ReceiveRequestAttemptId='one')['Body'] == 'a1'
    assert not aws.receive(url, at_least=0, ReceiveRequestAttemptId='two')


def test_a_repeated_receive_begins_the_timeout_again(aws: Backend) -> None:
    """Source: model, ReceiveMessage, ReceiveRequestAttemptId: it resets the visibility timeout."""
    url = fifo(aws, VisibilityTimeout=30)
    send(aws, url, 'a1')
    aws.receive_one(url, ReceiveRequestAttemptId='attempt')
    aws.advance(20)
    aws.receive_one(url, ReceiveRequestAttemptId='attempt')
    aws.advance(20)
    assert aws.is_empty(url)
    aws.advance(11)
    assert aws.receive_one(url)['Body'] == 'a1'


def test_an_attempt_id_ends_after_five_minutes(aws: Backend) -> None:
    """Source: model, ReceiveMessage, ReceiveRequestAttemptId: only for 5 minutes."""
    url = fifo(aws, VisibilityTimeout=600)
    send(aws, url, 'a1')
    aws.receive_one(url, ReceiveRequestAttemptId='attempt')
    aws.advance(301)
    assert not aws.receive(url, at_least=0, ReceiveRequestAttemptId='attempt')


def test_an_attempt_id_ends_with_a_change_of_its_messages(aws: Backend) -> None:
    """Source: model, ReceiveMessage, ReceiveRequestAttemptId: if none were deleted or changed."""
    url = fifo(aws)
    send(aws, url, 'a1', 'b1')
    aws.delete(url, aws.receive_one(url, ReceiveRequestAttemptId='attempt'))
    messages = aws.receive(url, at_least=0, ReceiveRequestAttemptId='attempt')
    assert 'a1' not in bodies(messages)
