"""Examines a queue on the bus, beside scripted answers of STS, KMS and Lambda."""

from __future__ import annotations

from typing import Any

from mega.aws._transport.client import AwsClient, create_client
from mega.aws._transport.in_process import InProcessClient, RefusedCallError
from mega.aws.sqs.subscribe import SqsListener
from mega.aws.sqs.subscribe.preflight.findings import Finding, Kind
from mega.cli.doctor.examination import examine
from mega.cli.doctor.setup import Setup
from mega.testing import Bus
from tests.aws.sqs.subscribe.factories import subscriber

__all__ = ('DENIED', 'IDENTITY', 'examined', 'kinds', 'listener_on', 'only', 'setup_on')

IDENTITY = 'arn:aws:iam::123456789012:user/ann'
DENIED = RefusedCallError('AccessDeniedException', 'User ann is not authorized', 403)

_ANSWERS: dict[str, Any] = {
    'GetCallerIdentity': {'Arn': IDENTITY},
    'DescribeKey': {'KeyMetadata': {'KeyId': '1', 'KeyState': 'Enabled'}},
    'ListEventSourceMappings': {'EventSourceMappings': []},
}


def setup_on(
    bus: Bus, queue_url: str, listener: SqsListener | None = None, **answers: Any
) -> Setup:
    """Return the setup of a queue on a bus. `answers` are responses or errors by operation."""
    known = {**_ANSWERS, **answers}

    def call(operation: str, request: dict[str, Any]) -> dict[str, Any]:
        answer = known[operation]
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)

    def client_of(service: str) -> AwsClient:
        own = {'sns': bus.sns, 's3': bus.s3}.get(service)
        client = own or InProcessClient(service, call, bus.sqs.clock)
        return create_client(service, None, client=client)

    return Setup(create_client('sqs', queue_url, client=bus.sqs), queue_url, listener, client_of)


def examined(
    bus: Bus, queue_url: str, listener: SqsListener | None = None, **answers: Any
) -> list[Finding]:
    """Return the findings about a queue."""
    return list(examine(setup_on(bus, queue_url, listener, **answers)))


def listener_on(bus: Bus, queue_url: str, *subscribers: Any, **settings: Any) -> SqsListener:
    """Return a listener that needs no dead-letter queue, because it retries by default."""
    options = {'unhandled': 'retry', **settings}
    return SqsListener(queue_url, subscribers or [subscriber()], client=bus.sqs, **options)


def kinds(findings: list[Finding]) -> list[Kind]:
    """Return the kinds of findings."""
    by_code = {kind.code: kind for kind in Kind}
    return [by_code[finding.code] for finding in findings]


def only(findings: list[Finding], kind: Kind) -> Finding:
    """Return the only finding, which is of a kind."""
    assert kinds(findings) == [kind], findings
    return findings[0]
