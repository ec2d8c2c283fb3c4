"""The checks of identity, region, clock, queue and permissions."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from botocore.exceptions import ClientError

from mega.aws._transport.in_process import RefusedCallError
from mega.aws.sqs.subscribe.preflight.findings import Kind, Severity
from mega.cli.doctor.access import check_clock, headers_of
from mega.cli.doctor.examination import examine
from mega.errors import TransportError
from mega.testing import Bus
from tests.cli.doctor.examined import DENIED, IDENTITY, examined, kinds, only, setup_on


def test_a_queue_without_a_problem_has_no_findings(bus: Bus, orders: str) -> None:
    setup = setup_on(bus, orders)
    assert list(examine(setup)) == []
    assert setup.identity == IDENTITY


@pytest.mark.parametrize('code', ['ExpiredToken', 'InvalidClientTokenId'])
def test_invalid_credentials_end_the_examination(bus: Bus, orders: str, code: str) -> None:
    refused = RefusedCallError(code, 'The security token is invalid', 403)
    finding = only(examined(bus, orders, GetCallerIdentity=refused), Kind.CREDENTIALS)
    assert finding.problem == f'cannot be called: GetCallerIdentity failed ({code})'
    assert finding.remedy.startswith('Check the credentials that boto3 finds, and the clock')


def test_a_missing_queue_ends_the_examination(bus: Bus, orders: str) -> None:
    finding = only(examined(bus, orders + '-gone'), Kind.NO_QUEUE)
    assert finding.subject == orders + '-gone'
    assert finding.remedy.startswith('Create the queue, or check its URL')


def test_an_identity_that_cannot_be_found_is_a_note(bus: Bus, orders: str) -> None:
    finding = only(examined(bus, orders, GetCallerIdentity=DENIED), Kind.UNCHECKED)
    assert finding.severity is Severity.NOTE
    assert 'cannot be checked for identity' in finding.problem
    assert finding.remedy == 'Allow sts:GetCallerIdentity'


def test_a_service_that_does_not_answer_is_a_note(bus: Bus, orders: str) -> None:
    finding = only(examined(bus, orders, GetCallerIdentity=TimeoutError()), Kind.UNCHECKED)
    assert finding.remedy == 'Check again, the failure may be temporary.'


def test_attributes_that_may_not_be_read_are_a_note(bus: Bus, orders: str) -> None:
    bus.fail('GetQueueAttributes', 'AccessDenied')
    finding = only(examined(bus, orders), Kind.UNCHECKED)
    assert finding.remedy == f'Allow sqs:GetQueueAttributes on the queue {orders}'


def test_each_missing_permission_is_an_error(bus: Bus, orders: str) -> None:
    for operation in ('DeleteMessage', 'ChangeMessageVisibility'):
        bus.fail(operation, 'AccessDenied')
    found = examined(bus, orders)
    assert kinds(found) == [Kind.PERMISSION, Kind.PERMISSION]
    assert [each.remedy for each in found] == [
        f'Allow sqs:DeleteMessage on the queue {orders}',
        f'Allow sqs:ChangeMessageVisibility on the queue {orders}',
    ]


def test_a_key_that_refuses_is_an_error(bus: Bus, orders: str) -> None:
    bus.fail('DeleteMessage', 'KmsAccessDenied')
    finding = only(examined(bus, orders), Kind.PERMISSION)
    assert finding.remedy == f'Allow kms:Decrypt on the KMS key of the queue {orders}'


def test_a_permission_that_cannot_be_tested_is_a_note(bus: Bus, orders: str) -> None:
    bus.fail('DeleteMessage', 'InternalError')
    assert only(examined(bus, orders), Kind.UNCHECKED).severity is Severity.NOTE


def test_the_checks_change_and_receive_no_message(bus: Bus, orders: str) -> None:
    bus.sqs.send_message(QueueUrl=orders, MessageBody='{}')
    examined(bus, orders)
    [message] = bus.sqs.receive_message(
        QueueUrl=orders, MessageSystemAttributeNames=['ApproximateReceiveCount']
    )['Messages']
    assert message['Attributes'] == {'ApproximateReceiveCount': '1'}


def date(bus: Bus, **ahead: int) -> dict[str, str]:
    theirs = datetime.fromtimestamp(bus.time, timezone.utc) - timedelta(**ahead)
    return {'date': format_datetime(theirs, usegmt=True)}


@pytest.mark.parametrize(
    ('ahead', 'words'), [(400, 'is 400 s ahead'), (-400, 'is 400 s behind')], ids=str
)
def test_a_clock_that_differs_from_that_of_aws_is_found(bus: Bus, ahead: int, words: str) -> None:
    bus.advance(1 - bus.time % 1)
    found = list(check_clock(setup_on(bus, 'https://sqs/1/orders'), date(bus, seconds=ahead)))
    assert words in only(found, Kind.CLOCK).problem


@pytest.mark.parametrize('headers', [{}, {'date': ''}, {'date': 'yesterday'}])
def test_a_response_without_a_time_tests_no_clock(bus: Bus, headers: dict[str, str]) -> None:
    assert list(check_clock(setup_on(bus, 'https://sqs/1/orders'), headers)) == []


def test_the_clock_is_compared_with_the_time_of_a_refusal() -> None:
    """A wrong clock makes every signature invalid."""
    metadata = {'HTTPHeaders': {'Date': 'then'}}
    refused = {'Error': {'Code': 'InvalidSignatureException'}, 'ResponseMetadata': metadata}
    error = TransportError('GetQueueAttributes', 'InvalidSignatureException', '', False)
    assert headers_of(error) == {}
    error.__cause__ = ClientError(refused, 'GetQueueAttributes')  # type: ignore[arg-type]
    assert headers_of(error) == {'date': 'then'}


def test_another_default_region_is_a_note(
    bus: Bus, orders: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('AWS_DEFAULT_REGION', 'eu-west-1')
    assert examined(bus, orders) == []
    monkeypatch.setenv('AWS_DEFAULT_REGION', 'us-east-2')
    assert 'is in eu-west-1, and AWS_DEFAULT_REGION is us-east-2' in (
        only(examined(bus, orders), Kind.REGION).problem
    )
