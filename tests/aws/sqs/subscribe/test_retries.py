"""The delay of a retry, and the limit on the number of receives."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mega.aws.sqs.subscribe import Backoff, Hook, MessageSubscriber, ProcessStatus, Stats
from mega.aws.sqs.subscribe.processing.outcome import Outcome
from mega.aws.sqs.subscribe.processing.settlement import (
    Settlement,
    SettlementAction,
    SettlementPolicy,
    StatsField,
    Unmatched,
    settle,
    settle_undecodable,
)
from mega.errors import ConfigurationError, DecodeError, RetriableError
from mega.testing import Bus
from tests.aws.answers import sqs_answer
from tests.aws.fault_server import FaultServer
from tests.aws.sqs.subscribe.factories import (
    MESSAGE,
    listener_on,
    send,
    subscriber,
    warnings_of,
    will_receive,
)
from tests.local_aws import LocalAws

RETRY = ProcessStatus.RETRIABLE_ERROR


def maximum_jitter(low: float, high: float) -> float:
    """Return the largest possible jitter."""
    return high


def policy(**settings: Any) -> SettlementPolicy:
    return SettlementPolicy(uniform=maximum_jitter, **settings)


def retries(*delays: Any, error: BaseException | None = None) -> list[Outcome]:
    """Return an outcome with a retry for each `retry_delay`, of a subscriber with that delay."""
    return [Outcome(subscriber(retry_delay=delay), RETRY, error) for delay in delays]


def delay_of(
    outcomes: list[Outcome], policy: SettlementPolicy, receive_count: int = 1
) -> int | None:
    settlement = settle(outcomes, policy, replace(MESSAGE, receive_count=receive_count))
    assert (settlement.action, settlement.stats_field) == (
        SettlementAction.LEAVE,
        StatsField.RETRIED,
    )
    return settlement.delay


# The delay


@pytest.mark.parametrize(
    ('backoff', 'ceilings'),
    [
        (Backoff(), [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]),
        (Backoff(first=30, longest=100), [30, 60, 100, 100]),
        (Backoff(first=0.5, longest=600, factor=10), [0.5, 5, 50, 500, 600]),
        (Backoff(first=7, longest=7), [7, 7, 7]),
    ],
    ids=str,
)
def test_a_backoff_grows_with_each_receive_up_to_its_limit(
    backoff: Backoff, ceilings: list[float]
) -> None:
    assert [backoff.max_delay_after(count) for count in range(1, len(ceilings) + 1)] == ceilings
    assert backoff.max_delay_after(10**19) == backoff.longest


@given(st.integers(1, 10**19), st.floats(0, 1))
def test_a_backoff_is_drawn_between_zero_and_its_ceiling(
    receive_count: int, fraction: float
) -> None:
    def draw(low: float, high: float) -> float:
        assert low == 0.0
        return fraction * high

    backoff = Backoff(first=2, longest=60)
    drawn = delay_of(
        retries(None), SettlementPolicy(retry_delay=backoff, uniform=draw), min(receive_count, 99)
    )
    assert drawn is not None
    assert 0 <= drawn <= 60


@pytest.mark.parametrize(
    ('general', 'own', 'error', 'delay'),
    [
        (None, None, None, None),
        (5, None, None, 5),
        (5, 60, None, 60),
        (60, 5, None, 5),
        (5, 0, None, 0),
        (None, 5, None, 5),
        (5, 60, RetriableError(7), 7),
        (5, 60, RetriableError(0), 0),
        (5, 60, RetriableError(), 60),
        (5, None, RetriableError(), 5),
        (5, None, RetriableError('a reason alone'), 5),
        (5, None, RetriableError(float('nan')), None),
        (5, None, RetriableError(timedelta(minutes=2)), 120),
        (5, timedelta(minutes=2), None, 120),
        (timedelta(milliseconds=1_500), None, None, 2),
        (Backoff(timedelta(seconds=8), timedelta(hours=1)), None, None, 8),
        (lambda message: timedelta(minutes=3), None, None, 180),
        (5, None, TimeoutError(), 5),
        (Backoff(first=8), None, None, 8),
        (5, Backoff(first=8), None, 8),
        (2.5, None, None, 3),
        (lambda message: 9, None, None, 9),
        (5, lambda message: None, None, None),
        (5, lambda message: len(message.id), None, 4),
        (lambda message: 10**9, None, None, None),
        (5, lambda message: 'soon', RetriableError(), None),
    ],
)
def test_the_delay_of_the_error_overrides_the_subscribers_and_the_listeners(
    general: Any, own: Any, error: BaseException | None, delay: int | None
) -> None:
    asked = retries(own, error=error)
    assert delay_of(asked, policy(retry_delay=general)) == delay


def test_the_longest_delay_of_all_subscribers_applies() -> None:
    general = policy(retry_delay=20)
    assert delay_of(retries(5, 10), general) == 10
    assert delay_of(retries(5, None), general) == 20
    assert delay_of(retries(5, Backoff(first=3, longest=90)), general, 5) == 48
    done = Outcome(subscriber(retry_delay=500), ProcessStatus.DONE)
    assert delay_of([done, *retries(5)], general) == 5


def test_a_child_inherits_the_delay_unless_it_declares_its_own() -> None:
    parent = subscriber(retry_delay=5)
    assert subscriber(base=parent).retry_delay == 5
    assert subscriber(base=parent, retry_delay=None).retry_delay is None


def test_an_exception_of_a_delay_function_leaves_the_visibility_timeout(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert delay_of(retries(lambda message: 1 / 0), policy(retry_delay=5)) is None
    [text] = warnings_of(caplog)
    assert MESSAGE.id in text
    assert 'retry_delay' in text


@pytest.mark.parametrize('unmatched', ['delete', 'leave'])
def test_a_message_left_without_an_attempt_has_the_listeners_delay(
    unmatched: Unmatched,
) -> None:
    left = policy(retry_delay=5, unmatched=unmatched)
    assert settle([], left, MESSAGE).delay == (5 if unmatched == 'leave' else None)
    assert settle_undecodable(DecodeError('is no JSON'), left, MESSAGE).delay == 5


INVALID_DELAYS: list[Any] = [
    -1, -0.5, 43_201, float('nan'), float('inf'), True, '5', b'5', [], timedelta(seconds=-1),
    timedelta(days=1), Decimal(5),
]  # fmt: skip


@pytest.mark.parametrize('delay', INVALID_DELAYS, ids=repr)
@pytest.mark.parametrize('place', ['error', 'subscriber', 'listener'])
def test_an_invalid_delay_is_an_error_of_its_subscriber_and_no_delay(
    place: str, delay: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The message waits for its visibility timeout: with 0 it would be processed at once."""
    invalid: Any = lambda message: delay  # noqa: E731
    error = RetriableError(delay, 'later') if place == 'error' else None
    own = {'error': 5, 'subscriber': invalid, 'listener': None}[place]
    asked = retries(own, error=error)
    assert delay_of(asked, policy(retry_delay=invalid if place == 'listener' else 5)) is None
    [text] = warnings_of(caplog)
    name = {
        'error': 'the delay of a RetriableError of Made=',
        'subscriber': 'Made.retry_delay=',
        'listener': 'retry_delay of the listener=',
    }[place]
    assert name in text
    assert 'must be 0 to 43,200 seconds' in text
    assert MESSAGE.id in text
    if place != 'listener':
        assert isinstance(asked[0].error, ConfigurationError)
        assert asked[0].status is RETRY


