"""Checks at the start of a listener: the queue exists, and its use is allowed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mega.aws._transport.client import AwsClient
from mega.aws.sqs.subscribe.engine.commands import EngineSettings
from mega.aws.sqs.subscribe.preflight.advice import (
    QUEUE_ATTRIBUTES,
    AdviceContext,
    Attributes,
    advice,
)
from mega.aws.sqs.subscribe.processing.settlement import SettlementPolicy
from mega.aws.sqs.subscribe.safe_logging import get_logger
from mega.aws.sqs.subscribe.subscribers.retry_delay import max_delay
from mega.aws.sqs.subscribe.subscribers.subscriber import Subscriber
from mega.errors import TransportError

__all__ = ('UNRECOVERABLE_CODES', 'PreflightOptions', 'check_queue', 'with_advice')

_log = get_logger(__name__)

_NO_QUEUE = ('AWS.SimpleQueueService.NonExistentQueue', 'QueueDoesNotExist')
_DENIED = ('AccessDenied', 'AccessDeniedException')
_NO_CREDENTIALS = (
    'ExpiredToken',
    'ExpiredTokenException',
    'IncompleteSignature',
    'InvalidAccessKeyId',
    'InvalidClientTokenId',
    'InvalidSignatureException',
    'MissingAuthenticationToken',
    'NoCredentialsError',
    'PartialCredentialsError',
    'RequestExpired',
    'SignatureDoesNotMatch',
    'UnrecognizedClientException',
)

UNRECOVERABLE_CODES = (*_NO_QUEUE, *_DENIED, *_NO_CREDENTIALS)
"""The error codes that a repetition cannot resolve: an administrator must change the setup.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
"""

# An invalid receipt handle. SQS checks the permission first, and the error shows it.
_INVALID_HANDLE = {'Id': '0', 'ReceiptHandle': 'mega-checks-the-permission'}


@dataclass(frozen=True, slots=True)
class PreflightOptions:
    """The settings of a listener that the checks need."""

    queue_url: str
    dead_letter_queue_url: str | None
    settings: EngineSettings
    policy: SettlementPolicy
    subscribers: Iterable[Subscriber]


def check_queue(aws: AwsClient, config: PreflightOptions) -> None:
    """Check that a queue exists, that its messages may be settled, and that the settings fit.

    The checks receive and change nothing. They log problems that are not certain.

    Raises:
        TransportError: if the listener could not work. The error says what to do.
    """
    url, dead_letter_url, others = config.queue_url, config.dead_letter_queue_url, None
    attributes = _probe(
        aws, 'get_queue_attributes', QueueUrl=url, AttributeNames=list(QUEUE_ATTRIBUTES)
    )
    _probe(aws, 'delete_message_batch', required=True, QueueUrl=url, Entries=[_INVALID_HANDLE])
    change = {**_INVALID_HANDLE, 'VisibilityTimeout': 0}
    _probe(aws, 'change_message_visibility_batch', required=True, QueueUrl=url, Entries=[change])
    if dead_letter_url is not None:
        names = ['MaximumMessageSize']
        others = _probe(aws, 'get_queue_attributes', QueueUrl=dead_letter_url, AttributeNames=names)
    if attributes is not None:
        setup = AdviceContext(
            config.settings,
            config.policy,
            _longest_delay(config),
            _attributes(attributes),
            _attributes(others or {}),
        )
        for sentence in advice(setup):
            _log.warning('%s %s', url, sentence)


def _longest_delay(config: PreflightOptions) -> float:
    own = [max_delay(subscriber.retry_delay) for subscriber in config.subscribers]
    return max(max_delay(config.policy.retry_delay), *own)


def _attributes(response: dict[str, Any]) -> Attributes:
    attributes = response.get('Attributes')
    return attributes if isinstance(attributes, dict) else {}


def with_advice(error: TransportError) -> TransportError:
    """Return an error that also says what to do."""
    if error.code in _NO_QUEUE:
        advice = 'create the queue, or check its URL, account and region'
    elif error.code in _DENIED:
        advice = f'allow sqs:{error.operation.removesuffix("Batch")} on the queue'
    elif error.code in _NO_CREDENTIALS:
        advice = 'check the credentials that boto3 finds, and the clock of this machine'
    else:
        return error
    problem = f'{error.problem.rstrip(".")}; {advice}'
    advised = TransportError(error.operation, error.code, problem, False)
    advised.__cause__ = error.__cause__
    return advised


def _probe(
    aws: AwsClient, method: str, *, required: bool = False, **parameters: object
) -> dict[str, Any] | None:
    """Make a call to find out whether it is allowed; None if this cannot be found out.

    `required` is whether the listener needs the permission for this call.
    """
    try:
        return aws.call(method, **parameters)
    except TransportError as error:
        if error.code in UNRECOVERABLE_CODES and (required or error.code not in _DENIED):
            raise with_advice(error) from error.__cause__
        _log.warning('%s cannot be checked: %s', parameters['QueueUrl'], error)
        return None
