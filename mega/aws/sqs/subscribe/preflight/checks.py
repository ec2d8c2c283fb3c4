"""Checks at the start of a listener: the queue exists, and its use is allowed."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from msgspec import Struct, structs

from mega.aws._transport.client import AwsClient
from mega.aws.sqs.subscribe.call_errors import (
    Origin,
    is_about_receipt_handle,
    is_unrecoverable,
    origin_of,
    with_advice,
)
from mega.aws.sqs.subscribe.engine.commands import EngineSettings
from mega.aws.sqs.subscribe.preflight.advice import (
    QUEUE_ATTRIBUTES,
    AdviceContext,
    Attributes,
    advice,
    polling_advice,
)
from mega.aws.sqs.subscribe.processing.settlement import SettlementPolicy
from mega.aws.sqs.subscribe.safe_logging import get_logger
from mega.aws.sqs.subscribe.subscribers.retry_delay import max_delay
from mega.aws.sqs.subscribe.subscribers.subscriber import Subscriber
from mega.errors import TransportError

__all__ = ('PreflightOptions', 'PreflightResult', 'check_queue')

_log = get_logger(__name__)

# An invalid receipt handle. SQS checks the permission first, and the error shows it.
_INVALID_HANDLE = {'Id': '0', 'ReceiptHandle': 'mega-checks-the-permission'}


class PreflightOptions(Struct, frozen=True):
    """The settings of a listener that the checks need.

    With `uses_queue_timeout`, the queue's own visibility timeout replaces that of the settings.
    """

    queue_url: str
    dead_letter_queue_url: str | None
    settings: EngineSettings
    policy: SettlementPolicy
    subscribers: Iterable[Subscriber]
    uses_queue_timeout: bool = False


class PreflightResult(Struct, frozen=True):
    """The operations that SQS permitted, and the visibility timeout to use, in seconds."""

    permitted: frozenset[str]
    visibility_timeout: int


def check_queue(aws: AwsClient, config: PreflightOptions) -> PreflightResult:
    """Check that a queue exists, that its messages may be settled, and that the settings fit.

    The checks receive and change nothing. They log problems that are not certain. The checks of a
    drain only warn: its calls follow at once, and show what AWS refuses.

    Raises:
        TransportError: if the listener could not work. The error says what to do.
    """
    url, dead_letter_url, others = config.queue_url, config.dead_letter_queue_url, None
    is_drain = config.settings.until_empty
    for sentence in polling_advice(config.settings, aws.read_timeout):
        _log.warning('%s %s', url, sentence)
    attributes = _probe(
        aws,
        'get_queue_attributes',
        raises=not is_drain,
        QueueUrl=url,
        AttributeNames=list(QUEUE_ATTRIBUTES),
    )
    permitted = frozenset() if is_drain else _check_permissions(aws, url)
    if dead_letter_url is not None:
        names = ['MaximumMessageSize']
        others = _probe(
            aws,
            'get_queue_attributes',
            raises=not is_drain,
            QueueUrl=dead_letter_url,
            AttributeNames=names,
        )
    settings = config.settings
    if config.uses_queue_timeout:
        timeout = _queue_timeout(url, _attributes(attributes or {}), settings.visibility_timeout)
        settings = structs.replace(settings, visibility_timeout=timeout)
    if attributes is not None:
        setup = AdviceContext(
            settings,
            config.policy,
            _longest_delay(config),
            _attributes(attributes),
            _attributes(others or {}),
        )
        for sentence in advice(setup):
            _log.warning('%s %s', url, sentence)
    return PreflightResult(permitted, settings.visibility_timeout)


def _queue_timeout(url: str, attributes: Attributes, default: int) -> int:
    """Return the visibility timeout of a queue in seconds, or the default if it is unknown or 0."""
    text = attributes.get('VisibilityTimeout', '')
    if text.isdecimal() and int(text) > 0:
        return int(text)
    _log.warning(
        '%s has an unknown visibility timeout, or one of 0 s, and %d s are used: '
        'allow sqs:GetQueueAttributes on the queue, or set visibility_timeout',
        url,
        default,
    )
    return default


def _check_permissions(aws: AwsClient, url: str) -> frozenset[str]:
    """Return which operations that settle messages SQS permitted."""
    probe = partial(_probe, aws, required=True, QueueUrl=url)
    change = {**_INVALID_HANDLE, 'VisibilityTimeout': 0}
    answers = {
        'DeleteMessageBatch': probe('delete_message_batch', Entries=[_INVALID_HANDLE]),
        'ChangeMessageVisibilityBatch': probe('change_message_visibility_batch', Entries=[change]),
    }
    return frozenset(name for name, answer in answers.items() if answer is not None)


def _longest_delay(config: PreflightOptions) -> float:
    own = [max_delay(subscriber.retry_delay) for subscriber in config.subscribers]
    return max(max_delay(config.policy.retry_delay), *own)


def _attributes(response: dict[str, Any]) -> Attributes:
    attributes = response.get('Attributes')
    return attributes if isinstance(attributes, dict) else {}


def _probe(
    aws: AwsClient,
    method: str,
    *,
    required: bool = False,
    raises: bool = True,
    **parameters: object,
) -> dict[str, Any] | None:
    """Make a call to find out whether it is allowed; None if this cannot be found out.

    `required` is whether the listener needs the permission for this call.
    """
    url = str(parameters['QueueUrl'])
    try:
        return aws.call(method, **parameters)
    except TransportError as error:
        if is_about_receipt_handle(error):
            return {}
        advised = with_advice(error, url)
        concerns_all_calls = origin_of(error) in (Origin.CREDENTIALS, Origin.QUEUE)
        if raises and is_unrecoverable(error) and (required or concerns_all_calls):
            raise advised from error.__cause__
        _log.warning('%s cannot be checked: %s', url, advised)
        return None
