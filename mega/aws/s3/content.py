"""The bytes of an object in S3, and the body that they are.

body -> compressed -> object ~~ object -> decompressed -> size, digest and UTF-8 checked -> body
"""

from __future__ import annotations

from msgspec.structs import replace

from mega.aws._messages.compression import Compression, compress, decompress
from mega.aws._messages.digests import sha256_of
from mega.aws.s3.pointer import Pointer
from mega.errors import DecodeError, PointerError

__all__ = ('compressed', 'read_content', 'wrong_size')


def compressed(
    pointer: Pointer, content: bytes, compression: Compression | None
) -> tuple[Pointer, bytes]:
    """Return the pointer and the bytes of an object, compressed if that makes them fewer."""
    if compression is not None:
        smaller = compress(content, compression)
        if len(smaller) < len(content):
            return replace(pointer, compression=compression), smaller
    return pointer, content


def read_content(pointer: Pointer, content: bytes, max_payload: int) -> str:
    """Return the body in an object of at most `max_payload` bytes.

    Raises:
        PointerError: for a body of another size or digest than the pointer has, for broken
            compression, for more than `max_payload` bytes, and for other bytes than UTF-8.
        ConfigurationError: for a compression whose package is missing.
    """
    if pointer.compression is not None:
        limit = max_payload if pointer.size is None else pointer.size
        try:
            content = decompress(content, pointer.compression, limit)
        except DecodeError as error:
            raise PointerError(f'its pointer leads to an {error}') from None
        if pointer.size not in (None, len(content)):
            raise wrong_size(pointer, len(content), max_payload)
    if pointer.sha256 is not None and sha256_of(content) != pointer.sha256:
        raise PointerError(
            'its pointer leads to another body than the offloaded one: the digests differ'
        )
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise PointerError('its pointer leads to an object that is not text in UTF-8') from None


def wrong_size(pointer: Pointer, size: int, max_payload: int) -> PointerError:
    """Return the error of a body whose size is too large, or not that of its pointer."""
    announced = '' if pointer.size in (None, size) else f', {pointer.size:,} were announced'
    problem = f'its pointer leads to {size:,} bytes{announced}'
    return PointerError(f'{problem}; max_payload is {max_payload:,}')
