"""`bus.run`: which listeners work, and with which error it ends."""

from __future__ import annotations

import asyncio
import traceback
from typing import Any

import pytest

from mega.aws.lambda_ import LambdaHandler
from mega.aws.sqs import SqsPublisher
from mega.aws.sqs.subscribe import Backoff, Hook, SqsListener
from mega.errors import ConfigurationError, RetriableError, TransportError
from mega.testing import Bus, Queue
from tests.testing.conftest import Listen, Publish, recorder, subscriber


def raises(error: BaseException, **members: Any) -> Any:
    def process(self: Any, payload: Any) -> None:
        raise error

    return subscriber(process, **members)


def test_all_messages_are_processed_and_deleted(bus: Bus, publish: Publish, listen: Listen) -> None:
    seen: list[Any] = []
    for n in range(25):
        publish({'n': n})
    listener = listen(recorder(seen), max_number_of_messages=10, concurrency=4)
    bus.run(listener)
    assert sorted(each['n'] for each in seen) == list(range(25))
    bus.assert_nothing_left()
    assert (listener.stats().deleted, listener.stats().released) == (25, 0)


def test_a_message_that_a_subscriber_publishes_is_processed(
    bus: Bus, queue: Queue, publish: Publish, listen: Listen
) -> None:
    seen: list[Any] = []
    other = bus.queue('other')

    def forward(self: Any, payload: Any) -> None:
        SqsPublisher(other, client=bus.sqs).publish({'forwarded': payload})

    publish({'n': 1})
    bus.run(listen(recorder(seen), other), listen(subscriber(forward)))
    assert seen == [{'forwarded': {'n': 1}}]


def test_coroutines_run_in_one_event_loop(bus: Bus, publish: Publish, listen: Listen) -> None:
    loops: list[Any] = []

    async def process(self: Any, payload: Any) -> None:
        await asyncio.sleep(0)
        loops.append(asyncio.get_running_loop())

    for n in range(3):
        publish({'n': n})
    bus.run(listen(subscriber(process), max_number_of_messages=10))
    assert len(loops) == 3
    assert len(set(loops)) == 1
    assert loops[0].is_closed()


def test_a_run_within_an_event_loop_says_what_to_do(
    bus: Bus, publish: Publish, listen: Listen
) -> None:
    async def process(self: Any, payload: Any) -> None:
        pass

    async def body() -> None:
        bus.run(listen(subscriber(process)))

    publish({'n': 1})
    with pytest.raises(ConfigurationError, match=r'call bus\.run, deliver or'):
        asyncio.run(body())


def test_the_exception_of_a_subscriber_is_raised_with_its_own_traceback(
    bus: Bus, publish: Publish, listen: Listen
) -> None:
    error = ValueError('of the subscriber')
    publish({'n': 1})
    with pytest.raises(ValueError, match='of the subscriber') as caught:
        bus.run(listen(raises(error)))
    assert caught.value is error
    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert names[-1] == 'process'


def test_the_message_of_an_exception_is_settled_before(
    bus: Bus, publish: Publish, listen: Listen
) -> None:
    publish({'n': 1})
    publish({'n': 2})
    failed = bus.queue('failed')
    with pytest.raises(ValueError, match='first'):
        bus.run(listen(raises(ValueError('first')), dead_letter_queue_url=failed))
    assert [each.payload for each in bus.dead_letters()] == [{'n': 1}]
    with pytest.raises(AssertionError, match='1 messages are left'):
        bus.assert_nothing_left()


def test_a_message_that_waits_behind_an_exception_is_released(
    bus: Bus, queue: Queue, publish: Publish, listen: Listen
) -> None:
    for n in range(3):
        publish({'n': n})
    with pytest.raises(ValueError, match='first'):
        bus.run(listen(raises(ValueError('first')), max_number_of_messages=10))
    counts = bus.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=['All'])['Attributes']
    assert counts['ApproximateNumberOfMessages'] == '2'
    assert counts['ApproximateNumberOfMessagesNotVisible'] == '0'


def test_an_exception_is_not_raised_on_request(bus: Bus, publish: Publish, listen: Listen) -> None:
    publish({'n': 1})
    listener = listen(raises(ValueError('fatal')))
    bus.run(listener, raising=False)
    assert listener.stats().fatal == 1


def test_a_declared_exception_is_not_raised(bus: Bus, publish: Publish, listen: Listen) -> None:
    failures: list[Exception] = [TimeoutError(), RetriableError(5)]

    def process(self: Any, payload: Any) -> None:
        if failures:
            raise failures.pop(0)

    publish({'n': 1})
    flaky = subscriber(process, retriable_exceptions=(TimeoutError,))
    bus.run(listen(flaky))
    bus.assert_processed(flaky, times=1)


def test_an_undeclared_exception_is_raised_although_it_is_retried(
    bus: Bus, publish: Publish, listen: Listen
) -> None:
    """A mistake in a subscriber must not become an endless retry."""
    publish({'n': 1})
    with pytest.raises(KeyError):
        bus.run(listen(raises(KeyError('typo')), unhandled='retry'))


def test_an_invalid_status_and_a_failing_predicate_are_raised(
    bus: Bus, publish: Publish, listen: Listen
) -> None:
    def refuse(value: object) -> bool:
        raise ZeroDivisionError

    publish({'n': 1})
    with pytest.raises(Exception, match='must return a ProcessStatus or None'):
        bus.run(listen(subscriber(lambda self, payload: 'done')))
    with pytest.raises(ZeroDivisionError):
        bus.run(listen(recorder([], pattern={'n': refuse})))


