"""The advice of a listener about contradicting settings, at its start."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mega.aws.sqs.subscribe import Backoff, SqsListener
from mega.aws.sqs.subscribe.engine.commands import EngineSettings
from mega.aws.sqs.subscribe.preflight.advice import Setup, advice
from mega.aws.sqs.subscribe.preflight.findings import Finding, Kind
from mega.aws.sqs.subscribe.processing.settlement import SettlementPolicy
from mega.local import Server
from tests.aws.sqs.subscribe.factories import subscriber, warnings_at_start

URL = 'https://sqs.eu-west-1.amazonaws.com/123456789012/orders'

CONSISTENT = {
    'RedrivePolicy': json.dumps({'deadLetterTargetArn': 'arn', 'maxReceiveCount': 20}),
    'VisibilityTimeout': '30',
    'MessageRetentionPeriod': '345600',
    'MaximumMessageSize': '1048576',
}


DEAD = {'has_dead_letter_queue': True}


def redrive_policy(after: object) -> dict[str, Any]:
    return {'RedrivePolicy': json.dumps({'deadLetterTargetArn': 'arn', 'maxReceiveCount': after})}


def advice_for(
    settings: dict[str, Any] | None = None,
    policy: dict[str, Any] | None = None,
    queue: dict[str, Any] | None = None,
    dead: dict[str, Any] | None = None,
    longest_delay: float = 0.0,
) -> list[Finding]:
    attributes = {**CONSISTENT, **(queue or {})}
    known = {name: value for name, value in attributes.items() if value is not None}
    made = EngineSettings(**(settings or {}))
    setup = Setup(URL, made, SettlementPolicy(**(policy or DEAD)), longest_delay, known, dead or {})
    return list(advice(setup))


BATCH = {'is_fifo': True, 'max_number_of_messages': 10}
NO_QUEUE = {'has_dead_letter_queue': False}
NO_POLICY = {'RedrivePolicy': None}


@pytest.mark.parametrize(
    'setup',
    [
        {},
        {'settings': BATCH},
        {'settings': BATCH, 'queue': redrive_policy(11)},
        {'settings': BATCH, 'queue': redrive_policy('11')},
        {'settings': {'is_fifo': True}, 'queue': redrive_policy(1)},
        {'settings': {'max_number_of_messages': 10}, 'queue': redrive_policy(1)},
        {'queue': NO_POLICY, 'policy': DEAD},
        {'policy': {**NO_QUEUE, 'unhandled': 'retry'}},
        {'settings': BATCH, 'queue': NO_POLICY, 'policy': {**DEAD, 'max_receives': 3}},
        {'queue': redrive_policy(3), 'policy': {**DEAD, 'max_receives': 3}},
        {'settings': {'visibility_timeout': 60, 'max_processing_time': 60.0}},
        {'settings': {'visibility_timeout': 10, 'max_processing_time': 30.0}},
        {'settings': {'visibility_timeout': 10}, 'queue': {'VisibilityTimeout': '0'}},
        {'dead': {'MaximumMessageSize': '1048576'}, 'policy': DEAD},
        {'longest_delay': 345_599.0},
        {'queue': dict.fromkeys(CONSISTENT), 'policy': DEAD},
        {'queue': dict.fromkeys(CONSISTENT, 'odd'), 'policy': DEAD},
    ],
    ids=str,
)
def test_matching_settings_cause_no_advice(setup: dict[str, Any]) -> None:
    assert advice_for(**setup) == []


@pytest.mark.parametrize(
    ('setup', 'problem', 'change'),
    [
        (
            {'queue': NO_POLICY, 'policy': NO_QUEUE},
            'deleted and lost',
            'Configure one of the two',
        ),
        (
            {'policy': NO_QUEUE},
            'does not apply to a message that fails permanently',
            "to the queue of the redrive policy, or set unhandled='retry'",
        ),
        (
            {'queue': redrive_policy(3), 'policy': {**DEAD, 'max_receives': 4}},
            'max_receives=4 has no effect',
            'Lower max_receives to 3 or less',
        ),
        (
            {'dead': {'MaximumMessageSize': '262144'}, 'policy': DEAD},
            'only of 262,144',
            'Raise the MaximumMessageSize of the dead-letter queue to 1,048,576',
        ),
        (
            {'settings': BATCH, 'queue': NO_POLICY, 'policy': DEAD},
            'blocks its message group',
            'Configure one of the two',
        ),
        (
            {'settings': BATCH, 'queue': redrive_policy(10)},
            'redriven without an attempt',
            'Raise maxReceiveCount above 10, or lower max_number_of_messages',
        ),
        (
            {'queue': {'VisibilityTimeout': '300'}},
            'delivered twice',
            'Set visibility_timeout=300, or set max_processing_time',
        ),
        (
            {'settings': {'max_processing_time': 60.0}, 'queue': {'VisibilityTimeout': '300'}},
            'delivered twice',
            'Set visibility_timeout=300',
        ),
        (
            {'settings': {'max_processing_time': 12.5}, 'queue': {'VisibilityTimeout': '10'}},
            'later than possible',
            'Lower visibility_timeout to 12 or less',
        ),
        (
            {'settings': {'max_processing_time': 0.5}, 'queue': {'VisibilityTimeout': '10'}},
            'later than possible',
            'Lower visibility_timeout to 1 or less',
        ),
        (
            {'queue': {'MessageRetentionPeriod': '600'}, 'longest_delay': 900.0},
            'may hide them for 900 s: they expire',
            'Raise MessageRetentionPeriod, or lower',
        ),
        (
            {'queue': {'MessageRetentionPeriod': '60'}, 'settings': {'max_processing_time': 60.0}},
            'may hide them for 60 s: they expire',
            'Raise MessageRetentionPeriod, or lower',
        ),
    ],
)  # fmt: skip
def test_contradicting_settings_cause_advice(
    setup: dict[str, Any], problem: str, change: str
) -> None:
    [finding] = advice_for(**setup)
    assert problem in finding.problem
    assert change in finding.remedy
    assert finding.remedy.endswith('.')
    assert str(finding) == f'{URL} {finding.problem}. {finding.remedy} [{finding.code}]'


def test_a_fifo_queue_without_a_dead_letter_queue_causes_two_pieces_of_advice() -> None:
    assert len(advice_for(settings=BATCH, policy=NO_QUEUE, queue=NO_POLICY)) == 2


def test_the_advice_is_logged_at_the_start(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.create_queue('dead', fifo=True)
    policy = {
        'deadLetterTargetArn': 'arn:aws:sqs:eu-west-1:123456789012:dead.fifo',
        'maxReceiveCount': 5,
    }
    queue_url = server.create_queue(
        'orders', fifo=True, RedrivePolicy=policy, VisibilityTimeout=120, MessageRetentionPeriod=600
    )
    settings: Any = server.credentials
    made = subscriber(retry_delay=Backoff(first=5, longest=900))
    with SqsListener(queue_url, [made], max_number_of_messages=10, **settings) as listener:
        listener.pause()
        register = listener._aws.client.meta.events.register  # of the last check
        register('after-call.sqs.ChangeMessageVisibilityBatch', lambda **event: listener.stop())
        listener.listen()
    texts = warnings_at_start(caplog)
    assert all(text.startswith(f'{queue_url} ') for text in texts)
    expected = ['does not apply', 'without an attempt', 'twice', 'expire']
    assert [words for words in expected for text in texts if words in text] == expected


def test_a_code_belongs_to_one_kind_of_finding() -> None:
    codes = [kind.code for kind in Kind.__members__.values()]
    assert len(set(codes)) == len(codes)
