"""The REST protocol of the in-memory S3, as boto3 speaks it."""

from __future__ import annotations

import http.client
from io import BytesIO
from itertools import count
from typing import Any
from urllib.request import urlopen

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.local.conftest import client

MIB = 1024**2
_numbers = count(1)


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f'bucket-{next(_numbers)}'
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={'LocationConstraint': 'eu-west-1'})
    return name


def error_of(call: Any, **request: Any) -> tuple[str, int]:
    """Return the code and the status of the error of a call."""
    with pytest.raises(ClientError) as refused:
        call(**request)
    response: Any = refused.value.response
    return response['Error']['Code'], response['ResponseMetadata']['HTTPStatusCode']


def without_metadata(response: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in response.items() if name != 'ResponseMetadata'}


def test_an_object_travels_with_everything_it_has(s3: Any, bucket: str) -> None:
    given = {
        'CacheControl': 'no-cache',
        'ContentDisposition': 'attachment',
        'ContentEncoding': 'gzip',
        'ContentLanguage': 'de',
        'ContentType': 'text/plain; charset=utf-8',
        'Metadata': {'queue-url': 'https://example.com/q?a=b'},
        'ServerSideEncryption': 'aws:kms',
        'SSEKMSKeyId': 'a key',
        'BucketKeyEnabled': True,
    }
    key = "a b/é+%&?=#~'x"
    put = s3.put_object(Bucket=bucket, Key=key, Body=b'\x00hello\r\n', Tagging='a=1', **given)
    found = s3.get_object(Bucket=bucket, Key=key, ChecksumMode='ENABLED')
    assert found.items() >= {**given, 'ETag': put['ETag'], 'TagCount': 1}.items()
    assert found['ChecksumCRC32'] == put['ChecksumCRC32']
    assert found['Body'].read() == b'\x00hello\r\n'
    head = s3.head_object(Bucket=bucket, Key=key, ChecksumMode='ENABLED')
    assert head['ContentLength'] == 8
    # Older releases of botocore do not know the TagCount of HeadObject.
    both = without_metadata(head).keys() - {'TagCount'}
    assert both == without_metadata(found).keys() - {'TagCount', 'Body'}


@pytest.mark.parametrize('body', [b'', b'x' * (3 * MIB)], ids=['empty', 'large'])
@pytest.mark.parametrize('as_file', [False, True], ids=['bytes', 'file'])
def test_a_body_of_any_size_arrives(s3: Any, bucket: str, body: bytes, as_file: bool) -> None:
    s3.put_object(Bucket=bucket, Key='k', Body=BytesIO(body) if as_file else body)
    assert s3.get_object(Bucket=bucket, Key='k')['Body'].read() == body


@pytest.mark.parametrize('algorithm', ['CRC32', 'SHA1', 'SHA256'])
def test_boto3_accepts_the_checksums(s3: Any, bucket: str, algorithm: str) -> None:
    s3.put_object(Bucket=bucket, Key='k', Body=b'hello', ChecksumAlgorithm=algorithm)
    found = s3.get_object(Bucket=bucket, Key='k', ChecksumMode='ENABLED')
    assert found[f'Checksum{algorithm}']
    assert found['Body'].read() == b'hello'


def test_a_part_of_an_object_arrives(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key='k', Body=b'hello')
    found = s3.get_object(Bucket=bucket, Key='k', Range='bytes=1-3')
    assert (found['Body'].read(), found['ContentRange']) == (b'ell', 'bytes 1-3/5')
    assert found['ResponseMetadata']['HTTPStatusCode'] == 206
    place = {'Bucket': bucket, 'Key': 'k'}
    assert error_of(s3.get_object, **place, Range='bytes=9-') == ('InvalidRange', 416)


