"""A pass of a redrive on the bus: holds, failures and the rate, in virtual time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mega.aws._transport.client import create_client
from mega.cli.dead_letters.destinations import Destinations
from mega.cli.dead_letters.queue import DeadLetterQueue
from mega.cli.dead_letters.redrive import Redrive, RedrivePass
from mega.cli.dead_letters.selection import Selection
from mega.cli.exit_status import CommandError
from mega.cli.output import Record
from mega.cli.pace import Pace
from mega.errors import TransportError
from mega.testing import Bus


class Setting:
    """A dead-letter queue with three messages on a bus, and its source."""

    def __init__(self) -> None:
        self.bus = Bus()
        self.dead = self.bus.queue('dead')
        self.orders = self.bus.queue('orders', dead_letter=self.dead)
        self.aws = create_client('sqs', self.dead, client=self.bus.sqs)
        self.ids = {}
        for number in range(3):
            sent = self.bus.sqs.send_message(QueueUrl=self.dead, MessageBody=str(number))
            self.ids[str(number)] = sent['MessageId']

    @contextmanager
    def redrive(self, rate: float | None = None, hold_rate: float = 10) -> Iterator[RedrivePass]:
        queue = DeadLetterQueue.read(self.aws, self.dead, 1, is_forced=True)
        destinations = Destinations(self.aws, self.dead)
        redrive = Redrive(queue, Selection(), destinations, Pace(rate, self.aws.clock))
        with queue.holding(hold_rate) as held:
            yield RedrivePass(redrive, held)

    def messages(self, url: str) -> list[Any]:
        """Receive all messages of a queue."""
        found: list[Any] = []
        while page := self.bus.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=['All']
        ).get('Messages'):
            found += page
        return found

    def bodies(self, url: str) -> list[str]:
        return [each['Body'] for each in self.messages(url)]

    def count(self, url: str) -> int:
        """Return the number of visible messages."""
        name: Any = 'ApproximateNumberOfMessages'
        answer = self.bus.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])
        return int(answer['Attributes'][name])


def problems(records: list[list[Record]]) -> list[str | None]:
    return [record['problem'] for [record] in records]


def test_a_slow_rate_holds_the_messages_long_enough() -> None:
    setting = Setting()
    before = setting.bus.time
    with setting.redrive(rate=0.01, hold_rate=0.01) as redrive:
        assert problems(list(redrive.performed())) == [None] * 3
    assert setting.bus.time - before >= 200
    assert setting.bodies(setting.orders) == ['0', '1', '2']


def test_a_message_whose_hold_has_ended_is_kept() -> None:
    setting = Setting()
    with setting.redrive() as redrive:
        records = redrive.performed()
        assert problems([next(records)]) == [None]
        setting.bus.advance(200)
        assert setting.bodies(setting.dead) == ['1', '2']
        kept = problems(list(records))
        assert kept == ['its hold has ended: another consumer may have received it'] * 2
    assert setting.bodies(setting.orders) == ['0']


def test_a_send_is_repeated_while_aws_fails() -> None:
    setting = Setting()
    setting.bus.fail('SendMessage', 'ServiceUnavailable', 3)
    with setting.redrive() as redrive:
        assert problems(list(redrive.performed())) == [None] * 3
    assert setting.bodies(setting.orders) == ['0', '1', '2']


def test_an_outage_ends_the_pass_and_reports_the_message(
    capsys: pytest.CaptureFixture[str],
) -> None:
    setting = Setting()
    setting.bus.fail('SendMessage', 'ServiceUnavailable', 6)
    with setting.redrive() as redrive, pytest.raises(TransportError, match='ServiceUnavailable'):
        list(redrive.performed())
    assert 'stays, and may have been sent to' in capsys.readouterr().err
    assert setting.bodies(setting.dead) == ['0', '1', '2']


def test_a_lost_answer_to_a_send_doubles_a_message_with_the_same_first_id() -> None:
    setting = Setting()
    setting.bus.lose('SendMessage')
    with setting.redrive() as redrive:
        assert problems(list(redrive.performed())) == [None] * 3
    ids = [
        message['MessageAttributes']['MegaMessageId']['StringValue']
        for message in setting.messages(setting.orders)
    ]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


def test_a_delete_without_an_answer_is_repeated() -> None:
    setting = Setting()
    setting.bus.lose('DeleteMessageBatch')
    with setting.redrive() as redrive:
        assert problems(list(redrive.performed())) == [None] * 3
    assert setting.bodies(setting.orders) == ['0', '1', '2']
    assert setting.bodies(setting.dead) == []


FAULTS = st.lists(
    st.tuples(
        st.sampled_from(['SendMessage', 'DeleteMessageBatch', 'ChangeMessageVisibilityBatch']),
        st.sampled_from(['ServiceUnavailable', 'AccessDenied', 'lost']),
        st.integers(1, 7),
    ),
    max_size=6,
)


@given(FAULTS)
def test_faults_lose_no_message_and_copies_have_the_same_first_id(
    faults: list[tuple[str, str, int]],
) -> None:
    setting = Setting()
    for operation, code, times in faults:
        if code == 'lost':
            setting.bus.lose(operation, times)
        else:
            setting.bus.fail(operation, code, times)
    while setting.count(setting.dead):  # each pass uses up a fault at least
        with suppress(TransportError, CommandError), setting.redrive() as redrive:
            list(redrive.performed())
        setting.bus.advance(200)
    first_ids = defaultdict(set)
    for message in setting.messages(setting.orders):
        attribute = message['MessageAttributes']['MegaMessageId']
        first_ids[message['Body']].add(attribute['StringValue'])
    assert first_ids == {body: {id} for body, id in setting.ids.items()}
