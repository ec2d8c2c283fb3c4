"""The topic, the queues and the bucket in `resources/`, for CloudFormation and for Terraform.

cfn-lint checks the template. Terraform itself is not available here: its file is parsed, and must
have the settings of the template. No test applies either of them.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

RESOURCES = Path(__file__).parent.parent / 'resources'

if not RESOURCES.exists():
    pytest.skip('only a checkout has it, an installed package does not', allow_module_level=True)

hcl2: Any = pytest.importorskip('hcl2', reason='a tool of the checkout')

pytestmark = pytest.mark.no_cover  # they run no code of the package


@cache
def cloudformation() -> dict[str, Any]:
    """Return the properties of the resources, by their names."""
    from cfnlint.decode import decode  # type: ignore[import-untyped]

    template, _ = decode(str(RESOURCES / 'topic-and-queue.yaml'))
    assert template is not None
    return {name: each['Properties'] for name, each in template['Resources'].items()}


@cache
def terraform() -> Any:
    with (RESOURCES / 'topic-and-queue.tf').open(encoding='utf-8') as file:
        return hcl2.load(file)


def blocks(kind: str) -> dict[str, dict[str, Any]]:
    """Return the resources or the data of the file, by their addresses."""
    return {
        f'{type_}.{name}'.replace('"', ''): block
        for each in terraform()[kind]
        for type_, named in each.items()
        for name, block in named.items()
    }


def plain(value: Any) -> Any:
    """Return a value without the quotes of the parser."""
    return value.strip('"') if isinstance(value, str) else value


def test_cfn_lint_accepts_the_template() -> None:
    from cfnlint.api import lint_file  # type: ignore[import-untyped]

    assert lint_file(RESOURCES / 'topic-and-queue.yaml') == []


def test_the_file_refers_only_to_resources_that_it_declares() -> None:
    addresses = {*blocks('resource'), *blocks('data')}
    referred = re.findall(r'\b(aws_\w+\.\w+)\.\w+', str(terraform()))
    assert referred
    assert set(referred) <= addresses
    variables = {name.strip('"') for each in terraform()['variable'] for name in each}
    assert set(re.findall(r'var\.(\w+)', str(terraform()))) == variables


@pytest.mark.parametrize(
    ('template_name', 'address', 'settings'),
    [
        (
            'DeadLetters',
            'aws_sqs_queue.dead_letters',
            {
                'MessageRetentionPeriod': 'message_retention_seconds',
                'SqsManagedSseEnabled': 'sqs_managed_sse_enabled',
            },
        ),
        (
            'Queue',
            'aws_sqs_queue.queue',
            {
                'MessageRetentionPeriod': 'message_retention_seconds',
                'SqsManagedSseEnabled': 'sqs_managed_sse_enabled',
            },
        ),
        (
            'Subscription',
            'aws_sns_topic_subscription.queue',
            {'Protocol': 'protocol', 'RawMessageDelivery': 'raw_message_delivery'},
        ),
    ],
)
def test_terraform_has_the_settings_of_cloudformation(
    template_name: str, address: str, settings: dict[str, str]
) -> None:
    properties, block = cloudformation()[template_name], blocks('resource')[address]
    for name, argument in settings.items():
        assert plain(block[argument]) == properties[name]


def test_terraform_redrives_after_as_many_receives_as_cloudformation() -> None:
    count = cloudformation()['Queue']['RedrivePolicy']['maxReceiveCount']
    policy = blocks('resource')['aws_sqs_queue.queue']['redrive_policy']
    assert f'maxReceiveCount = {count}' in policy
    assert 'aws_sqs_queue.dead_letters.arn' in policy


def test_both_let_only_the_topic_send_to_the_queue() -> None:
    [of_template] = cloudformation()['QueuePolicy']['PolicyDocument']['Statement']
    [of_file] = blocks('data')['aws_iam_policy_document.topic_sends']['statement']
    [condition] = of_file['condition']
    assert [plain(each) for each in of_file['actions']] == [of_template['Action']]
    assert plain(of_file['principals'][0]['identifiers'][0]) == of_template['Principal']['Service']
    assert of_template['Condition'] == {'ArnEquals': {'aws:SourceArn': {'Ref': 'Topic'}}}
    assert (plain(condition['test']), plain(condition['variable']), condition['values']) == (
        *('ArnEquals', 'aws:SourceArn'),
        ['${aws_sns_topic.topic.arn}'],
    )


def test_both_buckets_are_private_and_expire_bodies_after_their_messages() -> None:
    bucket, resources = cloudformation()['Bodies'], blocks('resource')
    access = resources['aws_s3_bucket_public_access_block.bodies']
    assert all(bucket['PublicAccessBlockConfiguration'].values())
    assert [value for value in access.values() if value is not True] == [access['bucket']]

    [rule] = bucket['LifecycleConfiguration']['Rules']
    [block] = resources['aws_s3_bucket_lifecycle_configuration.bodies']['rule']
    assert block['expiration'][0]['days'] == rule['ExpirationInDays']
    [abort] = block['abort_incomplete_multipart_upload']
    days = rule['AbortIncompleteMultipartUpload']['DaysAfterInitiation']
    assert abort['days_after_initiation'] == days

    queues = (cloudformation()[name] for name in ('Queue', 'DeadLetters'))
    assert rule['ExpirationInDays'] * 86_400 > sum(q['MessageRetentionPeriod'] for q in queues)
