"""Checks of the access to AWS: identity, region, clock, queue and permissions."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import timezone
from email.utils import parsedate_to_datetime

from mega.aws._messages.destinations import region_of
from mega.aws._transport.call_errors import (
    Origin,
    advice_on,
    is_about_receipt_handle,
    origin_of,
)
from mega.aws.sqs.subscribe.preflight.checks import PERMISSIONS, unchecked
from mega.aws.sqs.subscribe.preflight.findings import Finding, Kind
from mega.cli.doctor.setup import Setup
from mega.errors import TransportError

__all__ = (
    'check_clock',
    'check_permissions',
    'check_region',
    'headers_of',
    'read_identity',
    'read_queue',
    'refused_permission',
)

MAX_CLOCK_SKEW = 60.0
"""Seconds. AWS refuses a request whose time differs by more than five minutes:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html"""


def check_region(setup: Setup) -> Iterator[Finding]:
    """Compare the region of the queue with the default region of boto3."""
    own, default = region_of(setup.queue_url), os.environ.get('AWS_DEFAULT_REGION')
    if own and default and own != default:
        yield Kind.REGION.found(
            setup.queue_url,
            f'is in {own}, and AWS_DEFAULT_REGION is {default}: clients without a queue or topic, '
            'such as that of a payload store, call another region',
            f'Set AWS_DEFAULT_REGION={own}, unless the other region is intended.',
        )


def read_identity(setup: Setup) -> Iterable[Finding]:
    """Find the identity of the credentials. STS tells it without a permission (API reference)."""
    setup.identity = setup.client('sts').call('get_caller_identity').get('Arn')
    return ()


def read_queue(setup: Setup) -> Iterator[Finding]:
    """Read the attributes of the queue, and compare the clock with that of SQS."""
    answer = setup.aws.call(
        'get_queue_attributes', QueueUrl=setup.queue_url, AttributeNames=['All']
    )
    setup.queue = answer.get('Attributes', {})
    yield from check_clock(setup, answer.get('ResponseMetadata', {}).get('HTTPHeaders', {}))


def check_clock(setup: Setup, headers: Mapping[str, str]) -> Iterator[Finding]:
    """Compare the clock with the time of a response."""
    try:
        theirs = parsedate_to_datetime(headers['date'])
    except (KeyError, TypeError, ValueError):  # a local AWS may send none
        return
    if theirs.tzinfo is None:
        theirs = theirs.replace(tzinfo=timezone.utc)
    ahead = setup.aws.clock.time() - theirs.timestamp()
    if abs(ahead) > MAX_CLOCK_SKEW:
        yield Kind.CLOCK.found(
            setup.queue_url,
            f'has another time than this machine, whose clock is {abs(ahead):,.0f} s '
            f'{"ahead" if ahead > 0 else "behind"}: AWS refuses requests at a difference of five '
            'minutes',
            'Synchronize the clock of this machine.',
        )


def headers_of(error: TransportError) -> Mapping[str, str]:
    """Return the headers of the response that an error is made of, in lower case."""
    response = getattr(error.__cause__, 'response', None) or {}
    headers = response.get('ResponseMetadata', {}).get('HTTPHeaders', {})
    return {str(name).lower(): value for name, value in headers.items()}


def check_permissions(setup: Setup) -> Iterator[Finding]:
    """Find out whether messages of the queue may be settled, by calls without an effect.

    No call without an effect tests ReceiveMessage.
    """
    for method, entries in PERMISSIONS.values():
        try:
            setup.aws.call(method, QueueUrl=setup.queue_url, Entries=entries)
        except TransportError as error:
            if not is_about_receipt_handle(error):
                yield refused_permission(setup.queue_url, error)


def refused_permission(url: str, error: TransportError) -> Finding:
    """Return the finding for a call that tests a permission, and failed."""
    advice = advice_on(error, url)
    if origin_of(error) not in (Origin.PERMISSION, Origin.KEY):
        return unchecked(url, error, advice)
    remedy = f'{advice[:1].upper()}{advice[1:]}'
    return Kind.PERMISSION.found(url, f'refuses a call that is necessary: {error}', remedy)
