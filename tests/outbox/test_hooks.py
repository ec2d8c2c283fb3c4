"""Hooks of an outbox run around the writing of a row, and hooks of a relay around its sending."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager

import boto3
import pytest
from sqlalchemy import event

from mega.aws._hooks.instrumentation import Instrumentation
from mega.errors import PublishError
from mega.hooks import Hook, HookGenerator, Outgoing, PublishResult
from mega.outbox import Outbox, OutboxRelay, RelayCounts
from tests.outbox.conftest import FailsAfterwards, OutboxCase

QUEUE = 'https://sqs.eu-west-1.amazonaws.com/123456789012/orders'


class Trace(Hook):
    """Adds a trace header to each message, and keeps the results."""

    def __init__(self) -> None:
        self.results: list[PublishResult] = []

    def around_publish(self, outgoing: Outgoing) -> HookGenerator[PublishResult]:
        assert outgoing.set_trace_header('Root=1')
        self.results.append((yield))
        return None


class FailsBefore(Hook):
    def around_publish(self, outgoing: Outgoing) -> HookGenerator[PublishResult]:
        raise ValueError('a bug of a hook')


def test_a_message_has_the_trace_header_that_a_hook_set(case: OutboxCase) -> None:
    queue = case.queue(fifo=True)
    case.outbox = Outbox(case.outbox.table.name, hooks=[Trace()])
    id = case.publish({'id': 1}, queue, message_group_id='a')
    assert case.relay.drain() == RelayCounts(sent=1)
    client = boto3.client('sqs', **case.server.credentials)
    received = client.receive_message(QueueUrl=queue, AttributeNames=['All'])['Messages']
    attributes = received[0]['Attributes']
    assert attributes['AWSTraceHeader'] == 'Root=1'
    assert (attributes['MessageGroupId'], attributes['MessageDeduplicationId']) == ('a', id)


def test_an_error_of_a_hook_before_the_writing_prevents_the_row(case: OutboxCase) -> None:
    case.outbox = Outbox(case.outbox.table.name, hooks=[FailsBefore()])
    with pytest.raises(PublishError) as caught:
        case.publish('x', QUEUE)
    assert str(caught.value) == 'not written to the outbox: a hook raised ValueError'
    assert case.rows() == []


def test_an_error_of_a_hook_after_the_writing_says_so(case: OutboxCase) -> None:
    case.outbox = Outbox(case.outbox.table.name, hooks=[FailsAfterwards()])
    with pytest.raises(PublishError) as caught:
        case.publish('x', QUEUE)
    text = r'the message [0-9a-f-]{36} was written to the outbox, but a hook raised ValueError'
    assert re.fullmatch(text, str(caught.value))
    assert isinstance(caught.value.__cause__, ValueError)
    assert case.rows() == []


@pytest.mark.parametrize('interruption', [KeyboardInterrupt, asyncio.CancelledError])
def test_hooks_see_that_an_interrupted_row_was_not_written(
    case: OutboxCase, interruption: type[BaseException]
) -> None:
    trace = Trace()
    case.outbox = Outbox(case.outbox.table.name, hooks=[trace])

    def interrupt(*_: object) -> None:
        raise interruption

    event.listen(case.engine, 'before_cursor_execute', interrupt)
    with pytest.raises(interruption):
        case.publish('x', QUEUE)
    event.remove(case.engine, 'before_cursor_execute', interrupt)
    (result,) = trace.results
    assert str(result.error) == f'the row was not written: {interruption.__name__}'


class MakesSpans(Hook):
    """Replaces instrumentation of botocore, and counts the calls that go without it."""

    def __init__(self) -> None:
        self.calls = 0
        self.replaced_instrumentation = Instrumentation('instrumentation', self._suppress)

    @contextmanager
    def _suppress(self) -> Iterator[None]:
        self.calls += 1
        yield


def test_the_relay_calls_without_instrumentation_that_a_hook_replaces(case: OutboxCase) -> None:
    hook, client = MakesSpans(), boto3.client('sqs', **case.server.credentials)
    case.publish('x', case.queue())
    with OutboxRelay(case.engine, case.outbox, sqs_client=client, hooks=[hook]) as relay:
        assert relay.drain() == RelayCounts(sent=1)
    assert hook.calls > 0
