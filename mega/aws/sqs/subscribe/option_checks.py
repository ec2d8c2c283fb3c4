"""Checks of the options of a listener. Most return the value as the listener uses it."""

from __future__ import annotations

from datetime import timedelta

from mega.aws._messages.destinations import check_host, check_queue_url, check_region
from mega.aws._transport.client import AwsClient
from mega.aws.sns.verification import EnvelopePolicy
from mega.aws.sqs.subscribe.engine.delivery import MAX_VISIBILITY
from mega.errors import (
    ConfigurationError,
    Seconds,
    check_int,
    check_seconds,
    check_whole_seconds,
    safe_repr,
)

__all__ = (
    'DEFAULT_VISIBILITY_TIMEOUT',
    'check_count',
    'check_dead_letter_queue',
    'check_drain',
    'check_grace_period',
    'check_max_processing_time',
    'check_reachable',
    'check_signing',
    'check_visibility_timeout',
)

# The limits of SQS: ReceiveMessage in its API reference. More threads need more than one process.
_LIMITS = {
    'max_number_of_messages': (1, 10),
    'concurrency': (1, 1_000),
}

_UNLIMITED = 10**9
"""The maximum number of messages of a drain, and of its seconds."""

DEFAULT_VISIBILITY_TIMEOUT = 30
"""Seconds, also of a queue whose own visibility timeout is unknown."""


def check_count(name: str, value: int) -> int:
    """Check `max_number_of_messages` or `concurrency`."""
    return check_int(name, value, *_LIMITS[name])


def check_visibility_timeout(value: int | timedelta | None) -> int | None:
    """Return whole seconds; None stands for the queue's own visibility timeout."""
    if value is None:
        return None
    # A timeout of 0 would make a message visible before it is processed.
    return check_whole_seconds('visibility_timeout', value, 1, 43_200)


def check_max_processing_time(value: Seconds | None) -> float | None:
    """Return seconds; None: no heartbeat."""
    return None if value is None else check_seconds('max_processing_time', value, 0, MAX_VISIBILITY)


def check_grace_period(value: Seconds) -> float:
    """Return seconds."""
    return check_seconds('grace_period', value, 0, MAX_VISIBILITY)


def check_drain(timeout: Seconds | None, max_messages: int | None) -> float | None:
    """Check the limits of a drain. Return the timeout in seconds; None: no timeout."""
    if max_messages is not None:
        check_int('max_messages', max_messages, 1, _UNLIMITED)
    return None if timeout is None else check_seconds('timeout', timeout, 0, _UNLIMITED)


def check_dead_letter_queue(url: str | None, queue_url: str) -> str | None:
    """Return the URL of the dead-letter queue, which must be another queue."""
    if url == queue_url:
        problem = 'must be the URL of another queue, or None'
        raise ConfigurationError(f'dead_letter_queue_url={safe_repr(url)}: {problem}')
    return None if url is None else check_queue_url('dead_letter_queue_url', url)


def check_reachable(aws: AwsClient, queue_url: str, dead_letter_queue_url: str | None) -> None:
    """Refuse queues that calls of a client would not reach."""
    for name, url in ('queue_url', queue_url), ('dead_letter_queue_url', dead_letter_queue_url):
        if url is not None:
            check_host(name, url, aws.endpoint_url)
            check_region(name, url, aws.region)


def check_signing(aws: AwsClient, envelopes: EnvelopePolicy | None) -> None:
    """Refuse to verify signatures of an SNS in this process, which does not sign."""
    verifies_signatures = envelopes is not None and envelopes.verify is not None
    if verifies_signatures and aws.is_in_process:
        problem = 'the SNS of a Bus does not sign its messages: leave the option off in tests'
        raise ConfigurationError(f'verify_sns_signatures=True: {problem}')
