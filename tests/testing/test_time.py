"""Virtual time: an hour of retries, delays and visibility timeouts takes no time."""

from __future__ import annotations

import time
from datetime import timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import pytest

from mega.aws.sqs import SqsPublisher
from mega.aws.sqs.subscribe import Backoff, SqsListener
from mega.errors import ConfigurationError, RetriableError, TransportError
from mega.testing import Bus, Queue
from tests.match.steps import cost_of
from tests.testing.conftest import Listen, Publish, recorder, retry_until, subscriber


def gaps(times: list[float]) -> list[float]:
    return [round(later - earlier, 3) for earlier, later in pairwise(times)]


def test_a_retry_comes_after_its_delay(bus: Bus, publish: Publish, listen: Listen) -> None:
    seen: list[float] = []
    publish({'n': 1})
    bus.run(listen(retry_until(4, seen, bus, RetriableError(3_600))))
    assert gaps(seen) == [3_600] * 3


def test_a_backoff_passes(bus: Bus, publish: Publish, listen: Listen) -> None:
    seen: list[float] = []
    publish({'n': 1})
    retried = retry_until(5, seen, bus, RetriableError())
    bus.run(listen(retried, retry_delay=Backoff(60, 3_600)))
    assert all(gap <= 61 * 2**n for n, gap in enumerate(gaps(seen)))


def test_a_retry_without_a_delay_comes_after_the_visibility_timeout(
    bus: Bus, publish: Publish, listen: Listen
) -> None:
    seen: list[float] = []
    publish({'n': 1})
    bus.run(listen(retry_until(2, seen, bus, RetriableError()), visibility_timeout=90))
    assert gaps(seen) == [90]


def test_a_delayed_message_arrives_at_its_time(bus: Bus, publish: Publish, listen: Listen) -> None:
    seen: list[float] = []
    begin = bus.time
    publish({'n': 1}, delay_seconds=900)
    bus.run(listen(retry_until(1, seen, bus, RetriableError())))
    assert seen == [begin + 900]


def test_time_passes_by_advance_alone(bus: Bus) -> None:
    begin = bus.time
    bus.advance(12.5)
    bus.advance(timedelta(minutes=1))
    assert bus.time == begin + 72.5
    for seconds in (-1, float('nan'), float('inf'), 'one'):
        with pytest.raises(ConfigurationError, match=r'seconds=.*must be 0 to 3,153,600,000 sec'):
            bus.advance(seconds)  # type: ignore[arg-type]
    assert bus.time == begin + 72.5


def test_the_time_of_the_bus_begins_now(bus: Bus) -> None:
    assert abs(bus.time - time.time()) < 3_600


def test_nothing_waits_for_an_empty_queue(bus: Bus, listen: Listen) -> None:
    begin = bus.time
    bus.run(listen(recorder([])))
    assert bus.time == begin


def test_a_message_in_flight_elsewhere_is_processed_when_it_is_visible_again(
    bus: Bus, queue: Queue, publish: Publish, listen: Listen
) -> None:
    seen: list[Any] = []
    publish({'n': 1})
    begin = bus.time
    [_] = bus.sqs.receive_message(QueueUrl=queue, VisibilityTimeout=600)['Messages']
    bus.run(listen(recorder(seen)))
    assert seen == [{'n': 1}]
    assert bus.time == pytest.approx(begin + 600, abs=1)


def test_another_listener_gets_a_message_whose_subscriber_takes_too_long(
    bus: Bus, publish: Publish, listen: Listen
) -> None:
    counts: list[int] = []

    def process(self: Any, payload: Any) -> None:
        if self.message.receive_count == 1:
            bus.advance(40)
        counts.append(self.message.receive_count)

    publish({'n': 1})
    slow = subscriber(process)
    bus.run(listen(slow, visibility_timeout=30), listen(slow, visibility_timeout=30))
    assert counts == [2, 1]


def test_the_listener_extends_the_visibility_timeout_while_a_subscriber_takes_its_time(
    bus: Bus, queue: Queue, publish: Publish, listen: Listen
) -> None:
    visible: list[str] = []

    def process(self: Any, payload: Any) -> None:
        for _ in range(10):
            bus.advance(20)
            response = bus.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=['All'])
            visible.append(response['Attributes']['ApproximateNumberOfMessages'])

    slow = subscriber(process)
    publish({'n': 1})
    bus.run(listen(slow, visibility_timeout=30, max_processing_time=600))
    assert visible == ['0'] * 10
    bus.assert_processed(slow, times=1)


