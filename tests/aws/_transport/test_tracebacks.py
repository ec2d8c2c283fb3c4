"""No frame in the traceback of an error has a secret among its local variables."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest

from mega.aws.s3 import S3PayloadStore
from mega.aws.sns.publish import SnsPublisher
from mega.aws.sqs.publish import SqsPublisher
from mega.aws.sqs.subscribe import SqsListener
from mega.errors import ConfigurationError, OffloadError, TransportError
from tests.aws.answers import Fault, Scripted, sqs_error
from tests.aws.fault_server import FaultServer
from tests.aws.sqs.subscribe.factories import subscriber

QUEUE_URL = 'http://127.0.0.1/123456789012/orders'
TOPIC_ARN = 'arn:aws:sns:us-east-1:123456789012:orders'

SECRET_KEY, TOKEN = 'wJalrXUtnFEMI', 'FwoGZXIvYXdzE'
KEYS = {'aws_access_key_id': 'testing', 'aws_secret_access_key': SECRET_KEY,
        'aws_session_token': TOKEN}  # fmt: skip


def frames_of(error: BaseException | None) -> Iterator[FrameType]:
    """Yield the frames of an exception and of the exceptions that led to it, without this file."""
    if error is not None:
        for frame, _ in traceback.walk_tb(error.__traceback__):
            if frame.f_code.co_filename != __file__:
                yield frame
        yield from frames_of(error.__cause__)
        yield from frames_of(error.__context__)


def assert_no_secret(error: BaseException) -> None:
    shown = ''.join(traceback.format_exception(error))
    for frame in frames_of(error):
        for name, value in frame.f_locals.items():
            shown += (
                f'{frame.f_code.co_name}: {name} = {value!r}, {getattr(value, "__dict__", "")}\n'
            )
    for secret in (SECRET_KEY, TOKEN):
        assert [line for line in shown.splitlines() if secret in line] == []


def drain(**options: Any) -> None:
    with SqsListener(QUEUE_URL, [subscriber()], wait_time_seconds=0, **options) as listener:
        listener.drain()


def listen(**options: Any) -> None:
    with SqsListener(QUEUE_URL, [subscriber()], wait_time_seconds=0, **options) as listener:
        listener.listen()


def publish(**options: Any) -> None:
    with SqsPublisher(QUEUE_URL, **options) as publisher:
        publisher.publish('hej')


def publish_to_topic(**options: Any) -> None:
    with SnsPublisher(TOPIC_ARN, **options) as publisher:
        publisher.publish('hej')


def offload(**options: Any) -> None:
    with S3PayloadStore('payloads', always=True, **options) as store:
        store.offload('hej').upload()


DENIED, RESET = sqs_error('AccessDenied', 403), Fault.RESET_AFTER


@pytest.mark.parametrize('transport', ['direct', 'botocore'])
@pytest.mark.parametrize(
    ('call', 'answer'),
    [
        *[(call, DENIED) for call in (drain, listen, publish, publish_to_topic, offload)],
        *[(call, RESET) for call in (drain, publish, publish_to_topic, offload)],
    ],
)
def test_the_traceback_of_a_failed_call_has_no_secret(
    faults: FaultServer,
    monkeypatch: pytest.MonkeyPatch,
    call: Callable[..., None],
    answer: Scripted,
    transport: str,
) -> None:
    monkeypatch.setenv('MEGA_TRANSPORT', transport)
    faults.will(answer)
    with pytest.raises((TransportError, OffloadError)) as caught:
        call(**{**faults.credentials, **KEYS})
    assert caught.value.__cause__ is not None
    assert_no_secret(caught.value)


def test_a_token_that_cannot_be_sent_is_not_shown(faults: FaultServer) -> None:
    with pytest.raises(TransportError, match='invalid header value') as caught:
        drain(**{**faults.credentials, **KEYS, 'aws_session_token': f'{TOKEN}\n'})
    assert_no_secret(caught.value)


@pytest.mark.parametrize('call', [drain, publish, publish_to_topic, offload])
@pytest.mark.parametrize(
    'invalid',
    [{'endpoint_url': 'nonsense'}, {'aws_access_key_id': None}, {'session': object()}],
    ids=lambda invalid: next(iter(invalid)),
)
def test_the_traceback_of_a_failed_constructor_has_no_secret(
    faults: FaultServer, call: Callable[..., None], invalid: dict[str, Any]
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        call(**{**faults.credentials, **KEYS, **invalid})
    assert_no_secret(caught.value)


def test_the_traceback_of_a_failed_call_has_its_files_and_lines(faults: FaultServer) -> None:
    faults.will(RESET)
    with pytest.raises(TransportError) as caught:
        drain(**faults.credentials)
    shown = ''.join(traceback.format_exception(caught.value))
    assert 'send_request' in shown
    assert 'ConnectionResetError' in shown


def test_an_exception_that_the_caller_handles_keeps_its_local_variables() -> None:
    def fail(own: str) -> None:
        raise LookupError

    def create_after_failure() -> None:
        options: Any = {'session': object(), **KEYS}
        try:
            fail('a value')
        except LookupError:
            SqsPublisher(QUEUE_URL, **options)

    with pytest.raises(ConfigurationError) as caught:
        create_after_failure()
    handled = caught.value.__context__
    assert handled is not None
    [*_, (frame, _)] = traceback.walk_tb(handled.__traceback__)
    assert frame.f_locals == {'own': 'a value'}
