from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command import Result, mega, mega_on_terminal, mega_process
from tests.cli.conftest import CommandAws

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
    return SqsListener(QUEUE, [LargeOrders, Refunds], dead_letter_queue_url=DEAD)
"""

QUEUE = 'https://sqs.eu-west-1.amazonaws.com/123456789012/orders'


@pytest.fixture
def worker(tmp_path: Path) -> str:
    return write_worker(tmp_path, QUEUE)


def write_worker(directory: Path, queue: str, dead: str | None = None) -> str:
    (directory / 'worker.py').write_text(f'QUEUE, DEAD = {queue!r}, {dead!r}\n{WORKER}')
    return f'{directory}/worker.py:make_listener'


def explain(aws: CommandAws, *arguments: str) -> Result:
    return mega('explain', *arguments, '--wait', '0', environment=aws.environment)


def test_each_subscriber_has_a_line_with_the_first_condition_that_failed(worker: str) -> None:
    result = mega('explain', worker, '{"amount": 120}')
    assert result.out.splitlines() == [
        'LargeOrders: matches',
        'Refunds: refund is missing, wanted True',
    ]
    assert (result.code, result.err) == (0, '')


def test_without_a_match_the_exit_code_is_1(worker: str) -> None:
    assert mega('explain', worker, '{}').code == 1


def test_a_handler_of_lambda_is_explained_like_a_listener(worker: str, tmp_path: Path) -> None:
    path = tmp_path / 'function.py'
    path.write_text(
        'from mega.aws.lambda_ import LambdaHandler\n'
        'from worker import make_listener\n'
        'handler = LambdaHandler(make_listener().subscribers)\n'
    )
    payload = '{"total": 5}'
    explained = mega('explain', f'{path}:handler', payload)
    assert explained == mega('explain', worker, payload)


def test_messages_of_a_queue_need_a_listener(tmp_path: Path) -> None:
    path = tmp_path / 'function.py'
    path.write_text(
        'from mega.aws.lambda_ import LambdaHandler\n'
        'from mega.aws.sqs.subscribe import DataSubscriber\n'
        'class Order(DataSubscriber):\n    def process(self, payload): ...\n'
        'handler = LambdaHandler([Order])\n'
    )
    result = mega('explain', f'{path}:handler', '--queue', 'orders')
    assert result.code == 3
    assert 'is a LambdaHandler: this command needs an SqsListener' in result.err


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


def test_an_event_may_be_given_as_for_publish(tmp_path: Path) -> None:
    path = tmp_path / 'shop.py'
    path.write_text(
        'from mega.aws.lambda_ import LambdaHandler\n'
        'from mega.aws.sqs.subscribe import EventSubscriber\n'
        'from mega.match.functions import gt\n'
        'class ItemAdded(EventSubscriber):\n'
        "    domain, name, attributes = 'shop', 'item.added', {'quantity': gt(3)}\n"
        '    def process(self, event): ...\n'
        'handler = LambdaHandler([ItemAdded])\n'
    )
    arguments = ('explain', f'{path}:handler', '--event', 'shop/item.added', '-a')
    assert mega(*arguments, 'quantity:=5').out == 'ItemAdded: matches\n'
    expected = 'ItemAdded: event.attributes.quantity is 2, wanted gt(3)\n'
    assert mega(*arguments, 'quantity:=2').out == expected


def test_attributes_need_an_event(worker: str) -> None:
    result = mega('explain', worker, '{}', '-a', 'quantity:=5')
    assert (result.code, result.err) == (
        2,
        'Error: -a is only for --event. See mega explain --help\n',
    )


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


# ── messages of a queue ──────────────────────────────────────────────────────────────────────────

POINTER = '["software.amazon.payloadoffloading.PayloadS3Pointer",{"s3BucketName":"b","s3Key":"k"}]'


def test_each_message_of_a_queue_is_explained_and_given_back(
    aws: CommandAws, tmp_path: Path
) -> None:
    url = aws.queue()
    worker = write_worker(tmp_path, url)
    for body in ('{"amount": 120}', '{"refund": '):
        aws.sqs.send_message(QueueUrl=url, MessageBody=body)
    aws.sqs.send_message(
        QueueUrl=url,
        MessageBody=POINTER,
        MessageAttributes={'ExtendedPayloadSize': {'DataType': 'Number', 'StringValue': '5'}},
    )
    result = explain(aws, worker, '--queue', url)
    assert result.code == 0
    assert [line for line in result.out.splitlines() if line.startswith('  ')] == [
        '  LargeOrders: matches',
        '  Refunds: refund is missing, wanted True',
        '  problem: invalid JSON object: Expecting value at character 11',
        "  problem: cannot follow the S3 pointer: its body is in S3, in 'b', and the listener has "
        'no payload_store',
    ]
    assert aws.visible(url) == 3
    records = explain(aws, worker, '--queue', url, '-n', '1', '-o', 'json').json()
    assert [record['matches'] for record in records] == [True]
    assert [each['subscriber'] for each in records[0]['subscribers']] == ['LargeOrders', 'Refunds']


def test_a_message_is_explained_with_its_metadata(aws: CommandAws, tmp_path: Path) -> None:
    url = aws.queue()
    (tmp_path / 'by_tenant.py').write_text(
        'from mega.aws.sqs.subscribe import DataSubscriber, SqsListener\n'
        'class AcmeOrders(DataSubscriber):\n'
        "    message_pattern = {'attributes': {'tenant': 'acme'}}\n"
        '    def process(self, payload): ...\n'
        f'def make_listener():\n    return SqsListener({url!r}, [AcmeOrders])\n'
    )
    worker = f'{tmp_path}/by_tenant.py:make_listener'
    tenant = {'tenant': {'DataType': 'String', 'StringValue': 'acme'}}
    aws.sqs.send_message(QueueUrl=url, MessageBody='{}', MessageAttributes=tenant)
    [record] = explain(aws, worker, '--queue', url, '-o', 'json').json()
    assert record['matches'] is True
    result = mega('explain', worker, '{}', environment=aws.environment)
    assert result.out == "AcmeOrders: message.attributes.tenant is missing, wanted 'acme'\n"


def test_a_message_that_did_not_come_from_an_allowed_topic_has_a_problem(
    aws: CommandAws, tmp_path: Path
) -> None:
    url = aws.queue()
    (tmp_path / 'allowing.py').write_text(
        'from mega.aws.sqs.subscribe import DataSubscriber, SqsListener\n'
        'class Orders(DataSubscriber):\n    def process(self, payload): ...\n'
        "TOPICS = ['arn:aws:sns:eu-west-1:123456789012:orders']\n"
        f'def make_listener():\n    return SqsListener({url!r}, [Orders], allowed_topics=TOPICS)\n'
    )
    aws.sqs.send_message(QueueUrl=url, MessageBody='{}')
    result = explain(aws, f'{tmp_path}/allowing.py:make_listener', '--queue', url, '-o', 'json')
    [record] = result.json()
    assert (result.code, record['matches'], record['subscribers']) == (1, False, [])
    assert record['problem'].startswith('invalid SNS envelope: the message has none')


def test_an_empty_queue_has_no_match(aws: CommandAws, tmp_path: Path) -> None:
    url = aws.queue()
    result = explain(aws, write_worker(tmp_path, url), '--queue', url)
    assert (result.code, result.out) == (1, '')
    assert result.err.endswith('No message is visible.\n')


@pytest.mark.parametrize('is_of_listener', [True, False], ids=['listener', 'redrive policy'])
def test_a_dead_letter_is_found_by_its_id(
    aws: CommandAws, tmp_path: Path, is_of_listener: bool
) -> None:
    dead = aws.queue('dead')
    policy = json.dumps({'deadLetterTargetArn': aws.arn(dead), 'maxReceiveCount': 1})
    url = aws.queue() if is_of_listener else aws.queue(RedrivePolicy=policy)
    worker = write_worker(tmp_path, url, dead if is_of_listener else None)
    aws.sqs.send_message(QueueUrl=dead, MessageBody='{}')
    first = {'MegaMessageId': {'DataType': 'String', 'StringValue': 'first-id'}}
    sent = aws.sqs.send_message(
        QueueUrl=dead, MessageBody='{"refund": true}', MessageAttributes=first
    )
    for id in (sent['MessageId'], 'first-id'):
        result = explain(aws, worker, '--dead-letter', id)
        assert (result.code, result.out.count('Refunds: matches')) == (0, 1)
    missing = explain(aws, worker, '--dead-letter', 'x')
    assert missing.code == 1
    assert missing.err.endswith(f"Error: {dead} has no visible message 'x'\n")
    assert aws.visible(dead) == 2


def test_a_listener_without_a_dead_letter_queue_is_one_line(
    aws: CommandAws, tmp_path: Path
) -> None:
    url = aws.queue()
    result = explain(aws, write_worker(tmp_path, url), '--dead-letter', 'x')
    assert (result.code, result.err.count('\n')) == (1, 1)
    assert 'has no dead_letter_queue_url, and its queue has no redrive policy' in result.err


@pytest.mark.parametrize(
    'arguments', [(), ('{}', '--queue', 'orders'), ('{}', '-n', '1')], ids=['none', 'both', 'count']
)
def test_a_wrong_combination_is_a_usage_error(worker: str, arguments: tuple[str, ...]) -> None:
    assert mega('explain', worker, *arguments).code == 2
