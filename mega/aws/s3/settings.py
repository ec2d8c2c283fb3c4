"""The settings of a store, checked when the store is created."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeAlias, get_args

from mega.errors import ConfigurationError, safe_repr

__all__ = (
    'OnMissing',
    'check_account',
    'check_bucket',
    'check_on_missing',
    'check_prefix',
    'check_put_arguments',
    'check_strings',
)

OnMissing: TypeAlias = Literal['raise', 'delete', 'raw']

_BUCKET = re.compile(r'[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]')
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html. No ARN matches."""

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


def check_bucket(name: str, bucket: object) -> str:
    """Return the name of a bucket.

    Raises:
        ConfigurationError: for any other value, as every function here.
    """
    if isinstance(bucket, str) and _BUCKET.fullmatch(bucket):
        return bucket
    raise ConfigurationError(f'{name}={safe_repr(bucket)}: must be the name of a bucket')


def check_account(name: str, account: object) -> str | None:
    """Return the id of an AWS account, or None."""
    if account is None or (isinstance(account, str) and _ACCOUNT.fullmatch(account)):
        return account
    raise ConfigurationError(f'{name}={safe_repr(account)}: must be a str of twelve digits')


def check_prefix(name: str, prefix: object) -> str:
    """Return a prefix of keys that every tool can show: letters, digits and `. / _ -`."""
    if isinstance(prefix, str) and _PREFIX.fullmatch(prefix):
        return prefix
    problem = 'must consist of letters, digits, . / _ and -, without ..'
    raise ConfigurationError(f'{name}={safe_repr(prefix)}: {problem}')


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


def check_put_arguments(arguments: Mapping[str, Any], known: frozenset[str]) -> Mapping[str, Any]:
    """Return parameters of PutObject, without the parameters that the store itself sets."""
    for name in _SET_BY_STORE:
        if name in arguments:
            raise ConfigurationError(f'put_arguments: {name} is set by the store')
    if unknown := arguments.keys() - known:
        raise ConfigurationError(f'put_arguments: PutObject has no parameters {safe_repr(unknown)}')
    return arguments