def test_an_exit_request_is_raised(bus: Bus, publish: Publish, listen: Listen) -> None:
    publish({'n': 1})
    with pytest.raises(SystemExit):
        bus.run(listen(raises(SystemExit(3))))


def test_a_message_that_is_delivered_repeatedly_is_named_with_its_last_error(
    bus: Bus, publish: Publish, listen: Listen
) -> None:
    message_id = publish({'n': 1})
    busy = raises(RetriableError(1, 'the printer is busy'))
    with pytest.raises(AssertionError) as caught:
        bus.run(listen(busy), max_deliveries=20)
    text = str(caught.value)
    assert text.startswith(
        f'bus.run ended after 20 deliveries: the message {message_id} was delivered 21 times, and '
        'ended with RetriableError of Recorder: the printer is busy. '
    )


def test_a_message_that_cannot_be_opened_is_named(bus: Bus, queue: Queue, listen: Listen) -> None:
    SqsPublisher(queue, client=bus.sqs).publish_raw_message('{"broken"')
    with pytest.raises(AssertionError, match='DecodeError'):
        bus.run(listen(recorder([]), retry_delay=Backoff(1, 10)), max_deliveries=5)


def test_a_failing_hook_is_named(bus: Bus, publish: Publish, listen: Listen) -> None:
    class Failing(Hook):
        def around_delivery(self, message: Any) -> Any:
            raise OSError('full')
            yield

    publish({'n': 1})
    with pytest.raises(AssertionError, match='ended with OSError: raised by a hook'):
        bus.run(listen(recorder([]), hooks=[Failing()]), max_deliveries=5)


def test_a_listener_runs_again_and_with_others(
    bus: Bus, queue: Queue, publish: Publish, listen: Listen
) -> None:
    seen: list[Any] = []
    listener = listen(recorder(seen))
    for n in range(3):
        publish({'n': n})
        bus.run(listener)
    assert len(seen) == 3


def test_a_subscriber_stops_its_listener(bus: Bus, publish: Publish, listen: Listen) -> None:
    def process(self: Any, payload: Any) -> None:
        listener.stop()

    for n in range(3):
        publish({'n': n})
    listener = listen(subscriber(process))
    bus.run(listener)
    assert listener.stats().done == 1


def test_a_listener_that_is_paused_leaves_its_messages(
    bus: Bus, publish: Publish, listen: Listen
) -> None:
    seen: list[Any] = []
    publish({'n': 1})
    listener = listen(recorder(seen))
    listener.pause()
    bus.run(listener)
    assert seen == []
    listener.resume()
    bus.run(listener)
    assert seen == [{'n': 1}]


def test_a_queue_that_is_deleted_meanwhile_ends_the_run(
    bus: Bus, queue: Queue, publish: Publish, listen: Listen
) -> None:
    def process(self: Any, payload: Any) -> None:
        bus.sqs.delete_queue(QueueUrl=queue)

    publish({'n': 1})
    bus.run(listen(subscriber(process)))


# Wrong use


def test_a_listener_of_another_bus_is_refused(bus: Bus, queue: Queue, listen: Listen) -> None:
    with pytest.raises(ConfigurationError, match='has another client'):
        Bus().run(listen(recorder([])))


def test_a_listener_of_aws_is_refused(bus: Bus, queue: Queue) -> None:
    keys: dict[str, Any] = {'aws_access_key_id': 'a', 'aws_secret_access_key': 'b'}
    with (
        SqsListener(queue, [recorder([])], **keys) as listener,
        pytest.raises(ConfigurationError, match='has another client'),
    ):
        bus.run(listener)


def test_other_objects_and_repeated_listeners_are_refused(bus: Bus, listen: Listen) -> None:
    other: Any
    for other in (recorder([]), [listen(recorder([]))], LambdaHandler([recorder([])])):
        with pytest.raises(ConfigurationError) as raised:
            bus.run(other)
        assert str(raised.value).endswith(
            ' is not an SqsListener: pass an SqsListener, or the result of '
            'bus.event_source_mapping(queue, handler)'
        )
    listener = listen(recorder([]))
    for listeners in ([], [listener, listener]):
        with pytest.raises(ConfigurationError, match='one or more listeners or event'):
            bus.run(*listeners)
    with pytest.raises(ConfigurationError, match='max_deliveries=0'):
        bus.run(listener, max_deliveries=0)


def test_a_run_within_a_run_is_refused(bus: Bus, publish: Publish, listen: Listen) -> None:
    def process(self: Any, payload: Any) -> None:
        bus.run(other)

    other = listen(recorder([]))
    publish({'n': 1})
    with pytest.raises(ConfigurationError, match='is running: a subscriber'):
        bus.run(listen(subscriber(process)))


def test_listen_and_drain_refuse_the_client_of_a_bus(listen: Listen) -> None:
    for call in ('listen', 'drain'):
        with pytest.raises(ConfigurationError, match='pass this listener to'):
            getattr(listen(recorder([])), call)()


def test_a_queue_that_does_not_exist_is_named(bus: Bus, queue: Queue, listen: Listen) -> None:
    with pytest.raises(TransportError, match='other'):
        bus.run(listen(recorder([]), f'{queue}-other'))
