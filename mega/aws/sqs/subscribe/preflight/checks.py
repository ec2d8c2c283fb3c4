"""Whether a queue is fit to listen to: found out at start, and not by the first message."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mega.aws._transport.client import AwsClient
from mega.aws.sqs.subscribe.engine.commands import Settings
from mega.aws.sqs.subscribe.preflight.advice import (
    QUEUE_ATTRIBUTES,
    Attributes,
    ListenerSetup,
    advice,
)
from mega.aws.sqs.subscribe.processing.settlement import Policy
from mega.aws.sqs.subscribe.safe_logging import log_of
from mega.aws.sqs.subscribe.subscribers.retry_delay import longest
from mega.aws.sqs.subscribe.subscribers.subscriber import Subscriber
from mega.errors import TransportError

__all__ = ('UNRECOVERABLE_CODES', 'PreflightConfig', 'check_queue', 'with_advice')

_log = log_of(__name__)

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
"""Codes of errors that somebody has to do something about: no use to begin with them.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
"""

# Nobody's: SQS looks at it only when it has seen that the call is allowed.
_NO_HANDLE = {'Id': '0', 'ReceiptHandle': 'mega-asks-whether-it-may'}


@dataclass(frozen=True, slots=True)
class PreflightConfig:
    """What a listener is about to do."""

    queue_url: str
    dead_letter_queue_url: str | None
    settings: Settings
    policy: Policy
    subscribers: Iterable[Subscriber]


def check_queue(aws: AwsClient, listening: PreflightConfig) -> None:
    """See that a queue is there, that its messages may be settled, and that the settings fit.

    Nothing is received or changed. What is not certain is logged.

    Raises:
        TransportError: when listening could not work, with what to do about it.
    """
    url, dead, others = listening.queue_url, listening.dead_letter_queue_url, None
    attributes = _probe(
        aws, 'get_queue_attributes', QueueUrl=url, AttributeNames=list(QUEUE_ATTRIBUTES)
    )
    _probe(aws, 'delete_message_batch', must=True, QueueUrl=url, Entries=[_NO_HANDLE])
    unchanged = {**_NO_HANDLE, 'VisibilityTimeout': 0}
    _probe(aws, 'change_message_visibility_batch', must=True, QueueUrl=url, Entries=[unchanged])
    if dead is not None:
        size = ['MaximumMessageSize']
        others = _probe(aws, 'get_queue_attributes', QueueUrl=dead, AttributeNames=size)
    if attributes is not None:
        setup = ListenerSetup(
            listening.settings,
            listening.policy,
            _longest_delay(listening),
            _attributes(attributes),
            _attributes(others or {}),
        )
        for sentence in advice(setup):
            _log.warning('%s %s', url, sentence)


def _longest_delay(listening: PreflightConfig) -> float:
    own = [longest(subscriber.retry_delay) for subscriber in listening.subscribers]
    return max(longest(listening.policy.retry_delay), *own)


def _attributes(answer: dict[str, Any]) -> Attributes:
    found = answer.get('Attributes')
    return found if isinstance(found, dict) else {}


def with_advice(error: TransportError) -> TransportError:
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


def _probe(
    aws: AwsClient, method: str, *, must: bool = False, **parameters: object
) -> dict[str, Any] | None:
    """Make a call that tells whether it may be made; `must` is whether listening needs it.

    None where nobody can say.
    """
    try:
        return aws.call(method, **parameters)
    except TransportError as error:
        if error.code in UNRECOVERABLE_CODES and (must or error.code not in _DENIED):
            raise with_advice(error) from error.__cause__
        _log.warning('%s cannot be checked: %s', parameters['QueueUrl'], error)
        return None
