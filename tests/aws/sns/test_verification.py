"""Listeners that open only the envelopes of some topics, and verify their signatures.

LocalAws does not sign. The tests send envelopes that they have signed, as SNS would.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from mega.aws.s3 import S3PayloadStore
from mega.aws.sns.verification import EnvelopePolicy
from mega.aws.sqs.message import Message, read_message
from mega.aws.sqs.opening import open_message
from mega.aws.sqs.publish import SqsPublisher
from mega.aws.sqs.subscribe import SqsListener
from mega.aws.sqs.subscribe.processing.settlement import (
    SettlementAction,
    SettlementPolicy,
    settle_unfetchable,
)
from mega.errors import ConfigurationError, EnvelopeError, PointerError, TransportError
from mega.testing import Bus
from tests.aws.payloads import ENVELOPE
from tests.aws.s3.making import create_bucket
from tests.aws.sns.signing import (
    NOTIFICATION,
    SUBSCRIPTION,
    TOPIC,
    URL,
    CertificateServer,
    signed,
)
from tests.aws.sqs.subscribe.factories import MESSAGE, subscriber
from tests.local_aws import LocalAws

OTHER_TOPIC = 'arn:aws:sns:us-east-2:000000000000:theirs'


def message(document: object, attributes: dict[str, Any] | None = None) -> Message:
    body = document if isinstance(document, str) else json.dumps(document)
    received = {'MessageId': 'm', 'ReceiptHandle': 'r', 'Body': body}
    return read_message({**received, 'MessageAttributes': attributes or {}})


@pytest.fixture
def policy(certificates: CertificateServer) -> EnvelopePolicy:
    """The policy of a listener that verifies signatures, with certificates from loopback."""
    found = EnvelopePolicy.create([TOPIC], True)
    assert found is not None
    return found


# A message is opened, or refused


@pytest.mark.parametrize('version', ['1', '2'])
def test_a_verified_envelope_is_opened(policy: EnvelopePolicy, version: str) -> None:
    envelope = message(signed(NOTIFICATION, version))
    assert open_message(envelope, None, policy) == open_message(envelope)
    assert open_message(envelope, None, policy)[1] == {'x': 1}


def test_a_verified_confirmation_is_not_a_payload(policy: EnvelopePolicy) -> None:
    confirmation = message(signed(SUBSCRIPTION))
    assert open_message(confirmation, None, policy) == open_message(confirmation)


@pytest.mark.parametrize('document', [ENVELOPE, NOTIFICATION, SUBSCRIPTION])
def test_fault_52_an_envelope_that_sns_did_not_sign_is_refused(
    policy: EnvelopePolicy, document: dict[str, Any]
) -> None:
    with pytest.raises(EnvelopeError):
        open_message(message(document), None, policy)


@pytest.mark.parametrize('document', [NOTIFICATION, SUBSCRIPTION], ids=lambda d: d['Type'])
@pytest.mark.parametrize('verify', [False, True], ids=['unsigned', 'signed'])
def test_fault_52_an_envelope_of_another_topic_is_refused_without_a_download(
    certificates: CertificateServer, document: dict[str, Any], verify: bool
) -> None:
    """Although SNS may have signed it: the topic is in another account."""
    policy = EnvelopePolicy.create([TOPIC], verify)
    theirs = message(signed({**document, 'TopicArn': OTHER_TOPIC}))
    with pytest.raises(EnvelopeError, match='not one of allowed_topics'):
        open_message(theirs, None, policy)
    assert certificates.requested == []


MARK = {'MegaPayloadType': {'DataType': 'String', 'StringValue': 'data'}}
OFFLOADED = {'ExtendedPayloadSize': {'DataType': 'Number', 'StringValue': '9'}}


@pytest.mark.parametrize(
    ('body', 'attributes'),
    [
        ('{"x":1}', {}),
        ('text', {}),
        ('BQAAAAA=', {}),
        (json.dumps(signed(NOTIFICATION)), MARK),
        (json.dumps(signed(NOTIFICATION)), OFFLOADED),
        (json.dumps([signed(NOTIFICATION)]), {}),
        (json.dumps({'Message': json.dumps(signed(NOTIFICATION))}), {}),
    ],
    ids=['data', 'text', 'BSON', 'marked', 'in S3', 'list', 'nested'],
)
@pytest.mark.parametrize('verify', [False, True], ids=['unsigned', 'signed'])
def test_fault_52_a_message_without_an_envelope_is_refused(
    body: str, attributes: dict[str, Any], verify: bool
) -> None:
    """Nothing says which topic it came through: any sender to the queue can send it."""
    policy = EnvelopePolicy.create([TOPIC], verify)
    with pytest.raises(EnvelopeError, match=r'the message has none, .* turn off raw message'):
        open_message(message(body, attributes), None, policy)


def test_fault_53_a_forged_envelope_causes_no_request_to_another_host(
    policy: EnvelopePolicy, certificates: CertificateServer
) -> None:
    forged = signed({**NOTIFICATION, 'SigningCertURL': 'https://evil.example/a.pem'})
    with pytest.raises(EnvelopeError, match='SigningCertURL'):
        open_message(message(forged), None, policy)
    assert certificates.requested == []


def test_fault_55_attributes_of_a_verified_envelope_prove_nothing(policy: EnvelopePolicy) -> None:
    attributes = {'role': {'Type': 'String', 'Value': 'administrator'}}
    altered = message({**signed(NOTIFICATION), 'MessageAttributes': attributes})
    found, payload = open_message(altered, None, policy)
    assert (found.attributes, payload) == ({'role': 'administrator'}, {'x': 1})


def test_fault_55_an_added_attribute_cannot_replace_the_body(policy: EnvelopePolicy) -> None:
    """The body is signed, and is not a pointer into S3."""
    attributes = {'ExtendedPayloadSize': {'Type': 'Number', 'Value': '9'}}
    altered = message({**signed(NOTIFICATION), 'MessageAttributes': attributes})
    with pytest.raises(PointerError):
        open_message(altered, None, policy)


@pytest.mark.parametrize('subject', ['a\nb', 5, ['a']], ids=repr)
def test_fault_56_a_subject_that_is_not_one_line_is_refused_and_not_kept_as_unreadable(
    policy: EnvelopePolicy, subject: object
) -> None:
    with pytest.raises(EnvelopeError, match='Subject'):
        open_message(message({**signed(NOTIFICATION), 'Subject': subject}), None, policy)


def test_fault_57_a_copy_of_a_verified_envelope_has_the_same_signed_id(
    policy: EnvelopePolicy,
) -> None:
    """A signature has no end: a copy is opened, and the id shows that it is one."""
    old = signed({**NOTIFICATION, 'Timestamp': '2010-04-26T20:45:04.751Z'})
    found = [open_message(message(old), None, policy)[0] for _ in range(2)]
    assert {each.sns_message_id for each in found} == {NOTIFICATION['MessageId']}
    with pytest.raises(EnvelopeError):
        open_message(message({**old, 'MessageId': 'another'}), None, policy)


def test_fault_58_an_envelope_within_a_verified_envelope_is_data(policy: EnvelopePolicy) -> None:
    inner = {**NOTIFICATION, 'TopicArn': OTHER_TOPIC}
    outer = message(signed({**NOTIFICATION, 'Message': json.dumps(inner)}))
    assert open_message(outer, None, policy)[1] == inner


@pytest.mark.parametrize(
    'change',
    [{'SignatureVersion': '3'}, {'SignatureVersion': None}, {'Signature': None}],
    ids=['version 3', 'no version', 'no signature'],
)
def test_fault_59_an_unknown_or_missing_signature_is_refused(
    policy: EnvelopePolicy, certificates: CertificateServer, change: dict[str, Any]
) -> None:
    with pytest.raises(EnvelopeError, match='Signature'):
        open_message(message({**signed(NOTIFICATION), **change}), None, policy)
    assert certificates.requested == []


# A listener


@pytest.fixture
def queue_url(aws: LocalAws) -> str:
    return aws.create_queue()


def verifying(aws: LocalAws, queue_url: str, seen: list[Any], **options: Any) -> SqsListener:
    given = {'allowed_topics': [TOPIC], 'verify_sns_signatures': True, **options}
    return SqsListener(
        queue_url, [subscriber(None, seen)], wait_time_seconds=0, **given, **aws.credentials
    )


def send(aws: LocalAws, queue_url: str, *documents: object) -> None:
    for document in documents:
        body = document if isinstance(document, str) else json.dumps(document)
        aws.client('sqs').send_message(QueueUrl=queue_url, MessageBody=body)


FORGED = {**NOTIFICATION, 'Message': '{"forged":true}'}


def test_a_listener_processes_verified_messages_and_dead_letters_forged_ones(
    aws: LocalAws, queue_url: str, certificates: CertificateServer
) -> None:
    dead_letters, seen = aws.create_queue(), list[Any]()
    tampered = {**signed(NOTIFICATION), 'Message': '{"x":2}'}
    send(aws, queue_url, signed(NOTIFICATION), FORGED, tampered, '{"x":3}')
    send(aws, queue_url, signed(NOTIFICATION, '2'))
    with verifying(aws, queue_url, seen, dead_letter_queue_url=dead_letters) as listener:
        stats = listener.drain()
    assert (stats.done, stats.dead_lettered, stats.unopened) == (2, 3, 3)
    assert seen == [{'x': 1}, {'x': 1}]
    assert certificates.requested == [URL]
    reasons = [
        json.loads(letter['MessageAttributes']['MegaDeadLetter']['StringValue'])
        for letter in aws.receive(dead_letters, at_least=3)
    ]
    assert {reason['error'] for reason in reasons} == {'EnvelopeError'}


def test_a_listener_without_a_dead_letter_queue_leaves_a_forged_message(
    aws: LocalAws, queue_url: str, certificates: CertificateServer
) -> None:
    seen: list[Any] = []
    send(aws, queue_url, FORGED)
    with verifying(aws, queue_url, seen) as listener:
        stats = listener.drain()
    assert (stats.unopened, stats.deleted, seen) == (1, 0, [])
    assert sum(aws.counts(queue_url)) == 1


def test_messages_stay_in_the_queue_while_the_certificate_cannot_be_downloaded(
    aws: LocalAws,
    queue_url: str,
    certificates: CertificateServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Although this is the last receive that `max_receives` allows."""
    options = {'dead_letter_queue_url': aws.create_queue(), 'max_receives': 1, 'retry_delay': 0}
    seen: list[Any] = []
    working, certificates.respond = certificates.respond, certificates.respond_with(b'', 503)
    send(aws, queue_url, signed(NOTIFICATION))
    with verifying(aws, queue_url, seen, **options) as listener:
        stats = listener.drain()
        assert (stats.unopened, stats.dead_lettered, seen) == (1, 0, [])
        assert f'stays in the queue, unverified: GET {URL} failed (status 503)' in caplog.text
        certificates.respond = working
        assert listener.drain().done == 1
    assert seen == [{'x': 1}]