def test_another_listener_works_while_a_subscriber_takes_its_time(
    bus: Bus, queue: Queue, publish: Publish, listen: Listen
) -> None:
    other, begin = bus.queue('other'), bus.time

    def process(self: Any, payload: Any) -> None:
        bus.advance(60)

    times: list[float] = []
    quick = retry_until(1, times, bus, RetriableError())
    SqsPublisher(other, client=bus.sqs).publish({'n': 2}, delay_seconds=10)
    publish({'n': 1})
    bus.run(listen(subscriber(process), visibility_timeout=90), listen(quick, other))
    assert times == [begin + 10]
    assert bus.time == pytest.approx(begin + 60, abs=1)


def test_a_long_poll_waits_in_virtual_time(bus: Bus, queue: Queue, publish: Publish) -> None:
    begin = bus.time
    assert 'Messages' not in bus.sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)
    assert bus.time == begin + 20
    publish({'n': 1}, delay_seconds=5)
    [_] = bus.sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)['Messages']
    assert bus.time == begin + 25


def test_a_publisher_retries_in_virtual_time(bus: Bus, queue: Queue, publish: Publish) -> None:
    begin = bus.time
    bus.fail('SendMessage', 'RequestThrottled', times=6)
    with pytest.raises(TransportError, match='RequestThrottled'):
        publish({'n': 1})
    assert begin < bus.time <= begin + 6.3


def test_a_listener_that_stays_idle_for_hours_makes_few_calls(
    bus: Bus, publish: Publish, listen: Listen
) -> None:
    """The long polls of an empty queue are not made one by one."""
    seen: list[float] = []
    publish({'n': 1})
    listener = listen(retry_until(8, seen, bus, RetriableError(43_000)))
    bus.run(listener)
    assert bus.time - seen[0] >= 7 * 43_000
    assert (listener.stats().received, listener.stats().errors) == (8, 0)


def test_other_messages_are_processed_while_a_subscriber_takes_its_time(
    bus: Bus, publish: Publish, listen: Listen
) -> None:
    """As many as the concurrency allows."""
    begun: list[tuple[int, float]] = []
    begin = bus.time

    def process(self: Any, payload: Any) -> None:
        begun.append((payload['n'], bus.time - begin))
        bus.advance(10)

    for n in range(3):
        publish({'n': n})
    listener = listen(subscriber(process), max_number_of_messages=10, concurrency=2)
    bus.run(listener)
    assert [n for n, _ in begun] == [0, 1, 2]
    assert begun[1][1] < 10 <= begun[2][1]


def test_a_coroutine_may_let_time_pass(bus: Bus, publish: Publish, listen: Listen) -> None:
    """Its listener extends the visibility timeout. Other coroutines begin after it."""
    other, order = bus.queue('other'), []

    async def slow(self: Any, payload: Any) -> None:
        bus.advance(100)
        order.append('slow')

    async def quick(self: Any, payload: Any) -> None:
        order.append('quick')

    publish({'n': 1})
    SqsPublisher(other, client=bus.sqs).publish({'n': 2}, delay_seconds=10)
    listener = listen(subscriber(slow), visibility_timeout=30, max_processing_time=600)
    quick_listener = listen(subscriber(quick), other)
    bus.run(listener, quick_listener)
    assert order == ['slow', 'quick']
    for each in (listener, quick_listener):
        assert (each.stats().deleted, each.stats().visibility_lost) == (1, 0)
    bus.assert_nothing_left()


def test_the_cost_of_a_pause_in_a_coroutine_does_not_depend_on_its_length() -> None:
    """Not even while a message is visible, which the listener cannot receive before the end."""

    def run(seconds: float) -> None:
        bus = Bus()
        queue = bus.queue('orders')

        async def process(self: Any, payload: Any) -> None:
            bus.advance(seconds)

        publisher = SqsPublisher(queue, client=bus.sqs)
        publisher.publish({'n': 1})
        publisher.publish({'n': 2}, delay_seconds=1)
        bus.run(SqsListener(queue, [subscriber(process)], client=bus.sqs, visibility_timeout=3_600))
        bus.assert_nothing_left()

    short, long = (cost_of(partial(run, seconds)).steps for seconds in (10, 100))
    assert long < 1.1 * short
