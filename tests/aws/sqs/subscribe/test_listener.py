"""A listener on real local servers: messages from the queue to the subscribers and back."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from mega.aws.sqs.subscribe import (
    Message,
    MessageSubscriber,
    ProcessStatus,
    SqsListener,
    Stats,
    TextSubscriber,
)
from mega.errors import RetriableError, TransportError
from mega.testing import Bus
from tests.aws.sqs.subscribe.factories import (
    BEFORE_RECEIVE,
    WITHIN,
    botocore_event,
    drained,
    listener_on,
    listening,
    send,
    subscriber,
    warnings_at_start,
    warnings_of,
)
from tests.event.examples import NOTIFICATION, item_added, user_created
from tests.local_aws import Counts, LocalAws

EMPTY = Counts(visible=0, in_flight=0)
LEFT = Counts(visible=0, in_flight=1)


class Recording(MessageSubscriber):
    """A subscriber that records its messages. The fixture `messages` clears them."""

    messages: list[Message] = []

    def process(self, payload: Any) -> None:
        self.messages.append(self.message)


@pytest.fixture
def messages() -> list[Message]:
    Recording.messages.clear()
    return Recording.messages


def test_a_listener_accepts_the_same_credentials_as_a_publisher(aws: LocalAws) -> None:
    queue_url = aws.create_queue()
    send(aws, queue_url, 'hej')
    made = [subscriber(), subscriber()]
    with SqsListener(queue_url, made, wait_time_seconds=0, **aws.credentials) as listener:
        assert listener.drain().done == 1
    assert aws.counts(queue_url) == EMPTY


@pytest.mark.parametrize('status', [None, ProcessStatus.DONE, ProcessStatus.FATAL_ERROR], ids=str)
def test_a_processed_message_is_deleted(aws: LocalAws, status: ProcessStatus | None) -> None:
    queue_url = aws.create_queue()
    send(aws, queue_url, 'hej')
    stats = listener_on(aws, queue_url, subscriber(status), subscriber()).drain()
    is_fatal = status is ProcessStatus.FATAL_ERROR
    assert stats == Stats(received=1, deleted=1, fatal=int(is_fatal), done=int(not is_fatal))
    assert aws.counts(queue_url) == EMPTY


@pytest.mark.parametrize(
    'answer',
    [ProcessStatus.RETRY_LATER, ProcessStatus.RETRIABLE_ERROR, RetriableError(), MemoryError()],
    ids=str,
)
def test_leaves_the_message_when_one_subscriber_retries(aws: LocalAws, answer: object) -> None:
    queue_url = aws.create_queue()
    send(aws, queue_url, 'hej')
    seen: list[Any] = []
    made = [subscriber(None, seen), subscriber(answer, seen), subscriber(ValueError(), seen)]
    stats = listener_on(aws, queue_url, *made).drain()
    assert stats == Stats(received=1, retried=1)
    assert seen == ['hej'] * 3
    assert aws.counts(queue_url) == LEFT


def test_unhandled_exceptions_are_retried_with_unhandled_retry(aws: LocalAws) -> None:
    queue_url = aws.create_queue()
    send(aws, queue_url, 'hej')
    listener = listener_on(aws, queue_url, subscriber(ValueError()), unhandled='retry')
    assert listener.drain() == Stats(received=1, retried=1)
    assert aws.counts(queue_url) == LEFT


def test_a_retry_without_a_delay_is_delivered_at_once_to_all_matching_subscribers(
    bus: Bus, messages: list[Message]
) -> None:
    answers = [RetriableError(delay=0), RetriableError(delay=0), ProcessStatus.DONE]

    def answer(payload: Any) -> object:
        found = answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    queue_url, begin = bus.queue('orders'), bus.time
    [message_id] = send(bus, queue_url, 'hej')
    listener = listener_on(bus, queue_url, subscriber(answer), Recording)
    bus.run(listener)
    assert listener.stats() == Stats(received=3, retried=2, done=1, deleted=1)
    assert [message.id for message in messages] == [message_id] * 3
    assert [message.receive_count for message in messages] == [1, 2, 3]
    assert bus.time - begin < 1
    bus.assert_nothing_left()


@pytest.mark.parametrize('delay', [60, 43_200], ids=str)
def test_a_retry_stays_hidden_for_its_delay(
    bus: Bus, delay: int, caplog: pytest.LogCaptureFixture
) -> None:
    """SQS hides a message for at most 12 hours after its receive, minus a margin of 10 seconds."""
    first, second = times_of_retries(bus, delay, visibility_timeout=9)
    assert second - first == pytest.approx(min(delay, 43_190), abs=1)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_a_short_delay_replaces_a_longer_visibility_timeout(bus: Bus) -> None:
    first, second = times_of_retries(bus, 1, visibility_timeout=600)
    assert second - first == pytest.approx(1, abs=0.5)


def times_of_retries(bus: Bus, delay: int, **settings: Any) -> list[float]:
    """Retry a message once after a delay, and return the times of its deliveries."""

    def process(payload: str) -> None:
        times.append(bus.time - begin)
        if len(times) == 1:
            raise RetriableError(delay)

    times: list[float] = []
    queue_url, begin = bus.queue('orders'), bus.time
    send(bus, queue_url, 'hej')
    listener = listener_on(bus, queue_url, subscriber(process), **settings)
    bus.run(listener)
    assert listener.stats() == Stats(received=2, retried=1, done=1, deleted=1)
    return times


def test_drain_processes_all_messages_in_batches_of_any_size(aws: LocalAws) -> None:
    queue_url = aws.create_queue()
    numbers = [{'number': number} for number in range(23)]
    send(aws, queue_url, *numbers)
    seen: list[Any] = []
    listener = listener_on(aws, queue_url, subscriber(None, seen), max_number_of_messages=7)
    assert listener.drain() == Stats(received=23, done=23, deleted=23)
    assert sorted(data['number'] for data in seen) == list(range(23))
    assert listener.drain() == Stats()
    assert listener.stats() == Stats(received=23, done=23, deleted=23)
    assert aws.counts(queue_url) == EMPTY


def test_drain_ends_at_a_stop_and_releases_the_rest(aws: LocalAws) -> None:
    queue_url = aws.create_queue()
    send(aws, queue_url, *'abcde')
    listener: SqsListener = listener_on(
        aws, queue_url, subscriber(lambda payload: listener.stop()), max_number_of_messages=3
    )
    stats = listener.drain()
    assert (stats.done, stats.deleted) == (1, 1)
    assert stats.released == stats.received - 1
    assert aws.counts(queue_url) == Counts(visible=4, in_flight=0)
    listener.drain()
    assert listener.stats().done == 2


def test_drain_raises_the_error_of_a_receive(aws: LocalAws) -> None:
    listener = listener_on(aws, aws.create_queue() + '-gone', subscriber())
    with pytest.raises(TransportError, match='ReceiveMessage'):
        listener.drain()


@pytest.mark.parametrize(
    ('unmatched', 'deleted', 'left'),
    [(None, 1, EMPTY), ('delete', 1, EMPTY), ('leave', 0, LEFT)],
    ids=str,
)
def test_an_unmatched_message_is_deleted_unless_left(
    aws: LocalAws, unmatched: str | None, deleted: int, left: Counts
) -> None:
    queue_url = aws.create_queue()
    send(aws, queue_url, NOTIFICATION)
    listener = listener_on(aws, queue_url, subscriber(base=TextSubscriber), unmatched=unmatched)
    assert listener.drain() == Stats(received=1, unmatched=1, deleted=deleted)
    assert aws.counts(queue_url) == left


def test_each_new_kind_of_unmatched_message_is_logged_once(
    aws: LocalAws, caplog: pytest.LogCaptureFixture
) -> None:
    queue_url = aws.create_queue()
    two_of_each = [item_added(), user_created().build(), NOTIFICATION, {'other': 1}, 'text', b'b']
    send(aws, queue_url, *two_of_each * 2)
    listener = listener_on(aws, queue_url, subscriber(pattern='wanted'), max_number_of_messages=10)
    assert listener.drain() == Stats(received=12, unmatched=12, deleted=12)
    kinds = "'item.added'", "'user.created'", 'notification_type', "'other'", 'a text', 'a blob'
    found = warnings_of(caplog)
    assert len(found) == len(kinds)
    for kind in kinds:
        assert len([text for text in found if kind in text]) == 1
    assert all(', which is deleted: ' in text for text in found)


def test_an_invalid_body_is_left_in_the_queue(
    aws: LocalAws, caplog: pytest.LogCaptureFixture
) -> None:
    queue_url = aws.create_queue()
    [message_id] = send(aws, queue_url, '{"secret":')
    seen: list[Any] = []
    stats = listener_on(aws, queue_url, subscriber(None, seen), unmatched='delete').drain()
    assert stats == Stats(received=1, unopened=1)
    assert seen == []
    assert aws.counts(queue_url) == LEFT
    [text] = warnings_of(caplog)
    assert message_id in text
    assert 'secret' not in text


def test_the_redrive_policy_moves_a_message_that_fails_too_often(aws: LocalAws) -> None:
    dead = aws.create_queue()
    queue_url = aws.create_queue(RedrivePolicy=aws.redrive_to(dead, after=2))
    send(aws, queue_url, 'hej')
    listener = listener_on(aws, queue_url, subscriber(RetriableError(delay=0)))
    assert drained(listener) == Stats(received=2, retried=2)
    assert [message['Body'] for message in aws.receive(dead, at_least=1)] == ['hej']


def started(aws: LocalAws, listener: SqsListener) -> None:
    """Start a listener, and stop it at its first receive."""
    with botocore_event(aws, BEFORE_RECEIVE) as polling, listening(listener):
        assert polling.wait(WITHIN)


def test_a_queue_without_a_redrive_policy_causes_a_warning_at_the_start(
    aws: LocalAws, caplog: pytest.LogCaptureFixture
) -> None:
    queue_url = aws.create_queue()
    started(aws, listener_on(aws, queue_url, subscriber()))
    [text] = warnings_at_start(caplog)
    assert queue_url in text
    assert 'redrive policy' in text
    assert 'dead_letter_queue_url' in text


def test_a_redrive_policy_does_not_apply_to_a_fatal_error_which_causes_a_warning(
    aws: LocalAws, caplog: pytest.LogCaptureFixture
) -> None:
    dead = aws.create_queue()
    queue_url = aws.create_queue(RedrivePolicy=aws.redrive_to(dead, after=1))
    listener = listener_on(aws, queue_url, subscriber(ProcessStatus.FATAL_ERROR))
    started(aws, listener)
    [text] = warnings_at_start(caplog)
    assert 'redrive policy, which does not apply' in text
    send(aws, queue_url, 'hej')
    assert listener.drain() == Stats(received=1, fatal=1, deleted=1)
    assert (aws.counts(queue_url), aws.counts(dead)) == (EMPTY, EMPTY)


def test_a_dead_letter_queue_prevents_the_warnings(
    aws: LocalAws, caplog: pytest.LogCaptureFixture
) -> None:
    dead = aws.create_queue()
    for queue_url in (
        aws.create_queue(RedrivePolicy=aws.redrive_to(dead, after=3)),
        aws.create_queue(),
    ):
        started(aws, listener_on(aws, queue_url, subscriber(), dead_letter_queue_url=dead))
    assert warnings_at_start(caplog) == []


def test_a_missing_queue_is_reported_at_the_start(aws: LocalAws) -> None:
    listener = listener_on(aws, aws.create_queue() + '-gone', subscriber())
    with (
        pytest.raises(TransportError, match=r'GetQueueAttributes.*create the queue'),
        listening(listener) as thread,
    ):
        thread.join(WITHIN)
