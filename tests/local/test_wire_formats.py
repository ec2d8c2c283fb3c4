"""The exact requests and responses of S3 and SNS, for clients other than boto3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest

from mega.local.errors import AwsError
from mega.local.server.messages import Reply, Request
from mega.local.server.protocol import WireProtocol
from mega.local.server.query_protocol import QueryProtocol
from mega.local.server.s3_protocol import S3Protocol
from tests.local.aws_account import LocalAccount

XMLNS = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


class Response(NamedTuple):
    status: int
    headers: dict[str, str]
    body: str


class Wire:
    """An account behind a protocol."""

    def __init__(self, aws: LocalAccount, protocol: WireProtocol) -> None:
        self._aws = aws
        self._protocol = protocol

    def send(
        self,
        method: str,
        address: str,
        body: bytes | str = b'',
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        path, _, query = address.partition('?')
        lines = [f'{name}: {value}' for name, value in (headers or {}).items()]
        head = '\r\n'.join(('first line', *lines, '')).encode('latin-1')
        content = body.encode() if isinstance(body, str) else body
        return _read(self._reply(Request(method, path, query, '', head, content)))

    def _reply(self, request: Request) -> Reply:
        try:
            call = self._protocol.read(request)
            return self._protocol.write(call, self._aws.account.call(*call))
        except AwsError as error:
            return self._protocol.write_error(error)


def _read(reply: Reply) -> Response:
    pairs = (line.partition(': ') for line in reply.headers.split('\r\n') if line)
    headers = {name: value for name, _, value in pairs if name != 'x-amz-request-id'}
    body = reply.body.decode().partition('?>\n')[2] or reply.body.decode()
    return Response(reply.status, headers, body)


@pytest.fixture
def s3(aws: LocalAccount) -> Wire:
    wire = Wire(aws, S3Protocol())
    configuration = '<LocationConstraint>eu-west-1</LocationConstraint>'
    body = f'<CreateBucketConfiguration {XMLNS}>{configuration}</CreateBucketConfiguration>'
    created = wire.send('PUT', '/payloads', body)
    assert created == (200, {'Location': 'http://payloads.s3.amazonaws.com/'}, '')
    return wire


def test_an_object_is_stored_by_its_headers_and_body(s3: Wire) -> None:
    given = {
        'Content-Type': 'text/plain',
        'X-Amz-Meta-Number': '1',
        'x-amz-server-side-encryption': 'aws:kms',
        'x-amz-server-side-encryption-aws-kms-key-id': 'key',
        'x-amz-server-side-encryption-bucket-key-enabled': 'true',
        'x-amz-tagging': 'a=1',
    }
    stored = s3.send('PUT', '/payloads/a/b%20c', b'hello', given)
    assert stored.headers['x-amz-checksum-crc32'] == 'NhCmhg=='
    found = s3.send('GET', '/payloads/a/b%20c', headers={'x-amz-checksum-mode': 'ENABLED'})
    assert (found.status, found.body) == (200, 'hello')
    assert found.headers == {
        'Accept-Ranges': 'bytes',
        'ETag': stored.headers['ETag'],
        'Last-Modified': 'Thu, 01 Jan 2026 00:00:00 GMT',
        'x-amz-checksum-crc32': 'NhCmhg==',
        'x-amz-checksum-type': 'FULL_OBJECT',
        'x-amz-meta-number': '1',
        'x-amz-server-side-encryption': 'aws:kms',
        'x-amz-server-side-encryption-aws-kms-key-id': 'key',
        'x-amz-server-side-encryption-bucket-key-enabled': 'true',
        'x-amz-tagging-count': '1',
    }
    part = s3.send('GET', '/payloads/a/b%20c', headers={'Range': 'bytes=1-2'})
    assert (part.status, part.body, part.headers['Content-Range']) == (206, 'el', 'bytes 1-2/5')
    assert s3.send('DELETE', '/payloads/a/b%20c').status == 204


def test_the_bucket_of_a_host_name_is_not_in_the_path(s3: Wire) -> None:
    host = {'Host': 'payloads.localhost:4566'}
    s3.send('PUT', '/a', b'x', host)
    assert s3.send('GET', '/a', headers=host).body == 'x'
    assert s3.send('GET', '/payloads/a', headers={'Host': '127.0.0.1:4566'}).body == 'x'


def test_an_error_is_in_xml_without_a_namespace(s3: Wire) -> None:
    found = s3.send('GET', '/payloads/a')
    assert found.status == 404
    assert found.body.startswith(
        '<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message>'
        '<RequestId>'
    )


def test_a_response_without_a_change_has_no_body(s3: Wire) -> None:
    etag = s3.send('PUT', '/payloads/a', b'x').headers['ETag']
    assert s3.send('GET', '/payloads/a', headers={'If-None-Match': etag}) == (304, {}, '')


def test_a_listing_is_in_xml(s3: Wire) -> None:
    etag = s3.send('PUT', '/payloads/a%26b', b'x').headers['ETag']
    s3.send('PUT', '/payloads/c/d', b'x')
    found = s3.send('GET', '/payloads?list-type=2&delimiter=/&max-keys=5').body
    assert found == (
        f'<ListBucketResult {XMLNS}><Name>payloads</Name><Prefix></Prefix><MaxKeys>5</MaxKeys>'
        '<IsTruncated>false</IsTruncated><Delimiter>/</Delimiter>'
        '<Contents><Key>a&amp;b</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>'
        f'<ETag>{etag}</ETag><Size>1</Size><StorageClass>STANDARD</StorageClass></Contents>'
        '<CommonPrefixes><Prefix>c/</Prefix></CommonPrefixes><KeyCount>2</KeyCount>'
        '</ListBucketResult>'
    )
    encoded = s3.send('GET', '/payloads?list-type=2&encoding-type=url').body
    assert '<Key>a%26b</Key>' in encoded
    assert '<EncodingType>url</EncodingType>' in encoded


def test_lists_of_a_setting_are_repeated_elements(s3: Wire) -> None:
    lifecycle = (
        '<Rule><ID>r</ID><Filter><And><Prefix>a/</Prefix><Tag><Key>k</Key><Value>v</Value></Tag>'
        '</And></Filter><Status>Enabled</Status><Expiration><Days>3</Days></Expiration></Rule>'
        '<Rule><ID>s</ID><Filter><Prefix></Prefix></Filter><Status>Disabled</Status>'
        '<Expiration><Date>2027-01-01T00:00:00.000Z</Date></Expiration></Rule>'
    )
    body = f'<LifecycleConfiguration {XMLNS}>{lifecycle}</LifecycleConfiguration>'
    assert s3.send('PUT', '/payloads?lifecycle', body).status == 200
    assert s3.send('GET', '/payloads?lifecycle').body == body


@pytest.mark.parametrize(
    ('setting', 'root', 'content'),
    [
        (
            'encryption',
            'ServerSideEncryptionConfiguration',
            '<Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm>'
            '</ApplyServerSideEncryptionByDefault><BucketKeyEnabled>false</BucketKeyEnabled>'
            '</Rule>',
        ),
        (
            'publicAccessBlock',
            'PublicAccessBlockConfiguration',
            '<BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls>',
        ),
        ('tagging', 'Tagging', '<TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet>'),
    ],
)
def test_a_setting_is_returned_as_it_was_sent(
    s3: Wire, setting: str, root: str, content: str
) -> None:
    body = f'<{root} {XMLNS}>{content}</{root}>'
    assert s3.send('PUT', f'/payloads?{setting}', body).status in (200, 204)
    assert s3.send('GET', f'/payloads?{setting}').body == body


@pytest.mark.parametrize('setting', ['encryption', 'lifecycle', 'tagging'])
@pytest.mark.parametrize('body', ['', '<a/>', '<Rule/>', '<a><Rule>x</Rule></a>'])
def test_a_setting_without_its_list_is_malformed(s3: Wire, setting: str, body: str) -> None:
    found = s3.send('PUT', f'/payloads?{setting}', body)
    assert (found.status, 'MalformedXML' in found.body) == (400, True)


def test_a_policy_is_a_body_in_json(s3: Wire) -> None:
    assert s3.send('PUT', '/payloads?policy', '{}') == (204, {}, '')
    assert s3.send('GET', '/payloads?policy').body == '{}'
    location = s3.send('GET', '/payloads?location').body
    assert location == f'<LocationConstraint {XMLNS}>eu-west-1</LocationConstraint>'
    assert s3.send('HEAD', '/payloads').headers == {'x-amz-bucket-region': 'eu-west-1'}
    assert '<Bucket><Name>payloads</Name>' in s3.send('GET', '/').body


def test_an_upload_in_parts_has_its_ids_in_the_query(s3: Wire) -> None:
    created = s3.send('POST', '/payloads/k?uploads').body
    upload = created.partition('<UploadId>')[2].partition('</UploadId>')[0]
    etag = s3.send('PUT', f'/payloads/k?partNumber=1&uploadId={upload}', b'x').headers['ETag']
    part = f'<Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part>'
    body = f'<CompleteMultipartUpload {XMLNS}>{part}</CompleteMultipartUpload>'
    done = s3.send('POST', f'/payloads/k?uploadId={upload}', body)
    assert (done.status, done.headers) == (200, {'x-amz-server-side-encryption': 'AES256'})
    assert '-1"</ETag>' in done.body
    copied = s3.send('PUT', '/payloads/c', headers={'x-amz-copy-source': '/payloads/k'})
    assert copied.body.startswith(f'<CopyObjectResult {XMLNS}><ETag>')


def form(**fields: Any) -> str:
    return urlencode(fields)


def test_a_form_is_answered_in_xml(aws: LocalAccount) -> None:
    sns = Wire(aws, QueryProtocol())
    topic = 'arn:aws:sns:eu-west-1:123456789012:t'
    fields = {
        'Attributes.entry.1.key': 'DisplayName',
        'Attributes.entry.1.value': 'A & B',
        'Tags.member.1.Key': 'a',
        'Tags.member.1.Value': '1',
    }
    created = sns.send('POST', '/', form(Action='CreateTopic', Name='t', **fields))
    assert created.body.startswith(
        '<CreateTopicResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><CreateTopicResult>'
        f'<TopicArn>{topic}</TopicArn></CreateTopicResult><ResponseMetadata><RequestId>'
    )
    found = sns.send('POST', '/', form(Action='GetTopicAttributes', TopicArn=topic)).body
    assert '<Attributes><entry><key>DisplayName</key><value>A &amp; B</value></entry>' in found
    entries = {
        'PublishBatchRequestEntries.member.2.Id': 'b',
        'PublishBatchRequestEntries.member.2.Message': '',
        'PublishBatchRequestEntries.member.1.Id': 'a',
        'PublishBatchRequestEntries.member.1.Message': 'x',
        'PublishBatchRequestEntries.member.1.MessageAttributes.entry.1.Name': 'n',
        'PublishBatchRequestEntries.member.1.MessageAttributes.entry.1.Value.DataType': 'Binary',
        'PublishBatchRequestEntries.member.1.MessageAttributes.entry.1.Value.BinaryValue': 'AP8=',
    }
    batch = sns.send('POST', '/', form(Action='PublishBatch', TopicArn=topic, **entries)).body
    assert '<Successful><member><Id>a</Id><MessageId>' in batch
    assert '<SenderFault>true</SenderFault></member></Failed>' in batch
    error = sns.send('POST', '/', form(Action='Publish', TopicArn=f'{topic}x', Message='x'))
    assert error.status == 404
    assert '<Error><Type>Sender</Type><Code>NotFound</Code><Message>' in error.body
