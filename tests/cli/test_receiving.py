from __future__ import annotations

import signal
from typing import Any

import pytest

from mega.aws._transport.client import create_client
from mega.cli.exit_status import CommandError
from mega.cli.receiving import HeldMessages, holding
from mega.cli.redrive_policy import RedrivePolicy, read_redrive_policy
from mega.errors import TransportError
from mega.testing import Bus, Queue


@pytest.fixture
def bus() -> Bus:
    return Bus()


@pytest.fixture
def queue(bus: Bus) -> Queue:
    return bus.queue('orders')


def held(bus: Bus, queue: Queue, hold_seconds: int = 30) -> HeldMessages:
    aws = create_client('sqs', queue, client=bus.sqs)
    return HeldMessages(aws, queue, hold_seconds, 1)


def send(bus: Bus, queue: Queue, *bodies: str, **options: Any) -> None:
    for body in bodies:
        bus.sqs.send_message(QueueUrl=queue, MessageBody=body, **options)


def visible(bus: Bus, queue: Queue) -> list[str]:
    """Receive the visible messages, and return their bodies."""
    found = []
    while messages := bus.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get(
        'Messages'
    ):
        found += [each['Body'] for each in messages]
    return found


def bodies(messages: list[dict[str, Any]]) -> list[str]:
    return sorted(each['Body'] for each in messages)


def test_each_message_is_received_once_and_all_are_given_back(bus: Bus, queue: Queue) -> None:
    names = [f'{n:02}' for n in range(25)]
    send(bus, queue, *names)
    messages = held(bus, queue)
    assert bodies([*messages.messages()]) == names
    assert visible(bus, queue) == []
    assert messages.give_back() == 0
    assert sorted(visible(bus, queue)) == names


def test_no_more_messages_are_received_than_asked_for(bus: Bus, queue: Queue) -> None:
    send(bus, queue, *'abc')
    assert len([*held(bus, queue).messages(2)]) == 2
    assert len(visible(bus, queue)) == 1


def test_a_message_is_known_when_its_hold_has_ended(bus: Bus, queue: Queue) -> None:
    send(bus, queue, 'a')
    messages = held(bus, queue, hold_seconds=5)
    assert bodies(messages.receive(10).new) == ['a']
    bus.advance(6)
    page = messages.receive(10)
    assert (page.new, bodies(page.known)) == ([], ['a'])
    assert messages.give_back() == 0
    assert visible(bus, queue) == ['a']


def test_a_message_whose_hold_has_ended_is_left_to_its_consumer(bus: Bus, queue: Queue) -> None:
    send(bus, queue, 'a')
    messages = held(bus, queue, hold_seconds=5)
    messages.receive(10)
    bus.advance(6)
    assert visible(bus, queue) == ['a']
    bus.fail('ChangeMessageVisibilityBatch', 'AccessDenied', 1)
    assert messages.give_back() == 0


def test_the_messages_of_a_fifo_group_keep_their_order(bus: Bus) -> None:
    queue = bus.queue('orders.fifo')
    send(bus, queue, *'abc', MessageGroupId='g')
    messages = held(bus, queue)
    assert [each['Body'] for each in messages.receive(10).new] == ['a', 'b', 'c']
    messages.give_back()
    assert visible(bus, queue) == ['a', 'b', 'c']


def test_a_failed_entry_is_repeated_and_then_counted(bus: Bus, queue: Queue) -> None:
    send(bus, queue, *'ab')
    messages = held(bus, queue)
    messages.receive(10)
    bus.fail('ChangeMessageVisibilityBatch', 'InternalError', 1)
    assert messages.give_back() == 0
    assert len(visible(bus, queue)) == 2
    bus.advance(31)
    messages.receive(10)
    bus.fail('ChangeMessageVisibilityBatch', 'InternalError', 2)
    assert messages.give_back() == 2


def test_messages_are_given_back_when_the_block_fails(bus: Bus, queue: Queue) -> None:
    send(bus, queue, 'a')
    aws = create_client('sqs', queue, client=bus.sqs)
    with pytest.raises(ZeroDivisionError), holding(aws, queue, 30, 1) as messages:
        1 / len(messages.receive(10).known)
    assert visible(bus, queue) == ['a']


