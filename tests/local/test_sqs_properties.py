"""Whatever a program does with a queue, and whatever SQS decides, the promises of SQS hold."""

from __future__ import annotations

from collections.abc import Collection
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mega.local.account import Account
from mega.local.clock import Clock
from mega.local.errors import AwsError
from mega.local.sqs.decisions import Decisions
from mega.local.sqs.observer import Observer, Removal
from mega.local.sqs.stored import StoredMessage
from tests.profile import amount

SECONDS = st.sampled_from([0, 1, 2, 5, 30])
STEPS = st.one_of(
    st.tuples(st.just('send'), st.sampled_from('aab'), st.sampled_from([0, 0, 3])),
    st.tuples(st.just('receive'), st.sampled_from([1, 2, 3, 10]), SECONDS),
    st.tuples(st.just('delete'), st.integers(0, 99), st.just(0)),
    st.tuples(st.just('change'), st.integers(0, 99), SECONDS),
    st.tuples(st.just('advance'), st.just(0), SECONDS),
)


class AnyDecisions(Decisions):
    """Random decisions."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._random = Random(seed)

    def start(self, count: int) -> int:
        return self._random.randrange(count)

    def shorten(self, count: int) -> int:
        return self._random.randint(1, count)

    def repeat(self, messages: Collection[StoredMessage]) -> StoredMessage | None:
        return self._random.choice([None, *messages])

    def delivers_heads(self) -> bool:
        return self._random.random() < 0.5

    def ignores_delete(self, is_latest: bool, is_in_flight: bool) -> bool:
        return self._random.random() < 0.5

    def refuses_change(self) -> bool:
        return self._random.random() < 0.5


class Program(Observer):
    """One queue, and what the test knows about it."""

    def __init__(self, is_fifo: bool, decisions: Decisions | None) -> None:
        self.clock = Clock(1_000.0)
        self.account = Account(self.clock, decisions=decisions, observer=self)
        self.is_fifo = is_fifo
        self.has_duplicates = decisions is not None and not is_fifo
        attributes = {'FifoQueue': 'true'} if is_fifo else {}
        name = 'q.fifo' if is_fifo else 'q'
        created = self.call('CreateQueue', QueueName=name, Attributes=attributes)
        self.url = created['QueueUrl']
        self.sent: dict[str, int] = {}  # by body, in the order of sending
        self.left: set[str] = set()
        self.handles: list[tuple[str, str]] = []
        self.hidden_until: dict[str, float] = {}

    def call(self, operation: str, **request: Any) -> dict[str, Any]:
        return self.account.call('sqs', operation, request)

    def removed(self, stored: StoredMessage, reason: Removal) -> None:
        self.left.remove(stored.message.draft.body)

    def run(self, step: tuple[str, Any, int]) -> None:
        name, *arguments = step
        getattr(self, name)(*arguments)
        self.check_counts()

    def send(self, group: str, delay: int) -> None:
        body = f'{group}{len(self.sent)}'
        self.sent[body] = len(self.sent)
        self.left.add(body)
        request: dict[str, Any] = {'QueueUrl': self.url, 'MessageBody': body}
        request |= {'MessageGroupId': group}
        request |= {'MessageDeduplicationId': body} if self.is_fifo else {'DelaySeconds': delay}
        self.hidden_until[body] = 0 if self.is_fifo else self.clock() + delay
        self.call('SendMessage', **request)

    def receive(self, limit: int, seconds: int) -> list[str]:
        request = {'QueueUrl': self.url, 'MaxNumberOfMessages': limit}
        response = self.call('ReceiveMessage', **request, VisibilityTimeout=seconds)
        messages = response.get('Messages', [])
        bodies = [each['Body'] for each in messages]
        assert len(set(bodies)) == len(bodies) <= limit
        assert set(bodies) <= self.left
        now = self.clock()
        for each in messages:
            body = each['Body']
            assert self.has_duplicates or self.hidden_until[body] <= now
            self.hidden_until[body] = now + seconds
            self.handles.append((body, each['ReceiptHandle']))
        if self.is_fifo:
            self.check_order(bodies)
        return bodies

    def check_order(self, bodies: list[str]) -> None:
        """No message precedes a delivered one in its group, except before it in the response."""
        for place, body in enumerate(bodies):
            earlier = {
                each
                for each in self.left
                if each[0] == body[0] and self.sent[each] < self.sent[body]
            }
            assert earlier <= set(bodies[:place])

    def delete(self, number: int, _: int) -> None:
        if self.handles:
            _body, handle = self.handles[number % len(self.handles)]
            self._ignore_errors('DeleteMessage', ReceiptHandle=handle)

    def change(self, number: int, seconds: int) -> None:
        if self.handles:
            body, handle = self.handles[number % len(self.handles)]
            request = {'ReceiptHandle': handle, 'VisibilityTimeout': seconds}
            if self._ignore_errors('ChangeMessageVisibility', **request):
                self.hidden_until[body] = self.clock() + seconds

    def _ignore_errors(self, operation: str, **request: Any) -> bool:
        """Return whether a call succeeded. An old receipt handle may be refused."""
        try:
            self.call(operation, QueueUrl=self.url, **request)
        except AwsError as error:
            if error.code not in ('InvalidParameterValue', 'MessageNotInflight'):
                raise
            return False
        return True

    def advance(self, _: int, seconds: int) -> None:
        self.clock.advance(seconds)

    def check_counts(self) -> None:
        request = {'QueueUrl': self.url, 'AttributeNames': ['All']}
        found = self.call('GetQueueAttributes', **request)['Attributes']
        counts = [
            int(found[f'ApproximateNumberOfMessages{name}'])
            for name in ('', 'NotVisible', 'Delayed')
        ]
        assert min(counts) >= 0
        assert sum(counts) == len(self.left)
        if not self.has_duplicates:
            visible = [body for body in self.left if self.hidden_until[body] <= self.clock()]
            assert counts[0] == len(visible)

    def check_nothing_is_lost(self) -> None:
        """Receive every message that is left, after the visibility timeouts ended."""
        self.clock.advance(43_200)
        found: set[str] = set()
        for _ in range(1_000):
            found.update(self.receive(10, 30))
            self.clock.advance(30)
            if found == self.left:
                return
        raise AssertionError(f'not delivered: {self.left - found}')


@pytest.mark.parametrize('is_fifo', [False, True])
@given(steps=st.lists(STEPS, min_size=10, max_size=40), seed=st.none() | st.integers(0, 99))
@settings(max_examples=amount(60, 3_000))
def test_the_promises_of_sqs_hold(
    is_fifo: bool, steps: list[tuple[str, Any, int]], seed: int | None
) -> None:
    program = Program(is_fifo, None if seed is None else AnyDecisions(seed))
    for step in steps:
        program.run(step)
    program.check_nothing_is_lost()
