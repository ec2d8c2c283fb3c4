"""Errors of calls to AWS that no retry can resolve, and advice that names the origin of an error.

A call fails at SQS or SNS, at the KMS key of the queue or topic, or before AWS receives it: boto3
may have to call STS for credentials. The codes are often the same, and do not say which part of the
setup to change:

    error                                               advice
    AccessDenied of ReceiveMessage                      allow sqs:ReceiveMessage on the queue
    AuthorizationError of Publish                       allow sns:Publish on the topic
    KmsAccessDenied of ReceiveMessage                   allow kms:Decrypt on the KMS key
    AccessDenied, raised by AssumeRoleWithWebIdentity   allow it in the trust policy of the role
"""

from __future__ import annotations

import re
from enum import Enum
from typing import NamedTuple

from mega.aws._transport.errors import NO_CREDENTIALS_ADVICE
from mega.errors import TransportError

__all__ = (
    'Origin',
    'advice_on',
    'is_about_receipt_handle',
    'is_unrecoverable',
    'origin_of',
    'with_advice',
    'with_advice_on_setup',
)


class Origin(Enum):
    """The part of the setup that causes an error of a call."""

    CREDENTIALS = 'boto3 has no valid credentials'
    RESOURCE = 'the queue or topic does not exist'
    KEY = 'KMS refuses the key of the queue or topic'
    PERMISSION = 'the credentials do not permit the call'
    ENDPOINT = 'the server at the endpoint is not AWS'
    REQUEST = 'AWS refuses the request for another reason'


_NO_ANSWER_OF_PROVIDER = 'CredentialRetrievalError'
"""The error of botocore if the source of the credentials did not answer. That may be temporary."""

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
# with the errors of ReceiveMessage there, and those of Publish in the reference of SNS. SQS has two
# spellings of some codes.
_CODES = {
    Origin.CREDENTIALS: (
        'AuthFailure',
        _NO_ANSWER_OF_PROVIDER,
        'ExpiredToken',
        'ExpiredTokenException',
        'IncompleteSignature',
        'IncompleteSignatureException',
        'InvalidAccessKeyId',
        'InvalidClientTokenId',
        'InvalidSignatureException',
        'MissingAuthenticationToken',
        'MissingAuthenticationTokenException',
        'RequestExpired',
        'RequestTimeTooSkewed',
        'SignatureDoesNotMatch',
        'UnrecognizedClientException',
    ),
    Origin.RESOURCE: (
        'AWS.SimpleQueueService.NonExistentQueue',
        'InvalidAddress',
        'NotFound',
        'QueueDoesNotExist',
    ),
    Origin.PERMISSION: (
        'AccessDenied',
        'AccessDeniedException',
        'AuthorizationError',
        'NotAuthorized',
        'UnauthorizedOperation',
    ),
}
_ORIGINS = {code: origin for origin, codes in _CODES.items() for code in codes}

_OF_RECEIPT_HANDLES = ('InvalidParameterValue', 'MessageNotInflight', 'ReceiptHandleIsInvalid')
"""The codes of an invalid receipt handle. Some servers refuse the whole batch because of one."""

_WITH_RECEIPT_HANDLES = ('DeleteMessageBatch', 'ChangeMessageVisibilityBatch')

# 'User: arn:aws:iam::1:user/a is not authorized to perform: kms:Decrypt on resource: arn:...'. SNS
# writes SNS:Publish, and SQS sqs:sendmessage.
_DENIED_ACTION = r'not authorized to perform:? ([A-Za-z0-9-]+:\w+)'


class _Words(NamedTuple):
    resource: str
    service: str
    address: str


_QUEUE = _Words('queue', 'sqs', 'URL')
_TOPIC = _Words('topic', 'sns', 'ARN')


def is_unrecoverable(error: TransportError) -> bool:
    """Return whether a call fails again until an administrator changes the setup.

    Every error of status 4xx is, except throttling, limits such as messages in flight, and receipt
    handles that SQS does not accept.
    """
    return not error.retriable and not is_about_receipt_handle(error)


def is_about_receipt_handle(error: TransportError) -> bool:
    """Return whether a call failed only because of a receipt handle. The call is permitted."""
    code = error.code.removeprefix('AWS.SimpleQueueService.')
    return error.operation in _WITH_RECEIPT_HANDLES and code in _OF_RECEIPT_HANDLES


