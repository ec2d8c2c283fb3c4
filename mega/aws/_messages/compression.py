"""Compressed bodies: gzip of Python's library, and zstd.

In a message a compressed body is Base64, because a message carries text. In S3 it is the compressed
bytes. The attribute `MegaCompression` of the message names the format in both places:

    {"type":"report","lines":["some line", ...]}           the body
    H4sIAAAAAAAC/6tWKqksSFWyUipKLcgvKlHSUcrJzEsFicQrFQ...   in a message
    1f 8b 08 00 ...                                        in S3, with the Content-Encoding gzip

Anyone can send such a body, and a few megabytes can decompress to gigabytes. Decompression
therefore has a limit, and stops when the result exceeds it.
"""

from __future__ import annotations

import sys
import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias, get_args

from mega.aws._messages.body_attributes import COMPRESSION_ATTRIBUTE
from mega.errors import ConfigurationError, DecodeError, safe_repr

__all__ = (
    'MAX_DECOMPRESSED_BYTES',
    'Compression',
    'check_compression',
    'compress',
    'compress_text',
    'compression_of',
    'decompress',
    'decompress_text',
)

Compression: TypeAlias = Literal['gzip', 'zstd']

GZIP_ENCODINGS = ('gzip,base64', 'gzip', 'application/gzip')
"""The values that other libraries give an attribute of a body that is gzip in Base64.

JustSaying writes the first as `Content-Encoding`, and Brighter the last one as its content type.
"""

MAX_DECOMPRESSED_BYTES = 4 * 1024**2
"""Bytes of a body that is compressed in its message, at most: four times the largest message.

The objects of a decoded body need more memory than its text. For many small objects such as `[[]]`
it is 35 times as much, which makes about 150 MB.
"""

MAX_WINDOW_LOG = 23
"""The logarithm of the memory that a zstd frame may request: 8 MiB, the least that every decoder
should support. https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1.1.2"""

_FORMAT = 'compressed body'

_GZIP_WINDOW = 31  # 15 bits, and 16 for the header and the checksum of gzip

_GZIP_LEVEL = 6
_ZSTD_LEVEL = 3  # both are the defaults of their libraries


def check_compression(name: str, compression: object) -> Compression | None:
    """Return the format of a setting; None for no compression.

    Raises:
        ConfigurationError: for another value, and for zstd if its package is missing.
    """
    if compression is None:
        return None
    if compression not in get_args(Compression):
        raise ConfigurationError(f"{name}={safe_repr(compression)}: must be 'gzip' or 'zstd'")
    if compression == 'zstd':
        _zstd()
    return compression  # type: ignore[return-value]


def compression_of(
    attributes: Mapping[str, object], gzip_attribute: str | None = None
) -> Compression | None:
    """Return the format that the attributes of a message name; None for an uncompressed body.

    With a `gzip_attribute`, one of `GZIP_ENCODINGS` in that attribute is gzip, too.

    Raises:
        DecodeError: for the name of an unknown format.
    """
    found = attributes.get(COMPRESSION_ATTRIBUTE)
    if found is None and gzip_attribute is not None:
        return 'gzip' if attributes.get(gzip_attribute) in GZIP_ENCODINGS else None
    if found is None or found in get_args(Compression):
        return found  # type: ignore[return-value]
    problem = f'its attribute {COMPRESSION_ATTRIBUTE} is {safe_repr(found)}'
    raise DecodeError(f"{problem}: must be 'gzip' or 'zstd'")


def compress(content: bytes, compression: Compression) -> bytes:
    """Return the compressed bytes. The same content has the same result on the same machine."""
    if compression == 'zstd':
        zstd = _zstd()
        names = zstd.CompressionParameter
        options = {names.compression_level: _ZSTD_LEVEL, names.checksum_flag: 1}
        compressed: bytes = zstd.compress(content, options=options)
        return compressed
    stream = zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP_WINDOW)
    return stream.compress(content) + stream.flush()


def decompress(content: bytes, compression: Compression, limit: int) -> bytes:
    """Return the decompressed bytes. Uses at most four times `limit` bytes of memory, and 8 MiB.

    The content must be one complete stream of gzip or frame of zstd, without data after its end.
    Its checksums are verified. The result is not empty, because no publisher sends an empty body.

    Raises:
        DecodeError: for any other content, and for more than `limit` bytes.
        ConfigurationError: for zstd if its package is missing.
    """
    stream, failure = _open_stream(compression)
    try:
        # One byte more than allowed: the rest of a larger result is never computed.
        result: bytes = stream.decompress(content, limit + 1)
    except failure as error:
        raise DecodeError(f'it is not valid {compression}: {error}', _FORMAT) from None
    if len(result) > limit:
        problem = f'it has more than {limit:,} bytes when it is decompressed'
        raise DecodeError(problem, _FORMAT)
    if not stream.eof:
        raise DecodeError(f'it is {compression} that ends early', _FORMAT)
    if stream.unused_data:
        raise DecodeError(f'it is {compression} with other data after its end', _FORMAT)
    if not result:
        raise DecodeError('it is empty when it is decompressed', _FORMAT)
    return result


def compress_text(body: str, compression: Compression) -> str:
    """Return a body as it is in a message: compressed, and in Base64."""
    return b64encode(compress(body.encode(), compression)).decode('ascii')


def decompress_text(body: str, compression: Compression) -> str:
    """Return the text of a body that is compressed in its message.

    Raises:
        DecodeError: for a body that is not valid, or has more than `MAX_DECOMPRESSED_BYTES`.
        ConfigurationError: for zstd if its package is missing.
    """
    try:
        content = b64decode(body, validate=True)
    except ValueError:
        raise DecodeError(f'it is not {compression} in Base64', _FORMAT) from None
    try:
        return decompress(content, compression, MAX_DECOMPRESSED_BYTES).decode()
    except UnicodeDecodeError:
        raise DecodeError('it is not text in UTF-8 when it is decompressed', _FORMAT) from None


def _open_stream(compression: Compression) -> tuple[Any, type[Exception]]:
    """Return a decompressor, and the class of its errors."""
    if compression == 'zstd':
        zstd = _zstd()
        options = {zstd.DecompressionParameter.window_log_max: MAX_WINDOW_LOG}
        return zstd.ZstdDecompressor(options=options), zstd.ZstdError
    return zlib.decompressobj(_GZIP_WINDOW), zlib.error


def _zstd() -> Any:
    """Return the module for zstd, of Python 3.14 or of the package with the same functions."""
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd
    except ImportError:
        advice = "pip install 'sqs-mega[zstd]'"
        raise ConfigurationError(f"the compression 'zstd' needs a package: {advice}") from None
    return zstd
