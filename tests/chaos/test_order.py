"""The order of FIFO groups, while listeners are killed."""

from __future__ import annotations

import random
from collections import defaultdict

import pytest

from tests.chaos.crowd import SCALE, crowd, fill
from tests.local_aws import LocalAws

GROUPS, SIZE = 50, 20
KILLED_AFTER = (80, 160)


def group_of(body: str) -> str:
    return body.partition('-')[0]


@pytest.mark.cannot(moto='mixes up the order of a group when its first message comes again')
def test_each_group_is_processed_in_its_order(aws: LocalAws) -> None:
    queue_url = aws.create_queue(fifo=True, ContentBasedDeduplication=True, VisibilityTimeout=2)
    size = SIZE * SCALE
    bodies = [f'{group}-{number}' for number in range(size) for group in range(GROUPS)]
    fill(aws, queue_url, bodies, message_group_id=group_of, concurrency=4)
    chance, total = random.Random(6), 0
    done: defaultdict[str, list[str]] = defaultdict(list)
    settings = {
        'max_number_of_messages': 10,
        'concurrency': 4,
        'visibility_timeout': 2,
        'retry_delay': 0,
    }
    with crowd(aws, queue_url, fails=0.1, **settings) as processes:
        next_kill = chance.randint(*KILLED_AFTER)
        for report in processes.until_empty():
            if report.word != 'done':
                continue
            first = done[group_of(report.body)]
            if report.body not in first:
                first.append(report.body)
                total += 1
            if total >= next_kill:
                processes.kill_one(chance)
                next_kill += chance.randint(*KILLED_AFTER)
        assert processes.stop() == {0}
    assert done == {
        str(group): [f'{group}-{number}' for number in range(size)] for group in range(GROUPS)
    }