def origin_of(error: TransportError) -> Origin:
    """Return the part of the setup that causes an error."""
    if _failed_operation(error) != error.operation:
        return Origin.CREDENTIALS  # another service refused to issue them, before the call
    action = _denied_action(error)
    if error.code.lower().startswith('kms') or action.startswith('kms:'):
        return Origin.KEY
    if _is_unsent(error) and error.code != 'ParamValidationError':
        return Origin.CREDENTIALS
    if error.code.isdigit() or error.code == 'Unknown':  # a page instead of an error of AWS
        return Origin.ENDPOINT
    return _ORIGINS.get(error.code, Origin.PERMISSION if action else Origin.REQUEST)


def with_advice(error: TransportError, name: str) -> TransportError:
    """Return an error that also says what to change, if retries alone do not resolve it.

    `name` is the URL of a queue or its name, or the ARN of a topic.
    """
    advice = advice_on(error, name)
    if not advice or advice in error.problem:
        return error
    problem = f'{error.problem.rstrip(".")}; {advice}'
    advised = TransportError(error.operation, error.code, problem, error.retriable)
    advised.__cause__ = error.__cause__
    return advised


def with_advice_on_setup(error: TransportError, name: str) -> TransportError:
    """Return the error of a call that sends messages, with advice if the setup is its cause.

    An error of `Origin.REQUEST` is returned as it is, because a message may be its cause.
    """
    return error if origin_of(error) is Origin.REQUEST else with_advice(error, name)


def advice_on(error: TransportError, name: str) -> str:
    """Return what to change about an error; an empty text if retries alone may resolve it."""
    if not is_unrecoverable(error) and error.code != _NO_ANSWER_OF_PROVIDER:
        return ''
    origin = origin_of(error)
    resource, service, address = _TOPIC if name.split(':')[2:3] == ['sns'] else _QUEUE
    if error.code == 'NoCredentialsError':
        return NO_CREDENTIALS_ADVICE
    if origin is Origin.CREDENTIALS:
        return _advice_on_credentials(_failed_operation(error), error.operation)
    if origin is Origin.RESOURCE:
        return f'create the {resource}, or check its {address}, account and region: {name}'
    if origin is Origin.KEY:
        return _advice_on_key(error, resource, name)
    if origin is Origin.PERMISSION:
        action = _denied_action(error)
        if not action or action.lower().startswith(f'{service}:'):
            action = f'{service}:{error.operation.removesuffix("Batch")}'
        verb = 'remove the explicit deny of' if 'explicit deny' in error.problem else 'allow'
        return f'{verb} {action} on the {resource} {name}'
    if origin is Origin.ENDPOINT:
        return f'check the endpoint and the {address}: the answer is not from AWS: {name}'
    return f'check the {address}, the endpoint and the policy of the {resource} {name}'


def _advice_on_credentials(failed: str, operation: str) -> str:
    if failed == operation:
        return 'check the credentials that boto3 finds, and the clock of this machine'
    if failed.startswith('AssumeRole'):
        return (
            f'boto3 calls {failed} of AWS STS for its credentials: allow sts:{failed} in the trust '
            'policy of the role, and check the ARN of the role and its token'
        )
    return f'boto3 calls {failed} for its credentials: check its profile, role or token'


def _advice_on_key(error: TransportError, resource: str, name: str) -> str:
    if 'accessdenied' not in error.code.lower() and not _denied_action(error):
        return f'enable the KMS key of the {resource} {name}, or give the {resource} another key'
    needs_data_key = error.operation.startswith(('SendMessage', 'Publish'))
    actions = 'kms:GenerateDataKey and kms:Decrypt' if needs_data_key else 'kms:Decrypt'
    return f'allow {actions} on the KMS key of the {resource} {name}'


def _failed_operation(error: TransportError) -> str:
    """Return the operation that AWS refused: of the call, or the one that issues credentials."""
    found: str = getattr(error.__cause__, 'operation_name', error.operation)
    return found


def _denied_action(error: TransportError) -> str:
    """Return the action that AWS names in the text of an error, or an empty text."""
    found = re.search(_DENIED_ACTION, error.problem)
    return found[1] if found else ''


def _is_unsent(error: TransportError) -> bool:
    return (
        error.__cause__ is not None
        and not error.retriable
        and not hasattr(error.__cause__, 'response')
    )
