"""Listeners that are killed or stopped under load."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from tests.chaos.process_group import SCALE, process_group, publish_all
from tests.local_aws import Counts, LocalAws
from tests.profile import amount

# moto is slow with many messages: a receive from a queue with 500 messages takes half a second.
MESSAGES = {'ministack': amount(400, 10_000), 'moto': amount(100, 2_000)}
KILLS = amount(2, 60)


def test_killed_listeners_lose_no_message(aws: LocalAws) -> None:
    queue_url = aws.create_queue(VisibilityTimeout=2)
    bodies = [str(number) for number in range(MESSAGES[aws.name])]
    publish_all(aws, queue_url, bodies)
    # The minimum and the maximum number of processed messages between two kills.
    between = len(bodies) // (2 * KILLS), len(bodies) // (KILLS + 1)
    randomness, done, kills = random.Random(5), Counter[str](), 0
    settings = {'max_number_of_messages': 10, 'concurrency': 4, 'visibility_timeout': 2}
    with process_group(aws, queue_url, count=2, **settings) as processes:
        next_kill = randomness.randint(*between)
        for report in processes.until_empty():
            if report.word == 'done':
                done[report.body] += 1
            if done.total() >= next_kill:
                processes.kill_one(randomness)
                kills += 1
                next_kill += randomness.randint(*between)
        assert processes.stop() == {0}
    assert set(done) == set(bodies)
    assert kills >= KILLS


@pytest.mark.cannot(moto='hands messages to receives whose connection is closed')
def test_a_stop_under_load_leaves_nothing_hidden_and_processes_nothing_twice(
    aws: LocalAws,
) -> None:
    queue_url = aws.create_queue()
    bodies = [str(number) for number in range(160 * SCALE)]
    publish_all(aws, queue_url, bodies)
    done = Counter[str]()
    settings = {'max_number_of_messages': 10, 'concurrency': 4, 'visibility_timeout': 600}
    while done.total() < len(bodies):
        with process_group(
            aws, queue_url, count=2, processing_seconds=0.02, **settings
        ) as processes:
            target = min(done.total() + 80 * SCALE, len(bodies))
            for report in processes.reports():
                done[report.body] += report.word == 'done'
                if done.total() >= target:
                    break
            assert processes.stop() == {0}
            done.update(each.body for each in processes.remaining_reports() if each.word == 'done')
        left = len(bodies) - done.total()
        assert aws.counts(queue_url) == Counts(visible=left, in_flight=0)
    assert done == Counter(bodies)
