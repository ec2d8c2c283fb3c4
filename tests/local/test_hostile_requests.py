"""Requests that no client of AWS sends: each has a response, and none of them is an error 500."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mega.local.account import Account
from mega.local.clock import Clock
from mega.local.errors import AwsError
from mega.local.server.messages import Request
from mega.local.server.query_protocol import QueryProtocol
from mega.local.server.s3_protocol import S3Protocol
from mega.local.sns.operations import Sns
from tests.profile import amount

TOPIC = 'arn:aws:sns:eu-west-1:123456789012:t'
QUEUE = 'arn:aws:sqs:eu-west-1:123456789012:q'


def account() -> Account:
    created = Account(Clock(0.0))
    created.call('sqs', 'CreateQueue', {'QueueName': 'q'})
    created.call('sns', 'CreateTopic', {'Name': 't'})
    request = {'TopicArn': TOPIC, 'Protocol': 'sqs', 'Endpoint': QUEUE}
    created.call('sns', 'Subscribe', request)
    location = {'LocationConstraint': 'eu-west-1'}
    created.call('s3', 'CreateBucket', {'Bucket': 'bbb', 'CreateBucketConfiguration': location})
    created.call('s3', 'PutObject', {'Bucket': 'bbb', 'Key': 'k', 'Body': b'x'})
    return created


ACCOUNT = account()
SNS = sorted(
    name
    for name in Sns(ACCOUNT.state, ACCOUNT.sqs.deliver).operations
    if not name.startswith('Delete')
)


def answer(protocol: Any, request: Request) -> int:
    """Return the status of the response to a request."""
    try:
        call = protocol.read(request)
        reply = protocol.write(call, ACCOUNT.call(*call))
    except AwsError as error:
        reply = protocol.write_error(error)
    assert isinstance(reply.body, bytes)
    return int(reply.status)


PARAMETERS = (
    'AttributeName', 'AttributeValue', 'Attributes', 'Endpoint', 'Message', 'MessageAttributes',
    'MessageDeduplicationId', 'MessageGroupId', 'MessageStructure', 'Name', 'NextToken',
    'Protocol', 'PublishBatchRequestEntries', 'ResourceArn', 'Subject', 'SubscriptionArn',
    'TagKeys', 'Tags', 'TargetArn', 'TopicArn',
)  # fmt: skip
SUFFIXES = (
    '', '.member.1', '.member.1.Key', '.member.1.Value', '.member.1.Id', '.member.1.Message',
    '.entry.1.key', '.entry.1.value', '.entry.1.Name', '.entry.1.Value',
    '.entry.1.Value.DataType', '.entry.1.Value.StringValue', '.entry.1.Value.BinaryValue',
    '.member.1.MessageAttributes', '.x',
)  # fmt: skip
TEXTS = st.sampled_from((
    '', 'x', TOPIC, QUEUE, 'sqs', 'json', 'String', 'Number', 'eA==', 'true', '{', '{}', '[]',
    '{"x":["y"]}', '{"default":"x"}', 'FilterPolicy', 'RedrivePolicy', 'RawMessageDelivery',
    'FilterPolicyScope', 'MaximumMessageSize', '9' * 5_000, '\x00',
))  # fmt: skip
NAMES = st.tuples(st.sampled_from(PARAMETERS), st.sampled_from(SUFFIXES)).map(''.join)


@settings(max_examples=amount(60, 5_000))
@given(action=st.sampled_from(SNS), form=st.dictionaries(NAMES, TEXTS, max_size=6))
def test_any_form_has_a_response(action: str, form: dict[str, str]) -> None:
    body = urlencode({'Action': action, **form}).encode()
    assert answer(QueryProtocol(), Request('POST', '/', '', '', b'', body)) < 500


@pytest.mark.parametrize('action', SNS)
def test_a_form_without_parameters_has_a_response(action: str) -> None:
    body = urlencode({'Action': action}).encode()
    assert answer(QueryProtocol(), Request('POST', '/', '', '', b'', body)) < 500


METHODS = st.sampled_from(('GET', 'PUT', 'HEAD', 'POST'))
PATHS = st.sampled_from(
    ('/', '/bbb', '/bbb/', '/bbb/k', '/bbb/%ff', '/no-bucket/k', '//', '/bbb//')
)
QUERIES = st.sampled_from((
    '', 'list-type=2', 'list-type=2&max-keys=1&delimiter=k&prefix=k', 'delete', 'encryption',
    'lifecycle', 'policy', 'publicAccessBlock', 'tagging', 'uploads', 'uploadId=x',
    'uploadId=x&partNumber=1', 'location', 'list-type=2&continuation-token=x&encoding-type=url',
    'partNumber=1',
))  # fmt: skip
HEADERS = st.sampled_from((
    'x-amz-copy-source: x', 'x-amz-copy-source: bbb/k', 'range: bytes=0-', 'if-match: "x"',
    'x-amz-tagging: a', 'x-amz-tagging: %', 'x-amz-meta-a: \xff', 'content-type: \xff',
    'x-amz-content-sha256: STREAMING-X', 'x-amz-checksum-crc32: x', 'content-md5: x',
    'x-amz-server-side-encryption: aws:kms', 'x-amz-expected-bucket-owner: 1', 'host: a.localhost',
    'x-amz-server-side-encryption-bucket-key-enabled: x', 'x-amz-checksum-mode: ENABLED',
))  # fmt: skip
ELEMENTS = (
    'And', 'ApplyServerSideEncryptionByDefault', 'Date', 'Days', 'Delete', 'ETag', 'Filter', 'Key',
    'LifecycleConfiguration', 'LocationConstraint', 'MultipartUpload', 'Object', 'Part',
    'PartNumber', 'Quiet', 'Rule', 'ServerSideEncryptionConfiguration', 'Tag', 'TagSet', 'Tagging',
    'Value',
)  # fmt: skip
XML = st.recursive(
    st.sampled_from(('', 'x', '1', '&#13;')),
    lambda inner: st.tuples(st.sampled_from(ELEMENTS), st.lists(inner, max_size=2)).map(
        lambda parts: f'<{parts[0]}>{"".join(parts[1])}</{parts[0]}>'
    ),
    max_leaves=6,
).map(str.encode)


@settings(max_examples=amount(100, 10_000))
@given(
    method=METHODS,
    path=PATHS,
    query=QUERIES,
    headers=st.lists(HEADERS, max_size=3),
    body=XML,
)
def test_any_request_of_s3_has_a_response(
    method: str, path: str, query: str, headers: list[str], body: bytes
) -> None:
    head = '\r\n'.join(('first line', *headers, '')).encode('latin-1')
    status = answer(S3Protocol(), Request(method, path, query, '', head, body))
    assert status < 500 or status == 501


NESTED = '<a><b>1</b></a>'


@pytest.mark.parametrize(
    ('method', 'address', 'body'),
    [
        ('POST', '/bbb?delete', f'<Delete><Object><Key>{NESTED}</Key></Object></Delete>'),
        (
            'PUT',
            '/bbb/k?tagging',
            f'<T><TagSet><Tag><Key>{NESTED}</Key><Value>x</Value></Tag></TagSet></T>',
        ),
        ('PUT', '/bbb?lifecycle', f'<L><Rule><Days>{NESTED}</Days></Rule></L>'),
    ],
)
def test_a_structure_in_place_of_a_value_is_refused(method: str, address: str, body: str) -> None:
    path, _, query = address.partition('?')
    assert answer(S3Protocol(), Request(method, path, query, '', b'x\r\n', body.encode())) == 400


def test_a_parts_number_that_is_a_structure_is_refused() -> None:
    place = {'Bucket': 'bbb', 'Key': 'k'}
    upload_id = ACCOUNT.call('s3', 'CreateMultipartUpload', place)['UploadId']
    part = f'<Part><PartNumber>{NESTED}</PartNumber><ETag>x</ETag></Part>'
    body = f'<C>{part}<Part><PartNumber>1</PartNumber><ETag>x</ETag></Part></C>'.encode()
    request = Request('POST', '/bbb/k', f'uploadId={upload_id}', '', b'x\r\n', body)
    assert answer(S3Protocol(), request) == 400


@pytest.mark.parametrize(
    ('query', 'body'),
    [
        ('policy', b'\xff'),
        (
            'encryption',
            b'<E><Rule><ApplyServerSideEncryptionByDefault>x'
            b'</ApplyServerSideEncryptionByDefault></Rule></E>',
        ),
    ],
)
def test_an_object_can_be_stored_after_an_invalid_setting(query: str, body: bytes) -> None:
    head = b'x\r\n'
    assert answer(S3Protocol(), Request('PUT', '/bbb', query, '', head, body)) < 500
    assert answer(S3Protocol(), Request('PUT', '/bbb/k', '', '', head, b'x')) == 200
    assert answer(S3Protocol(), Request('DELETE', '/bbb', query, '', head, b'')) == 204
