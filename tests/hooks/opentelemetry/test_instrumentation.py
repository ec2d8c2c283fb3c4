"""The hook beside instrumentation of botocore and of boto3sqs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mega.local import Server
from tests import fork_server
from tests.programs import environment


@pytest.mark.no_cover
@pytest.mark.parametrize('client', ['OWN', 'PASSED'])
def test_all_spans_are_exported_once_beside_installed_instrumentation(
    client: str, server: Server
) -> None:
    queue, dead = server.create_queue('orders'), server.create_queue('orders-dead')
    report = run(server, client, queue, dead)
    assert report['names'] == {
        'send orders': 32,
        'process orders': 32,
        'Fails': 32,
        'send orders-dead': 1,
        'ack orders': 32,
    }
    assert report['wrapped'], 'boto3sqs instruments the class of another client'
    assert report['kept by boto3sqs'] == 0
    assert report['transports'] == (
        ['direct', 'direct'] if client == 'OWN' else ['botocore: client= was passed'] * 2
    )


def test_other_calls_of_boto3_keep_their_spans(server: Server) -> None:
    queue, dead = server.create_queue('orders'), server.create_queue('orders-dead')
    report = run(server, 'PASSED', queue, dead)
    assert report['after'] == {'SQS.ListQueues': 1}
    assert 'mega' in report['scopes']
    assert report['traces'] == 32 + 1


def run(server: Server, *arguments: str) -> Any:
    """Run the program, and return its report."""
    keys = server.credentials
    variables = environment(
        AWS_ENDPOINT_URL=keys['endpoint_url'],
        AWS_ACCESS_KEY_ID=keys['aws_access_key_id'],
        AWS_SECRET_ACCESS_KEY=keys['aws_secret_access_key'],
        AWS_DEFAULT_REGION=keys['region_name'],
    )
    program = ['-m', 'tests.hooks.opentelemetry.instrumented', *arguments]
    ended = fork_server.run(program, variables, 60)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)
