from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import mega, mega_on_terminal, mega_process

WORKER = """
from mega.aws.sqs.subscribe import DataSubscriber, SqsListener
from mega.match.functions import gt

class LargeOrders(DataSubscriber):
    pattern = {'amount': gt(100)}
    def process(self, payload): ...

class Refunds(DataSubscriber):
    pattern = {'refund': True}
    def process(self, payload): ...

def make_listener():
    return SqsListener(
        'https://sqs.eu-west-1.amazonaws.com/123456789012/orders', [LargeOrders, Refunds]
    )
"""


@pytest.fixture
def worker(tmp_path: Path) -> str:
    (tmp_path / 'worker.py').write_text(WORKER)
    return f'{tmp_path}/worker.py:make_listener'


def test_each_subscriber_has_a_line_with_the_first_condition_that_failed(worker: str) -> None:
    result = mega('explain', worker, '{"amount": 120}')
    assert result.out.splitlines() == [
        'LargeOrders: matches',
        'Refunds: refund is missing, wanted True',
    ]
    assert (result.code, result.err) == (0, '')


def test_without_a_match_the_exit_code_is_1(worker: str) -> None:
    assert mega('explain', worker, '{}').code == 1


def test_json_has_one_object_per_subscriber(worker: str) -> None:
    result = mega('explain', worker, '{"amount": 120}', '-o', 'json')
    assert result.json() == [
        {
            'subscriber': 'LargeOrders',
            'matches': True,
            'findings': ['+ amount is 120, wanted gt(100)'],
        },
        {
            'subscriber': 'Refunds',
            'matches': False,
            'findings': ['- refund is missing, wanted True'],
        },
    ]
    assert mega('explain', worker, '{"amount": 120}', '-o', 'jsonl').lines() == result.json()


def test_the_payload_may_come_from_stdin_or_a_file(worker: str, tmp_path: Path) -> None:
    (tmp_path / 'order.json').write_text('{"amount": 120}\n')
    assert mega('explain', worker, f'@{tmp_path}/order.json').code == 0
    assert mega('explain', worker, '-', stdin='{"amount": 120}\n').code == 0


def test_an_invalid_payload_is_one_line(worker: str) -> None:
    result = mega('explain', worker, '{"amount": }')
    assert result.code == 1
    assert result.err.startswith('Error: the payload cannot be read: invalid JSON')
    assert result.err.count('\n') == 1


def test_a_process_prints_the_same_through_a_pipe_and_on_a_terminal(worker: str) -> None:
    piped = mega_process('explain', worker, '{"amount": 120}')
    shown = mega_on_terminal('explain', worker, '{"amount": 120}')
    assert (piped.code, shown.code) == (0, 0)
    assert piped.out == shown.out == mega('explain', worker, '{"amount": 120}').out
