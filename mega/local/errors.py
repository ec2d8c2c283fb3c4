"""AWS's errors, independent of the protocol."""

from __future__ import annotations

__all__ = (
    'AwsError',
    'internal_error',
    'invalid_value',
    'missing_parameter',
    'missing_queue',
    'older_code',
    'serialization_error',
)


class AwsError(Exception):
    """An error of a call, or of one entry of a batch.

    `code` is the error's name in the service model.
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.status = status

    @property
    def sender_fault(self) -> bool:
        return self.status < 500

    def entry(self, entry_id: str) -> dict[str, object]:
        """Return the error as a batch response lists it."""
        return {
            'Id': entry_id,
            'Code': self.code,
            'Message': self.message,
            'SenderFault': self.sender_fault,
        }


def invalid_value(message: str) -> AwsError:
    return AwsError('InvalidParameterValue', message)


def missing_parameter(name: str) -> AwsError:
    return AwsError('MissingParameter', f'The request must contain the parameter {name}.')


def missing_queue() -> AwsError:
    return AwsError('QueueDoesNotExist', 'The specified queue does not exist.')


def serialization_error(name: str, expected: str) -> AwsError:
    """Return the error of a parameter with the wrong type, which botocore never sends."""
    return AwsError('SerializationException', f'The parameter {name} must be {expected}.')


def internal_error(code: str = 'InternalError', status: int = 500) -> AwsError:
    return AwsError(code, 'We encountered an internal error. Please try again.', status)


_OLDER_CODES = {
    'QueueDoesNotExist': 'AWS.SimpleQueueService.NonExistentQueue',
    'QueueNameExists': 'QueueAlreadyExists',
    **{
        name: f'AWS.SimpleQueueService.{name}'
        for name in (
            'BatchEntryIdsNotDistinct',
            'BatchRequestTooLong',
            'EmptyBatchRequest',
            'InvalidBatchEntryId',
            'MessageNotInflight',
            'PurgeQueueInProgress',
            'QueueDeletedRecently',
            'TooManyEntriesInBatchRequest',
        )
    },
}


def older_code(code: str) -> str:
    """Return the name of an error of SQS in the older Query protocol, which boto3 shows."""
    return _OLDER_CODES.get(code, code)
