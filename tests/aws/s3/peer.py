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


def amazon_sqs(session: Any, bucket: str, options: dict[str, Any]) -> dict[str, Callable[..., Any]]:
    client = session.client('sqs')
    client.large_payload_support = bucket
    for name, value in options.items():
        setattr(client, name, value)
    return {
        'send': client.send_message,
        'send_batch': client.send_message_batch,
        'receive': client.receive_message,
        'delete': client.delete_message,
        'delete_batch': client.delete_message_batch,
        'change_visibility': client.change_message_visibility,
    }


def amazon_sns(session: Any, bucket: str, options: dict[str, Any]) -> dict[str, Callable[..., Any]]:
    client = session.client('sns')
    client.large_payload_support = bucket
    for name, value in options.items():
        setattr(client, name, value)
    return {'publish': client.publish}


def ext_client(session: Any, bucket: str, options: dict[str, Any]) -> dict[str, Callable[..., Any]]:
    session.extend_sqs(bucket, s3_bucket_params=None, **options)  # the bucket exists
    client = session.client('sqs')
    return {
        'send': client.send_message_extended,
        'send_batch': client.send_message_batch_extended,
        'receive': client.receive_message_extended,
        'delete': client.delete_message_extended,
        'delete_batch': client.delete_message_batch_extended,
        'change_visibility': client.change_message_visibility,
    }


EXTENDED = {
    'amazon-sqs-extended-client': amazon_sqs,
    'amazon-sns-extended-client': amazon_sns,
    'aws-sqs-ext-client': ext_client,
}


def serve(library: str, calls: Iterable[str], answers: TextIO) -> None:
    importlib.import_module(MODULES[library])
    import boto3  # the library has patched it

    @lru_cache
    def extended(bucket: str, options: str, endpoint_url: str, **credentials: Any) -> Any:
        # None of them passes an endpoint to the S3 client that it creates.
        os.environ['AWS_ENDPOINT_URL'] = endpoint_url
        session = boto3.session.Session(**credentials)
        return EXTENDED[library](session, bucket, json.loads(options))

    for line in calls:
        call = json.loads(line)
        try:
            options = json.dumps(call['options'])
            methods = extended(call['bucket'], options, **call['credentials'])
            answer = {'answer': methods[call['method']](**call['arguments'])}
        except Exception as error:
            answer = {'error': f'{type(error).__name__}: {error}'}
        print(json.dumps(answer, default=str), file=answers, flush=True)


if __name__ == '__main__':
    serve(sys.argv[1], sys.stdin, sys.stdout)
