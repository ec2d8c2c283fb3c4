"""`mega doctor` as a user calls it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import Result, mega, mega_on_terminal
from tests.cli.conftest import CommandAws

WORKER = """
from mega.aws.sqs.subscribe import DataSubscriber, SqsListener

class Orders(DataSubscriber):
    def process(self, payload): ...

listener = SqsListener('{url}', [Orders])
"""


def doctor(aws: CommandAws, *arguments: str) -> Result:
    return mega('doctor', *arguments, environment=aws.environment)


def codes(result: Result) -> list[tuple[str, str]]:
    return [(each['code'], each['severity']) for each in result.json()]


def test_notes_alone_count_only_with_strict(aws: CommandAws) -> None:
    """The local AWS has neither STS nor Lambda."""
    dead = aws.arn(aws.queue('dead', MessageRetentionPeriod=1_209_600))
    policy = {'deadLetterTargetArn': dead, 'maxReceiveCount': 3}
    url = aws.queue('orders', RedrivePolicy=policy)
    result = doctor(aws, url, '-o', 'json')
    assert codes(result) == [('MEGA100', 'note'), ('MEGA100', 'note')]
    assert result.code == 0
    assert result.err == f'{url}, checked in eu-west-1, with unknown credentials: 2 notes\n'
    for note, topic, action in zip(
        result.json(),
        ('identity', 'Lambda functions'),
        ('sts:GetCallerIdentity', 'lambda:ListEventSourceMappings'),
        strict=True,
    ):
        server = f'the server at {aws.server.endpoint_url} does not have {action}'
        assert note['problem'] == f'cannot be checked for {topic}: {server}'
    assert doctor(aws, url, '-o', 'jsonl', '--strict').code == 1


def test_the_findings_about_a_target_are_those_of_its_listener(
    aws: CommandAws, tmp_path: Path
) -> None:
    url = aws.queue('plain')
    (tmp_path / 'doctor_worker.py').write_text(WORKER.format(url=url))
    result = doctor(aws, 'doctor_worker:listener', '--app-dir', str(tmp_path))
    assert result.code == 1
    assert 'warning MEGA301\n' in result.out
    assert f'    {url} has no redrive policy, and the listener has no' in result.out
    assert '    Configure one of the two.\n' in result.out


@pytest.mark.parametrize('queue', ['none', 'arn:aws:sqs:eu-west-1:123456789012:none', '{}/1/none'])
def test_a_missing_queue_is_a_finding_and_exit_code_4(aws: CommandAws, queue: str) -> None:
    result = doctor(aws, queue.format(aws.server.endpoint_url), '-o', 'json')
    assert result.code == 4
    [finding] = [each for each in result.json() if each['severity'] == 'error']
    assert finding['code'] == 'MEGA102'
    assert finding['remedy'].startswith('Create the queue, or check its URL')


def test_without_credentials_the_exit_code_is_4(aws: CommandAws) -> None:
    no_keys = {'AWS_ENDPOINT_URL': aws.server.endpoint_url, 'AWS_DEFAULT_REGION': 'eu-west-1'}
    for queue in ('orders', f'{aws.server.endpoint_url}/1/orders'):
        result = mega('doctor', queue, '-o', 'json', environment=no_keys)
        assert (result.code, codes(result)) == (4, [('MEGA101', 'error')])


def test_wrong_use_is_one_line(aws: CommandAws, tmp_path: Path) -> None:
    for subject, code in (
        ('no_such_worker:listener', 3),
        ('no.such.worker', 3),
        ('not a queue', 2),
        ('https://example.com', 2),
    ):
        result = doctor(aws, subject, '--app-dir', str(tmp_path))
        assert (result.code, result.out) == (code, '')
        assert result.err.count('\n') == 1
    result = mega('doctor', 'orders', environment={'AWS_ENDPOINT_URL': aws.server.endpoint_url})
    assert result.code == 2
    assert 'no AWS region' in result.err


def test_a_finding_fits_a_narrow_terminal_and_has_no_colors_with_no_color(aws: CommandAws) -> None:
    url = f'{aws.server.endpoint_url}/1/none'
    shown = mega_on_terminal(
        'doctor', url, columns=40, environment={**aws.environment, 'NO_COLOR': '1'}
    )
    assert shown.code == 4
    assert '\x1b' not in shown.out
    lines = shown.out.splitlines()[:-1]  # the last one is the summary
    assert {'note MEGA100', 'error MEGA102'} <= set(lines)
    assert all(len(line) <= 40 or ' ' not in line.strip() for line in lines)
