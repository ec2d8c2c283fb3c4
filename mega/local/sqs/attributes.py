"""The attributes of queues: names, defaults and validation.

Source: model, CreateQueue, SetQueueAttributes and GetQueueAttributes. Error messages are AWS's
where these are known, and equivalent otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from mega.local.errors import AwsError, invalid_value
from mega.local.rules import whole_number

__all__ = ('COUNTS', 'READ_ONLY', 'RedrivePolicy', 'check_names', 'defaults', 'updated')

COUNTS = (
    'ApproximateNumberOfMessages',
    'ApproximateNumberOfMessagesNotVisible',
    'ApproximateNumberOfMessagesDelayed',
)
READ_ONLY = (*COUNTS, 'CreatedTimestamp', 'LastModifiedTimestamp', 'QueueArn')

_RANGES = {
    'DelaySeconds': (0, 900),
    'KmsDataKeyReusePeriodSeconds': (60, 86_400),
    'MaximumMessageSize': (1_024, 1_048_576),
    'MessageRetentionPeriod': (60, 1_209_600),
    'ReceiveMessageWaitTimeSeconds': (0, 20),
    'VisibilityTimeout': (0, 43_200),
}
_FIFO_VALUES = {
    'FifoQueue': ('true',),
    'ContentBasedDeduplication': ('true', 'false'),
    'DeduplicationScope': ('messageGroup', 'queue'),
    'FifoThroughputLimit': ('perQueue', 'perMessageGroupId'),
}
_TEXTS = ('KmsMasterKeyId', 'Policy', 'RedriveAllowPolicy', 'RedrivePolicy')
_SETTABLE = {*_RANGES, *_TEXTS, 'SqsManagedSseEnabled'}

_MAX_RECEIVES = 1_000
_MAX_SOURCES = 10


def defaults(is_fifo: bool) -> dict[str, str]:
    """Return the attributes of a queue that was created without any.

    Source: model, CreateQueue. The default of SqsManagedSseEnabled is from the Developer Guide.
    """
    attributes = {
        'DelaySeconds': '0',
        'MaximumMessageSize': '1048576',
        'MessageRetentionPeriod': '345600',
        'ReceiveMessageWaitTimeSeconds': '0',
        'SqsManagedSseEnabled': 'true',
        'VisibilityTimeout': '30',
    }
    if is_fifo:
        attributes |= {
            'FifoQueue': 'true',
            'ContentBasedDeduplication': 'false',
            'DeduplicationScope': 'queue',
            'FifoThroughputLimit': 'perQueue',
        }
    return attributes


def updated(
    current: Mapping[str, str], changes: Mapping[str, str], is_fifo: bool
) -> dict[str, str]:
    """Return the attributes of a queue after a change. An empty text removes an attribute.

    Raises:
        AwsError: for an attribute that does not exist, or an invalid value.
    """
    for name, value in changes.items():
        _check(name, value, is_fifo)
    merged = {**current, **_encryption(current, changes), **changes}
    is_per_group = merged.get('FifoThroughputLimit') == 'perMessageGroupId'
    if is_per_group and merged.get('DeduplicationScope') != 'messageGroup':
        raise _invalid('FifoThroughputLimit', 'DeduplicationScope must be messageGroup.')
    return {name: value for name, value in merged.items() if value}


def _check(name: str, value: str, is_fifo: bool) -> None:
    if name in _FIFO_VALUES and is_fifo:
        if value not in _FIFO_VALUES[name]:
            reason = 'Modifying queue type is not supported.' if name == 'FifoQueue' else ''
            raise _invalid(name, reason)
    elif name not in _SETTABLE:
        raise AwsError('InvalidAttributeName', f'Unknown Attribute {name[:80]}.')
    if name in _RANGES:
        low, high = _RANGES[name]
        number = whole_number(value)
        if number is None or not low <= number <= high:
            raise _invalid(name, f'Must be between {low} and {high}.')
    if name == 'SqsManagedSseEnabled' and value not in ('true', 'false'):
        raise _invalid(name)


def _encryption(current: Mapping[str, str], changes: Mapping[str, str]) -> dict[str, str]:
    """Return the change of SqsManagedSseEnabled that a KMS key implies: a queue has one of them."""
    key = changes.get('KmsMasterKeyId', current.get('KmsMasterKeyId'))
    if key and changes.get('SqsManagedSseEnabled') == 'true':
        raise AwsError(
            'InvalidAttributeName',
            'You can use one type of server-side encryption (SSE) at one time. '
            'You can either enable KMS SSE or SQS SSE.',
        )
    return {'SqsManagedSseEnabled': 'false'} if key else {}


def check_names(names: Collection[str]) -> None:
    """Refuse the name of an attribute that no queue has.

    Source: model, GetQueueAttributes with its error InvalidAttributeName.
    """
    for name in names:
        if name not in _SETTABLE and name not in _FIFO_VALUES and name not in ('All', *READ_ONLY):
            raise AwsError('InvalidAttributeName', f'Unknown Attribute {name[:80]}.')


def _invalid(name: str, reason: str = '') -> AwsError:
    problem = f'Invalid value for the parameter {name}.'
    return AwsError('InvalidAttributeValue', f'{problem} Reason: {reason}' if reason else problem)


class RedrivePolicy:
    """A parsed RedrivePolicy or RedriveAllowPolicy. The latter has no `target_arn`."""

    def __init__(self, name: str, text: str) -> None:
        self._name = name
        self._text = text
        try:
            fields = json.loads(text)
        except (ValueError, RecursionError):
            fields = None
        if not isinstance(fields, dict):
            raise self.invalid('It is not a JSON object.')
        self._fields: dict[str, Any] = fields

    def invalid(self, reason: str) -> AwsError:
        """Return the error of an invalid policy, with the text of AWS."""
        value = f'Value {self._text[:1_000]} for parameter {self._name} is invalid.'
        return invalid_value(f'{value} Reason: {reason}')

    @property
    def target_arn(self) -> str:
        """The ARN of the dead-letter queue."""
        arn = self._fields.get('deadLetterTargetArn')
        if not (isinstance(arn, str) and arn.startswith('arn:') and arn.count(':') == 5):
            raise self.invalid('Invalid value for deadLetterTargetArn.')
        return arn

    @property
    def max_receives(self) -> int:
        """The number of receives after which a message moves: by default 10, from 1 to 1,000.

        Source: model, CreateQueue, for the default; Developer Guide for the range.
        """
        given = self._fields.get('maxReceiveCount', 10)
        try:
            count = int(given)
        except (ValueError, TypeError, OverflowError):
            count = 0
        if not 1 <= count <= _MAX_RECEIVES:
            raise self.invalid(
                'Invalid value for maxReceiveCount: valid values are from 1 to 1000.'
            )
        return count

    def allows(self, source_arn: str) -> bool:
        """Return whether a queue may use the queue with this RedriveAllowPolicy."""
        permission = self._fields.get('redrivePermission', 'allowAll')
        sources = self._fields.get('sourceQueueArns')
        if permission == 'byQueue':
            if not (isinstance(sources, list) and 1 <= len(sources) <= _MAX_SOURCES):
                raise self.invalid('sourceQueueArns must have 1 to 10 ARNs.')
            return source_arn in sources
        if permission not in ('allowAll', 'denyAll'):
            raise self.invalid('redrivePermission must be allowAll, denyAll or byQueue.')
        if sources is not None:
            raise self.invalid('sourceQueueArns requires the redrivePermission byQueue.')
        return bool(permission == 'allowAll')
