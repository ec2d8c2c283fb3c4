"""The server fails as it is told to: by a seed or step by step; and ends when it is to end."""

from __future__ import annotations

import inspect
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from botocore.httpsession import URLLib3Session
from botocore.parsers import ResponseParserError

from mega.local import FailCall, FailEntries, Fault, Faults, Server, running

CHECKOUT = Path(__file__).parents[2]


IS_LENIENT = 'enforce_content_length=False' in inspect.getsource(URLLib3Session.send)
CUT_OFF = ('no id', 'ResponseParserError') if IS_LENIENT else ('ConnectionClosedError',) * 2
"""A truncated response: older releases of botocore check the length of the body."""


def outcome(client: Any, **request: Any) -> str:
    """What a sender learns: a message id, an answer without one, or an error."""
    try:
        send = client.send_message if 'QueueUrl' in request else client.publish
        return 'sent' if 'MessageId' in send(**request) else 'no id'
    except ClientError as error:
        return str(error.response['Error']['Code'])
    except (BotoCoreError, ResponseParserError, KeyError) as error:
        return type(error).__name__


KINDS = {
    Fault.ERROR: ('InternalError', 'InternalError', 0),
    Fault.UNAVAILABLE: ('ServiceUnavailable', 'ServiceUnavailable', 0),
    Fault.THROTTLED: ('RequestThrottled', 'Throttled', 0),
    Fault.RESET_BEFORE: ('ConnectionClosedError', 'ConnectionClosedError', 0),
    Fault.RESET_AFTER: ('ConnectionClosedError', 'ConnectionClosedError', 1),
    Fault.GARBAGE_BEFORE: ('no id', 'KeyError', 0),
    Fault.GARBAGE_AFTER: ('no id', 'KeyError', 1),
    Fault.TRUNCATED_BEFORE: (*CUT_OFF, 0),
    Fault.TRUNCATED_AFTER: (*CUT_OFF, 1),
    Fault.SLOW_AFTER: ('sent', 'sent', 1),
    Fault.EXPIRED: ('ExpiredToken', 'ExpiredToken', 0),
    Fault.MISSING: ('AWS.SimpleQueueService.NonExistentQueue', 'NotFound', 0),
}


@pytest.mark.parametrize('fault', Fault, ids=lambda fault: fault.value)
def test_a_call_fails_before_or_after_its_effect(
    server: Server, sqs: Any, sns: Any, fault: Fault
) -> None:
    """And the next call, on the same client, does not fail."""
    by_sqs, by_sns, effects = KINDS[fault]
    to_queue = {'QueueUrl': server.create_queue('q'), 'MessageBody': 'x'}
    to_topic = {'TopicArn': server.create_topic('t'), 'Message': 'x'}
    server.script(fault, None, fault)
    assert outcome(sqs, **to_queue) == by_sqs
    assert server.counts().accepted == effects
    assert outcome(sqs, **to_queue) == 'sent'
    assert outcome(sns, **to_topic) == by_sns
    assert server.counts().accepted == effects + 1 + effects
    assert outcome(sns, **to_topic) == 'sent'
    assert server.counts().faults == {fault.value: 2}


def test_the_same_seed_gives_the_same_faults(server: Server, sqs: Any) -> None:
    to = {'QueueUrl': server.create_queue('q'), 'MessageBody': 'x'}

    def outcomes(seed: int) -> list[str]:
        server.configure(faults=Faults(seed, fail_calls=0.5))
        return [outcome(sqs, **to) for _ in range(40)]

    first = outcomes(7)
    assert 10 < first.count('sent') < 30
    assert outcomes(7) == first
    assert outcomes(8) != first


def test_the_same_seed_fails_the_same_entries(server: Server, sqs: Any) -> None:
    """With errors that are not the sender's. What fails has no effect, and the rest has."""
    url = server.create_queue('q')
    entries = [{'Id': str(n), 'MessageBody': str(n)} for n in range(10)]

    def failed(seed: int) -> list[tuple[str, str, bool]]:
        server.configure(faults=Faults(seed, fail_entries=0.5))
        answers = [sqs.send_message_batch(QueueUrl=url, Entries=entries) for _ in range(4)]
        listed = [entry for answer in answers for entry in answer.get('Failed', [])]
        return [(entry['Id'], entry['Code'], entry['SenderFault']) for entry in listed]

    first = failed(7)
    assert {code for _, code, _ in first} == set(Faults().codes)
    assert not any(is_senders for _, _, is_senders in first)
    assert server.counts().accepted == 40 - len(first) < 40
    assert failed(7) == first
    assert failed(8) != first