def test_errors_have_the_codes_of_aws(s3: Any, bucket: str) -> None:
    missing = {'Bucket': bucket, 'Key': 'k'}
    assert error_of(s3.get_object, **missing) == ('NoSuchKey', 404)
    assert error_of(s3.head_object, **missing) == ('404', 404)
    assert error_of(s3.head_bucket, Bucket='nowhere') == ('404', 404)
    with pytest.raises(s3.exceptions.NoSuchBucket):
        s3.list_objects_v2(Bucket='nowhere')
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(**missing)
    s3.put_object(**missing)
    if 'IfNoneMatch' in s3.meta.service_model.operation_model('PutObject').input_shape.members:
        assert error_of(s3.put_object, **missing, IfNoneMatch='*') == ('PreconditionFailed', 412)
    owner = {'ExpectedBucketOwner': '210987654321'}
    assert error_of(s3.get_object, **missing, **owner) == ('AccessDenied', 403)
    assert error_of(s3.head_object, **missing, **owner) == ('403', 403)
    etag = s3.head_object(**missing)['ETag']
    assert error_of(s3.get_object, **missing, IfNoneMatch=etag) == ('304', 304)
    assert error_of(s3.create_bucket, Bucket=bucket)[0] == 'IllegalLocationConstraintException'
    location = {'CreateBucketConfiguration': {'LocationConstraint': 'eu-west-1'}}
    again = error_of(s3.create_bucket, Bucket=bucket, **location)
    assert again == ('BucketAlreadyOwnedByYou', 409)


def test_keys_are_listed_as_they_are(s3: Any, bucket: str) -> None:
    keys = ['a b', 'a&<>\x01\r', 'a+%41', 'b/c', 'b/é']
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b'x')
    found = s3.list_objects_v2(Bucket=bucket)
    assert [each['Key'] for each in found['Contents']] == keys
    assert [each['Size'] for each in found['Contents']] == [1] * 5
    assert found['Contents'][0]['LastModified'].tzinfo
    grouped = s3.list_objects_v2(Bucket=bucket, Delimiter='/', Prefix='b')
    assert grouped['CommonPrefixes'] == [{'Prefix': 'b/'}]
    pages = s3.get_paginator('list_objects_v2').paginate(
        Bucket=bucket, PaginationConfig={'PageSize': 2}
    )
    assert [each['Key'] for page in pages for each in page['Contents']] == keys


def test_the_older_listing_has_markers(s3: Any, bucket: str) -> None:
    keys = ['a b', 'b&', 'c/d']
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key)
    pages = s3.get_paginator('list_objects').paginate(
        Bucket=bucket, PaginationConfig={'PageSize': 2}
    )
    assert [each['Key'] for page in pages for each in page['Contents']] == keys
    found = s3.list_objects(Bucket=bucket, Delimiter='/', Marker='b&')
    assert found['CommonPrefixes'] == [{'Prefix': 'c/'}]
    assert (found['Marker'], found['IsTruncated']) == ('b&', False)


def test_the_older_listing_has_a_next_marker_only_with_a_delimiter(s3: Any, bucket: str) -> None:
    """Model, ListObjectsOutput. A client then continues after the last key."""
    for key in ('a', 'b'):
        s3.put_object(Bucket=bucket, Key=key)
    assert 'NextMarker' not in s3.list_objects(Bucket=bucket, MaxKeys=1)
    assert s3.list_objects(Bucket=bucket, MaxKeys=1, Delimiter='/')['NextMarker'] == 'a'


def test_objects_are_deleted_together(s3: Any, bucket: str) -> None:
    for key in ('a&b', 'c'):
        s3.put_object(Bucket=bucket, Key=key)
    answer = s3.delete_objects(Bucket=bucket, Delete={'Objects': [{'Key': 'a&b'}]})
    assert answer['Deleted'] == [{'Key': 'a&b'}]
    s3.delete_objects(Bucket=bucket, Delete={'Objects': [{'Key': 'c'}], 'Quiet': True})
    s3.delete_bucket(Bucket=bucket)
    assert bucket not in [each['Name'] for each in s3.list_buckets()['Buckets']]


def test_a_file_is_uploaded_in_parts(s3: Any, bucket: str) -> None:
    content = bytes(range(256)) * (11 * MIB // 256)
    config = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB)
    extra = {'Metadata': {'n': '1'}}
    s3.upload_fileobj(BytesIO(content), bucket, 'k', Config=config, ExtraArgs=extra)
    found = s3.head_object(Bucket=bucket, Key='k')
    assert (found['ETag'][-3:], found['Metadata']) == ('-3"', {'n': '1'})
    downloaded = BytesIO()
    s3.download_fileobj(bucket, 'k', downloaded)
    assert downloaded.getvalue() == content


