"""The programs of `examples/` run, end by themselves, and delete their queues and topics."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cache
from pathlib import Path
from subprocess import CompletedProcess

import pytest

import mega.local
from tests import fork_server
from tests.local_aws import LocalAws
from tests.programs import TIMEOUT, environment, left_behind

pytestmark = pytest.mark.no_cover  # other tests run the same lines

EXPECTED_LINES = {
    'text_and_blobs': [
        'letter   en  Your order is on its way.',
        'letter   de  {name}, vielen Dank für die Bestellung!',
        'letter   en  ["a list", "of texts"]',
        'picture  34 bytes',
        'blob     05 00 00 00 00',
        '5 processed, 1 unmatched',
    ],
    'asyncio_subscriber': [
        'spring to reader-1@example.com',
        'spring to reader-2@example.com',
        'spring to reader-3@example.com',
        'spring to reader-4@example.com',
        'summer to reader-2@example.com',
        'summer to reader-3@example.com',
    ],
    'large_payloads': [
        'Today: 100 lines, from its message',
        'This year: 160,000 lines, from S3, 3,040,047 bytes',
        'The bucket is empty again.',
    ],
    'cron_job': [
        'order 1 to ann, receive 1',
        'order 2 waits for a second',
        'dead letter: invalid payload: customer is missing',
        'order 2 to bob, receive 2',
        'The queue is empty.',
    ],
    'fifo': [
        'cart-1: 5 of 5 messages received',
        'Every group is in order, and the queue is empty.',
    ],
}

EXAMPLES = Path(__file__).parent.parent / 'examples'


def run(module: str, *arguments: str, **variables: str) -> CompletedProcess[str]:
    program = ['-m', module, *arguments]
    return fork_server.run(program, environment(**variables), TIMEOUT)


@pytest.fixture(scope='module')
def local() -> Iterator[LocalAws]:
    """The in-memory AWS of the package."""
    with (
        mega.local.LocalAws() as server,
        closing(LocalAws('mega.local', server.endpoint_url)) as aws,
    ):
        yield aws


@pytest.fixture(scope='module')
def run_example(local: LocalAws) -> Callable[[str], CompletedProcess[str]]:
    """Run an example by its name, once: several tests look at one run."""
    return cache(lambda name: run(f'examples.{name}', '--endpoint-url', local.endpoint_url))


@pytest.mark.parametrize('name', EXPECTED_LINES)
def test_an_example_shows_its_results_and_leaves_nothing(
    local: LocalAws, run_example: Callable[[str], CompletedProcess[str]], name: str
) -> None:
    ended = run_example(name)
    assert ended.returncode == 0, ended.stderr
    assert set(EXPECTED_LINES[name]) <= set(ended.stdout.splitlines())
    assert left_behind(local, 'mega-example') == []


def test_an_example_takes_the_endpoint_from_the_environment(local: LocalAws) -> None:
    ended = run('examples.web_shop', AWS_ENDPOINT_URL=local.endpoint_url)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == ['customer 987650 put 5 of 61fcc874 into the cart']
    assert left_behind(local, 'mega-example') == []


def test_each_message_group_has_a_column_and_keeps_its_order(
    run_example: Callable[[str], CompletedProcess[str]],
) -> None:
    lines = run_example('fifo').stdout.splitlines()
    for column, group in ((14, 'cart-1'), (24, 'cart-2'), (34, 'cart-3')):
        received = [line for line in lines if line.startswith(f'{"":{column}}{group} ')]
        assert [line[-1] for line in received] == ['1', '2', '3', '4', '5']
        sent = [line for line in lines if line.startswith(f'{group} ')]
        assert sent == [f'{group} {number} ->' for number in range(1, 6)]


NO_AWS = {
    'AWS_CONFIG_FILE': '/nonexistent',
    'AWS_SHARED_CREDENTIALS_FILE': '/nonexistent',
    'AWS_EC2_METADATA_DISABLED': 'true',
    'AWS_ACCESS_KEY_ID': '',
    'AWS_SECRET_ACCESS_KEY': '',
    'AWS_ENDPOINT_URL': '',
    'AWS_DEFAULT_REGION': 'eu-west-1',
}


@pytest.mark.parametrize('name', ['web_shop', *EXPECTED_LINES])
def test_an_example_without_credentials_prints_one_line(name: str) -> None:
    ended = run(f'examples.{name}', **NO_AWS)
    assert (ended.returncode, ended.stdout) == (1, '')
    assert ended.stderr == 'The example cannot run: Unable to locate credentials\n'


def test_the_readme_lists_exactly_the_examples() -> None:
    text = (EXAMPLES / 'README.md').read_text(encoding='utf-8')
    shared = {'README.md', '__init__.py', '__pycache__', 'scratch.py'}
    listed = re.findall(r'^\| \[([^]]+)\]\(\1\) \|', text, re.MULTILINE)
    assert sorted(listed) == sorted({path.name for path in EXAMPLES.iterdir()} - shared)
    modules = set(re.findall('`python -m examples\\.(\\w+)`', text))
    assert modules == {'web_shop', *EXPECTED_LINES}