def test_a_body_in_s3_is_fetched_for_a_verified_envelope_alone(
    aws: LocalAws, queue_url: str, certificates: CertificateServer
) -> None:
    seen: list[Any] = []
    with (
        S3PayloadStore(create_bucket(aws), always=True, **aws.credentials) as store,
        SqsPublisher(queue_url, payload_store=store, **aws.credentials) as publisher,
    ):
        publisher.publish({'large': 1})
        [pointer] = aws.receive(queue_url, at_least=1)
        publisher.publish({'large': 2})  # without an envelope: refused
        size = pointer['MessageAttributes']['ExtendedPayloadSize']['StringValue']
        attributes = {'ExtendedPayloadSize': {'Type': 'Number', 'Value': size}}
        wrapped = {**NOTIFICATION, 'Message': pointer['Body'], 'MessageAttributes': attributes}
        send(aws, queue_url, signed(wrapped), wrapped)
        with verifying(aws, queue_url, seen, payload_store=store) as listener:
            stats = listener.drain()
    assert (stats.done, stats.unopened) == (1, 2)
    assert seen == [{'large': 1}]


def test_a_listener_opens_only_the_envelopes_of_its_topics(aws: LocalAws, queue_url: str) -> None:
    ours, theirs, seen = aws.create_topic(), aws.create_topic(), list[Any]()
    for topic in (ours, theirs):
        aws.subscribe(topic, queue_url)
        aws.client('sns').publish(TopicArn=topic, Message=json.dumps({'of': topic}))
    options = {'allowed_topics': [ours], 'verify_sns_signatures': False}
    with verifying(aws, queue_url, seen, **options) as listener:
        stats = listener.drain()
    assert (stats.done, stats.unopened) == (1, 1)
    assert seen == [{'of': ours}]


