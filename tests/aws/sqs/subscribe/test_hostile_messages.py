"""Messages that are built to be slow to match cost a listener no more than their size."""

from __future__ import annotations

import json
import sys
from types import FrameType
from typing import Any

import pytest

from mega.aws.sqs.subscribe import MessageSubscriber
from mega.match.eventbridge import from_eventbridge
from mega.match.functions import contains, contains_all, one_of
from tests.aws.answers import sqs_answer
from tests.aws.fault_server import FaultServer
from tests.aws.sqs.subscribe.factories import listener_on, will_receive

pytestmark = pytest.mark.no_cover  # counting replaces the tracer of coverage

QUEUE_URL = 'http://127.0.0.1/123456789012/orders'
STEPS_PER_BYTE = 20
STEPS_OF_LISTENER = 250_000

# An event of EC2 and a rule from the documentation of AWS have this shape.
INSTANCE = from_eventbridge(
    {'detail': {'instance': ['i-1'], 'state': {'code': [16], 'name': ['on']}, 'tags': ['x']}}
)
BRANCHES = from_eventbridge(
    {'a': {'x': [1]}, '$or': [{'a': {'y': [n], 'z': [2]}} for n in range(1_000)]}
)
VALUES = [f'v{n}' for n in range(1_000)]


def nested(levels: int, value: Any) -> Any:
    for _ in range(levels):
        value = [value]
    return value


HOSTILE: dict[str, tuple[Any, Any]] = {
    'two nested arrays': (
        INSTANCE,
        {'detail': [{'instance': 'i-1', 'state': [{'code': 16}, {'name': 'on'}] * 40}] * 40},
    ),
    'arrays around objects': (
        from_eventbridge({'a': {'x': [1], 'y': [2]}}),
        {'a': nested(90, [{'x': 1}, {'y': 2}] * 1_000)},
    ),
    'branches of $or': (BRANCHES, {'a': [{'x': 1, 'y': n} for n in range(100)] + [{'z': 2}] * 99}),
    'a list of values': ({'a': VALUES[:200]}, {'a': VALUES[:200] * 15}),
    'one of many values': ({'a': contains(one_of(*VALUES))}, {'a': ['w'] * 4_000}),
    'all of many values': ({'a': contains_all(*VALUES)}, {'a': ['w'] * 2_000 + VALUES[:-1]}),
}


@pytest.mark.parametrize(('wanted', 'payload'), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_message_that_is_slow_to_match_costs_a_listener_no_more_than_its_size(
    wanted: Any, payload: Any, faults: FaultServer
) -> None:
    class Wanted(MessageSubscriber):
        pattern = wanted

        def process(self, payload: Any) -> None: ...

    body = json.dumps(payload)
    message = {'MessageId': '1', 'ReceiptHandle': 'a', 'Body': body}
    will_receive(faults, sqs_answer(Messages=[message]), sqs_answer())
    listener = listener_on(faults, QUEUE_URL, Wanted, concurrency=1)
    remaining = len(body) * STEPS_PER_BYTE + STEPS_OF_LISTENER

    def count(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal remaining
        remaining -= 1
        if remaining < 0:
            pytest.fail('matching takes more steps than the size of the message allows')
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        stats = listener.drain()
    finally:
        sys.settrace(before)
    assert stats.received == stats.deleted == 1
