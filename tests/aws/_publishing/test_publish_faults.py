"""Ten thousand payloads through a failing server, and publishers after a fork."""

from __future__ import annotations

import gc
import json
from collections import Counter, defaultdict
from typing import Any

import pytest

from mega.aws._hooks.publishing import PublishResult
from mega.aws.sns import SnsPublisher
from mega.aws.sqs import SqsPublisher
from mega.local import Fault, Faults, Server
from tests.aws.forking import run_lines
from tests.local_aws import Service
from tests.profile import amount

COUNT = amount(1_000, 10_000)
GROUPS = 100
KINDS = (Fault.ERROR, Fault.THROTTLED, Fault.RESET_BEFORE, Fault.RESET_AFTER)
FAULTS = Faults(seed=7, fail_calls=0.02, fail_entries=0.05, kinds=KINDS)
Clients = dict[Service, Any]

PAYLOADS = [{'n': number} for number in range(COUNT)]


def failed(results: list[PublishResult]) -> set[int]:
    """The numbers of the payloads that were not published. Very few of 10,000 fail six times."""
    assert len(results) == COUNT
    numbers = {number for number, result in enumerate(results) if result.error}
    assert len(numbers) < GROUPS * 2
    return numbers


def group_of(payload: Any) -> str:
    return f'g{payload["n"] % GROUPS}'


@pytest.mark.no_cover
def test_a_standard_queue_gets_each_of_many_payloads_at_least_once(
    server: Server, clients: Clients
) -> None:
    ours = SqsPublisher(server.create_queue('orders'), client=clients['sqs'])
    server.configure(faults=FAULTS)
    results = ours.publish_batch(PAYLOADS, concurrency=8, raise_on_failure=False)
    accepted = {each.message_id: json.loads(each.body)['n'] for each in server.accepted()}
    lost = failed(results)
    assert set(range(COUNT)) - set(accepted.values()) <= lost
    for number, result in enumerate(results):
        assert number in lost or accepted[str(result.message_id)] == number
    assert len(server.counts().faults) > len(KINDS)


@pytest.mark.no_cover
@pytest.mark.parametrize(('service', 'concurrency'), [('sqs', 4), ('sns', 1)])
def test_fifo_gets_many_payloads_in_the_order_of_their_groups_and_none_twice(
    service: Service, concurrency: int, server: Server, clients: Clients
) -> None:
    ours: Any = (
        SqsPublisher(server.create_queue('orders', fifo=True), client=clients['sqs'])
        if service == 'sqs'
        else SnsPublisher(server.create_topic('orders', fifo=True), client=clients['sns'])
    )
    server.configure(faults=FAULTS)
    results = ours.publish_batch(
        PAYLOADS,
        message_group_id=group_of,
        message_deduplication_id=lambda payload: str(payload['n']),
        concurrency=concurrency,
        raise_on_failure=False,
    )
    kept = [each for each in server.accepted() if not each.is_duplicate]
    groups: defaultdict[str | None, list[int]] = defaultdict(list)
    for each in kept:
        groups[each.group_id].append(json.loads(each.body)['n'])
    assert all(numbers == sorted(numbers) for numbers in groups.values())
    assert max(Counter(each.body for each in kept).values()) == 1
    ids = {json.loads(each.body)['n']: each.message_id for each in kept}
    lost = failed(results)
    assert set(range(COUNT)) - ids.keys() <= lost
    for number, result in enumerate(results):
        assert number in lost or ids[number] == result.message_id


# Forks.


def test_forked_processes_publish_at_the_same_time_as_their_parent(server: Server) -> None:
    """Each has its own connections. On a shared one a response could reach the wrong process."""
    queue_url = server.create_queue('orders')
    run_lines(
        """
        def publish(name):
            ids = [publisher.publish({'by': name, 'n': n}) for n in range(50)]
            assert len(set(ids)) == 50

        publish('before')
        children = [in_child(lambda: publish(f'child {n}')) for n in range(4)]
        publish('parent')
        for child in children:
            wait_for(child)
        publish('after')
        """,
        server,
        queue_url,
    )
    accepted = Counter(json.loads(each.body)['by'] for each in server.accepted())
    assert set(accepted.values()) == {50}
    assert len(accepted) == 7


def test_a_forked_process_publishes_a_batch(server: Server) -> None:
    queue_url = server.create_queue('orders')
    run_lines(
        """
        def publish():
            results = publisher.publish_batch(({'n': n} for n in range(100)), concurrency=4)
            assert all(result.message_id for result in results)

        publish()
        children = [in_child(publish) for _ in range(2)]
        publish()
        for child in children:
            wait_for(child)
        """,
        server,
        queue_url,
    )
    assert len(server.accepted()) == 400


def test_a_forked_process_creates_its_own_client(
    server: Server,
) -> None:
    run_lines(
        """
        aws = create_client('sqs', url)
        before = aws.client

        def check():
            assert aws.client is not before
            assert aws.client is aws.client

        wait_for(in_child(check))
        assert aws.client is before
        """,
        server,
        server.create_queue('orders'),
    )


def test_a_client_of_the_user_is_kept_after_a_fork(server: Server) -> None:
    """Only its owner can create another client."""
    run_lines(
        """
        given = create_client('sqs', url).client
        aws = create_client('sqs', url, client=given)

        def check():
            assert aws.client is given

        wait_for(in_child(check))
        """,
        server,
        server.create_queue('orders'),
    )


def test_a_publisher_that_is_not_closed_closes_its_connections_when_it_is_collected(
    server: Server,
) -> None:
    """Python warns of an open socket that is collected, and the tests treat warnings as errors."""
    publisher = SqsPublisher(server.create_queue('orders'), **server.credentials)
    assert publisher.publish({'n': 1})
    del publisher
    gc.collect()