def test_a_listener_with_other_settings_has_the_same_topics(aws: LocalAws, queue_url: str) -> None:
    seen: list[Any] = []
    send(aws, queue_url, '{"x":1}')
    with (
        verifying(aws, queue_url, seen) as listener,
        listener.with_settings(concurrency=2) as other,
    ):
        assert other.drain().unopened == 1


def test_a_failed_download_is_not_an_attempt() -> None:
    policy = SettlementPolicy(has_dead_letter_queue=True, max_receives=1)
    error = TransportError('GET', 'Timeout', 'no response', True)
    assert settle_unfetchable(error, policy, MESSAGE).action is SettlementAction.LEAVE


# Options


QUEUE_URL = 'https://sqs.eu-west-1.amazonaws.com/123456789012/orders'


def test_signatures_without_topics_are_refused() -> None:
    with pytest.raises(ConfigurationError, match='requires allowed_topics='):
        SqsListener(QUEUE_URL, verify_sns_signatures=True)


@pytest.mark.parametrize(
    'topics', [[], (), TOPIC, '', 5, b'', [QUEUE_URL], ['orders'], [None], [TOPIC, '*']], ids=repr
)
def test_topics_are_a_list_of_arns(topics: Any) -> None:
    with pytest.raises(ConfigurationError, match='allowed_topics='):
        SqsListener(QUEUE_URL, allowed_topics=topics)


