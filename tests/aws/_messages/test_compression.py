"""Compression and bounded decompression of bodies."""

from __future__ import annotations

import gzip
import tracemalloc
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mega.aws._messages.compression import (
    MAX_DECOMPRESSED_BYTES,
    Compression,
    compress,
    compress_text,
    compression_of,
    decompress,
    decompress_text,
)
from mega.errors import DecodeError
from tests.hostile import cpu_limit

FORMATS: list[Compression] = ['gzip', 'zstd']
formats = pytest.mark.parametrize('format', FORMATS)
LIMIT = 1_000_000


@given(st.binary(min_size=1, max_size=2_000), st.sampled_from(FORMATS))
def test_decompression_restores_all_bytes(content: bytes, format: Compression) -> None:
    assert decompress(compress(content, format), format, len(content)) == content


@given(st.text('aé€😀\n{', min_size=1, max_size=200), st.sampled_from(FORMATS))
def test_a_compressed_text_is_ascii_and_restored(body: str, format: Compression) -> None:
    written = compress_text(body, format)
    assert written.isascii()
    assert decompress_text(written, format) == body


@given(st.binary(max_size=300), st.sampled_from(FORMATS))
def test_any_other_bytes_are_refused_or_have_at_most_the_limit(
    content: bytes, format: Compression
) -> None:
    try:
        found = decompress(content, format, 100)
    except DecodeError:
        return
    assert len(found) <= 100


@given(st.data(), st.sampled_from(FORMATS))
def test_no_changed_byte_goes_unnoticed(data: Any, format: Compression) -> None:
    content = data.draw(st.binary(min_size=1, max_size=200))
    written = bytearray(compress(content, format))
    place = data.draw(st.integers(0, len(written) - 1))
    written[place] ^= data.draw(st.integers(1, 255))
    try:
        found = decompress(bytes(written), format, 1_000)
    except DecodeError:
        return
    assert found == content  # some bits of a header do not matter, such as the time of gzip


def test_the_same_content_is_compressed_to_the_same_bytes() -> None:
    """Without the time that gzip would write, so that equal messages have equal bodies."""
    assert compress(b'a' * 100, 'gzip')[4:8] == bytes(4)


@formats
def test_the_limit_is_exact(format: Compression) -> None:
    written = compress(bytes(LIMIT), format)
    assert decompress(written, format, LIMIT) == bytes(LIMIT)
    with pytest.raises(DecodeError, match='has more than 999,999 bytes'):
        decompress(written, format, LIMIT - 1)


@formats
def test_each_prefix_of_a_stream_is_refused(format: Compression) -> None:
    written = compress(b'some content', format)
    for end in range(len(written)):
        with pytest.raises(DecodeError):
            decompress(written[:end], format, LIMIT)


@formats
def test_data_after_the_end_is_refused(format: Compression) -> None:
    written = compress(b'some content', format)
    for rest in b'\0', b'x', written:
        with pytest.raises(DecodeError, match='with other data after its end'):
            decompress(written + rest, format, LIMIT)


@formats
def test_a_bomb_is_refused_with_bounded_memory_and_time(format: Compression) -> None:
    bomb = compress(bytes(30 * 1024**2), format)
    assert len(bomb) < 40_000
    tracemalloc.start()
    try:
        with cpu_limit(2.0), pytest.raises(DecodeError, match='has more than 1,000,000 bytes'):
            decompress(bomb, format, LIMIT)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * LIMIT


def test_a_frame_of_zstd_that_requests_a_large_window_is_refused() -> None:
    """The decoder would allocate the window before the first byte: here 128 MiB."""
    window_log = 27
    header = b'\x28\xb5\x2f\xfd' + b'\x00' + bytes([(window_log - 10) << 3])
    block = b'\x09\x00\x00' + b'a'  # the last block, one raw byte
    with pytest.raises(DecodeError, match='is not valid zstd'):
        decompress(header + block, 'zstd', LIMIT)
    allowed = b'\x28\xb5\x2f\xfd' + b'\x00' + bytes([(23 - 10) << 3])
    assert decompress(allowed + block, 'zstd', LIMIT) == b'a'


def test_the_window_of_a_large_content_is_allowed() -> None:
    content = bytes(range(256)) * (MAX_DECOMPRESSED_BYTES // 256)
    assert decompress(compress(content, 'zstd'), 'zstd', MAX_DECOMPRESSED_BYTES) == content


@pytest.mark.parametrize(
    ('body', 'problem'),
    [
        ('', 'is gzip that ends early'),
        ('no Base64!', 'is not gzip in Base64'),
        ('YWJj\n', 'is not gzip in Base64'),
        ('{"a":1}', 'is not gzip in Base64'),
        ('YWJj', 'is not valid gzip'),
        (b64encode(gzip.compress(b'\xff', mtime=0)).decode(), 'is not text in UTF-8'),
    ],
    ids=repr,
)
def test_a_broken_body_is_refused_with_the_reason(body: str, problem: str) -> None:
    with pytest.raises(DecodeError, match=problem) as caught:
        decompress_text(body, 'gzip')
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize('found', ['br', '', 'GZIP', b'gzip', '\x1b[2J' * 100], ids=ascii)
def test_an_attribute_with_an_unknown_format_is_refused(found: object) -> None:
    with pytest.raises(DecodeError, match="must be 'gzip' or 'zstd'") as caught:
        compression_of({'MegaCompression': found})
    assert str(caught.value).isprintable()
