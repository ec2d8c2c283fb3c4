"""Checks of the Lambda functions that receive from the queue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mega.aws.sqs.subscribe.preflight.findings import Finding, Kind
from mega.cli.doctor.setup import Setup

__all__ = ('check',)

_PARTIAL = 'ReportBatchItemFailures'

_TIMEOUTS = 6
"""AWS recommends a visibility timeout of at least six times the timeout of the function:
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html"""


def check(setup: Setup) -> Iterator[Finding]:
    """Check each event source mapping of the queue that is not disabled."""
    if setup.queue_arn is None:
        return
    aws = setup.client('lambda')
    answer = aws.call('list_event_source_mappings', EventSourceArn=setup.queue_arn)
    for mapping in answer.get('EventSourceMappings', ()):
        if mapping.get('State') not in ('Disabled', 'Disabling', 'Deleting'):
            yield from _competition(setup, mapping)
            yield from _responses(mapping)
            name = mapping['FunctionArn']
            function = aws.call('get_function_configuration', FunctionName=name)
            yield from _visibility(setup, name, int(function.get('Timeout') or 0))


def _competition(setup: Setup, mapping: Mapping[str, Any]) -> Iterator[Finding]:
    if setup.listener is not None:
        yield Kind.COMPETITION.found(
            mapping['FunctionArn'],
            f'receives from {setup.queue_url}, as the listener does: each message reaches only one '
            'of them',
            'Disable the event source mapping, or do not run the listener.',
        )


def _responses(mapping: Mapping[str, Any]) -> Iterator[Finding]:
    if _PARTIAL not in (mapping.get('FunctionResponseTypes') or ()):
        yield Kind.WHOLE_BATCHES.found(
            mapping['FunctionArn'],
            f'has an event source mapping without {_PARTIAL}: Lambda deletes every message of a '
            'batch unless the function fails, also those that it reports as failed',
            f'Add {_PARTIAL} to FunctionResponseTypes of the mapping {mapping.get("UUID", "")}.',
        )


def _visibility(setup: Setup, function: str, timeout: int) -> Iterator[Finding]:
    own = int(setup.queue.get('VisibilityTimeout') or 0)
    if own < _TIMEOUTS * timeout:
        yield Kind.FUNCTION_TIMEOUT.found(
            function,
            f'has a timeout of {timeout} s, and the visibility timeout of the queue is {own} s: '
            'messages of a batch that Lambda retries are delivered twice',
            f'Raise the VisibilityTimeout of the queue to {_TIMEOUTS * timeout} (six times the '
            'timeout), or lower the timeout of the function.',
        )
