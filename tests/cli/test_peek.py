from __future__ import annotations

import json
import signal

import pytest

from tests.cli.command import Result, mega, mega_on_terminal, mega_process, start_mega
from tests.cli.conftest import CommandAws

COUNTS = 'SQS counts this as a receive of each message.\n'


def peek(aws: CommandAws, *arguments: str) -> Result:
    return mega('peek', *arguments, '--wait', '0', environment=aws.environment)


def test_messages_are_shown_decoded_and_given_back(aws: CommandAws) -> None:
    url = aws.queue()
    for amount in (5, 7):
        aws.sqs.send_message(QueueUrl=url, MessageBody=json.dumps({'amount': amount}))
    result = peek(aws, url, '-o', 'json')
    assert (result.code, result.err) == (0, COUNTS)
    assert [each['payload']['amount'] for each in result.json()] == [5, 7]
    assert aws.visible(url) == 2
    name = url.rpartition('/')[2]
    shown = peek(aws, name, '-n', '1').out.splitlines()
    assert shown[0].endswith('  received 2 times  13 bytes')
    assert shown[1:] == ['  {', '    "amount": 5', '  }']


ABOVE_10 = '{"amount": [{"numeric": [">", 10]}]}'


@pytest.mark.parametrize(
    'pattern',
    [
        pytest.param(ABOVE_10, id='EventBridge'),
        pytest.param(
            json.dumps({'Filters': [{'Pattern': f'{{"body": {ABOVE_10}}}'}]}), id='Lambda'
        ),
    ],
)
def test_only_matching_payloads_are_shown(aws: CommandAws, pattern: str) -> None:
    url = aws.queue()
    for body in ('{"amount": 5}', '{"amount": 50}', 'text', '{"broken'):
        aws.sqs.send_message(QueueUrl=url, MessageBody=body)
    result = peek(aws, url, '--match', pattern, '-o', 'jsonl')
    assert [each['payload'] for each in result.lines()] == [{'amount': 50}]
    assert result.err == f'{COUNTS}1 of 4 messages match.\n'


@pytest.mark.parametrize('pattern', ['{', '{"amount": 5}', '[]', '{"a":' * 100_000])
def test_an_invalid_pattern_is_a_usage_error(aws: CommandAws, pattern: str) -> None:
    result = peek(aws, 'orders', '--match', pattern)
    assert (result.code, result.out) == (2, '')
    assert "Invalid value for '--match'" in result.err


def test_an_empty_queue_is_no_failure(aws: CommandAws) -> None:
    result = peek(aws, aws.queue(), '-o', 'json')
    assert (result.code, result.json()) == (0, [])
    assert result.err == f'{COUNTS}No message is visible.\n'


def test_a_fifo_queue_is_said_to_be_blocked_meanwhile(aws: CommandAws) -> None:
    url = aws.queue(fifo=True)
    result = peek(aws, url)
    assert 'SQS delivers no other message of their groups' in result.err


def test_a_queue_whose_policy_allows_one_receive_is_refused(aws: CommandAws) -> None:
    dead = aws.queue('dead')
    policy = json.dumps({'deadLetterTargetArn': aws.arn(dead), 'maxReceiveCount': 1})
    url = aws.queue(RedrivePolicy=policy)
    aws.sqs.send_message(QueueUrl=url, MessageBody='{}')
    result = peek(aws, url)
    assert (result.code, result.out, result.err.count('\n')) == (1, '', 1)
    assert 'Pass --force to go on' in result.err
    forced = peek(aws, url, '--force')
    assert (forced.code, forced.out.count('data')) == (0, 1)


def test_a_message_without_another_receive_is_shown_and_reported(aws: CommandAws) -> None:
    dead = aws.queue('dead')
    policy = json.dumps({'deadLetterTargetArn': aws.arn(dead), 'maxReceiveCount': 2})
    url = aws.queue(RedrivePolicy=policy)
    aws.sqs.send_message(QueueUrl=url, MessageBody='{}')
    assert peek(aws, url).code == 0
    result = peek(aws, url, '-o', 'json')
    assert (result.code, len(result.json())) == (1, 1)
    assert 'was received 2 times' in result.err
    assert aws.visible(url) == 1


