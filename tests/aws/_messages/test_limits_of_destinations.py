"""The limits of a destination: message size, batch size, SNS's envelope, and region."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest

from mega.aws._messages.limits import check_size_in_envelope, size_of
from mega.aws._publishing import destination_limits
from mega.aws._publishing.destination_limits import LIMIT_LOOKUP_ATTEMPTS
from mega.aws.sns import SnsPublisher
from mega.aws.sqs import SqsPublisher
from mega.errors import ConfigurationError, PayloadTooLargeError
from mega.local import Fault, Server
from tests.aws._messages.limit_rows import (
    KB,
    LARGE,
    MB,
    OLD,
    SERVICES,
    SMALL,
    binary,
    bytes_of,
    of_size,
    string,
)
from tests.local_aws import Service

ACCOUNT = '123456789012'
EACH_SERVICE = pytest.mark.parametrize('service', SERVICES)


def publisher(clients: dict[Service, Any], service: Service, destination: str) -> Any:
    kind = SqsPublisher if service == 'sqs' else SnsPublisher
    return kind(destination, client=clients[service])


@EACH_SERVICE
@pytest.mark.parametrize('fault', [Fault.ERROR, Fault.GARBAGE_BEFORE])
def test_a_destination_that_does_not_report_its_limit_accepts_256_kib(
    service: Service, fault: Fault, server: Server, clients: dict[Service, Any]
) -> None:
    """Without the permission to ask, the publisher refuses messages that a large queue accepts."""
    operation = 'GetQueueAttributes' if service == 'sqs' else 'GetTopicAttributes'
    server.script(*[fault] * 2 * LIMIT_LOOKUP_ATTEMPTS, operation=operation)
    ours = publisher(clients, service, LARGE(server, service))
    assert ours.publish_raw_message('a' * OLD)
    with pytest.raises(PayloadTooLargeError) as caught:
        ours.publish_raw_message('a' * (OLD + 1))
    assert (caught.value.size, caught.value.limit) == (OLD + 1, OLD)


@EACH_SERVICE
def test_the_request_for_the_limit_is_retried(
    service: Service,
    server: Server,
    clients: dict[Service, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Throttling at the start must not make a publisher refuse large messages forever."""
    monkeypatch.setattr(destination_limits, 'LIMIT_LOOKUP_ATTEMPTS', LIMIT_LOOKUP_ATTEMPTS)
    operation = 'GetQueueAttributes' if service == 'sqs' else 'GetTopicAttributes'
    server.script(Fault.THROTTLED, operation=operation)
    ours = publisher(clients, service, LARGE(server, service))
    assert ours.publish_raw_message('a' * OLD)
    assert ours.publish_raw_message('a' * (OLD + 1))


@EACH_SERVICE
def test_the_limit_is_requested_once_and_not_for_small_messages(
    service: Service, server: Server, clients: dict[Service, Any]
) -> None:
    operation = 'GetQueueAttributes' if service == 'sqs' else 'GetTopicAttributes'
    ours = publisher(clients, service, LARGE(server, service))
    ours.publish_raw_message('a' * KB)
    assert operation not in server.counts().calls
    for size in (KB + 1, KB + 2, OLD):
        ours.publish_raw_message('a' * size)
    assert server.counts().calls[operation] == 1


@EACH_SERVICE
def test_fault_118_each_destination_has_its_own_limit(
    service: Service, server: Server, clients: dict[Service, Any]
) -> None:
    name = 'queue_url' if service == 'sqs' else 'topic_arn'
    ours = publisher(clients, service, SMALL(server, service))
    other = {name: of_size(2 * KB)(server, service)}
    assert ours.publish_raw_message('a' * 2 * KB, **other)
    for size, options in ((KB + 1, {}), (2 * KB + 1, other)):
        with pytest.raises(PayloadTooLargeError):
            ours.publish_raw_message('a' * size, **options)


