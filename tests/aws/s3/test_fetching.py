"""Fetching bodies: pointers that are not allowed, invalid objects, and failures of S3."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import unquote

import boto3
import pytest
from botocore.config import Config

from mega.aws.s3 import Pointer, S3PayloadStore
from mega.errors import (
    MegaError,
    OffloadError,
    PayloadTooLargeError,
    PointerError,
)
from mega.local import FailCall, Server
from mega.local import Fault as LocalFault
from mega.local.faults import Step
from tests.aws.answers import Answer, Fault, s3_error, s3_object
from tests.aws.fault_server import FaultServer
from tests.aws.s3.making import BUCKET, POINTER_TO_OURS, put, store_on
from tests.local_aws import LocalAws

OK = s3_object(b'ok')
DENIED = FailCall('AccessDenied', 403)


@pytest.mark.parametrize(
    'key',
    ['../x', '../../other/x', '/abs', '%2e%2e/x', './x', 'a//b', 'a?versionId=1', 'a#b', 'a b\n'],
    ids=repr,
)
def test_fault_37_a_key_that_looks_like_a_path_is_literal(faults: FaultServer, key: str) -> None:
    faults.will(OK)
    store_on(faults).fetch(Pointer(BUCKET, key))
    [request] = faults.requests
    path, _, query = request.path.partition('?')
    assert unquote(path) == f'/{BUCKET}/{key}'
    assert 'versionId' not in query


@pytest.mark.parametrize('key', ['../x', '/abs', '%2e%2e', 'a?b#c d'], ids=repr)
def test_fault_37_a_key_of_unusual_characters_is_found(aws: LocalAws, key: str) -> None:
    store = store_on(aws)
    put(aws, store.bucket, 'hej', key)
    assert store.fetch(Pointer(store.bucket, key)).body == 'hej'


@pytest.mark.parametrize(
    'bucket',
    [
        'another',
        '',
        '.',
        '../x',
        'a/b',
        f'{BUCKET}/',
        f'{BUCKET} ',
        f'{BUCKET}\n',
        BUCKET.upper(),
        f'{BUCKET}?x',
        f'{BUCKET}/../another',
        'arn:aws:s3:eu-west-1:123456789012:accesspoint/bodies',
        'arn:aws:s3-outposts:eu-west-1:123456789012:outpost/op-1/accesspoint/bodies',
        'a\ud800',
    ],
    ids=ascii,
)
def test_fault_35_and_36_another_bucket_is_refused_without_a_request(
    faults: FaultServer, bucket: str
) -> None:
    """Also access points, paths and other text that cannot be the name of a bucket."""
    store = store_on(faults, allowed_buckets=['third'])
    with pytest.raises(PointerError) as caught:
        store.fetch(Pointer(bucket, 'k'))
    assert faults.requests == []
    assert 'allowed_buckets' in str(caught.value)
    assert str(caught.value).isprintable()


def test_another_prefix_is_refused_without_a_request(faults: FaultServer) -> None:
    faults.will(OK)
    store = store_on(faults, allowed_prefixes=['in/', 'old/'])
    for key in ('secret', 'in', 'In/x', '/in/x', '../in/x', 'x/in/'):
        with pytest.raises(PointerError, match='allowed_prefixes'):
            store.fetch(Pointer(BUCKET, key))
    assert faults.requests == []
    assert store.fetch(Pointer(BUCKET, 'old/x')).body == 'ok'


DOT_SEGMENTS = (
    '..', '.', '../secret', './secret', 'a/../b', '..%2fsecret', '%2e%2e/secret', '.%2E/secret',
    '..\\secret', 'a\\..\\..\\b', 'a/.', 'a/..', '/secret', '//secret', 'a//b', '%2fsecret',
)  # fmt: skip


@pytest.mark.parametrize('rest', DOT_SEGMENTS, ids=repr)
def test_a_key_with_dot_segments_or_empty_segments_is_below_no_allowed_prefix(
    faults: FaultServer, rest: str
) -> None:
    """S3 reads keys literally, but proxies and other servers may resolve these segments."""
    store = store_on(faults, allowed_prefixes=['in/', 'old'])
    for key in (f'in/{rest}', f'old/{rest}'):
        with pytest.raises(PointerError, match='allowed_prefixes'):
            store.fetch(Pointer(BUCKET, key))
    assert faults.requests == []


@pytest.mark.parametrize(
    ('prefix', 'key'),
    [('in/', 'in/a.b/..c'), ('in', 'in/x'), ('in//', 'in//x'), ('', 'a/...'), ('in/.', 'in/.x')],
)
def test_dots_and_slashes_within_the_prefix_or_a_name_are_allowed(
    faults: FaultServer, prefix: str, key: str
) -> None:
    faults.will(OK)
    assert store_on(faults, allowed_prefixes=[prefix]).fetch(Pointer(BUCKET, key)).body == 'ok'


def test_an_empty_list_of_allowed_prefixes_refuses_every_key(faults: FaultServer) -> None:
    with pytest.raises(PointerError):
        store_on(faults, allowed_prefixes=[]).fetch(POINTER_TO_OURS)
    assert faults.requests == []


def test_fault_42_an_announced_size_above_max_payload_is_refused_without_a_request(
    faults: FaultServer,
) -> None:
    with pytest.raises(PointerError, match='5,000,000,000'):
        store_on(faults).fetch(Pointer(BUCKET, 'k', 5_000_000_000))
    assert faults.requests == []


@pytest.mark.parametrize('size', [None, 100], ids=['unknown', 'a lie'])
def test_fault_42_a_body_that_is_too_large_is_not_read(
    faults: FaultServer, size: int | None
) -> None:
    """The server sends only the head of a response: reading the body would block forever."""
    faults.will(s3_object(b'', length=5_000_000_000, hangs=True))
    with pytest.raises(PointerError, match='5,000,000,000'):
        store_on(faults).fetch(Pointer(BUCKET, 'k', size))


@pytest.mark.parametrize('extra', [0, 1], ids=['at', 'above'])
def test_max_payload_limits_upload_and_fetch(faults: FaultServer, extra: int) -> None:
    faults.will(Answer(), s3_object(b'a' * (10 + extra)))
    store = store_on(faults, max_payload=10)
    if not extra:
        store.offload('é' * 5).upload()
        assert store.fetch(Pointer(BUCKET, 'k')).body == 'a' * 10
        return
    with pytest.raises(PayloadTooLargeError) as caught:
        store.offload('é' * 5 + 'a')
    assert (caught.value.size, caught.value.limit) == (11, 10)
    faults.will(s3_object(b'a' * 11))
    with pytest.raises(PointerError):
        store.fetch(Pointer(BUCKET, 'k'))


def test_trap_22_a_body_of_another_length_than_announced_is_refused(faults: FaultServer) -> None:
    faults.will(s3_object(b'another'))
    with pytest.raises(PointerError, match='7 bytes, 2 were announced'):
        store_on(faults).fetch(POINTER_TO_OURS)


def test_fault_43_a_body_that_was_changed_after_it_was_offloaded_is_refused(
    faults: FaultServer,
) -> None:
    sha256 = hashlib.sha256(b'ok').hexdigest()
    faults.will(OK, s3_object(b'ko'))
    store = store_on(faults)
    pointer = Pointer(BUCKET, 'k', 2, sha256)
    assert store.fetch(pointer).body == 'ok'
    with pytest.raises(PointerError, match='digests differ'):
        store.fetch(pointer)


def test_trap_22_the_checksum_of_s3_is_requested_and_compared(faults: FaultServer) -> None:
    """A different checksum is an error of the transfer, so a retry may succeed."""
    faults.will(Answer(200, b'ok', {'x-amz-checksum-crc32': 'AAAAAA=='}))
    with pytest.raises(OffloadError, match='FlexibleChecksumError') as caught:
        store_on(faults).fetch(POINTER_TO_OURS)
    assert caught.value.retriable
    assert faults.requests[0].headers['x-amz-checksum-mode'] == 'ENABLED'


@pytest.mark.parametrize('content', [b'\xff\xfe', b'a\xc3', b'\xed\xa0\x80'], ids=repr)
def test_trap_21_an_object_that_is_not_text_is_refused(faults: FaultServer, content: bytes) -> None:
    faults.will(s3_object(content))
    with pytest.raises(PointerError, match='UTF-8'):
        store_on(faults).fetch(Pointer(BUCKET, 'k'))


@pytest.mark.parametrize('encoding', ['gzip', 'aws-chunked', 'br'])
def test_fault_46_the_content_encoding_of_an_object_is_ignored(
    faults: FaultServer, encoding: str
) -> None:
    """A decompression bomb is not decompressed, and the header is not trusted."""
    faults.will(Answer(200, b'{"a":1}', {'Content-Encoding': encoding}))
    assert store_on(faults).fetch(Pointer(BUCKET, 'k', 7)).body == '{"a":1}'


def test_an_empty_object_is_an_empty_body(faults: FaultServer) -> None:
    faults.will(s3_object(b''))
    assert store_on(faults).fetch(Pointer(BUCKET, 'k', 0)).body == ''


CANNOT_NOW: dict[str, tuple[Answer | Fault, bool]] = {
    'fault 44 silence in the middle': (s3_object(b'a', length=2, hangs=True), True),
    'fault 44 breaks off': (s3_object(b'a', length=2), True),
    'fault 44 silence': (Fault.SILENCE, True),
    'a 404 that is not of S3': (Answer(404, b'<html>not here</html>'), False),
    'a 404 without a body': (Answer(404), False),
    'no length': (s3_object(b'ok', length=-1), True),
}


REFUSED: dict[str, tuple[Step, bool]] = {
    'fault 40 access denied': (FailCall('AccessDenied', 403), False),
    'fault 41 no bucket': (FailCall('NoSuchBucket', 404), False),
    'fault 50 another owner': (FailCall('AccessDenied', 403), False),
    'fault 51 KMS disabled': (FailCall('KMS.DisabledException'), False),
    'fault 51 KMS denied': (FailCall('AccessDenied', 403, 'kms:Decrypt is not allowed'), False),
    'archived': (FailCall('InvalidObjectState', 403), False),
    'slow down': (FailCall('SlowDown', 503), True),
    'internal error': (FailCall('InternalError', 500), True),
    'reset': (LocalFault.RESET_AFTER, True),
}


@pytest.fixture
def store(server: Server) -> Iterator[S3PayloadStore]:
    """A store on a server with AWS's rules. It makes each call once."""
    once = Config(retries={'total_max_attempts': 1})
    with closing(boto3.client('s3', config=once, **server.credentials)) as client:
        store = S3PayloadStore(BUCKET, client=client)
        store.create_bucket()
        client.put_object(Bucket=BUCKET, Key='a-key', Body=b'ok')
        yield store


