"""The log shows where a subscriber failed, and no part of the payload."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from mega.aws.sqs.subscribe import Hook, MessageSubscriber
from mega.aws.sqs.subscribe.exceptions import MAX_EXCEPTIONS, traceback_without_text
from mega.errors import RetriableError
from tests.aws.sqs.subscribe.factories import group, listener_on, send, subscriber, warnings_of
from tests.local_aws import LocalAws

CARD = '4111-1111\nERROR forged'


def fail(payload: str) -> None:
    raise ValueError(payload)


def fail_with_cause(payload: str) -> None:
    try:
        fail(payload)
    except ValueError as error:
        raise LookupError(f'no such card: {payload}') from error


def fail_in_group(payload: str) -> None:
    raise group(ValueError(payload), KeyError(payload))


def retry(payload: str) -> None:
    raise RetriableError(f'{payload} is blocked')


class Asynchronous(MessageSubscriber):
    async def process(self, payload: str) -> None:
        fail(payload)


class FailingHook(Hook):
    def around_subscriber(self, subscriber: Any, message: Any, payload: Any) -> Any:
        fail(payload)
        yield


class FailingDeliveryHook(Hook):
    def around_delivery(self, message: Any) -> Any:
        fail(message.body)
        yield


def pattern(payload: str) -> bool:
    raise KeyError(payload)


SUBSCRIBERS = {
    'fail': subscriber(fail),
    'fail_with_cause': subscriber(fail_with_cause),
    'fail_in_group': subscriber(fail_in_group),
    'retry': subscriber(retry),
    'fail in async def': Asynchronous,
    'pattern': subscriber(pattern=staticmethod(pattern)),
    'fail in retry_delay': subscriber(
        RetriableError(), retry_delay=staticmethod(lambda message: fail(message.body))
    ),
}


@pytest.mark.parametrize(
    ('made', 'function'),
    [(made, name.rpartition(' in ')[0] or name) for name, made in SUBSCRIBERS.items()],
    ids=SUBSCRIBERS,
)
def test_the_log_of_a_failure_has_its_place_and_not_the_payload(
    aws: LocalAws, caplog: pytest.LogCaptureFixture, made: Any, function: str
) -> None:
    check_log(aws, caplog, made, f'in {function}')


@pytest.mark.parametrize('hook', [FailingHook(), FailingDeliveryHook()], ids=['subscriber', 'all'])
def test_the_log_of_a_failed_hook_has_its_place_and_not_the_payload(
    aws: LocalAws, caplog: pytest.LogCaptureFixture, hook: Hook
) -> None:
    check_log(aws, caplog, subscriber(), 'in fail', hooks=[hook])


def check_log(
    aws: LocalAws, caplog: pytest.LogCaptureFixture, made: Any, place: str, **settings: Any
) -> None:
    caplog.set_level(logging.DEBUG, 'mega')
    queue_url, dead = aws.create_queue(), aws.create_queue()
    send(aws, queue_url, CARD)
    listener_on(aws, queue_url, made, dead_letter_queue_url=dead, **settings).drain()
    assert place in '\n'.join(warnings_of(caplog))
    shown = '\n'.join(map(logging.Formatter().format, caplog.records))
    assert '4111-1111' not in shown  # four digits alone may be in the id of a message
    assert 'forged' not in shown


def test_a_traceback_shows_the_causes_and_the_members_of_a_group() -> None:
    with pytest.raises(LookupError) as caught:
        fail_with_cause(CARD)
    error = group(caught.value, ValueError(CARD))
    error.__cause__ = error  # a circle ends
    lines = traceback_without_text(error).splitlines()
    assert [line for line in lines if not line.startswith(' ')] == [
        type(error).__name__,
        'with LookupError',
        'caused by ValueError',
        'with ValueError',
    ]


def test_a_traceback_has_a_limited_number_of_exceptions() -> None:
    error = group(*[ValueError() for _ in range(1_000)])
    assert len(traceback_without_text(error).splitlines()) == MAX_EXCEPTIONS
