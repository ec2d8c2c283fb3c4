"""The keys of a bucket in pages."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Any

from mega.local.operations import NextError, Object
from mega.local.pages import read_token, token_of
from mega.local.s3 import rules
from mega.local.s3.buckets import Bucket, Buckets

__all__ = ('Listing',)


class Listing:
    """The operations that list the objects of a bucket, in the order of their keys' bytes."""

    def __init__(self, buckets: Buckets) -> None:
        self._buckets = buckets
        self.operations = {
            'ListObjects': self._list_objects,
            'ListObjectsV2': self._list_objects_v2,
        }

    def _list_objects(self, request: Object, next_error: NextError) -> Object:
        """Return a page after a Marker. boto3's `bucket.objects` uses this older operation."""
        answer, last = self._page(request, request.get('Marker') or '')
        if request.get('Marker'):
            answer['Marker'] = request['Marker']
        # Without a delimiter, the last key is the next marker (model, ListObjectsOutput).
        if answer['IsTruncated'] and request.get('Delimiter'):
            answer['NextMarker'] = last
        return answer

    def _list_objects_v2(self, request: Object, next_error: NextError) -> Object:
        token = request.get('ContinuationToken')
        try:
            after = read_token(token) if token else request.get('StartAfter') or ''
        except ValueError:
            problem = 'The continuation token provided is incorrect'
            raise rules.invalid_argument(problem) from None
        answer, last = self._page(request, after)
        answer['KeyCount'] = len(answer.get('Contents', ())) + len(answer.get('CommonPrefixes', ()))
        for name in ('StartAfter', 'ContinuationToken'):
            if request.get(name):
                answer[name] = request[name]
        if answer['IsTruncated']:
            answer['NextContinuationToken'] = token_of(last)
        return answer

    def _page(self, request: Object, after: str) -> tuple[Object, str]:
        """Return the common members of a page after a key, and its last key or prefix."""
        bucket = self._buckets.get(request)
        prefix, delimiter = request.get('Prefix') or '', request.get('Delimiter') or ''
        limit = min(request.get('MaxKeys', rules.MAX_KEYS), rules.MAX_KEYS)
        if limit < 0:
            problem = 'Argument maxKeys must be an integer between 0 and 2147483647'
            raise rules.invalid_argument(problem)
        listed = _entries(bucket, prefix, delimiter, after, limit + 1)
        page = listed[:limit]
        answer: dict[str, Any] = {
            'Name': bucket.name,
            'Prefix': prefix,
            'MaxKeys': limit,
            'IsTruncated': len(listed) > limit > 0,
        }
        if delimiter:
            answer['Delimiter'] = delimiter
        if contents := [_content(bucket, key) for key, is_prefix in page if not is_prefix]:
            answer['Contents'] = contents
        if prefixes := [{'Prefix': key} for key, is_prefix in page if is_prefix]:
            answer['CommonPrefixes'] = prefixes
        return answer, page[-1][0] if page else ''


def _entries(
    bucket: Bucket, prefix: str, delimiter: str, after: str, limit: int
) -> list[tuple[str, bool]]:
    """Return up to `limit` keys and common prefixes after a key, and whether each is a prefix.

    A common prefix stands for all keys that begin with it. A page after a common prefix begins
    after all these keys.
    """
    ordered = sorted(bucket.objects, key=_order)
    entries: list[tuple[str, bool]] = []
    start = bisect_left(ordered, _order(prefix), key=_order)
    start = max(start, bisect_right(ordered, _order(after), key=_order)) if after else start
    for key in ordered[start:]:
        if not key.startswith(prefix) or len(entries) == limit:
            break
        end = key.find(delimiter, len(prefix)) if delimiter else -1
        if end < 0:
            entries.append((key, False))
            continue
        common = key[: end + len(delimiter)]
        if common != after and (not entries or entries[-1] != (common, True)):
            entries.append((common, True))
    return entries


def _order(key: str) -> bytes:
    """Return the sort key of a key: S3 orders keys by their bytes in UTF-8."""
    return key.encode('utf-8', 'surrogatepass')


def _content(bucket: Bucket, key: str) -> Object:
    found = bucket.objects[key]
    return {
        'Key': key,
        'LastModified': found.modified,
        'ETag': found.etag,
        'Size': len(found.body),
        'StorageClass': found.headers.get('StorageClass', 'STANDARD'),
    }
