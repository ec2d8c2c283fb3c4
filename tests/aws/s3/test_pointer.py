"""The pointer of a message: every form in use, and invalid ones."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mega.aws._messages.limits import size_of
from mega.aws.s3.pointer import Pointer, is_offloaded, read_pointer, write_pointer
from mega.errors import PointerError
from tests.hostile import cpu_limit

CLASSES = {
    'new': 'software.amazon.payloadoffloading.PayloadS3Pointer',
    'legacy': 'com.amazon.sqs.javamessaging.MessageS3Pointer',
}
NAMES = {'new': 'ExtendedPayloadSize', 'legacy': 'SQSLargePayloadSize'}
SEPARATORS = {'spaced': (', ', ': '), 'compact': (',', ':')}
WHERE = {'s3BucketName': 'bkt', 's3Key': 'k-1'}
SHA256 = 'ab' * 32

EACH_NAME = pytest.mark.parametrize('name', NAMES.values(), ids=[f'{each} name' for each in NAMES])
SPACING = pytest.mark.parametrize('separators', SEPARATORS.values(), ids=SEPARATORS)


def body_of(document: object, separators: tuple[str, str] = (',', ':')) -> str:
    return json.dumps(document, separators=separators)


@EACH_NAME
@pytest.mark.parametrize('kind', CLASSES.values(), ids=[f'{each} class' for each in CLASSES])
@SPACING
def test_reads_both_attributes_with_both_classes_and_any_spacing(
    name: str, kind: str, separators: tuple[str, str]
) -> None:
    body = body_of([kind, WHERE], separators)
    assert read_pointer(body, {name: '300000'}) == Pointer('bkt', 'k-1', 300_000)


@EACH_NAME
@SPACING
def test_reads_an_object_without_a_class(name: str, separators: tuple[str, str]) -> None:
    assert read_pointer(body_of(WHERE, separators), {name: '5'}) == Pointer('bkt', 'k-1', 5)


def test_writes_what_the_extended_clients_write() -> None:
    body, attributes = write_pointer(Pointer('bkt', 'k-1', 300_000))
    assert body == f'["{CLASSES["new"]}",{{"s3BucketName":"bkt","s3Key":"k-1"}}]'
    assert attributes == {NAMES['new']: {'DataType': 'Number', 'StringValue': '300000'}}


def test_writes_what_the_first_extended_clients_wrote_on_request() -> None:
    body, attributes = write_pointer(Pointer('bkt', 'k-1', 300_000), is_legacy=True)
    assert body == f'["{CLASSES["legacy"]}",{{"s3BucketName":"bkt","s3Key":"k-1"}}]'
    assert attributes == {NAMES['legacy']: {'DataType': 'Number', 'StringValue': '300000'}}


def test_the_digest_is_an_additional_key_of_the_object() -> None:
    """Java's reader refuses a third element, and every reader in use accepts another key."""
    body, _ = write_pointer(Pointer('bkt', 'k-1', 1, SHA256))
    assert json.loads(body) == [CLASSES['new'], {**WHERE, 'sha256': SHA256}]


@pytest.mark.parametrize('is_legacy', [False, True], ids=['new', 'legacy'])
@given(
    bucket=st.from_regex(r'[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]', fullmatch=True),
    key=st.text(st.characters(codec='utf-8'), min_size=1, max_size=256),
    size=st.integers(0, 2**31),
    sha256=st.none() | st.just(SHA256),
)
def test_a_written_pointer_is_read_as_it_was(
    is_legacy: bool, bucket: str, key: str, size: int, sha256: str | None
) -> None:
    pointer = Pointer(bucket, key, size, sha256)
    body, attributes = write_pointer(pointer, is_legacy)
    values = {name: each['StringValue'] for name, each in attributes.items()}
    assert is_offloaded(values)
    assert read_pointer(body, values) == pointer
    assert body.isascii()


@pytest.mark.parametrize('is_legacy', [False, True], ids=['new', 'legacy'])
def test_a_pointer_fits_into_the_smallest_destination(
    is_legacy: bool,
) -> None:
    """The smallest limit of a queue is 1,024 bytes. Only a very long prefix would not fit."""
    pointer = Pointer('b' * 63, 'k' * 36, 2**31, SHA256)
    assert size_of(*write_pointer(pointer, is_legacy)) < 1_024 / 2


