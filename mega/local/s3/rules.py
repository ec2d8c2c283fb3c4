"""The validation of S3. The source `guide` is the S3 User Guide; `model`, botocore's model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from mega.local.errors import AwsError
from mega.local.messages import as_bytes
from mega.local.operations import Object
from mega.local.s3.buckets import StoredObject, no_such_key

__all__ = (
    'MAX_KEYS',
    'check_bucket_name',
    'check_conditions_of_get',
    'check_conditions_of_put',
    'check_key',
    'check_metadata',
    'check_tags',
    'invalid_argument',
    'malformed_xml',
    'range_of',
    'structures',
    'tags_of',
)

MAX_KEYS = 1_000
"""The maximum number of keys in a page, and in DeleteObjects (model)."""

MAX_KEY_BYTES = 1_024
MAX_METADATA_BYTES = 2_048
MAX_TAGS = 10

_BUCKET_NAME = re.compile(r'(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]')
_ADDRESS = re.compile(r'\d+\.\d+\.\d+\.\d+', re.ASCII)
_RANGE = re.compile(r'bytes=(\d{0,18})-(\d{0,18})', re.ASCII)


def invalid_argument(problem: str) -> AwsError:
    return AwsError('InvalidArgument', problem)


def malformed_xml() -> AwsError:
    problem = 'The XML you provided was not well-formed or did not validate'
    return AwsError('MalformedXML', problem)


def structures(value: object, *names: str) -> list[Object]:
    """Return a list of structures with these members.

    Raises:
        AwsError: MalformedXML for anything else, which botocore never sends.
    """
    if not isinstance(value, list):
        raise malformed_xml()
    for each in value:
        if not (
            isinstance(each, dict) and all(isinstance(each.get(name), str | int) for name in names)
        ):
            raise malformed_xml()
    return value


def check_bucket_name(name: str) -> None:
    """Refuse an invalid name of a bucket (guide, bucket naming rules)."""
    if not _BUCKET_NAME.fullmatch(name) or _ADDRESS.fullmatch(name):
        raise AwsError('InvalidBucketName', 'The specified bucket is not valid.')


def check_key(key: str) -> None:
    """Refuse a key of more than 1,024 bytes in UTF-8 (guide, object key naming)."""
    if len(as_bytes(key)) > MAX_KEY_BYTES:
        raise AwsError('KeyTooLongError', 'Your key is too long')


def check_metadata(metadata: Mapping[str, str]) -> None:
    """Refuse metadata of more than 2 KB (guide, user-defined object metadata)."""
    size = sum(len(as_bytes(name)) + len(as_bytes(value)) for name, value in metadata.items())
    if size > MAX_METADATA_BYTES:
        problem = 'Your metadata headers exceed the maximum allowed metadata size'
        raise AwsError('MetadataTooLarge', problem)


def tags_of(text: str) -> dict[str, str]:
    """Return the tags of the parameter `Tagging`, which is written as a query."""
    pairs = parse_qsl(text, keep_blank_values=True)
    if len(dict(pairs)) < len(pairs):
        problem = 'Cannot provide multiple Tags with the same key'
        raise AwsError('InvalidTag', problem)
    return check_tags(dict(pairs))


def check_tags(tags: dict[str, str]) -> dict[str, str]:
    """Refuse more than 10 tags, and keys and values that are too long (guide, object tagging)."""
    if len(tags) > MAX_TAGS:
        raise AwsError('BadRequest', 'Object tags cannot be greater than 10')
    if any(not 0 < len(key) <= 128 or len(value) > 256 for key, value in tags.items()):
        raise AwsError('InvalidTag', 'The tag provided was not a valid tag.')
    return tags


def check_conditions_of_put(
    existing: StoredObject | None, if_match: str | None, if_none_match: str | None
) -> None:
    """Refuse a PutObject whose condition does not hold.

    Source: model, PutObject: IfNoneMatch "expects the '*' character"; IfMatch expects an ETag.
    """
    if if_none_match is not None:
        if if_none_match != '*':
            problem = 'A header you provided implies functionality that is not implemented'
            raise AwsError('NotImplemented', problem, 501)
        if existing is not None:
            raise _precondition_failed()
    if if_match is not None:
        if existing is None:
            raise no_such_key()
        if not _is_etag(if_match, existing):
            raise _precondition_failed()


def check_conditions_of_get(
    found: StoredObject, if_match: str | None, if_none_match: str | None
) -> None:
    """Refuse a GetObject whose condition does not hold (model, GetObject)."""
    if if_match is not None and not _is_etag(if_match, found):
        raise _precondition_failed()
    if if_none_match is not None and _is_etag(if_none_match, found):
        raise AwsError('304', 'Not Modified', 304)


def _is_etag(text: str, found: StoredObject) -> bool:
    return text == '*' or text.strip('"') == found.etag.strip('"')


def _precondition_failed() -> AwsError:
    problem = 'At least one of the pre-conditions you specified did not hold'
    return AwsError('PreconditionFailed', problem, 412)


def range_of(text: str | None, size: int) -> range | None:
    """Return the part of an object that a Range asks for; None for the whole object.

    As RFC 9110 requires, an invalid range is ignored. S3 ignores several ranges, too.

    Raises:
        AwsError: InvalidRange if the range begins after the end of the object.
    """
    found = _RANGE.fullmatch(text or '')
    if not found or not (found[1] or found[2]):
        return None
    if not found[1]:
        start, end = max(0, size - int(found[2])), size
    else:
        start = int(found[1])
        end = min(size, int(found[2]) + 1) if found[2] else size
        if found[2] and int(found[2]) < start:
            return None
    if start >= size:
        raise AwsError('InvalidRange', 'The requested range is not satisfiable', 416)
    return range(start, end)
