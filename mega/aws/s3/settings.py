"""What a store is told, checked before it is made."""

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
    'check_texts',
)

OnMissing: TypeAlias = Literal['raise', 'delete', 'raw']

_BUCKET = re.compile(r'[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]')
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html. An ARN is none, and
so leads nowhere."""

_PREFIX = re.compile(r'(?!.*\.\.)[A-Za-z0-9./_-]{0,900}')

_ACCOUNT = re.compile('[0-9]{12}')

_OURS = ('Body', 'Bucket', 'Key', 'ContentEncoding', 'ContentType', 'ExpectedBucketOwner')


def check_bucket(name: str, bucket: object) -> str:
    """The name of a bucket."""
    if isinstance(bucket, str) and _BUCKET.fullmatch(bucket):
        return bucket
    raise ConfigurationError(f'{name}={safe_repr(bucket)}: no name of a bucket')


def check_account(name: str, account: object) -> str | None:
    """The number of an account, or none."""
    if account is None or (isinstance(account, str) and _ACCOUNT.fullmatch(account)):
        return account
    raise ConfigurationError(f'{name}={safe_repr(account)}: a str of twelve digits is wanted')


def check_prefix(name: str, prefix: object) -> str:
    """What keys may begin with, in every tool that shows them."""
    if isinstance(prefix, str) and _PREFIX.fullmatch(prefix):
        return prefix
    problem = 'letters, digits, . / _ and - are possible, and no ..'
    raise ConfigurationError(f'{name}={safe_repr(prefix)}: {problem}')


def check_on_missing(on_missing: object) -> OnMissing:
    """One of the three."""
    if on_missing in get_args(OnMissing):
        return on_missing  # type: ignore[return-value]
    raise ConfigurationError(f"on_missing={safe_repr(on_missing)}: 'raise', 'delete' or 'raw'")


def check_texts(name: str, values: Iterable[str]) -> tuple[str, ...]:
    """Texts, of which one alone is none."""
    found = () if isinstance(values, str) else tuple(values)
    if isinstance(values, str) or not all(isinstance(each, str) for each in found):
        raise ConfigurationError(f'{name}={safe_repr(values)}: a list of str is wanted')
    return found


def check_put_arguments(arguments: Mapping[str, Any], known: frozenset[str]) -> Mapping[str, Any]:
    """What PutObject takes, but for what is the store's own."""
    for name in _OURS:
        if name in arguments:
            raise ConfigurationError(f'put_arguments: {name} is not for you to set')
    if unknown := arguments.keys() - known:
        raise ConfigurationError(f'put_arguments: PutObject takes no {safe_repr(unknown)}')
    return arguments
