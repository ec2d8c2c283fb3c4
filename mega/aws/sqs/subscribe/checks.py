"""Whether a queue is fit to listen to: found out at start, and not by the first message."""

from __future__ import annotations

import logging
from typing import Any

from mega.aws._client import Aws
from mega.errors import TransportError

__all__ = ('HOPELESS', 'advised', 'check_queue')

_log = logging.getLogger(__name__)

_NO_QUEUE = ('AWS.SimpleQueueService.NonExistentQueue', 'QueueDoesNotExist')
_DENIED = ('AccessDenied', 'AccessDeniedException')
_NO_CREDENTIALS = (
    'ExpiredToken',
    'ExpiredTokenException',
    'IncompleteSignature',
    'InvalidAccessKeyId',
    'InvalidClientTokenId',
    'MissingAuthenticationToken',
    'NoCredentialsError',
    'PartialCredentialsError',
    'SignatureDoesNotMatch',
    'UnrecognizedClientException',
)

HOPELESS = (*_NO_QUEUE, *_DENIED, *_NO_CREDENTIALS)
"""Codes of errors that somebody has to do something about: no use to begin with them.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
"""

# Nobody's: SQS looks at it only when it has seen that the call is allowed.
_NO_HANDLE = {'Id': '0', 'ReceiptHandle': 'mega-asks-whether-it-may'}


_UNKNOWN = {'Attributes': {'RedrivePolicy': None}}


def check_queue(aws: Aws, url: str, dead_letter_queue_url: str | None) -> None:
    """See that a queue is there, that its messages may be settled, and where failed ones go.

    Nothing is received or changed. What is not certain is logged.

    Raises:
        TransportError: when listening could not work, with what to do about it.
    """
    answer = _ask(aws, 'get_queue_attributes', QueueUrl=url, AttributeNames=['RedrivePolicy'])
    _ask(aws, 'delete_message_batch', must=True, QueueUrl=url, Entries=[_NO_HANDLE])
    unchanged = {**_NO_HANDLE, 'VisibilityTimeout': 0}
    _ask(aws, 'change_message_visibility_batch', must=True, QueueUrl=url, Entries=[unchanged])
    if dead_letter_queue_url is not None:
        url, anything = dead_letter_queue_url, ['QueueArn']
        _ask(aws, 'get_queue_attributes', QueueUrl=url, AttributeNames=anything)
    elif 'RedrivePolicy' not in answer.get('Attributes', {}):
        _log.warning(
            '%s has no redrive policy, and the listener no dead_letter_queue_url: what fails '
            'for good is deleted and lost, and what cannot be opened comes again until it '
            'expires. Give it one of the two.',
            url,
        )


def advised(error: TransportError) -> TransportError:
    """An error that also says what to do about it."""
    if error.code in _NO_QUEUE:
        advice = 'create the queue, or check its URL, account and region'
    elif error.code in _DENIED:
        advice = f'allow sqs:{error.operation.removesuffix("Batch")} on the queue'
    elif error.code in _NO_CREDENTIALS:
        advice = 'check the credentials that boto3 finds, and the clock of this machine'
    else:
        return error
    made = TransportError(
        error.operation, error.code, f'{error.problem.rstrip(".")}; {advice}', False
    )
    made.__cause__ = error.__cause__
    return made


def _ask(aws: Aws, method: str, *, must: bool = False, **parameters: object) -> dict[str, Any]:
    """Make a call that tells whether it may be made; `must` is whether listening needs it."""
    try:
        return aws.call(method, **parameters)
    except TransportError as error:
        if error.code in HOPELESS and (must or error.code not in _DENIED):
            raise advised(error) from error.__cause__
        _log.warning('%s cannot be checked: %s', parameters['QueueUrl'], error)
        return _UNKNOWN
