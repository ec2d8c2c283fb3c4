"""The order of message groups: a message that stays in the queue holds the others of its group."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mega.aws.sqs import ReceivedMessage, SqsReceiver
from mega.errors import SettlementError, TransportError
from mega.testing import Bus, Queue
from tests.aws.fault_server import FaultServer, sqs_answer
from tests.aws.sqs.receive.factories import payloads, published, receiver_on
from tests.profile import amount


@pytest.fixture
def carts(bus: Bus) -> Queue:
    """A FIFO queue with two messages of each of two groups."""
    queue = bus.queue('carts.fifo')
    for number, group in product((1, 2), 'ab'):
        published(bus, queue, f'{group}{number}', group=group)
    return queue


def test_a_receive_returns_the_first_message_of_each_group(bus: Bus, carts: Queue) -> None:
    receiver = receiver_on(bus, carts)
    first = receiver.receive()
    assert payloads(first) == ['a1', 'b1']
    assert receiver.receive() == []
    for received in first:
        received.ack()
    assert payloads(receiver.receive()) == ['a2', 'b2']


def test_a_message_that_was_received_before_needs_no_other_receive(bus: Bus, carts: Queue) -> None:
    receiver = receiver_on(bus, carts)
    first, _ = receiver.receive()
    first.ack()
    bus.fail('ReceiveMessage', 'AccessDenied')
    assert payloads(receiver.receive()) == ['a2']


def test_a_waiting_message_has_the_whole_visibility_timeout(bus: Bus, carts: Queue) -> None:
    receiver = receiver_on(bus, carts, visibility_timeout=30)
    first, _ = receiver.receive()
    bus.advance(20)
    first.ack()
    [second] = receiver.receive()
    assert second.message.time_left == 30
    bus.advance(29)
    second.ack()


def test_a_waiting_message_whose_timeout_is_over_is_not_returned(bus: Bus, carts: Queue) -> None:
    """Both are delivered again, in their order."""
    receiver = receiver_on(bus, carts, visibility_timeout=30)
    receiver.receive()
    bus.advance(30)
    assert payloads(receiver.receive()) == ['a1', 'b1']


def test_a_waiting_message_that_sqs_does_not_hide_is_not_returned(
    faults: FaultServer, waits: list[float]
) -> None:
    """Another program made it visible, and may have received it."""
    messages = [
        {'MessageId': id, 'ReceiptHandle': id, 'Body': id, 'Attributes': {'MessageGroupId': 'a'}}
        for id in ('a1', 'a2')
    ]
    refused = {'Id': '0', 'Code': 'ReceiptHandleIsInvalid', 'SenderFault': True, 'Message': 'old'}
    faults.will(
        sqs_answer(Messages=messages),
        sqs_answer(Successful=[{'Id': '0'}]),
        sqs_answer(Failed=[refused]),
    )
    receiver = SqsReceiver(f'{faults.url}/1/q.fifo', client=faults.client('sqs'))
    [first] = receiver.receive()
    first.ack()
    waits.append(20)
    assert receiver.receive() == []
    assert [each.operation for each in faults.requests] == [
        'ReceiveMessage', 'DeleteMessageBatch', 'ChangeMessageVisibilityBatch', 'ReceiveMessage',
    ]  # fmt: skip


def test_a_waiting_message_whose_timeout_cannot_begin_anew_is_received_again(
    bus: Bus, carts: Queue
) -> None:
    receiver = receiver_on(bus, carts)
    first, _ = receiver.receive()
    bus.advance(20)
    first.ack()
    bus.fail('ChangeMessageVisibility', 'AccessDenied', 3)
    assert receiver.receive() == []
    bus.advance(10)
    second, _ = receiver.receive()
    assert (second.payload, second.message.receive_count) == ('a2', 2)


SETTLEMENTS: dict[str, Callable[[ReceivedMessage], None]] = {
    'retry': lambda received: received.retry(5),
    'retry at once': lambda received: received.retry(0),
}


@pytest.mark.parametrize('settle', SETTLEMENTS.values(), ids=[*SETTLEMENTS])
def test_a_retry_holds_the_rest_of_its_group_and_no_other_group(
    bus: Bus, carts: Queue, settle: Callable[[ReceivedMessage], None]
) -> None:
    seen: list[tuple[Any, int]] = []
    with receiver_on(bus, carts) as receiver:
        first, other = receiver.receive()
        settle(first)
        other.ack()
        for _ in range(5):
            for received in receiver.receive():
                seen.append((received.payload, received.message.receive_count))
                received.ack()
            bus.advance(2)
    assert [each for each in seen if each[0].startswith('a')] == [('a1', 2), ('a2', 2)]
    assert [each for each in seen if each[0].startswith('b')] == [('b2', 1)]


def test_the_next_message_follows_a_dead_letter(bus: Bus, carts: Queue) -> None:
    dead = bus.queue('dead.fifo')
    receiver = receiver_on(bus, carts, dead_letter_queue_url=dead)
    first, _ = receiver.receive()
    first.dead_letter('bad')
    assert payloads(receiver.receive()) == ['a2']
    [letter] = bus.dead_letters()
    assert letter.payload == 'a1'


def test_a_message_whose_delete_fails_holds_the_rest(bus: Bus, carts: Queue) -> None:
    receiver = receiver_on(bus, carts)
    first, _ = receiver.receive()
    bus.fail('DeleteMessage', 'AccessDenied')
    with pytest.raises(TransportError):
        first.ack()
    assert receiver.receive() == []
    bus.advance(30)
    assert payloads(receiver.receive()) == ['a1', 'b1']


def test_the_messages_of_a_group_are_released_in_their_order(bus: Bus) -> None:
    numbers = bus.queue('numbers.fifo')
    published(bus, numbers, *({'n': n} for n in range(8)), group='a')
    with receiver_on(bus, numbers) as receiver:
        assert payloads(receiver.receive()) == [{'n': 0}]
    seen = []
    with receiver_on(bus, numbers) as receiver:
        while messages := receiver.receive():
            seen += [(each.payload_as(dict)['n'], each.message.receive_count) for each in messages]
            for received in messages:
                received.ack()
    assert seen == [(n, 2) for n in range(8)]


def ack_late(bus: Bus, received: ReceivedMessage) -> None:
    bus.advance(20)
    received.ack()


# A script takes any of these steps with each message that it receives.
STEPS: dict[str, Callable[[Bus, ReceivedMessage], None]] = {
    'ack': lambda bus, received: received.ack(),
    'retry': lambda bus, received: received.retry(),
    'retry at once': lambda bus, received: received.retry(0),
    'retry soon': lambda bus, received: received.retry(7),
    'dead letter': lambda bus, received: received.dead_letter('bad'),
    'ignore': lambda bus, received: None,
    'take too long': lambda bus, received: bus.advance(31),
    'take long, and ack': ack_late,
}
FAULTS: dict[str, Callable[[Bus], None]] = {
    'none': lambda bus: None,
    'delete refused': lambda bus: bus.fail('DeleteMessage', 'ServiceUnavailable', 2),
    'delete denied': lambda bus: bus.fail('DeleteMessage', 'AccessDenied'),
    'delete lost': lambda bus: bus.lose('DeleteMessage'),
    'change refused': lambda bus: bus.fail('ChangeMessageVisibility', 'ServiceUnavailable', 3),
    'change lost': lambda bus: bus.lose('ChangeMessageVisibility'),
    'receive lost': lambda bus: bus.lose('ReceiveMessage'),
    'send refused': lambda bus: bus.fail('SendMessage', 'ServiceUnavailable', 2),
}
SCRIPTS = st.lists(
    st.tuples(st.sampled_from([*STEPS]), st.sampled_from([*FAULTS])), min_size=1, max_size=25
)


GROUPS = 'abc'


def is_left(bus: Bus, queue: Queue) -> bool:
    names = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible']
    found = bus.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)['Attributes']
    return any(found[name] != '0' for name in names)


def receive(receiver: SqsReceiver) -> list[ReceivedMessage]:
    """Receive messages, and return none if all responses were lost."""
    with suppress(TransportError):
        return receiver.receive()
    return []


def take_step(bus: Bus, step: str, fault: str, received: ReceivedMessage) -> bool | None:
    """Take a step of a script. Return whether the message is deleted; None: it is unknown."""
    FAULTS[fault](bus)
    try:
        STEPS[step](bus, received)
    except SettlementError:
        return False
    except TransportError:
        return None
    return step in ('ack', 'take long, and ack', 'dead letter')


@given(steps=SCRIPTS, restart_after=st.integers(1, 10))
@settings(max_examples=amount(60, 5_000))
def test_no_message_overtakes_another_and_none_is_lost(
    steps: list[tuple[str, str]], restart_after: int
) -> None:
    """Neither by what the script does, nor by a failed call, nor by a restart of the script."""
    bus = Bus()
    queue, dead = bus.queue('carts.fifo'), bus.queue('dead.fifo')
    for number, group in product(range(3), GROUPS):
        published(bus, queue, {'group': group, 'n': number}, group=group)
    ended, uncertain = Counter[str](), set[str]()
    pending, receives = deque(steps), 0
    receiver = receiver_on(bus, queue, dead_letter_queue_url=dead)
    while is_left(bus, queue):
        receives += 1
        assert receives < 400, 'the script does not end'
        if receives % restart_after == 0:
            receiver.close()
            receiver = receiver_on(bus, queue, dead_letter_queue_url=dead)
        for received in receive(receiver):
            payload = received.payload_as(dict)
            group, number = payload['group'], payload['n']
            if group in uncertain and number > ended[group]:
                ended[group] += 1
            uncertain.discard(group)
            assert number == ended[group]
            step, fault = pending.popleft() if pending else ('ack', 'none')
            if (is_deleted := take_step(bus, step, fault, received)) is None:
                uncertain.add(group)
            ended[group] += bool(is_deleted)
        bus.advance(1)
    assert {group: ended[group] + (group in uncertain) for group in GROUPS} == dict.fromkeys(
        GROUPS, 3
    )
