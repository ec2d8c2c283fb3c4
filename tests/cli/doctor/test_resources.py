"""The checks of KMS keys, of the bucket of bodies, of Lambda functions, and of this Python."""

from __future__ import annotations

from typing import Any

import pytest

from mega.aws.s3 import S3PayloadStore
from mega.aws.sqs.subscribe import SqsListener
from mega.aws.sqs.subscribe.preflight.findings import Finding, Kind
from mega.cli.doctor import installation
from mega.cli.doctor.setup import Setup
from mega.testing import Bus
from tests.cli.doctor.examined import DENIED, examined, kinds, listener_on, only, setup_on

# Keys

KEY = 'arn:aws:kms:eu-west-1:123456789012:key/1'


@pytest.mark.parametrize('place', ['orders', 'dead'])
def test_a_key_that_is_not_enabled_is_an_error(
    bus: Bus, orders: str, dead: str, place: str
) -> None:
    url = {'orders': orders, 'dead': dead}[place]
    bus.sqs.set_queue_attributes(QueueUrl=url, Attributes={'KmsMasterKeyId': KEY})
    answer = {'KeyMetadata': {'KeyId': '1', 'KeyState': 'PendingDeletion'}}
    finding = only(examined(bus, orders, DescribeKey=answer), Kind.KEY_STATE)
    assert finding.subject == url
    assert 'whose state is PendingDeletion' in finding.problem
    assert examined(bus, orders) == []


def test_a_key_that_may_not_be_described_is_a_note(bus: Bus, orders: str) -> None:
    bus.sqs.set_queue_attributes(QueueUrl=orders, Attributes={'KmsMasterKeyId': KEY})
    assert only(examined(bus, orders, DescribeKey=DENIED), Kind.UNCHECKED).remedy == (
        'Allow kms:DescribeKey'
    )


# Bodies

ABORT = {'AbortIncompleteMultipartUpload': {'DaysAfterInitiation': 1}}


def examined_store(bus: Bus, orders: str, **settings: Any) -> list[Finding]:
    store = S3PayloadStore('bodies', client=bus.s3, **settings)
    return examined(bus, orders, listener_on(bus, orders, payload_store=store))


def set_rules(bus: Bus, *rules: dict[str, Any]) -> None:
    bus.bucket('bodies')
    bus.s3.put_bucket_lifecycle_configuration(
        Bucket='bodies',
        LifecycleConfiguration={
            'Rules': [
                {'ID': str(number), 'Status': 'Enabled', 'Filter': {'Prefix': ''}, **rule}
                for number, rule in enumerate(rules)
            ]
        },
    )


def test_a_bucket_that_does_not_exist_is_an_error(bus: Bus, orders: str) -> None:
    assert only(examined_store(bus, orders), Kind.NO_BUCKET).subject == 'bodies'


def test_the_bucket_that_a_store_creates_has_no_findings(bus: Bus, orders: str) -> None:
    S3PayloadStore('bodies', client=bus.s3).create_bucket()
    assert examined_store(bus, orders) == []


def test_a_bucket_without_a_rule_is_a_note(bus: Bus, orders: str) -> None:
    set_rules(bus, ABORT)
    assert 'after 18 days or more' in only(examined_store(bus, orders), Kind.BODIES_REMAIN).remedy


def test_a_bucket_without_any_rule_has_a_note_for_bodies_and_one_for_uploads(
    bus: Bus, orders: str
) -> None:
    bus.bucket('bodies')
    findings = examined_store(bus, orders)
    assert kinds(findings) == [Kind.BODIES_REMAIN, Kind.UPLOADS_REMAIN]


@pytest.mark.parametrize(
    'rules',
    [
        [],
        [{**ABORT, 'Status': 'Disabled'}],
        [{**ABORT, 'Filter': {'Prefix': 'logs/'}}],
        [{**ABORT, 'Filter': {'Prefix': 'bodies/large/'}}],
    ],
    ids=['no rule', 'disabled', 'other prefix', 'part of the objects'],
)
def test_incomplete_uploads_that_no_rule_deletes_are_a_note(
    bus: Bus, orders: str, rules: list[dict[str, Any]]
) -> None:
    set_rules(bus, {'Expiration': {'Days': 30}}, *rules)
    finding = only(examined_store(bus, orders, key_prefix='bodies/'), Kind.UPLOADS_REMAIN)
    assert finding.subject == 'bodies'
    assert 'DaysAfterInitiation=1' in finding.remedy


def test_a_rule_for_a_part_of_the_bodies_may_expire_them_too_early_and_leaves_the_others(
    bus: Bus, orders: str
) -> None:
    set_rules(bus, {'Expiration': {'Days': 17}, 'Filter': {'Prefix': 'bodies/large/'}}, ABORT)
    findings = examined_store(bus, orders, key_prefix='bodies/')
    assert kinds(findings) == [Kind.BODIES_REMAIN, Kind.BODIES_EXPIRE]


