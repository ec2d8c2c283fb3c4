"""The checks in their order, and the finding for a check that AWS refuses.

check        call that AWS refuses            finding
queue        GetQueueAttributes, no queue     MEGA102, and the examination ends
functions    ListEventSourceMappings          MEGA100: allow lambda:ListEventSourceMappings
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from mega.aws._transport.call_errors import Origin, advice_on, origin_of
from mega.aws._transport.time_limits import TimeLimit, within
from mega.aws.sqs.subscribe.preflight.checks import unchecked
from mega.aws.sqs.subscribe.preflight.findings import Finding, Kind
from mega.cli.doctor import (
    access,
    dead_letters,
    installation,
    keys,
    lambda_functions,
    offloaded_bodies,
    subscriptions,
)
from mega.cli.doctor import settings as listener_settings
from mega.cli.doctor.setup import Setup
from mega.errors import ConfigurationError, TransportError

__all__ = ('CHECKS', 'NECESSARY', 'Check', 'examine', 'necessary')

CHECK_SECONDS = 10.0
"""Seconds that the calls of one check may take together."""

NECESSARY = frozenset((Kind.CREDENTIALS.code, Kind.NO_QUEUE.code))
"""The codes of findings without whose repair no other check of AWS makes sense."""


class Check(NamedTuple):
    """A check: its topic, the service that it calls, and its function."""

    topic: str
    service: str
    function: Callable[[Setup], Iterable[Finding]]


CHECKS = (
    Check('identity', 'sts', access.read_identity),
    Check('attributes', 'sqs', access.read_queue),
    Check('installed packages', '', installation.check_packages),
    Check('transport', '', installation.check_transport),
    Check('region', '', access.check_region),
    Check('permissions', 'sqs', access.check_permissions),
    Check('dead-letter queues', 'sqs', dead_letters.find),
    Check('dead-letter queues', 'sqs', dead_letters.compare),
    Check('the permission to send dead letters', 'sqs', dead_letters.check_permission),
    Check('settings', '', listener_settings.check),
    Check('subscriptions', 'sns', subscriptions.check),
    Check('KMS keys', 'kms', keys.check),
    Check('offloaded bodies', 's3', offloaded_bodies.check),
    Check('Lambda functions', 'lambda', lambda_functions.check),
)


def examine(setup: Setup) -> Iterator[Finding]:
    """Make all checks, and yield each finding. End if nothing else can be checked."""
    for check in CHECKS:
        found = _run(check, setup)
        yield from found
        if any(finding.code in NECESSARY for finding in found):
            return


def _run(check: Check, setup: Setup) -> list[Finding]:
    found: list[Finding] = []
    try:
        with within(TimeLimit(CHECK_SECONDS, setup.aws.clock)):
            for finding in check.function(setup):
                found.append(finding)  # those before a refusal remain
    except TransportError as error:
        found += _refused(check, setup, error)
    except ConfigurationError as error:  # no client of the service, such as one without a region
        problem = f'cannot be checked for {check.topic}: {error}'
        found.append(Kind.UNCHECKED.found(setup.queue_url, problem, 'Change the configuration.'))
    return found


def _refused(check: Check, setup: Setup, error: TransportError) -> Iterator[Finding]:
    """Yield the findings for a call of a check that failed."""
    url, origin = setup.queue_url, origin_of(error)
    if origin is Origin.CREDENTIALS or (
        origin is Origin.RESOURCE and check.function is access.read_queue
    ):
        yield necessary(url, error)
        yield from access.check_clock(setup, access.headers_of(error))
        return
    if check.service == 'sqs':
        yield unchecked(url, error, advice_on(error, url), check.topic)
        return
    action = _action(check.service, error.operation)
    if origin is Origin.PERMISSION:
        yield unchecked(url, error, f'allow {action}', check.topic)
    elif error.retriable or setup.is_on_aws:
        advice = '' if error.retriable else 'check whether the endpoint has this service'
        yield unchecked(url, error, advice, check.topic)
    else:  # its error is often that of another service, such as a page of S3 for a call of Lambda
        problem = f'the server at {setup.aws.endpoint_url} does not have {action}'
        remedy = 'Ignore this note on a local AWS.'
        yield Kind.UNCHECKED.found(url, f'cannot be checked for {check.topic}: {problem}', remedy)


def necessary(subject: str, error: TransportError) -> Finding:
    """Return the finding for credentials or a queue without which nothing works.

    Raises:
        TransportError: for an error of another kind.
    """
    origin, advice = origin_of(error), advice_on(error, subject)
    remedy = f'{advice[:1].upper()}{advice[1:]}'
    if origin is Origin.CREDENTIALS:
        problem = f'cannot be called: {error.operation} failed ({error.code})'
        return Kind.CREDENTIALS.found(subject, problem, remedy)
    if origin is Origin.RESOURCE:
        return Kind.NO_QUEUE.found(subject, 'does not exist', remedy)
    raise error


def _action(service: str, operation: str) -> str:
    """Return the action of IAM for an operation.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLifecycleConfiguration.html
    """
    return f'{service}:{_ACTIONS.get(operation, operation)}'


_ACTIONS = {'GetBucketLifecycleConfiguration': 'GetLifecycleConfiguration'}
