"""The settings of a store, checked when the store is created."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Literal, TypeAlias, get_args

from mega.aws._messages.destinations import check_bucket
from mega.aws.s3.pointer import has_dot_segment
from mega.errors import ConfigurationError, safe_repr

__all__ = (
    'BucketOwners',
    'OnMissing',
    'check_allowed_prefixes',
    'check_buckets',
    'check_on_missing',
    'check_owners',
    'check_prefix',
    'check_put_arguments',
    'check_strings',
)

OnMissing: TypeAlias = Literal['raise', 'delete', 'raw']

BucketOwners: TypeAlias = str | Mapping[str, str] | None
"""The account that owns all buckets, or the account of each bucket by its name."""

_PREFIX = re.compile(r'(?!.*\.\.)[A-Za-z0-9./_-]{0,900}')

_ACCOUNT = re.compile('[0-9]{12}')

_SET_BY_STORE = (
    'Body',
    'Bucket',
    'Key',
    'ContentEncoding',
    'ContentType',
    'ExpectedBucketOwner',
)


def check_owners(name: str, owners: object, buckets: Collection[str]) -> dict[str, str]:
    """Return the account that must own each bucket. A bucket without a known owner is missing.

    Raises:
        ConfigurationError: for any other value, as every function here.
    """
    if owners is None:
        return {}
    accounts = owners if isinstance(owners, Mapping) else dict.fromkeys(buckets, owners)
    for bucket, account in accounts.items():
        if not isinstance(account, str) or not _ACCOUNT.fullmatch(account):
            raise ConfigurationError(f'{name}={safe_repr(account)}: must be a str of twelve digits')
        if bucket not in buckets:
            problem = 'is neither the bucket of the store nor one of its allowed_buckets'
            raise ConfigurationError(f'{name}: {safe_repr(bucket)} {problem}')
    return dict(accounts)


def check_prefix(name: str, prefix: object) -> str:
    """Return a prefix of keys that every tool can show: letters, digits and `. / _ -`."""
    if isinstance(prefix, str) and _PREFIX.fullmatch(prefix):
        return prefix
    problem = 'must consist of letters, digits, . / _ and -, without ..'
    raise ConfigurationError(f'{name}={safe_repr(prefix)}: {problem}')


def check_allowed_prefixes(name: str, prefixes: Iterable[str] | None) -> tuple[str, ...] | None:
    """Return prefixes of keys, or None. A prefix with a segment `.` or `..` allows no key."""
    if prefixes is None:
        return None
    found = check_strings(name, prefixes)
    for prefix in found:
        if has_dot_segment(f'{prefix}x'):
            problem = 'must not have a segment . or .., with which no pointer is followed'
            raise ConfigurationError(f'{name}={safe_repr(prefix)}: {problem}')
    return found


def check_buckets(name: str, buckets: Iterable[str]) -> tuple[str, ...]:
    """Return names of buckets."""
    return tuple(check_bucket(name, bucket) for bucket in check_strings(name, buckets))


def check_on_missing(on_missing: object) -> OnMissing:
    """Return one of the values of `OnMissing`."""
    if on_missing in get_args(OnMissing):
        return on_missing  # type: ignore[return-value]
    raise ConfigurationError(
        f"on_missing={safe_repr(on_missing)}: must be 'raise', 'delete' or 'raw'"
    )


def check_strings(name: str, values: Iterable[str]) -> tuple[str, ...]:
    """Return a tuple of str. A single str is refused, because it is an iterable of characters."""
    found = () if isinstance(values, str) else tuple(values)
    if isinstance(values, str) or not all(isinstance(value, str) for value in found):
        raise ConfigurationError(f'{name}={safe_repr(values)}: must be a list of str')
    return found


def check_put_arguments(arguments: Mapping[str, Any], known: Collection[str]) -> Mapping[str, Any]:
    """Return parameters of PutObject, without the parameters that the store itself sets."""
    for name in _SET_BY_STORE:
        if name in arguments:
            raise ConfigurationError(f'put_arguments: {name} is set by the store')
    if unknown := arguments.keys() - known:
        raise ConfigurationError(f'put_arguments: PutObject has no parameters {safe_repr(unknown)}')
    return arguments