@pytest.mark.parametrize(('answer', 'retriable'), CANNOT_NOW.values(), ids=CANNOT_NOW)
def test_fault_44_an_answer_that_breaks_off_is_not_an_error_of_the_pointer(
    faults: FaultServer, answer: Answer | Fault, retriable: bool
) -> None:
    faults.will(answer)
    check_transient_error(store_on(faults, read_timeout=0.2), retriable)


@pytest.mark.parametrize(('step', 'retriable'), REFUSED.values(), ids=REFUSED)
def test_fault_40_41_44_50_and_51_a_transient_error_is_not_an_error_of_the_pointer(
    server: Server, store: S3PayloadStore, step: Step, retriable: bool
) -> None:
    server.script(step, operation='GetObject')
    check_transient_error(store, retriable)
    body = store.fetch(POINTER_TO_OURS)
    assert body
    assert body.body == 'ok'


def check_transient_error(store: S3PayloadStore, retriable: bool) -> None:
    """Check the error of a fetch that fails once."""
    with pytest.raises(OffloadError) as caught:
        store.fetch(POINTER_TO_OURS)
    error = caught.value
    assert (error.bucket, error.key) == (BUCKET, 'a-key')
    assert error.retriable == retriable
    text = str(error)
    assert 'a-key' in text
    assert BUCKET in text
    assert text.isprintable()


