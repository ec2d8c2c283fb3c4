"""The programs of `examples/` run, end by themselves, and leave nothing behind."""

from __future__ import annotations

import pytest

from tests.local_aws import LocalAws
from tests.programs import left_behind, run

pytestmark = pytest.mark.no_cover  # other tests run the same lines

SHOWN = {
    'web_shop': ['customer 987650 put 5 of 61fcc874 into the cart'],
    'text_and_blobs': [
        'letter   en  Your order is on its way.',
        'letter   de  {name}, vielen Dank für die Bestellung!',
        'letter   en  ["a list", "of texts"]',
        'picture  34 bytes',
        'blob     05 00 00 00 00',
        '5 processed, 1 that nobody wanted',
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
        'Today: 100 lines, out of its message',
        'This year: 160,000 lines, out of S3, 3,040,047 bytes',
        'The bucket is empty again.',
    ],
    'fifo': ['15 messages, every group in its order.'],
}


@pytest.mark.parametrize('name', SHOWN)
def test_an_example_shows_what_it_did(ministack: LocalAws, name: str) -> None:
    ended = run(f'examples.{name}', '--endpoint-url', ministack.endpoint_url)
    assert ended.returncode == 0, ended.stderr
    assert set(SHOWN[name]) <= set(ended.stdout.splitlines())
    assert left_behind(ministack, 'mega-example') == []


def test_an_example_finds_the_endpoint_in_the_environment(moto: LocalAws) -> None:
    ended = run('examples.web_shop', AWS_ENDPOINT_URL=moto.endpoint_url)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == SHOWN['web_shop']


def test_a_group_of_a_fifo_queue_has_its_own_column_and_order(ministack: LocalAws) -> None:
    lines = run('examples.fifo', '--endpoint-url', ministack.endpoint_url).stdout.splitlines()
    for column, group in ((14, 'cart-1'), (24, 'cart-2'), (34, 'cart-3')):
        received = [line for line in lines if line.startswith(f'{"":{column}}{group} ')]
        assert [line[-1] for line in received] == ['1', '2', '3', '4', '5']
        sent = [line for line in lines if line.startswith(f'{group} ')]
        assert sent == [f'{group} {number} ->' for number in range(1, 6)]
