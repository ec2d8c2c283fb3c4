"""Another library's extended client, configured as documented, in its own process.

    python -m tests.aws.s3.peer amazon-sqs-extended-client

reads calls from standard input and writes results to standard output, each a JSON object on a line,
until the input ends. The tests never import it, because these libraries patch boto3 on import.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, TextIO

MODULES = {
    'amazon-sqs-extended-client': 'sqs_extended_client',
    'amazon-sns-extended-client': 'sns_extended_client',
    'aws-sqs-ext-client': 'aws_sqs_ext_client',
}


def amazon_sqs(session: Any, bucket: str, is_legacy: bool) -> dict[str, Callable[..., Any]]:
    client = session.client('sqs')
    client.large_payload_support = bucket
    client.use_legacy_attribute = is_legacy
    return {'send': client.send_message, 'receive': client.receive_message}


def amazon_sns(session: Any, bucket: str, is_legacy: bool) -> dict[str, Callable[..., Any]]:
    client = session.client('sns')
    client.large_payload_support = bucket
    client.use_legacy_attribute = is_legacy
    return {'publish': client.publish}


def ext_client(session: Any, bucket: str, is_legacy: bool) -> dict[str, Callable[..., Any]]:
    assert not is_legacy, 'it knows one attribute only'
    session.extend_sqs(bucket, s3_bucket_params=None)  # the bucket exists
    client = session.client('sqs')
    return {'send': client.send_message_extended, 'receive': client.receive_message_extended}


EXTENDED = {
    'amazon-sqs-extended-client': amazon_sqs,
    'amazon-sns-extended-client': amazon_sns,
    'aws-sqs-ext-client': ext_client,
}


def serve(library: str, calls: Iterable[str], answers: TextIO) -> None:
    importlib.import_module(MODULES[library])
    import boto3  # the library has patched it

    @lru_cache
    def extended(bucket: str, is_legacy: bool, endpoint_url: str, **credentials: Any) -> Any:
        # None of them passes an endpoint to the S3 client that it creates.
        os.environ['AWS_ENDPOINT_URL'] = endpoint_url
        session = boto3.session.Session(**credentials)
        return EXTENDED[library](session, bucket, is_legacy)

    for line in calls:
        call = json.loads(line)
        try:
            methods = extended(call['bucket'], call['is_legacy'], **call['credentials'])
            answer = {'answer': methods[call['method']](**call['arguments'])}
        except Exception as error:
            answer = {'error': f'{type(error).__name__}: {error}'}
        print(json.dumps(answer, default=str), file=answers, flush=True)


if __name__ == '__main__':
    serve(sys.argv[1], sys.stdin, sys.stdout)