def test_fault_45_a_bucket_of_another_region_is_found_there(faults: FaultServer) -> None:
    head = Answer(200, headers={'x-amz-bucket-region': 'us-west-2'})
    faults.will(OK, GetObject=[s3_error('PermanentRedirect', 301), OK], HeadBucket=[head])
    assert store_on(faults).fetch(POINTER_TO_OURS).body == 'ok'
    assert '/us-west-2/' in faults.requests[-1].headers['authorization']


def test_fault_45_a_redirect_without_a_region_is_a_retriable_error(
    faults: FaultServer,
) -> None:
    faults.will(OK, GetObject=[s3_error('PermanentRedirect', 301)], HeadBucket=[Answer(403)])
    with pytest.raises(OffloadError, match='PermanentRedirect'):
        store_on(faults).fetch(POINTER_TO_OURS)


def test_fault_40_the_error_of_a_403_names_the_permissions(
    server: Server, store: S3PayloadStore
) -> None:
    server.script(DENIED, operation='GetObject')
    with pytest.raises(OffloadError, match=r's3:GetObject.*s3:ListBucket'):
        store.fetch(POINTER_TO_OURS)


def test_fault_39_only_a_response_of_s3_says_that_a_body_is_missing(
    server: Server, store: S3PayloadStore
) -> None:
    """At once: S3 is consistent, so another request would not help."""
    assert store.fetch(Pointer(BUCKET, 'gone', 2)) is None
    assert server.counts().calls['GetObject'] == 1


def test_a_failed_delete_is_logged_and_not_raised(
    server: Server, store: S3PayloadStore, caplog: pytest.LogCaptureFixture
) -> None:
    server.script(DENIED, operation='DeleteObject')
    assert not store.remove(POINTER_TO_OURS)
    assert 'a-key' in caplog.text
    assert 's3:DeleteObject' in caplog.text


@pytest.mark.parametrize('step', [DENIED, LocalFault.RESET_BEFORE], ids=['denied', 'reset'])
def test_every_failure_is_an_error_of_this_library(
    server: Server, store: S3PayloadStore, step: Step
) -> None:
    server.script(step, operation='PutObject')
    with pytest.raises(MegaError):
        store.offload('a').upload()


def test_close_closes_the_client_of_the_store_and_not_the_client_of_the_user(
    faults: FaultServer,
) -> None:
    faults.will(OK)
    client = faults.client('s3')
    with S3PayloadStore(BUCKET, client=client) as store:
        assert store.fetch(POINTER_TO_OURS)
    assert store.fetch(POINTER_TO_OURS)
    with S3PayloadStore(BUCKET, **faults.credentials) as own:
        assert own.fetch(POINTER_TO_OURS)
