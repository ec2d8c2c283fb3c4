"""A redrive that is killed at any moment loses no message, and doubles one at most."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import product

import pytest

from mega.local import LocalAws
from tests.cli.command import start_mega
from tests.cli.conftest import CommandAws
from tests.cli.dead_letters.conftest import Letters
from tests.cli.dead_letters.killing_proxy import Moment, killing_proxy
from tests.cli.running_command import RunningCommand
from tests.profile import amount, some

pytestmark = pytest.mark.no_cover

COUNT = 2
MAX_HOLD = 3_600
MOMENTS = [
    Moment(*each)
    for each in product(('SendMessage', 'DeleteMessageBatch'), (1, COUNT), (False, True))
]


@pytest.fixture
def own_aws() -> Iterator[CommandAws]:
    """A server whose clock no other test sees."""
    with LocalAws() as server, closing(CommandAws(server)) as aws:
        yield aws


def add(letters: Letters, count: int, group: str | None = None) -> None:
    for number in range(count):
        letters.add(f'{number:02}', group=group, message_id=f'id-{number:02}')


def start(letters: Letters, environment: Mapping[str, str]) -> RunningCommand:
    arguments = ('redrive', letters.dead, '--all', '--yes', '--wait', '0', '-o', 'jsonl')
    return start_mega('dead-letters', *arguments, environment=environment)


def finish(letters: Letters) -> None:
    """Redrive what is left, after the holds of killed processes."""
    letters.aws.server.advance(MAX_HOLD)
    assert letters.run('redrive', '--all', '--yes').code == 0
    letters.aws.server.advance(MAX_HOLD)
    assert letters.aws.receive(letters.dead) == []


def redriven(letters: Letters) -> Counter[str]:
    """Return how often each body is in the source queue. All copies must have one first id."""
    bodies: Counter[str] = Counter()
    first_ids = defaultdict(set)
    while page := letters.aws.receive(letters.orders):
        for message in page:
            bodies[message['Body']] += 1
            first_id = message['MessageAttributes']['MegaMessageId']['StringValue']
            first_ids[message['Body']].add(first_id)
        for message in page:
            letters.aws.sqs.delete_message(
                QueueUrl=letters.orders, ReceiptHandle=message['ReceiptHandle']
            )
    assert first_ids == {body: {f'id-{body}'} for body in bodies}
    return bodies


def kill(letters: Letters, moment: Moment) -> None:
    target = letters.aws.server.endpoint_url
    with killing_proxy(target, moment) as proxy:
        environment = {**letters.aws.environment, 'AWS_ENDPOINT_URL': proxy.url}
        with start(letters, environment) as process:
            proxy.victims.put(process)
            process.communicate()
        assert process.returncode == -9


@pytest.mark.parametrize('moment', some(MOMENTS, 3), ids=str)
def test_a_kill_around_a_call_loses_nothing_and_doubles_one_message_at_most(
    own_aws: CommandAws, moment: Moment
) -> None:
    letters = Letters(own_aws)
    add(letters, COUNT)
    kill(letters, moment)
    finish(letters)
    copies = redriven(letters)
    assert set(copies) == {f'{number:02}' for number in range(COUNT)}
    is_between = moment.is_after == (moment.operation == 'SendMessage')
    doubled = {f'{moment.number - 1:02}'} if is_between else set()
    assert {body for body, number in copies.items() if number > 1} == doubled
    assert sum(copies.values()) == COUNT + len(doubled)


def test_a_kill_between_send_and_delete_doubles_nothing_on_a_fifo_queue(
    own_aws: CommandAws,
) -> None:
    letters = Letters(own_aws, fifo=True)
    add(letters, COUNT, group='g')
    kill(letters, Moment('SendMessage', 1, True))
    letters.aws.server.advance(200)  # the hold ends, and deduplication lasts for 300 seconds
    assert letters.run('redrive', '--all', '--yes').code == 0
    accepted = own_aws.server.accepted()
    arn = own_aws.arn(letters.orders)
    sent = [each.body for each in accepted if each.destination == arn and not each.is_duplicate]
    assert sent == [f'{number:02}' for number in range(COUNT)]


@pytest.mark.parametrize('seed', range(amount(1, 20)))
def test_kills_at_random_moments_double_one_message_each_at_most(
    own_aws: CommandAws, seed: int
) -> None:
    letters, draw, kills = Letters(own_aws), random.Random(seed), 0
    add(letters, 20)
    while letters.aws.visible(letters.dead) and kills < 4:
        with start(letters, own_aws.environment) as process:
            for _ in range(draw.randrange(5)):
                process.stdout.readline()
            process.kill()
        kills += 1
        own_aws.server.advance(MAX_HOLD)
    finish(letters)
    copies = redriven(letters)
    assert set(copies) == {f'{number:02}' for number in range(20)}
    assert sum(copies.values()) <= 20 + kills