def test_an_upload_in_parts_is_listed_and_aborted(s3: Any, bucket: str) -> None:
    place = {'Bucket': bucket, 'Key': 'k'}
    upload = {**place, 'UploadId': s3.create_multipart_upload(**place)['UploadId']}
    part = s3.upload_part(**upload, PartNumber=3, Body=b'hello')
    [listed] = s3.list_parts(**upload)['Parts']
    assert (listed['PartNumber'], listed['ETag'], listed['Size']) == (3, part['ETag'], 5)
    s3.abort_multipart_upload(**upload)
    assert error_of(s3.list_parts, **upload) == ('NoSuchUpload', 404)


def test_an_object_is_copied(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key='a é', Body=b'x', Metadata={'n': '1'})
    source = {'Bucket': bucket, 'Key': 'a é'}
    copied = s3.copy_object(Bucket=bucket, Key='b', CopySource=source)
    found = s3.get_object(Bucket=bucket, Key='b')
    assert (found['ETag'], found['Metadata']) == (copied['CopyObjectResult']['ETag'], {'n': '1'})


def test_tags_travel(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key='k')
    tags = [{'Key': 'a&', 'Value': ''}, {'Key': 'b', 'Value': '<1>'}]
    s3.put_object_tagging(Bucket=bucket, Key='k', Tagging={'TagSet': tags})
    assert s3.get_object_tagging(Bucket=bucket, Key='k')['TagSet'] == tags
    s3.delete_object_tagging(Bucket=bucket, Key='k')
    assert s3.get_object_tagging(Bucket=bucket, Key='k')['TagSet'] == []


def test_the_settings_of_a_bucket_travel(s3: Any, bucket: str) -> None:
    place = {'Bucket': bucket}
    blocked = s3.get_public_access_block(**place)['PublicAccessBlockConfiguration']
    changed = {**blocked, 'BlockPublicPolicy': False}
    s3.put_public_access_block(**place, PublicAccessBlockConfiguration=changed)
    found = s3.get_public_access_block(**place)
    assert found['PublicAccessBlockConfiguration'] == changed

    default = {'SSEAlgorithm': 'aws:kms', 'KMSMasterKeyID': 'a key'}
    rules = [{'ApplyServerSideEncryptionByDefault': default, 'BucketKeyEnabled': True}]
    encryption = {'Rules': rules}
    s3.put_bucket_encryption(**place, ServerSideEncryptionConfiguration=encryption)
    found = s3.get_bucket_encryption(**place)
    assert found['ServerSideEncryptionConfiguration'] == encryption
    s3.delete_bucket_encryption(**place)

    assert error_of(s3.get_bucket_policy, **place)[0] == 'NoSuchBucketPolicy'
    s3.put_bucket_policy(**place, Policy='{"Version": "2012-10-17"}')
    assert s3.get_bucket_policy(**place)['Policy'] == '{"Version": "2012-10-17"}'

    tags = [{'Key': 'a', 'Value': '1'}]
    s3.put_bucket_tagging(**place, Tagging={'TagSet': tags})
    assert s3.get_bucket_tagging(**place)['TagSet'] == tags
    assert s3.get_bucket_location(**place)['LocationConstraint'] == 'eu-west-1'
    assert s3.head_bucket(**place)['BucketRegion'] == 'eu-west-1'


def test_the_rules_of_a_lifecycle_travel(s3: Any, bucket: str) -> None:
    assert error_of(s3.get_bucket_lifecycle_configuration, Bucket=bucket) == (
        'NoSuchLifecycleConfiguration',
        404,
    )
    rules = [
        {
            'ID': 'all',
            'Filter': {'Prefix': ''},
            'Status': 'Enabled',
            'Expiration': {'Days': 30},
            'AbortIncompleteMultipartUpload': {'DaysAfterInitiation': 1},
        },
        {
            'ID': 'some',
            'Filter': {
                'And': {
                    'Prefix': 'a/',
                    'Tags': [{'Key': 'a', 'Value': '1'}, {'Key': 'b', 'Value': '2'}],
                    'ObjectSizeGreaterThan': 5,
                }
            },
            'Status': 'Disabled',
            'Transitions': [{'Days': 30, 'StorageClass': 'GLACIER'}],
            'NoncurrentVersionExpiration': {'NoncurrentDays': 3},
        },
    ]
    configuration = {'Rules': rules}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=configuration)
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)['Rules'] == rules
    s3.delete_bucket_lifecycle(Bucket=bucket)