@pytest.mark.parametrize('kind', [list, tuple, set, iter])
def test_topics_are_read_once_from_any_iterable(kind: Any) -> None:
    policy = EnvelopePolicy.create(kind([TOPIC]), False)
    assert policy is not None
    for _ in range(2):
        policy.check(NOTIFICATION)


def test_a_listener_without_these_options_checks_nothing() -> None:
    assert EnvelopePolicy.create(None, False) is None


def test_the_missing_library_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ('certificates', 'signature'):
        monkeypatch.delitem(sys.modules, f'mega.aws.sns.{name}', raising=False)
    monkeypatch.setitem(sys.modules, 'cryptography', None)
    with pytest.raises(ConfigurationError, match=r"pip install 'sqs-mega\[sns-verify\]'"):
        SqsListener(QUEUE_URL, allowed_topics=[TOPIC], verify_sns_signatures=True)


def test_a_bus_refuses_a_listener_that_verifies_signatures(bus: Bus) -> None:
    options: dict[str, Any] = {'allowed_topics': [TOPIC], 'client': bus.sqs}
    SqsListener(bus.queue('orders'), **options).close()
    with pytest.raises(ConfigurationError, match='does not sign its messages'):
        SqsListener(bus.queue('orders'), verify_sns_signatures=True, **options)