@pytest.mark.parametrize(
    ('queue', 'code', 'problem'),
    [
        ('no-such-queue', 4, 'no-such-queue'),
        ('https://sqs.eu-west-1.amazonaws.com/123456789012/no-such-queue', 4, 'does not exist'),
        ('not a queue', 2, "'not a queue' is not a URL, an ARN or a name of a queue"),
        ('no_such_module:listener', 3, 'no module named'),
    ],
)
def test_a_wrong_queue_is_one_line(aws: CommandAws, queue: str, code: int, problem: str) -> None:
    result = peek(aws, queue)
    assert (result.code, result.out, result.err.count('\n')) == (code, '', 1)
    assert problem in result.err


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM], ids=['Ctrl-C', 'SIGTERM'])
def test_follow_shows_each_message_once_until_a_signal_and_gives_all_back(
    aws: CommandAws, number: signal.Signals
) -> None:
    url = aws.queue()
    with start_mega('peek', url, '--follow', '-o', 'jsonl', environment=aws.environment) as process:
        for amount in (1, 2):
            aws.sqs.send_message(QueueUrl=url, MessageBody=json.dumps({'amount': amount}))
            assert json.loads(process.stdout.readline())['payload'] == {'amount': amount}
        assert aws.visible(url) == 0
        process.send_signal(number)
        out, err = process.communicate()
    assert (process.returncode, out, err) == (0, '', COUNTS)
    assert aws.visible(url) == 2


def send(aws: CommandAws, *bodies: str) -> str:
    """Send messages to a new queue, and return its URL."""
    url = aws.queue()
    for body in bodies:
        aws.sqs.send_message(QueueUrl=url, MessageBody=body)
    return url


@pytest.mark.no_cover
def test_sigterm_during_a_receive_gives_the_messages_back(aws: CommandAws) -> None:
    url = send(aws, '{"amount":1}')
    arguments = ('peek', url, '--wait', '2', '-o', 'jsonl')
    with start_mega(*arguments, environment=aws.environment) as process:
        process.stdout.readline()  # the command is in its second receive, or enters it
        assert aws.visible(url) == 0
        process.terminate()
        out, err = process.communicate()
    assert (process.returncode, out) == (143, '')
    assert err.splitlines()[-1] == 'Terminated'
    assert aws.visible(url) == 1


@pytest.mark.no_cover
def test_ctrl_c_on_a_terminal_gives_the_messages_back(aws: CommandAws) -> None:
    url = send(aws, '{"amount":1}')
    shown = mega_on_terminal(
        *('peek', url, '--wait', '2'), keys='\x03', after='amount', environment=aws.environment
    )
    assert shown.code == 130
    assert shown.out.endswith('Interrupted\n')
    assert aws.visible(url) == 1


@pytest.mark.no_cover
def test_a_terminal_has_colors_and_its_width_changes_nothing(aws: CommandAws) -> None:
    url = send(aws, '{"text":"\\u001b[2J"}')
    arguments = ('peek', url, '--wait', '0')
    shown = mega_on_terminal(*arguments, columns=20, environment=aws.environment)
    assert shown.code == 0
    assert '\x1b[32mdata\x1b[0m' in shown.out
    plain = mega_on_terminal(
        *arguments, columns=20, environment={**aws.environment, 'NO_COLOR': '1'}
    )
    piped = mega_process(*arguments, environment=aws.environment)
    for out in (plain.out, piped.out):
        assert '\x1b' not in out
        assert out.endswith('bytes\n  {\n    "text": "\\u001b[2J"\n  }\n')


@pytest.mark.no_cover
def test_a_closed_pipe_ends_it_quietly_and_the_messages_are_given_back(aws: CommandAws) -> None:
    url = send(aws, *(json.dumps({'amount': amount}) for amount in range(10)))
    arguments = ('peek', url, '--wait', '0', '-o', 'jsonl')
    with start_mega(*arguments, environment=aws.environment) as process:
        process.stdout.close()
        _, err = process.communicate()
    assert (process.returncode, err) == (141, COUNTS)
    assert aws.visible(url) == 10