def test_ctrl_c_during_a_receive_takes_effect_after_it(
    bus: Bus, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(bus, queue, 'a')
    messages = held(bus, queue)
    receive = bus.sqs.receive_message

    def interrupted(**parameters: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return receive(**parameters)

    monkeypatch.setattr(bus.sqs, 'receive_message', interrupted)
    with pytest.raises(KeyboardInterrupt):
        messages.receive(10)
    monkeypatch.undo()
    assert messages.give_back() == 0
    assert visible(bus, queue) == ['a']


def test_a_failure_of_aws_names_the_remedy(bus: Bus, queue: Queue) -> None:
    bus.fail('ReceiveMessage', 'AccessDenied', 1)
    with pytest.raises(TransportError, match='allow sqs:ReceiveMessage on'):
        held(bus, queue).receive(10)


def test_an_extended_hold_hides_a_message_for_longer(bus: Bus, queue: Queue) -> None:
    send(bus, queue, *'ab')
    messages = held(bus, queue, hold_seconds=5)
    first, second = (each['MessageId'] for each in messages.receive(10).new)
    messages.extend(60, [first])
    bus.advance(6)
    assert (messages.holds(first), messages.holds(second)) == (True, False)
    assert visible(bus, queue) == ['b']
    messages.extend(60)
    assert messages.give_back() == 0
    assert visible(bus, queue) == ['a']


def test_a_message_that_another_consumer_received_is_not_held_any_more(bus: Bus) -> None:
    queue = bus.queue('orders.fifo')
    send(bus, queue, 'a', MessageGroupId='g')
    messages = held(bus, queue)
    [id] = (each['MessageId'] for each in messages.receive(10).new)
    bus.advance(29)
    messages.extend(10, [id])
    assert messages.holds(id)
    bus.sqs.purge_queue(QueueUrl=queue)
    messages.extend(60, [id])
    assert not messages.holds(id)


def test_deleted_messages_are_not_given_back(bus: Bus, queue: Queue) -> None:
    send(bus, queue, *'abc')
    messages = held(bus, queue)
    ids = [each['MessageId'] for each in messages.receive(10).new]
    assert messages.delete(ids[:2]) == {}
    assert messages.give_back() == 0
    assert visible(bus, queue) == ['c']


def test_a_failed_delete_is_repeated_and_then_reported(bus: Bus, queue: Queue) -> None:
    send(bus, queue, *'abc')
    messages = held(bus, queue)
    ids = [each['MessageId'] for each in messages.receive(10).new]
    bus.fail('DeleteMessageBatch', 'ServiceUnavailable', 2)
    assert messages.delete(ids[:1]) == {}
    bus.fail('DeleteMessageBatch', 'ServiceUnavailable', 3)
    with pytest.raises(TransportError, match='DeleteMessageBatch failed'):
        messages.delete(ids[1:2])
    bus.advance(31)
    assert messages.delete(ids[1:2]) == {ids[1]: 'its hold has ended'}


def test_a_refused_delete_is_not_repeated(bus: Bus, queue: Queue) -> None:
    send(bus, queue, 'a')
    messages = held(bus, queue)
    [id] = (each['MessageId'] for each in messages.receive(10).new)
    bus.fail('DeleteMessageBatch', 'AccessDenied', 1)
    with pytest.raises(TransportError, match='allow sqs:DeleteMessage on'):
        messages.delete([id])
    assert messages.delete([id]) == {}


# ── the limit of a redrive policy ────────────────────────────────────────────────────────────────


def limited(bus: Bus, max_receive_count: int) -> Queue:
    dead = bus.queue('dead')
    return bus.queue('limited', dead_letter=dead, max_receive_count=max_receive_count)


def policy_of(bus: Bus, queue: Queue) -> RedrivePolicy | None:
    return read_redrive_policy(create_client('sqs', queue, client=bus.sqs), queue)


def test_a_queue_without_a_redrive_policy_has_no_limit(bus: Bus, queue: Queue) -> None:
    assert policy_of(bus, queue) is None


def test_one_receive_of_a_queue_that_allows_one_is_refused(bus: Bus) -> None:
    queue = limited(bus, 1)
    policy = policy_of(bus, queue)
    assert policy is not None
    with pytest.raises(CommandError, match=r'the maxReceiveCount of .*limited is 1'):
        policy.check_queue(queue)


def test_a_message_without_another_receive_is_refused(bus: Bus) -> None:
    queue = limited(bus, 3)
    send(bus, queue, 'a')
    policy = policy_of(bus, queue)
    assert policy is not None
    policy.check_queue(queue)
    messages = held(bus, queue, hold_seconds=5)
    for _ in range(2):
        page = messages.receive(10)
        [message] = page.new + page.known
        policy.check_message(message)
        bus.advance(6)
    with pytest.raises(CommandError, match='was received 2 times, and the maxReceiveCount'):
        policy.check_message(message, receives=1)
    [message] = messages.receive(10).known
    with pytest.raises(CommandError, match=r'may move it to arn:aws:sqs:.*:dead\. Pass --force'):
        policy.check_message(message)
