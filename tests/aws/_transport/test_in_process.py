"""In-process clients: the methods, parameters and errors of boto3, and the clock of their model."""

from __future__ import annotations

import io
import subprocess
import sys
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ParamValidationError,
    ReadTimeoutError,
)

from mega.aws._publishing import sender
from mega.aws._transport.client import create_client
from mega.aws._transport.in_process import InProcessClient, RefusedCallError
from mega.aws._transport.interruption import CallInterrupted, CallInterrupter
from mega.aws._transport.time_limits import TimeLimit, within
from mega.aws.sns import SnsPublisher
from mega.aws.sqs import SqsPublisher
from mega.errors import ConfigurationError, TransportError

QUEUE = 'https://sqs.eu-west-1.amazonaws.com/123456789012/orders'
NO_QUEUE = 'The specified queue does not exist.'


class VirtualClock:
    """A clock that only a sleep moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    time = monotonic

    def sleep(self, seconds: float, /) -> None:
        self.now += seconds


class Model:
    """A service that records requests. It raises the given exceptions first."""

    def __init__(self, *failures: Exception, seconds: float = 0.0, **response: Any) -> None:
        self.clock = VirtualClock()
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self._failures = list(failures)
        self._seconds = seconds
        self._response = response

    def __call__(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        self.requests.append((operation, request))
        self.clock.sleep(self._seconds)
        if self._failures:
            raise self._failures.pop(0)
        return self._response

    def client(self, service: str = 'sqs') -> Any:
        return InProcessClient(service, self, self.clock)


def test_the_methods_have_the_names_of_boto3() -> None:
    model = Model(MessageId='1')
    response = model.client().send_message(QueueUrl=QUEUE, MessageBody='a')
    assert model.requests == [('SendMessage', {'QueueUrl': QUEUE, 'MessageBody': 'a'})]
    assert response['MessageId'] == '1'
    assert response['ResponseMetadata']['HTTPStatusCode'] == 200


def test_an_unknown_method_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="client of sqs> has no method 'send_mesage'"):
        Model().client().send_mesage()


def test_invalid_parameters_are_refused_as_by_boto3() -> None:
    model = Model()
    with pytest.raises(ParamValidationError, match=r'Missing required parameter.*MessageBody'):
        model.client().send_message(QueueUrl=QUEUE)
    with pytest.raises(ParamValidationError, match=r'Unknown parameter.*Body'):
        model.client().send_message(QueueUrl=QUEUE, MessageBody='', Body='a')
    assert model.requests == []


def test_an_error_of_sqs_is_the_exception_of_boto3(clients: dict[str, Any]) -> None:
    """With the older code, as a server of AWS sends it."""
    name, code = 'QueueDoesNotExist', 'AWS.SimpleQueueService.NonExistentQueue'
    client = Model(RefusedCallError(code, NO_QUEUE, 400, name)).client()
    with pytest.raises(client.exceptions.QueueDoesNotExist) as ours:
        client.get_queue_url(QueueName='missing')
    with pytest.raises(ClientError) as theirs:
        clients['sqs'].get_queue_url(QueueName='missing')
    assert type(ours.value).__name__ == type(theirs.value).__name__ == name
    expected = dict(theirs.value.response['Error'])
    assert ours.value.response['Error'] == {**expected, 'Message': NO_QUEUE}


def test_an_error_of_sns_is_the_exception_of_boto3() -> None:
    client = Model(RefusedCallError('NotFound', 'Topic does not exist', 404)).client('sns')
    with pytest.raises(client.exceptions.NotFoundException) as caught:
        client.publish(TopicArn='arn', Message='a')
    assert caught.value.response['ResponseMetadata']['HTTPStatusCode'] == 404


def test_an_unknown_code_is_a_client_error() -> None:
    client = Model(RefusedCallError('Anything', '', 500)).client()
    with pytest.raises(ClientError, match='Anything'):
        client.list_queues()


@pytest.mark.parametrize(
    ('failure', 'raised'),
    [(TimeoutError(), ReadTimeoutError), (ConnectionResetError(), ConnectionClosedError)],
    ids=['timeout', 'reset'],
)
def test_a_lost_response_is_retriable(failure: Exception, raised: type[Exception]) -> None:
    aws = create_client('sqs', None, client=Model(failure).client())
    with pytest.raises(TransportError) as caught:
        aws.call('list_queues')
    assert caught.value.retriable
    assert isinstance(caught.value.__cause__, raised)


@pytest.mark.parametrize('body', [b'abc', bytearray(b'abc'), 'abc', io.BytesIO(b'abc')], ids=type)
def test_a_model_gets_a_body_as_bytes(body: Any) -> None:
    model = Model()
    model.client('s3').put_object(Bucket='bodies', Key='1', Body=body)
    assert model.requests[0][1]['Body'] == b'abc'


def test_a_body_is_read_from_a_stream() -> None:
    client = Model(Body=b'abc', ContentLength=3).client('s3')
    response = client.get_object(Bucket='bodies', Key='1')
    assert [response['Body'].read(2), response['Body'].read()] == [b'ab', b'c']
    assert client.list_buckets()['Body'] == b'abc'  # this operation has no stream


def test_a_client_of_another_service_is_refused() -> None:
    with pytest.raises(ConfigurationError, match='must be a client of sqs, and is a client of sns'):
        SqsPublisher(QUEUE, client=Model().client('sns'))


def test_the_waits_of_a_publisher_pass_in_the_time_of_the_client() -> None:
    refused = [RefusedCallError('RequestThrottled', '', 403)] * 3
    model = Model(*refused, MessageId='1')
    assert SqsPublisher(QUEUE, client=model.client()).publish({'n': 1}) == '1'
    assert 0 < model.clock.now <= 0.2 + 0.4 + 0.8


def test_the_waits_of_a_batch_pass_in_the_time_of_the_client() -> None:
    refused = [RefusedCallError('InternalError', '', 500)] * 5
    model = Model(*refused, Attributes={'MaximumMessageSize': '1048576'})
    results = SqsPublisher(QUEUE, client=model.client()).publish_batch(
        [{'n': 1}], raise_on_failure=False
    )
    assert results[0].error
    assert len(model.requests) == 1 + sender.MAX_ATTEMPTS
    assert 3 < model.clock.now <= 24.01


def test_the_time_limit_of_a_publisher_is_in_the_time_of_the_client() -> None:
    model = Model(*[TimeoutError()] * 9, seconds=20)
    topic = 'arn:aws:sns:eu-west-1:123456789012:orders'
    with pytest.raises(TransportError, match='Timeout'):
        SnsPublisher(topic, client=model.client('sns')).publish({'n': 1})
    assert len(model.requests) == 2


def test_an_interrupter_refuses_a_call() -> None:
    model, interrupter = Model(), CallInterrupter()
    client = model.client()
    with interrupter.interruptible(client):
        client.list_queues()
        interrupter.interrupt()
        with pytest.raises(CallInterrupted):
            client.list_queues()
    assert len(model.requests) == 1


def test_a_call_after_the_time_limit_is_not_made() -> None:
    model = Model()
    aws = create_client('sqs', None, client=model.client())
    limit = TimeLimit(5, aws.clock)
    model.clock.sleep(6)
    with within(limit), pytest.raises(TransportError, match='no time was left'):
        aws.call('list_queues')
    assert model.requests == []


def test_boto3_and_the_model_of_s3_are_not_loaded_for_sqs() -> None:
    program = (
        'import sys\n'
        'from mega.aws._transport import in_process\n'
        'assert "botocore" not in sys.modules\n'
        'client = in_process.InProcessClient("sqs", lambda *_: {}, None)\n'
        'in_process.InProcessClient("s3", lambda *_: {}, None)\n'
        'client.list_queues()\n'
        'assert in_process._service.cache_info().currsize == 1\n'
        'assert "boto3" not in sys.modules\n'
    )
    subprocess.run([sys.executable, '-c', program], check=True)
