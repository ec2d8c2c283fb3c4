"""The settings of buckets, which the model stores and returns.

Only the default encryption has an effect. No object expires, and no policy forbids anything.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

from mega.local.errors import AwsError
from mega.local.operations import NextError, Object, Operation
from mega.local.s3.buckets import Bucket, Buckets
from mega.local.s3.rules import malformed_xml, structures

__all__ = ('default_encryption', 'settings_operations')


class _Setting(NamedTuple):
    """A setting with its three operations, such as `PutBucketPolicy`.

    `member` is the parameter of Put and the member of Get's response. If `inner` is given, Get
    returns this member of it instead. `listed` is the list of structures that the setting must
    have. A bucket without the setting has `default`; without a default, Get raises `missing`.
    """

    name: str
    member: str
    missing: tuple[str, str]
    inner: str | None = None
    listed: str | None = None
    default: Any = None


_ALL_BLOCKED = {
    'BlockPublicAcls': True,
    'IgnorePublicAcls': True,
    'BlockPublicPolicy': True,
    'RestrictPublicBuckets': True,
}
_AES256 = {
    'Rules': [
        {
            'ApplyServerSideEncryptionByDefault': {'SSEAlgorithm': 'AES256'},
            'BucketKeyEnabled': False,
        }
    ]
}

_SETTINGS = (
    # Guide, default encryption: S3 encrypts with SSE-S3 unless a bucket says otherwise.
    _Setting(
        'BucketEncryption',
        'ServerSideEncryptionConfiguration',
        ('ServerSideEncryptionConfigurationNotFoundError', 'server side encryption'),
        listed='Rules',
        default=_AES256,
    ),
    _Setting(
        'BucketLifecycle',
        'LifecycleConfiguration',
        ('NoSuchLifecycleConfiguration', 'lifecycle'),
        'Rules',
        'Rules',
    ),
    _Setting('BucketPolicy', 'Policy', ('NoSuchBucketPolicy', 'bucket policy')),
    _Setting('BucketTagging', 'Tagging', ('NoSuchTagSet', 'tag set'), 'TagSet', 'TagSet'),
    # Guide, blocking public access: a new bucket blocks all public access.
    _Setting(
        'PublicAccessBlock',
        'PublicAccessBlockConfiguration',
        ('NoSuchPublicAccessBlockConfiguration', 'public access block'),
        default=_ALL_BLOCKED,
    ),
)
_OPERATION_NAMES = {'BucketLifecycle': 'BucketLifecycleConfiguration'}
"""The names in Put and Get, where they differ from that in Delete."""


def settings_operations(buckets: Buckets) -> dict[str, Operation]:
    """Return the operations of all settings by name."""
    operations: dict[str, Operation] = {}
    for setting in _SETTINGS:
        name = _OPERATION_NAMES.get(setting.name, setting.name)
        operations[f'Put{name}'] = partial(_put, buckets, setting)
        operations[f'Get{name}'] = partial(_get, buckets, setting)
        operations[f'Delete{setting.name}'] = partial(_delete, buckets, setting)
    return operations


def _put(buckets: Buckets, setting: _Setting, request: Object, next_error: NextError) -> Object:
    value = request[setting.member]
    if setting.listed and not structures(value.get(setting.listed)):
        raise malformed_xml()
    buckets.get(request).settings[setting.name] = value
    return {}


def _get(buckets: Buckets, setting: _Setting, request: Object, next_error: NextError) -> Object:
    value = buckets.get(request).settings.get(setting.name, setting.default)
    if value is None:
        code, kind = setting.missing
        raise AwsError(code, f'The {kind} configuration does not exist', 404)
    if setting.inner is None:
        return {setting.member: value}
    return {setting.inner: value[setting.inner]}


def _delete(buckets: Buckets, setting: _Setting, request: Object, next_error: NextError) -> Object:
    """Delete a setting. A deleted default encryption is the default again, as in AWS."""
    settings = buckets.get(request).settings
    if setting.name == 'PublicAccessBlock':
        settings[setting.name] = None
    else:
        settings.pop(setting.name, None)
    return {}


def default_encryption(bucket: Bucket) -> Object:
    """Return the encryption of objects of a bucket, as parameters of PutObject."""
    configuration = bucket.settings.get('BucketEncryption', _AES256)
    [rule, *_] = configuration['Rules']
    default = rule.get('ApplyServerSideEncryptionByDefault') or {}
    found = {
        'ServerSideEncryption': default.get('SSEAlgorithm', 'AES256'),
        'SSEKMSKeyId': default.get('KMSMasterKeyID'),
        'BucketKeyEnabled': rule.get('BucketKeyEnabled') or None,
    }
    return {name: value for name, value in found.items() if value is not None}