def test_a_presigned_url_works(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key='a b', Body=b'hello')
    url = s3.generate_presigned_url('get_object', Params={'Bucket': bucket, 'Key': 'a b'})
    with urlopen(url) as response:
        assert response.read() == b'hello'


def test_the_bucket_may_be_in_the_host_name(server_url: str, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key='a/b', Body=b'hello')
    port = int(server_url.rpartition(':')[2])
    for host in (f'{bucket}.localhost:{port}', f'{bucket}.127.0.0.1:{port}'):
        connection = http.client.HTTPConnection('127.0.0.1', port)
        connection.request('GET', '/a/b', headers={'Host': host})
        assert connection.getresponse().read() == b'hello'
        connection.request('GET', '/?list-type=2', headers={'Host': host})
        assert b'<Key>a/b</Key>' in connection.getresponse().read()
        connection.close()


def test_boto3_may_put_the_bucket_in_the_host_name(server_url: str, bucket: str) -> None:
    virtual = Config(s3={'addressing_style': 'virtual'})
    url = server_url.replace('127.0.0.1', 'localhost')
    found = client('s3', url, config=virtual)
    request = found.generate_presigned_url('get_object', Params={'Bucket': bucket, 'Key': 'k'})
    assert request.startswith(url.replace('//', f'//{bucket}.'))
    found.close()


@pytest.mark.parametrize('checksums', ['when_required', 'when_supported'])
def test_boto3_waits_for_no_response_before_it_sends_a_body(
    server_url: str, bucket: str, checksums: Any
) -> None:
    """botocore sends `Expect: 100-continue`, and waits for a second without an answer."""
    names = ('request_checksum_calculation', 'response_checksum_validation')
    known = {name: checksums for name in names if name in Config.OPTION_DEFAULTS}
    found = client('s3', server_url, config=Config(**known))
    found.put_object(Bucket=bucket, Key='k', Body=b'x' * MIB)
    assert found.get_object(Bucket=bucket, Key='k')['ContentLength'] == MIB
    found.close()


@pytest.mark.parametrize(
    ('method', 'path', 'code'),
    [
        ('GET', '/b?acl', b'NotImplemented'),
        ('PATCH', '/b/k', b'NotImplemented'),
        ('GET', '/b?list-type=2&max-keys=x', b'InvalidArgument'),
        ('PUT', '/b/k?uploadId=u&partNumber=99999999999999', b'InvalidArgument'),
    ],
)
def test_what_the_model_does_not_know_is_an_error(
    server_url: str, method: str, path: str, code: bytes
) -> None:
    connection = http.client.HTTPConnection(server_url.removeprefix('http://'))
    connection.request(method, path)
    assert b'<Code>' + code in connection.getresponse().read()
    connection.close()


DOCTYPE = b'<!DOCTYPE d [<!ENTITY a "aaaaaaaa">]><Delete><Object><Key>&a;</Key></Object></Delete>'


@pytest.mark.parametrize(
    'body',
    [b'', b'<', b'\xff', b'<Delete/>', b'<a>' * 100_000, DOCTYPE, b'<Delete>x</Delete>'],
    ids=['empty', 'incomplete', 'not text', 'no objects', 'deep', 'entities', 'text'],
)
def test_a_wrong_body_is_malformed_xml(server_url: str, s3: Any, bucket: str, body: bytes) -> None:
    connection = http.client.HTTPConnection(server_url.removeprefix('http://'))
    connection.request('POST', f'/{bucket}?delete', body)
    response = connection.getresponse()
    assert (response.status, b'<Code>MalformedXML</Code>' in response.read()) == (400, True)
    connection.close()
