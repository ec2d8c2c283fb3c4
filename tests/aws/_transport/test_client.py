"""The creation of clients: regions, endpoints, credentials, and contradictory options."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.exceptions import EndpointVariantError
from botocore.regions import EndpointResolver

from mega.aws._transport.client import AwsClient, create_client
from mega.aws.sns import SnsPublisher
from mega.aws.sqs import SqsPublisher
from mega.aws.sqs.subscribe import DataSubscriber, SqsListener
from mega.errors import ConfigurationError
from tests.aws.fault_server import FaultServer, sns_answer, sqs_answer
from tests.local_aws import Service

KEYS: dict[str, Any] = {
    'aws_access_key_id': 'AKIAIOSFODNN7EXAMPLE',
    'aws_secret_access_key': 'not-to-be-shown',
}
QUEUE = 'https://sqs.us-east-2.amazonaws.com/123456789012/orders'
TOPIC = 'arn:aws:sns:us-east-2:123456789012:orders'
PUBLISHERS: list[tuple[Any, str]] = [(SqsPublisher, QUEUE), (SnsPublisher, TOPIC)]
EVERY_PUBLISHER = pytest.mark.parametrize(
    ('publisher', 'destination'), PUBLISHERS, ids=['sqs', 'sns']
)


class Session:
    """Stands in for a session of boto3 and its client; records the options of the client."""

    def __init__(self) -> None:
        self.options: dict[str, Any] = {}
        self.is_closed = False

    def client(self, service: str, **options: Any) -> Session:
        self.options = {'service': service, **options}
        return self

    def close(self) -> None:
        self.is_closed = True


def region_for(service: str, destination: str | None, region_name: str | None = None) -> object:
    """Return the region that a client is created for."""
    session = Session()
    create_client(service, destination, session=session, region_name=region_name)
    assert session.options['service'] == service
    return session.options['region_name']


@pytest.mark.parametrize(
    ('url', 'region'),
    [
        ('https://sqs.us-east-2.amazonaws.com/123456789012/orders', 'us-east-2'),
        ('http://sqs.eu-west-1.amazonaws.com/123456789012/orders.fifo', 'eu-west-1'),
        ('https://us-east-2.queue.amazonaws.com/123456789012/orders', 'us-east-2'),
        ('https://cn-north-1.queue.amazonaws.com.cn/123456789012/orders', 'cn-north-1'),
        ('https://queue.amazonaws.com/123456789012/orders', 'us-east-1'),
        ('https://sqs-fips.us-west-2.amazonaws.com/123456789012/orders', 'us-west-2'),
        ('https://sqs.us-gov-west-1.amazonaws.com/123456789012/orders', 'us-gov-west-1'),
        ('https://vpce-0a1-b2c.sqs.eu-west-3.vpce.amazonaws.com/123456789012/orders', 'eu-west-3'),
        (
            'https://vpce-0a1-b2c-eu-west-3a.sqs.eu-west-3.vpce.amazonaws.com/123456789012/orders',
            'eu-west-3',
        ),
    ],
    ids=[
        'today', 'http', 'legacy', 'legacy of China', 'legacy without a region', 'FIPS', 'GovCloud',
        'VPC endpoint', 'VPC endpoint of a zone',
    ],
)  # fmt: skip
def test_the_region_of_a_queue_is_read_from_its_url(url: str, region: str) -> None:
    assert region_for('sqs', url) == region


def endpoints(partition: str) -> Iterator[tuple[str, str]]:
    """Return each region of a partition with the host names of SQS there, from botocore."""
    session = botocore.session.Session()
    resolver = EndpointResolver(session.get_data('endpoints'))
    for region in resolver.get_available_endpoints('sqs', partition):
        for variant in ('', 'use_dualstack_endpoint', 'use_fips_endpoint'):
            options: Any = {variant: True} if variant else {}
            try:
                found = resolver.construct_endpoint('sqs', region, partition, **options)
            except EndpointVariantError:
                continue
            assert found
            yield region, found['hostname']


@pytest.mark.parametrize('partition', botocore.session.Session().get_available_partitions())
def test_the_region_of_a_queue_is_read_from_the_url_of_every_partition(partition: str) -> None:
    found = {
        host: region_for('sqs', f'https://{host}/123456789012/orders')
        for _, host in endpoints(partition)
    }
    assert found == {host: region for region, host in endpoints(partition)}


@pytest.mark.parametrize(
    ('arn', 'region'),
    [
        ('arn:aws:sns:us-east-2:123456789012:orders', 'us-east-2'),
        ('arn:aws:sns:ap-southeast-4:123456789012:orders.fifo', 'ap-southeast-4'),
        ('arn:aws-cn:sns:cn-northwest-1:123456789012:orders', 'cn-northwest-1'),
        ('arn:aws-us-gov:sns:us-gov-east-1:123456789012:orders', 'us-gov-east-1'),
        ('arn:aws-iso-b:sns:us-isob-east-1:123456789012:orders', 'us-isob-east-1'),
        ('arn:aws-eusc:sns:eusc-de-east-1:123456789012:orders', 'eusc-de-east-1'),
    ],
    ids=['aws', 'FIFO', 'China', 'GovCloud', 'isolated', 'European sovereign'],
)
def test_the_region_of_a_topic_is_read_from_its_arn(arn: str, region: str) -> None:
    assert region_for('sns', arn) == region


@pytest.mark.parametrize(
    'destination',
    [
        'http://localhost:4566/000000000000/orders',
        'http://127.0.0.1:9324/queue/orders',
        'https://proxy.example.com/sqs.us-east-2.amazonaws.com/orders',
        'https://mysqs.us-east-2.example.com/orders',
        'orders',
        '',
        None,
    ],
)
def test_a_destination_outside_of_aws_does_not_change_the_region(
    destination: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    assert region_for('sqs', destination) is None
    assert region_for('sqs', destination, 'eu-north-1') == 'eu-north-1'
    assert not caplog.records


@pytest.mark.parametrize(
    ('service', 'destination', 'wanted'),
    [
        ('sqs', 'https://sqs.il-central-1.amazonaws.com/123456789012/orders', 'me-south-1'),
        ('sns', 'arn:aws:sns:il-central-1:123456789012:orders', 'me-central-1'),
    ],
    ids=['sqs', 'sns'],
)
def test_the_region_of_the_destination_is_used_and_a_warning_is_logged_once(
    service: str, destination: str, wanted: str, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        assert region_for(service, destination, wanted) == 'il-central-1'
    [record] = caplog.records
    assert record.levelname == 'WARNING'
    assert record.name.partition('.')[0] == 'mega'
    assert wanted in record.getMessage()
    assert 'il-central-1' in record.getMessage()


def test_an_equal_region_is_not_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    assert region_for('sqs', QUEUE, 'us-east-2') == 'us-east-2'
    assert not caplog.records


@EVERY_PUBLISHER
def test_calls_are_signed_for_the_region_of_the_destination(
    publisher: Any, destination: str, faults: FaultServer
) -> None:
    service, answer = ('sqs', sqs_answer) if publisher is SqsPublisher else ('sns', sns_answer)
    faults.will(answer(MessageId='m'))
    with publisher(destination, **{**faults.credentials, 'region_name': 'us-west-1'}) as ours:
        ours.publish('hej')
    [request] = faults.requests
    assert f'/us-east-2/{service}/aws4_request' in request.headers['authorization']


CONTRADICTIONS: dict[str, dict[str, Any]] = {
    'client and session': {'client': Session(), 'session': Session()},
    'client and region': {'client': Session(), 'region_name': 'us-east-2'},
    'client and endpoint': {'client': Session(), 'endpoint_url': 'http://127.0.0.1:1'},
    'client and key': {'client': Session(), **KEYS},
    'client and token': {'client': Session(), 'aws_session_token': 'not-to-be-shown'},
    'session and key': {'session': Session(), **KEYS},
    'session and token': {'session': Session(), 'aws_session_token': 'not-to-be-shown'},
}


@pytest.mark.parametrize('options', CONTRADICTIONS.values(), ids=CONTRADICTIONS.keys())
@EVERY_PUBLISHER
def test_contradictory_options_are_refused(
    publisher: Any, destination: str, options: dict[str, Any]
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        publisher(destination, **options)
    assert 'not-to-be-shown' not in str(caught.value)


@pytest.mark.parametrize('options', CONTRADICTIONS.values(), ids=CONTRADICTIONS.keys())
def test_a_listener_refuses_contradictory_options(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        SqsListener(QUEUE, **options)


def test_a_session_may_be_combined_with_a_region_and_an_endpoint() -> None:
    session = Session()
    create_client(
        'sqs', None, session=session, region_name='eu-west-1', endpoint_url='http://[::1]:1'
    )
    assert session.options['region_name'] == 'eu-west-1'
    assert session.options['endpoint_url'] == 'http://[::1]:1'


@EVERY_PUBLISHER
def test_closing_closes_a_client_that_was_created(publisher: Any, destination: str) -> None:
    session = Session()
    with publisher(destination, session=session):
        assert not session.is_closed
    assert session.is_closed


@EVERY_PUBLISHER
def test_closing_leaves_a_passed_client_open(publisher: Any, destination: str) -> None:
    client = Session()
    with publisher(destination, client=client):
        pass
    publisher(destination, client=client).close()
    assert not client.is_closed


def test_a_session_needs_only_the_method_client() -> None:
    class Session:
        region_name = 'eu-west-1'

        def client(self, *arguments: Any, **options: Any) -> Any:
            session: Any = boto3.Session('a', 'b')
            return session.client(*arguments, **options)

    SqsListener('https://sqs.eu-west-1.amazonaws.com/1/orders', session=Session()).close()


def test_closing_twice_has_no_further_effect() -> None:
    publisher = SqsPublisher(QUEUE, **KEYS)
    publisher.close()
    publisher.close()


@pytest.mark.parametrize('service', ['sqs', 'sns'])
def test_fault_83_without_a_region_the_constructor_says_what_to_do(service: Service) -> None:
    with pytest.raises(ConfigurationError, match=r'region_name=.*AWS_DEFAULT_REGION'):
        create_client(service, None)
    with pytest.raises(ConfigurationError, match='region'):
        create_client(service, 'http://127.0.0.1:4566/000000000000/orders', session=boto3.Session())


def test_a_region_is_resolved_as_boto3_resolves_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    profile = tmp_path / 'config'
    profile.write_text('[profile elsewhere]\nregion = eu-south-2\n')
    monkeypatch.setenv('AWS_CONFIG_FILE', str(profile))
    monkeypatch.setenv('AWS_PROFILE', 'elsewhere')
    assert region_of(create_client('sqs', None)) == 'eu-south-2'
    assert region_of(create_client('sqs', QUEUE)) == 'us-east-2'
    monkeypatch.setenv('AWS_DEFAULT_REGION', 'eu-north-1')
    assert region_of(create_client('sqs', None)) == 'eu-north-1'
    assert region_of(create_client('sqs', None, region_name='eu-west-2')) == 'eu-west-2'


def region_of(aws: AwsClient) -> object:
    aws.close()
    return aws.client.meta.region_name


def test_the_endpoint_of_the_environment_is_used(
    monkeypatch: pytest.MonkeyPatch, faults: FaultServer
) -> None:
    monkeypatch.setenv('AWS_ENDPOINT_URL', faults.url)
    faults.will(sqs_answer(MessageId='m-1'))
    with SqsPublisher(QUEUE, **KEYS) as publisher:
        assert publisher.publish('hej') == 'm-1'
    assert len(faults.requests) == 1


@pytest.mark.parametrize('endpoint_url', ['nonsense', 'localhost:4566', 'http://', 'http://[bad'])
@EVERY_PUBLISHER
def test_an_invalid_endpoint_is_an_error_of_the_constructor(
    publisher: Any, destination: str, endpoint_url: str
) -> None:
    with pytest.raises(ConfigurationError):
        publisher(destination, endpoint_url=endpoint_url, **KEYS)


def test_an_invalid_endpoint_is_an_error_of_the_constructor_of_a_listener() -> None:
    class Everything(DataSubscriber):
        def process(self, payload: Any) -> None: ...

    with pytest.raises(ConfigurationError):
        SqsListener(QUEUE, [Everything], endpoint_url='localhost:4566', **KEYS)


def test_an_invalid_region_is_refused() -> None:
    with pytest.raises(ConfigurationError, match='no such place'):
        create_client('sqs', None, region_name='no such place')


def test_a_missing_profile_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('AWS_PROFILE', 'nobody')
    with pytest.raises(ConfigurationError, match='nobody'):
        create_client('sqs', QUEUE)


@pytest.mark.parametrize('half', KEYS)
def test_an_access_key_without_its_secret_is_refused(half: str) -> None:
    """boto3 would sign with the text 'None' instead of searching for other credentials."""
    with pytest.raises(ConfigurationError) as caught:
        create_client('sqs', QUEUE, **{half: KEYS[half]}).close()
    assert 'not-to-be-shown' not in str(caught.value)


# Clients of other services

LOCAL = 'http://127.0.0.1:4566'


@pytest.mark.parametrize(
    ('endpoint_url', 'of_the_other'),
    [(None, None), (LOCAL, LOCAL), ('https://sqs.us-east-2.amazonaws.com', None)],
    ids=['no endpoint', 'a local AWS', 'an endpoint of SQS alone'],
)
def test_another_service_has_the_same_access(
    endpoint_url: str | None, of_the_other: str | None
) -> None:
    aws = create_client('sqs', QUEUE, endpoint_url=endpoint_url, **KEYS)
    other = aws.other_service('sns')
    assert other.region == 'us-east-2'
    assert other.endpoint_url == (of_the_other or 'https://sns.us-east-2.amazonaws.com')
    assert other.client.meta.config.retries['total_max_attempts'] == 1
    assert other.transport == 'direct'  # with credentials
    aws.close()
    other.close()


def test_another_service_than_that_of_the_users_client_is_at_the_same_local_aws() -> None:
    client = boto3.client('sqs', region_name='eu-west-1', endpoint_url=LOCAL, **KEYS)
    other = create_client('sqs', None, client=client).other_service('sns')
    assert (other.region, other.endpoint_url) == ('eu-west-1', LOCAL)
    client.close()
    other.close()