def test_a_script_fails_entries_by_their_positions(server: Server, sqs: Any, sns: Any) -> None:
    url, arn = server.create_queue('q'), server.create_topic('t')
    server.script(FailEntries((0, 2), 'RequestThrottled'), FailEntries((1,)))
    entries = [{'Id': name, 'MessageBody': name} for name in 'abc']
    answer = sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert [entry['Id'] for entry in answer['Successful']] == ['b']
    assert [entry['Id'] for entry in answer['Failed']] == ['a', 'c']
    assert {entry['Code'] for entry in answer['Failed']} == {'RequestThrottled'}
    entries = [{'Id': name, 'Message': name} for name in 'abc']
    [failed] = sns.publish_batch(TopicArn=arn, PublishBatchRequestEntries=entries)['Failed']
    assert (failed['Id'], failed['Code'], failed['SenderFault']) == ('b', 'InternalError', False)
    assert [accepted.body for accepted in server.accepted()] == ['b', 'a', 'c']


def test_a_script_goes_step_by_step(server: Server, sqs: Any) -> None:
    """One for an operation concerns no other; looking up does not take a step."""
    url = server.create_queue('q')
    to = {'QueueUrl': url, 'MessageBody': 'x'}
    server.configure(faults=Faults(fail_calls=1, kinds=(Fault.THROTTLED,)))
    server.script(Fault.ERROR, operation='DeleteMessage')
    server.script(None, Fault.UNAVAILABLE)
    sqs.get_queue_attributes(QueueUrl=url, AttributeNames=['All'])
    found = [outcome(sqs, **to) for _ in range(3)]
    assert found == ['sent', 'ServiceUnavailable', 'RequestThrottled']
    with pytest.raises(ClientError, match='InternalError'):
        sqs.delete_message(QueueUrl=url, ReceiptHandle='any')


def test_the_next_calls_of_an_operation_fail_with_a_code(
    server: Server, sqs: Any, sns: Any, s3: Any
) -> None:
    """Each service writes the error in its protocol, and the calls have no effect."""
    url, arn = server.create_queue('q'), server.create_topic('t')
    denied = FailCall('AccessDenied', 403)
    server.script(denied, denied, operation='SendMessage')
    server.script(FailCall('KMSAccessDenied'), operation='Publish')
    server.script(FailCall('SlowDown', 503), operation='PutObject')
    found = [outcome(sqs, QueueUrl=url, MessageBody='x') for _ in range(3)]
    assert found == ['AccessDenied', 'AccessDenied', 'sent']
    assert outcome(sns, TopicArn=arn, Message='x') == 'KMSAccessDenied'
    with pytest.raises(ClientError, match='SlowDown') as refused:
        s3.put_object(Bucket='missing', Key='k', Body=b'')
    assert refused.value.response['ResponseMetadata']['HTTPStatusCode'] == 503
    assert server.counts().accepted == 1
    assert server.counts().faults['AccessDenied'] == 2


def test_a_call_may_fail_with_a_status_that_has_no_name(server: Server, sqs: Any) -> None:
    server.script(FailCall('ClientClosed', 499), operation='SendMessage')
    assert outcome(sqs, QueueUrl=server.create_queue('q'), MessageBody='x') == 'ClientClosed'


def test_faults_may_concern_some_operations_only(server: Server, sqs: Any) -> None:
    url = server.create_queue('q')
    server.configure(faults=Faults(fail_calls=1, operations=('DeleteMessage',)))
    assert outcome(sqs, QueueUrl=url, MessageBody='x') == 'sent'


def test_records_what_was_accepted_in_order(server: Server, sqs: Any, sns: Any) -> None:
    url, arn = server.create_queue('q', fifo=True), server.create_topic('t')
    attributes = {'n': {'DataType': 'Binary', 'BinaryValue': b'\0\xff'}}
    ids = {'MessageGroupId': 'g', 'MessageDeduplicationId': 'd'}
    sent = sqs.send_message(QueueUrl=url, MessageBody='é', MessageAttributes=attributes, **ids)
    sns.publish(TopicArn=arn, Message='2', Subject='s')
    first, second = server.accepted()
    assert (first.destination.rpartition(':')[2], first.body) == ('q.fifo', 'é')
    assert (first.group_id, first.deduplication_id) == ('g', 'd')
    assert (first.message_id, first.attributes) == (sent['MessageId'], attributes)
    assert (second.destination, second.subject) == (arn, 's')
    assert first.at <= second.at
    assert server.accepted(after=1) == [second]
    assert server.counts().calls == {'SendMessage': 1, 'Publish': 1}


def test_answers_as_late_as_it_is_told(server: Server, sqs: Any) -> None:
    url = server.create_queue('q')
    server.configure(latency_ms=60)
    started = time.monotonic()
    sqs.send_message(QueueUrl=url, MessageBody='x')
    assert time.monotonic() - started >= 0.06


def test_a_server_ends_with_its_block() -> None:
    with running(faults=Faults(fail_calls=1)) as server:
        assert server.counts().calls == {}
    with pytest.raises(urllib.error.URLError):
        server.counts()