def test_bodies_that_expire_before_their_messages_are_found(bus: Bus, orders: str) -> None:
    set_rules(bus, {'Expiration': {'Days': 17}, **ABORT})
    finding = only(examined_store(bus, orders), Kind.BODIES_EXPIRE)
    assert 'expires bodies after 17 days, and their messages live for up to 18' in finding.problem


@pytest.mark.parametrize(
    'rule',
    [
        {'Status': 'Disabled', 'Expiration': {'Days': 1}},
        {'Filter': {'Prefix': 'logs/'}, 'Expiration': {'Days': 1}},
        {'Filter': {'Tag': {'Key': 'a', 'Value': 'b'}}, 'Expiration': {'Days': 1}},
    ],
    ids=['disabled', 'other prefix', 'tag'],
)
def test_a_rule_that_does_not_apply_to_the_bodies_does_not_count(
    bus: Bus, orders: str, rule: dict[str, Any]
) -> None:
    set_rules(bus, {'Expiration': {'Days': 30}, **ABORT}, rule)
    assert examined_store(bus, orders, key_prefix='bodies/') == []


def test_rules_that_may_not_be_read_are_a_note(bus: Bus, orders: str) -> None:
    bus.bucket('bodies')
    bus.fail('GetBucketLifecycleConfiguration', 'AccessDenied')
    finding = only(examined_store(bus, orders), Kind.UNCHECKED)
    assert finding.remedy == 'Allow s3:GetLifecycleConfiguration'


# Functions

FUNCTION = 'arn:aws:lambda:eu-west-1:123456789012:function:ship'
MAPPING = {
    'UUID': '1',
    'FunctionArn': FUNCTION,
    'State': 'Enabled',
    'FunctionResponseTypes': ['ReportBatchItemFailures'],
}


def examined_function(
    bus: Bus, orders: str, *, listener: SqsListener | None = None, timeout: int = 5, **mapping: Any
) -> list[Finding]:
    listed = {'EventSourceMappings': [{**MAPPING, **mapping}]}
    function = {'Timeout': timeout}
    return examined(
        bus, orders, listener, ListEventSourceMappings=listed, GetFunctionConfiguration=function
    )


def test_a_function_with_the_recommended_settings_has_no_findings(bus: Bus, orders: str) -> None:
    assert examined_function(bus, orders) == []


def test_a_function_that_reports_no_partial_failures_is_found(bus: Bus, orders: str) -> None:
    found = examined_function(bus, orders, FunctionResponseTypes=[])
    assert only(found, Kind.WHOLE_BATCHES).subject == FUNCTION


def test_a_visibility_timeout_below_six_timeouts_is_found(bus: Bus, orders: str) -> None:
    finding = only(examined_function(bus, orders, timeout=6), Kind.FUNCTION_TIMEOUT)
    assert finding.remedy.startswith('Raise the VisibilityTimeout of the queue to 36 ')


def test_a_function_beside_a_listener_is_found(bus: Bus, orders: str) -> None:
    found = examined_function(bus, orders, listener=listener_on(bus, orders))
    assert kinds(found) == [Kind.COMPETITION]


def test_a_disabled_mapping_does_not_count(bus: Bus, orders: str) -> None:
    assert examined_function(bus, orders, State='Disabled', FunctionResponseTypes=[]) == []


def test_mappings_that_may_not_be_listed_are_a_note(bus: Bus, orders: str) -> None:
    found = examined(bus, orders, ListEventSourceMappings=DENIED)
    assert only(found, Kind.UNCHECKED).remedy == 'Allow lambda:ListEventSourceMappings'


# This Python


def test_the_package_bson_of_pypi_is_found(
    bus: Bus, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = setup_on(bus, 'https://sqs/1/orders')
    assert list(installation.check_packages(setup)) == []
    (tmp_path / 'bson-0.5.10.dist-info').mkdir()
    text = 'Metadata-Version: 2.1\nName: bson\nVersion: 0.5.10\n'
    (tmp_path / 'bson-0.5.10.dist-info' / 'METADATA').write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    finding = only(list(installation.check_packages(setup)), Kind.OTHER_BSON)
    assert finding.subject == 'bson 0.5.10'


def test_the_reason_for_calls_through_botocore_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    settings: Any = {'aws_access_key_id': 'a', 'aws_secret_access_key': 'b'}
    for setting, expected in (('direct', []), ('botocore', [Kind.SLOW_TRANSPORT])):
        monkeypatch.setenv('MEGA_TRANSPORT', setting)
        url = 'https://sqs.eu-west-1.amazonaws.com/123456789012/orders'
        with SqsListener(url, **settings) as listener:
            for subject in (listener, None):
                setup = Setup(listener._aws, url, subject)
                found = list(installation.check_transport(setup))
                setup.close()
                assert kinds(found) == expected
    assert found[0].problem.endswith('slower: MEGA_TRANSPORT=botocore')