def test_an_invalid_delay_beside_a_delay_of_another_subscriber() -> None:
    """A longer delay applies, and a delay of 0 does not."""
    invalid: Any = lambda message: -1  # noqa: E731
    assert delay_of(retries(invalid, 60), policy()) == 60
    assert delay_of(retries(invalid, 0), policy()) is None


def test_an_invalid_delay_does_not_replace_an_exit_request() -> None:
    asked = retries(lambda message: -1, error=SystemExit(1))
    assert delay_of(asked, policy()) is None
    assert isinstance(asked[0].error, SystemExit)


@pytest.mark.parametrize('delay', [-1, float('nan'), 10**6, '5'], ids=repr)
def test_a_message_with_an_invalid_delay_is_not_received_again_at_once(
    delay: Any, aws: LocalAws, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[Any] = []
    queue_url = aws.create_queue()
    aws.client('sqs').send_message(QueueUrl=queue_url, MessageBody='hej')
    listener_on(aws, queue_url, subscriber(RetriableError(delay, 'later'), seen)).drain()
    assert seen == ['hej']
    assert aws.counts(queue_url).in_flight == 1
    assert any('a RetriableError of Made' in text for text in warnings_of(caplog))


async def _asynchronous(message: object) -> float:
    return 5


REFUSED: list[Any] = [
    pytest.param(_asynchronous, id='asynchronous'), timedelta(days=1), timedelta(seconds=-1),
    -1, 43_201, float('nan'), float('inf'), True, '5', [], Backoff,
    pytest.param(lambda: 5, id='without a parameter'),
    pytest.param(lambda message, count: 5, id='with two parameters'),
]  # fmt: skip


@pytest.mark.parametrize('delay', REFUSED, ids=str)
def test_an_invalid_delay_is_rejected_at_its_declaration(delay: Any) -> None:
    with pytest.raises(ConfigurationError, match=r'Made\.retry_delay='):
        subscriber(retry_delay=delay)
    with pytest.raises(ConfigurationError, match='retry_delay='):
        SettlementPolicy(retry_delay=delay)


@pytest.mark.parametrize(
    'numbers',
    [
        {'first': 0}, {'first': -1}, {'first': 20, 'longest': 10}, {'longest': 43_201},
        {'factor': 0.5}, {'factor': 11}, {'first': '1'}, {'longest': None}, {'factor': True},
        {'first': float('nan')}, {'longest': float('inf')},
    ],
    ids=str,
)  # fmt: skip
def test_a_backoff_with_invalid_numbers_is_rejected(numbers: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match='Backoff'):
        Backoff(**numbers)


@pytest.mark.parametrize('answer', [ProcessStatus.RETRY_LATER, RETRY, RetriableError()], ids=repr)
def test_a_message_is_hidden_for_its_delay(faults: FaultServer, answer: object) -> None:
    message = {'MessageId': '1', 'ReceiptHandle': 'a', 'Body': 'hej'}
    will_receive(faults, sqs_answer(Messages=[message]), sqs_answer())
    queue_url = 'http://127.0.0.1/123456789012/orders'
    listener_on(faults, queue_url, subscriber(answer), retry_delay=70).drain()
    changes = [
        json.loads(request.body)['Entries']
        for request in faults.requests
        if request.operation == 'ChangeMessageVisibilityBatch'
    ]
    assert changes == [[{'Id': '0', 'ReceiptHandle': 'a', 'VisibilityTimeout': 70}]]


# The number of receives


@pytest.mark.parametrize(
    ('receive_count', 'is_enough'), [(1, False), (2, False), (3, True), (9, True)]
)
@pytest.mark.parametrize('status', [RETRY, ProcessStatus.RETRY_LATER])
def test_a_retry_at_the_last_receive_is_dead_lettered(
    status: ProcessStatus, receive_count: int, is_enough: bool
) -> None:
    limited = policy(max_receives=3, has_dead_letter_queue=True, retry_delay=5)
    message = replace(MESSAGE, receive_count=receive_count)
    asked = Outcome(subscriber(called='Inventory'), status, TimeoutError('no answer'))
    settlement = settle([asked], limited, message)
    assert settlement.reason
    assert settlement.reason.error_name == 'TimeoutError'
    if is_enough:
        assert (settlement.action, settlement.stats_field) == (
            SettlementAction.DEAD_LETTER,
            StatsField.EXHAUSTED,
        )
        assert settlement.reason.subscriber == 'Inventory'
        assert (
            settlement.reason.text
            == f'asked for a retry at receive {receive_count} of 3: no answer'
        )
    else:
        assert (settlement.action, settlement.stats_field) == (
            SettlementAction.LEAVE,
            StatsField.RETRIED,
        )


@pytest.mark.parametrize('status', [ProcessStatus.DONE, ProcessStatus.FATAL_ERROR])
def test_only_retries_are_limited_by_max_receives(status: ProcessStatus) -> None:
    asked = [Outcome(subscriber(), status)]
    message = replace(MESSAGE, receive_count=99)
    limited = policy(max_receives=3, has_dead_letter_queue=True)
    unlimited = policy(has_dead_letter_queue=True)
    assert settle(asked, limited, message) == settle(asked, unlimited, message)
    assert settle([], limited, message) == settle([], unlimited, message)


@pytest.mark.parametrize('error', [MemoryError(), KeyboardInterrupt(), SystemExit(1)], ids=repr)
def test_a_failure_of_the_process_does_not_exhaust_a_message(error: BaseException) -> None:
    message = replace(MESSAGE, receive_count=99)
    limited = policy(max_receives=3, has_dead_letter_queue=True)
    asked = [*retries(None, error=TimeoutError()), *retries(None, error=error)]
    assert settle(asked, limited, message).action is SettlementAction.LEAVE


@pytest.mark.parametrize('most', [0, -1, True, 1.0, '3'], ids=repr)
def test_max_receives_must_be_at_least_1(most: Any) -> None:
    with pytest.raises(ConfigurationError, match='max_receives='):
        SettlementPolicy(max_receives=most, has_dead_letter_queue=True)


def test_max_receives_requires_a_dead_letter_queue() -> None:
    with pytest.raises(ConfigurationError, match=r'max_receives=3 requires dead_letter_queue_url='):
        SettlementPolicy(max_receives=3)


def test_a_message_that_fails_repeatedly_is_dead_lettered(bus: Bus) -> None:
    queue_url, dead = bus.queue('orders'), bus.queue('dead')
    send(bus, queue_url, 'bad', 'good')
    seen: list[Any] = []
    failing: dict[str, Any] = {'pattern': 'bad', 'retriable_exceptions': (TimeoutError,)}
    made = [subscriber(TimeoutError('no answer'), seen, **failing), subscriber(pattern='good')]
    listener = listener_on(
        bus, queue_url, *made, retry_delay=3_600, max_receives=3, dead_letter_queue_url=dead
    )
    begin = bus.time
    bus.run(listener)
    assert listener.stats() == Stats(
        received=4, retried=2, exhausted=1, done=1, dead_lettered=1, deleted=2
    )
    assert seen == ['bad'] * 3
    assert bus.time - begin == pytest.approx(7_200, abs=2)
    [letter] = bus.dead_letters()
    assert (letter.payload, letter.error, letter.receive_count) == ('bad', 'TimeoutError', 3)
    bus.assert_nothing_left()


def test_a_message_received_often_without_an_attempt_is_tried(bus: Bus) -> None:
    queue_url, dead = bus.queue('orders'), bus.queue('dead')
    send(bus, queue_url, 'hej')
    for _ in range(4):  # by another consumer, which returned the message
        [_] = bus.sqs.receive_message(QueueUrl=queue_url, VisibilityTimeout=0)['Messages']
    seen: list[Any] = []
    made = subscriber(None, seen)
    listener = listener_on(bus, queue_url, made, max_receives=3, dead_letter_queue_url=dead)
    bus.run(listener)
    assert listener.stats() == Stats(received=1, done=1, deleted=1)
    assert seen == ['hej']


class Failing(Hook):
    def around_delivery(self, message: Any) -> Any:
        raise ValueError('a hook')
        yield


def test_a_failed_hook_counts_as_an_attempt(bus: Bus) -> None:
    queue_url, dead = bus.queue('orders'), bus.queue('dead')
    send(bus, queue_url, 'hej')
    settings: dict[str, Any] = {'hooks': [Failing()], 'retry_delay': 60, 'max_receives': 2}
    listener = listener_on(bus, queue_url, subscriber(), dead_letter_queue_url=dead, **settings)
    bus.run(listener, raising=False)
    assert listener.stats() == Stats(received=2, retried=1, exhausted=1, dead_lettered=1, deleted=1)


def test_the_delay_of_each_message_is_its_own(bus: Bus) -> None:
    times: list[float] = []

    class Patient(MessageSubscriber):
        retry_delay = staticmethod(lambda message: 5 if message.receive_count < 3 else 600)

        def process(self, payload: str) -> ProcessStatus | None:
            times.append(bus.time - begin)
            return ProcessStatus.RETRY_LATER if len(times) < 4 else None

    queue_url, begin = bus.queue('orders'), bus.time
    send(bus, queue_url, 'hej')
    bus.run(listener_on(bus, queue_url, Patient))
    assert times == pytest.approx([0, 5, 10, 610], abs=1)


def test_a_settlement_has_the_reason_for_a_retry() -> None:
    settlement = settle(retries(5, error=TimeoutError('no answer')), policy(), MESSAGE)
    assert isinstance(settlement, Settlement)
    assert settlement.reason
    assert (settlement.reason.error_name, settlement.reason.text) == ('TimeoutError', 'no answer')
