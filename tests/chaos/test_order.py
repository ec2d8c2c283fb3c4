"""The order of FIFO groups, while listeners are killed."""

from __future__ import annotations

import random
from collections import defaultdict

import pytest

from tests.chaos.process_group import process_group, publish_all
from tests.local_aws import LocalAws
from tests.profile import amount

GROUPS, SIZE = amount(25, 50), amount(12, 200)
KILLED_AFTER = (80, 160)


def group_of(body: str) -> str:
    return body.partition('-')[0]


@pytest.mark.cannot(moto='changes the order of a group at the redelivery of its first message')
def test_each_group_is_processed_in_order(aws: LocalAws) -> None:
    queue_url = aws.create_queue(fifo=True, ContentBasedDeduplication=True, VisibilityTimeout=2)
    bodies = [f'{group}-{number}' for number in range(SIZE) for group in range(GROUPS)]
    publish_all(aws, queue_url, bodies, message_group_id=group_of, concurrency=4)
    randomness, total = random.Random(6), 0
    done: defaultdict[str, list[str]] = defaultdict(list)
    settings = {
        'max_number_of_messages': 10,
        'concurrency': 4,
        'visibility_timeout': 2,
        'retry_delay': 0,
    }
    with process_group(aws, queue_url, failure_rate=0.1, **settings) as processes:
        next_kill = randomness.randint(*KILLED_AFTER)
        for report in processes.until_empty():
            if report.word != 'done':
                continue
            first = done[group_of(report.body)]
            if report.body not in first:
                first.append(report.body)
                total += 1
            if total >= next_kill:
                processes.kill_one(randomness)
                next_kill += randomness.randint(*KILLED_AFTER)
        assert processes.stop() == {0}
    assert done == {
        str(group): [f'{group}-{number}' for number in range(SIZE)] for group in range(GROUPS)
    }