@EACH_SERVICE
@pytest.mark.parametrize('limit', [2 * KB, OLD, MB])
def test_fault_74_no_batch_is_larger_than_aws_accepts(
    service: Service, limit: int, server: Server, clients: dict[Service, Any]
) -> None:
    """The sum: 1 MiB for a queue, the topic's own limit for a topic. The server would refuse it."""
    ours = publisher(clients, service, of_size(limit)(server, service))
    third = limit // 3
    bodies = [bytes_of(size, 'é') for size in (third, third, third, third + 9, limit // 2, 1, 1)]
    results = ours.publish_batch(bodies)
    assert all(result.message_id for result in results)
    assert sorted(len(each.body) for each in server.accepted()) == sorted(map(len, bodies))


# SNS's envelope: a queue without raw message delivery gets the message in it, and accepts 1 MiB.


def enveloped(body: str, attributes: dict[str, Any]) -> int:
    """The size of a message to a topic in a queue, with every field at its longest."""
    shown = {
        name: {
            'Type': each['DataType'],
            'Value': each.get('StringValue') or b64encode(each['BinaryValue']).decode(),
        }
        for name, each in attributes.items()
    }
    envelope = {
        'Type': 'Notification',
        'MessageId': 'dc1e94d9-56c5-5e96-808d-cc7f68faa162',
        'SequenceNumber': '10000000000000000000',
        'TopicArn': f'arn:aws:sns:ap-southeast-1:{ACCOUNT}:{"t" * 256}',
        'Subject': 's' * 99,
        'Message': body,
        'Timestamp': '2021-02-16T21:41:19.978Z',
        'SignatureVersion': '1',
        'Signature': 'F' * 344,
        'SigningCertURL': 'https://sns.ap-southeast-1.amazonaws.com/SimpleNotificationService-'
        '010a507c1833636cd94bdb98bd93083a.pem',
        'UnsubscribeURL': 'https://sns.ap-southeast-1.amazonaws.com/?Action=Unsubscribe&'
        f'SubscriptionArn=arn:aws:sns:ap-southeast-1:{ACCOUNT}:{"t" * 256}:'
        'dc1e94d9-56c5-5e96-808d-cc7f68faa162',
        'MessageAttributes': shown,
    }
    return len(json.dumps(envelope, ensure_ascii=False, indent=2).encode())


def texts(count: int, size: int) -> dict[str, Any]:
    return {f'{number}'.rjust(256, 'n'): string(bytes_of(size)) for number in range(count)}


WRAPPED: dict[str, tuple[str, dict[str, Any]]] = {
    'plain': ('a', {}),
    'JSON': ('{"key":"value"},', {}),
    'quotes': ('"', {}),
    'line breaks': ('\n', {}),
    'wide': ('漢', {}),
    'beside ten long attributes': ('a', texts(10, 1_000)),
    'beside quotes in an attribute': ('a', {'a': string('"' * 300_000)}),
    'beside bytes in an attribute': ('a', {'a': binary(b'\xff' * 500_000)}),
}


@pytest.mark.parametrize(('unit', 'attributes'), WRAPPED.values(), ids=WRAPPED.keys())
@pytest.mark.parametrize('size', [OLD, OLD + 2_000, 400_000, 520_000, 700_000, 900_000, MB])
def test_a_message_to_a_topic_fits_into_a_queue_with_its_envelope(
    unit: str, attributes: dict[str, Any], size: int
) -> None:
    """SNS accepts 1 MiB, and loses a message that no queue accepts, without an error.

    The publisher accepts a little less than AWS: about 4 KiB at most.
    """
    room = size - size_of('', attributes)
    body = unit * (room // len(unit.encode()))
    try:
        check_size_in_envelope(body, attributes, size_of(body, attributes))
    except PayloadTooLargeError:
        assert enveloped(body, attributes) > MB - 4 * KB
    else:
        assert enveloped(body, attributes) <= MB


@pytest.mark.no_cover
@pytest.mark.parametrize('extra', [0, 1], ids=['at', 'above'])
def test_a_topic_of_1_mib_leaves_room_for_the_envelope(
    extra: int, server: Server, clients: dict[Service, Any]
) -> None:
    """A body is counted as JSON writes it, in quotes, with 2,048 bytes for all other fields."""
    destination = LARGE(server, 'sns')
    body = 'é' * ((MB - 2_048 - 2) // 2) + 'a' * extra
    assert clients['sns'].publish(TopicArn=destination, Message=body)
    ours = publisher(clients, 'sns', destination)
    if not extra:
        assert ours.publish_raw_message(body)
        return
    with pytest.raises(PayloadTooLargeError) as caught:
        ours.publish_raw_message(body)
    assert (caught.value.size, caught.value.limit) == (MB + 1, MB)


# The region of a destination.

ELSEWHERE: dict[Service, str] = {
    'sqs': f'https://sqs.us-east-2.amazonaws.com/{ACCOUNT}/orders',
    'sns': f'arn:aws:sns:us-east-2:{ACCOUNT}:orders',
}


@EACH_SERVICE
@pytest.mark.parametrize('way', ['publish', 'publish_raw_message', 'publish_batch', 'buffer'])
def test_a_destination_in_another_region_is_refused(
    service: Service, way: str, server: Server, clients: dict[Service, Any]
) -> None:
    """A request that is signed for one region is refused by every other."""
    name = 'queue_url' if service == 'sqs' else 'topic_arn'
    ours = publisher(clients, service, SMALL(server, service))
    arguments = {'buffer': [], 'publish_batch': [['hej']]}.get(way, ['hej'])
    with pytest.raises(ConfigurationError, match=r'us-east-2.*eu-west-1'):
        getattr(ours, way)(*arguments, **{name: ELSEWHERE[service]})
    assert not server.counts().calls


@pytest.mark.parametrize('attributes', [{}, {'a': string('\ud800')}], ids=['body', 'attribute'])
def test_half_of_a_surrogate_pair_is_counted_without_an_error(attributes: dict[str, Any]) -> None:
    """A listener may have to dead-letter such a message, and must not stop because of it."""
    assert size_of('\ud800', attributes) >= 3
