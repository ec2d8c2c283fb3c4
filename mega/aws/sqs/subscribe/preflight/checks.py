"""Checks at the start of a listener: the queue exists, and its use is allowed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from msgspec import Struct, structs

from mega.aws._transport.call_errors import (
    Origin,
    advice_on,
    is_about_receipt_handle,
    is_unrecoverable,
    origin_of,
    with_advice,
)
from mega.aws._transport.client import AwsClient
from mega.aws.sqs.subscribe.engine.commands import EngineSettings
from mega.aws.sqs.subscribe.preflight.advice import (
    QUEUE_ATTRIBUTES,
    Attributes,
    Setup,
    advice,
    number,
    polling_advice,
)
from mega.aws.sqs.subscribe.preflight.findings import Finding, Kind
from mega.aws.sqs.subscribe.processing.settlement import SettlementPolicy
from mega.aws.sqs.subscribe.subscribers.retry_delay import max_delay
from mega.aws.sqs.subscribe.subscribers.subscriber import Subscriber
from mega.errors import TransportError
from mega.logging import about, get_logger

__all__ = (
    'PERMISSIONS',
    'PreflightOptions',
    'PreflightResult',
    'check_queue',
    'check_settings',
    'read_attributes',
    'unchecked',
)

_log = get_logger(__name__)

# An invalid receipt handle. SQS checks the permission first, and the error shows it.
_INVALID_HANDLE = {'Id': '0', 'ReceiptHandle': 'mega-checks-the-permission'}

PERMISSIONS: Mapping[str, tuple[str, object]] = {
    'DeleteMessageBatch': ('delete_message_batch', [_INVALID_HANDLE]),
    'ChangeMessageVisibilityBatch': (
        'change_message_visibility_batch',
        [{**_INVALID_HANDLE, 'VisibilityTimeout': 0}],
    ),
}
"""The operations that settle messages: the method and the entries of a call without an effect."""

Report: TypeAlias = Callable[[Finding], object]
"""Receives each finding."""


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


def _log_finding(finding: Finding) -> None:
    extra = about(subject=finding.subject)
    _log.warning('%s', finding.sentences, code=finding.code, extra=extra)


def check_queue(
    aws: AwsClient, options: PreflightOptions, report: Report = _log_finding
) -> PreflightResult:
    """Check that a queue exists, that its messages may be settled, and that the settings fit.

    The checks receive and change nothing. They report problems that are not certain. The checks of
    a drain only warn, because its calls follow at once, and show what AWS refuses. The checks of a
    drain do not report missing or invalid credentials: the first receive raises that error.

    Raises:
        TransportError: if the listener could not work. The error says what to do.
    """
    url, dead_letter_url = options.queue_url, options.dead_letter_queue_url
    raises = not options.settings.until_empty
    for finding in polling_advice(url, options.settings, aws.read_timeout):
        report(finding)
    queue = read_attributes(aws, url, QUEUE_ATTRIBUTES, report, raises=raises)
    permitted = _check_permissions(aws, url, report) if raises else frozenset()
    dead_letter_queue = None
    if dead_letter_url is not None:
        dead_letter_queue = read_attributes(
            aws, dead_letter_url, ['MaximumMessageSize'], report, raises=raises
        )
    timeout = check_settings(options, queue, dead_letter_queue, report)
    return PreflightResult(permitted, timeout)


def check_settings(
    options: PreflightOptions,
    queue: Attributes | None,
    dead_letter_queue: Attributes | None,
    report: Report,
) -> int:
    """Check that the settings fit to the queues, and return the visibility timeout in seconds.

    None for the attributes of a queue: they are unknown.
    """
    settings = options.settings
    if options.uses_queue_timeout:
        timeout = number(queue or {}, 'VisibilityTimeout') or 0
        if not timeout:
            timeout = settings.visibility_timeout
            report(_unknown_timeout(options.queue_url, timeout))
        settings = structs.replace(settings, visibility_timeout=timeout)
    if queue is not None:
        delay, others = _longest_delay(options), dead_letter_queue or {}
        setup = Setup(options.queue_url, settings, options.policy, delay, queue, others)
        for finding in advice(setup):
            report(finding)
    return settings.visibility_timeout


def _unknown_timeout(url: str, used: int) -> Finding:
    return Kind.QUEUE_TIMEOUT_UNKNOWN.found(
        url,
        f'has an unknown visibility timeout, or one of 0 s, and {used} s are used',
        'Allow sqs:GetQueueAttributes on the queue, or set visibility_timeout.',
    )


def _check_permissions(aws: AwsClient, url: str, report: Report) -> frozenset[str]:
    """Return which operations that settle messages SQS permitted."""
    return frozenset(
        operation
        for operation, (method, entries) in PERMISSIONS.items()
        if _probe(aws, method, report, required=True, QueueUrl=url, Entries=entries) is not None
    )


def _longest_delay(options: PreflightOptions) -> float:
    own = [max_delay(subscriber.retry_delay) for subscriber in options.subscribers]
    return max([max_delay(options.policy.retry_delay), *own])


def read_attributes(
    aws: AwsClient, url: str, names: Iterable[str], report: Report, *, raises: bool = True
) -> Attributes | None:
    """Return attributes of a queue; None if SQS does not return them, which is reported.

    Raises:
        TransportError: if no call to the queue can succeed, unless `raises` is false.
    """
    response = _probe(
        aws,
        'get_queue_attributes',
        report,
        raises=raises,
        QueueUrl=url,
        AttributeNames=list(names),
    )
    if response is None:
        return None
    attributes = response.get('Attributes')
    return attributes if isinstance(attributes, dict) else {}


def _probe(
    aws: AwsClient,
    method: str,
    report: Report,
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
        is_final, origin = is_unrecoverable(error), origin_of(error)
        concerns_all_calls = origin in (Origin.CREDENTIALS, Origin.RESOURCE)
        if raises and is_final and (required or concerns_all_calls):
            raise with_advice(error, url) from error.__cause__
        if not raises and is_final and origin is Origin.CREDENTIALS:
            return None  # the first receive has the same credentials, and raises the error
        report(unchecked(url, error, advice_on(error, url)))
        return None


def unchecked(subject: str, error: TransportError, advice: str, topic: str = '') -> Finding:
    """Return the finding of a check that AWS did not permit or answer.

    `advice` says what to change; an empty text if the failure may be temporary. `topic` is what
    was to be checked.
    """
    problem = f'cannot be checked for {topic}' if topic else 'cannot be checked'
    remedy = f'{advice[:1].upper()}{advice[1:]}' or 'Check again, the failure may be temporary.'
    text = str(error).removesuffix(f'; {advice}').rstrip('.')
    return Kind.UNCHECKED.found(subject, f'{problem}: {text}', remedy)
