"""`mega filter-policy` as a user calls it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mega.local import FailCall
from tests.cli.command import Result, mega, mega_on_terminal
from tests.cli.conftest import CommandAws

WORKER = """
from mega.aws.lambda_ import LambdaHandler
from mega.aws.sqs.subscribe import DataSubscriber, SqsListener, TextSubscriber

class Orders(DataSubscriber):
    pattern = {'kind': 'order', 'note': {'text': '${a}'}}
    def process(self, payload): ...

class Texts(TextSubscriber):
    def process(self, payload): ...

def listen_to(*subscribers):
    return SqsListener('https://sqs.eu-west-1.amazonaws.com/123456789012/orders', subscribers)

orders, texts = listen_to(Orders), listen_to(Texts)
handler, texts_handler = LambdaHandler([Orders]), LambdaHandler([Texts])
"""

POLICY = {'kind': ['order'], 'note': {'text': ['${a}']}}


@pytest.fixture
def target(tmp_path: Path) -> str:
    (tmp_path / 'policy_worker.py').write_text(WORKER)
    return f'{tmp_path}/policy_worker.py:'


class Subscription:
    """A subscription on a local AWS."""

    def __init__(self, aws: CommandAws, **attributes: str) -> None:
        self._sns, self.environment = aws.sns, aws.environment
        self.arn = aws.sns.subscribe(
            TopicArn=aws.topic(),
            Protocol='sqs',
            Endpoint=aws.arn(aws.queue()),
            Attributes=attributes,
        )['SubscriptionArn']

    @property
    def policy(self) -> tuple[Any, str | None]:
        found = self._sns.get_subscription_attributes(SubscriptionArn=self.arn)['Attributes']
        return json.loads(found.get('FilterPolicy', '{}')), found.get('FilterPolicyScope')

    def run(self, *arguments: str) -> Result:
        return mega('filter-policy', *arguments, environment=self.environment)


# The formats


def test_the_policy_is_printed_as_json(target: str) -> None:
    result = mega('filter-policy', f'{target}orders')
    assert (result.code, result.err) == (0, '')
    assert result.json() == POLICY


def test_the_formats_contain_the_scope_and_the_policy(target: str) -> None:
    def text(form: str, name: str = 'orders') -> str:
        return mega('filter-policy', f'{target}{name}', '--format', form).out

    attributes = json.loads(text('boto3'))
    assert attributes == {'FilterPolicyScope': 'MessageBody', 'FilterPolicy': json.dumps(POLICY)}
    assert json.loads(text('cloudformation')) == {
        'FilterPolicyScope': 'MessageBody',
        'FilterPolicy': POLICY,
    }
    scope, *policy = text('terraform').splitlines()
    assert scope == 'filter_policy_scope = "MessageBody"'
    assert policy[0] == 'filter_policy = jsonencode({'
    assert '"$${a}"' in text('terraform')
    assert json.loads(text('boto3', 'texts')) == {'FilterPolicy': '{}'}
    assert json.loads(text('cloudformation', 'texts')) == {}
    assert text('terraform', 'texts').startswith('# no policy')


def test_the_policy_of_a_handler_of_lambda_is_that_of_its_subscribers(target: str) -> None:
    assert mega('filter-policy', f'{target}handler').json() == POLICY


def test_the_filters_of_an_event_source_are_printed_with_a_warning(target: str) -> None:
    result = mega('filter-policy', f'{target}handler', '--format', 'event-source')
    assert json.loads(result.out) == {'Filters': [{'Pattern': json.dumps({'body': POLICY})}]}
    assert result.err.startswith('Lambda deletes messages that do not match')


def test_no_filters_of_an_event_source_need_no_warning(target: str) -> None:
    result = mega('filter-policy', f'{target}texts_handler', '--format', 'event-source')
    assert json.loads(result.out) == {}
    assert 'Lambda deletes' not in result.err


def test_the_filters_of_an_event_source_cannot_test_attributes(target: str) -> None:
    arguments = ('--attribute', 'kind=kind', '--format', 'event-source')
    result = mega('filter-policy', f'{target}handler', *arguments)
    assert result.code == 2
    assert 'Lambda filters messages of SQS by their body' in result.err


def test_json_has_the_policy_and_the_places_where_it_is_wider(target: str) -> None:
    result = mega('filter-policy', f'{target}texts', '-o', 'json')
    [place] = result.json()['widened']
    assert result.json()['policy'] is None
    assert place['reason'].startswith('Texts may match texts or blobs')
    assert result.err == f'Wider than the patterns: the payload: {place["reason"]}\n'


def test_with_attributes_sns_tests_the_attributes(target: str) -> None:
    result = mega('filter-policy', f'{target}orders', '--attribute', 'sort=kind', '-o', 'jsonl')
    [record] = result.lines()
    assert (record['scope'], record['policy']) == ('MessageAttributes', {'sort': ['order']})
    assert record['filter_attributes'] == {'sort': 'kind'}


# The check


def test_check_accepts_the_same_policy_in_another_form(aws: CommandAws, target: str) -> None:
    text = '{"note": {"text": ["${a}"]}, "kind": ["order"]}'
    subscription = Subscription(aws, FilterPolicy=text, FilterPolicyScope='MessageBody')
    result = subscription.run(f'{target}orders', '--check', subscription.arn)
    assert (result.code, result.out) == (0, '')
    assert result.err == f'{subscription.arn} has the policy of the target\n'


def test_check_shows_the_difference_on_stderr_and_ends_with_1(aws: CommandAws, target: str) -> None:
    policy = json.dumps({**POLICY, 'kind': ['refund']})
    subscription = Subscription(aws, FilterPolicy=policy, FilterPolicyScope='MessageBody')
    result = subscription.run(f'{target}orders', '--check', subscription.arn, '-o', 'json')
    assert result.code == 1
    assert '-    "refund"\n+    "order"\n' in result.err
    assert result.json() == {
        'subscription': subscription.arn,
        'is_equal': False,
        'aws': {'policy': json.loads(policy), 'scope': 'MessageBody'},
        'target': {'policy': POLICY, 'scope': 'MessageBody'},
    }


def test_a_missing_subscription_is_one_line_and_exit_code_4(aws: CommandAws, target: str) -> None:
    subscription = Subscription(aws)
    result = subscription.run(f'{target}orders', '--check', subscription.arn[:-1] + 'x')
    assert (result.code, result.out) == (4, '')
    assert result.err.startswith('Error: GetSubscriptionAttributes failed (NotFound)')


# The change


def test_apply_sets_the_policy_once(aws: CommandAws, target: str) -> None:
    subscription = Subscription(aws, FilterPolicy='{"kind": ["refund"]}')
    result = subscription.run(f'{target}orders', '--apply', subscription.arn, '--yes')
    assert (result.code, result.out) == (0, '')
    assert result.err.endswith('The policy is set. SNS applies it within 15 minutes.\n')
    assert subscription.policy == (POLICY, 'MessageBody')
    again = subscription.run(f'{target}orders', '--apply', subscription.arn, '--yes')
    assert again.err == f'{subscription.arn} already has the policy of the target\n'


def test_apply_asks_first(aws: CommandAws, target: str) -> None:
    subscription = Subscription(aws)
    arguments = ('filter-policy', f'{target}orders', '--apply', subscription.arn)
    shown = mega_on_terminal(*arguments, keys='n\n', environment=subscription.environment)
    assert shown.code == 1
    assert f'Set the policy of {subscription.arn}? [y/N]: ' in shown.out
    assert 'Error: not confirmed: nothing was changed' in shown.out
    assert subscription.policy == ({}, None)
    assert subscription.run(*arguments[1:]).code == 2  # without a terminal


def test_a_change_that_fails_halfway_is_reported(aws: CommandAws, target: str) -> None:
    subscription = Subscription(aws, FilterPolicy='{"kind": ["refund"]}')
    aws.server.script(
        None, FailCall('AuthorizationError', 403), operation='SetSubscriptionAttributes'
    )
    result = subscription.run(f'{target}orders', '--apply', subscription.arn, '--yes')
    assert result.code == 4
    assert 'The policy is not complete: FilterPolicy was set to {}\n' in result.err


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (['--check', 'x', '--apply', 'x'], 'exclude each other'),
        (['--format', 'boto3', '-o', 'json'], 'applies only to the text'),
        (['--yes'], 'applies only to --apply'),
        (['--apply', 'x', '-y', '-o', 'json'], 'prints no data'),
        (['--check', 'x'], 'is not the ARN of a subscription'),
        (['--attribute', 'kind'], 'must be NAME=PATH'),
        (['--attribute', 'a=b', '--attribute', 'a=c'], 'each name once'),
    ],
    ids=str,
)
def test_wrong_use_is_exit_code_2(target: str, arguments: list[str], words: str) -> None:
    result = mega('filter-policy', f'{target}orders', *arguments)
    assert (result.code, result.out) == (2, '')
    assert words in result.err
