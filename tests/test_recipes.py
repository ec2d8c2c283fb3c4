"""The recipes of the guide to observability work with their libraries."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.programs import environment

pytestmark = pytest.mark.no_cover  # each runs in a separate process

ROOT = Path(__file__).parent.parent

WITH_SENTRY = """
import json
import sentry_sdk
from sentry_sdk.transport import Transport

class InMemory(Transport):
    def capture_envelope(self, envelope):
        for item in envelope.items:
            print(json.dumps(item.payload.json))

sentry_sdk.init('http://key@127.0.0.1/1', transport=InMemory, traces_sample_rate=1.0)
"""

LISTENER = """
import logging
from mega.aws.sqs import SqsPublisher
from mega.aws.sqs.subscribe import ProcessStatus, SqsListener, TextSubscriber
from mega.errors import RetriableError
from mega.testing import Bus

class Refunds(TextSubscriber):
    def process(self, payload):
        {before}
        if payload == 'fatal':
            raise ValueError('no such order')
        if self.message.receive_count == 1:
            raise RetriableError(delay=0)

bus = Bus()
queue_url = bus.queue('refunds')
publisher = SqsPublisher(queue_url, client=bus.sqs)
publisher.publish('fatal')
publisher.publish('retry')
bus.run(SqsListener(queue_url, [Refunds], client=bus.sqs, hooks=[{hooks}]), raising=False)
"""


def recipe(title: str) -> str:
    """Return the program of a recipe."""
    guide = (ROOT / 'docs' / 'observability.md').read_text(encoding='utf-8')
    _, _, section = guide.partition(f'\n### {title}\n')
    [program] = re.findall(r'^```python\n(.*?)^```$', section.partition('\n##')[0], re.M | re.S)
    return str(program)


def run(program: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, '-c', program]
    return subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=True
    )


def test_the_hook_for_sentry_reports_fatal_errors_once_and_every_message() -> None:
    listener = LISTENER.format(before='pass', hooks='Sentry()')
    lines = run(f'{WITH_SENTRY}\n{recipe("Sentry")}\n{listener}').stdout.splitlines()
    sent: list[dict[str, Any]] = [json.loads(line) for line in lines]
    [error] = [each for each in sent if 'exception' in each]
    assert error['exception']['values'][-1]['type'] == 'ValueError'
    assert error['fingerprint'] == ['Refunds', 'ValueError']
    transactions = [each for each in sent if each.get('type') == 'transaction']
    assert [each['transaction'] for each in transactions] == ['Refunds'] * 3
    traces = [each['contexts']['trace'] for each in transactions]
    assert {each['op'] for each in traces} == {'queue.process'}
    assert sorted(each['status'] for each in traces) == ['internal_error', 'ok', 'ok']
    data = [each['data'] for each in traces]
    assert {each['messaging.destination.name'] for each in data} == {'refunds'}
    assert sorted(each['messaging.message.retry.count'] for each in data) == [0, 0, 1]
    assert all(each['messaging.message.body.size'] == 5 for each in data)
    assert all(each['messaging.message.receive.latency'] >= 0 for each in data)
    assert len({each['messaging.message.id'] for each in data}) == 2
    assert error['contexts']['trace']['trace_id'] in {each['trace_id'] for each in traces}


def test_structlog_has_the_delivery_in_its_events_and_the_fields_of_the_records() -> None:
    log = "structlog.get_logger('shop').info('refunding', order=7)"
    listener = LISTENER.format(before=log, hooks='')
    lines = run(f'{recipe("structlog")}\n{listener}').stderr.splitlines()
    events: list[dict[str, Any]] = [json.loads(line) for line in lines]
    own = [each for each in events if each['event'] == 'refunding']
    assert len(own) == 3
    assert {(each['queue'], each['subscriber'], each['order']) for each in own} == {
        ('refunds', 'Refunds', 7)
    }
    [fatal] = [each for each in events if each['level'] == 'error']
    assert (fatal['queue'], fatal['status'], fatal['error']) == (
        *('refunds', 'fatal_error', 'ValueError'),
    )
    assert fatal['message_id'] in {each['message_id'] for each in own}