def test_unknown_keys_of_the_object_are_ignored() -> None:
    assert read_pointer(body_of([CLASSES['new'], {**WHERE, 'x': [1]}]), {}) == Pointer('bkt', 'k-1')


@pytest.mark.parametrize('sha256', [SHA256.upper(), 'ab', SHA256 + 'a', '', 1, None, [SHA256]])
def test_an_invalid_digest_is_ignored(sha256: object) -> None:
    assert read_pointer(body_of({**WHERE, 'sha256': sha256}), {}).sha256 is None


@pytest.mark.parametrize(
    'size', ['', '-1', '+1', '1.0', '1e3', '0x1', ' 1', '１２', '9' * 20, 'NaN', b'12'], ids=repr
)
def test_an_invalid_size_is_ignored(size: object) -> None:
    assert read_pointer(body_of(WHERE), {NAMES['new']: size}).size is None


def test_the_newer_of_two_size_attributes_counts() -> None:
    both = {NAMES['legacy']: '1', NAMES['new']: '2'}
    assert read_pointer(body_of(WHERE), both).size == 2


def _where(**changes: object) -> str:
    where = {name: value for name, value in {**WHERE, **changes}.items() if value is not ...}
    return body_of([CLASSES['new'], where])


NO_POINTERS: dict[str, str] = {
    'nothing': '',
    'text': 'a text',
    'null': 'null',
    'number': '1',
    'long number': '9' * 5_000,
    'long number inside': f'[{"9" * 5_000},{{}}]',
    'deep lists': '[' * 16_000,
    'deep objects': '{"a":' * 3_000,
    'deep and closed': '[' * 8_000 + ']' * 8_000,
    'cut short': _where()[:-1],
    'more behind': _where() + ' x',
    'too long': _where(x='a' * 20_000),
    'empty list': '[]',
    'class alone': body_of([CLASSES['new']]),
    'three elements': body_of([CLASSES['new'], WHERE, 1]),
    'another class': body_of(['java.lang.Runtime', WHERE]),
    'class of lists': body_of([[CLASSES['new']], WHERE]),
    'swapped': body_of([WHERE, CLASSES['new']]),
    'text inside': body_of([CLASSES['new'], 'bkt/k-1']),
    'list inside': body_of([CLASSES['new'], [WHERE]]),
    'empty object': '{}',
    'no bucket': _where(s3BucketName=...),
    'no key': _where(s3Key=...),
    'null bucket': _where(s3BucketName=None),
    'null key': _where(s3Key=None),
    'number for a bucket': _where(s3BucketName=1),
    'list for a bucket': _where(s3BucketName=['bkt']),
    'object for a key': _where(s3Key={'a': 1}),
    'empty key': _where(s3Key=''),
    'key of 1,025 bytes': _where(s3Key='k' * 1_025),
    'key of 1,026 bytes in 513 characters': _where(s3Key='é' * 513),
    'lone surrogate': _where(s3Key='a\ud800'),
    'other case': body_of([CLASSES['new'], {'S3BucketName': 'bkt', 'S3Key': 'k-1'}]),
}


@EACH_NAME
@pytest.mark.parametrize('body', NO_POINTERS.values(), ids=NO_POINTERS)
def test_an_invalid_pointer_is_refused_quickly_with_a_short_error_on_one_line(
    name: str, body: str
) -> None:
    with cpu_limit(5), pytest.raises(PointerError) as caught:
        read_pointer(body, {name: '1'})
    text = str(caught.value)
    assert text.isprintable()
    assert len(text) < 300


def test_the_longest_key_is_read_with_every_character_escaped() -> None:
    key = '\x01' * 1_024
    assert read_pointer(_where(s3Key=key), {}).key == key


ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*WHERE, 'sha256', 'x']), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(document=ANYTHING | st.tuples(st.sampled_from([*CLASSES.values(), 'x']), ANYTHING))
def test_any_body_is_a_pointer_or_is_refused(document: object) -> None:
    try:
        found = read_pointer(json.dumps(document), {NAMES['new']: '1'})
    except PointerError:
        return
    assert isinstance(found.bucket, str)
    assert 0 < len(found.key.encode()) <= 1_024


@pytest.mark.parametrize('attributes', [{}, {'ExtendedPayloadsize': '1'}, {'S3Key': 'k-1'}])
def test_a_message_without_a_size_attribute_is_not_offloaded(attributes: dict[str, str]) -> None:
    assert not is_offloaded(attributes)
