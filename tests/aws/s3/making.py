"""Buckets, stores, pointers and large payloads in one line each."""

from __future__ import annotations

from itertools import count
from typing import Any

from mega.aws.s3 import Pointer, S3PayloadStore
from mega.aws.s3.pointer import write_pointer
from mega.aws.sns import SnsPublisher
from mega.aws.sqs import SqsPublisher
from tests.aws.answers import Scripted, sqs_answer
from tests.aws.fault_server import FaultServer
from tests.local_aws import LocalAws

__all__ = (
    'BUCKET',
    'LARGE',
    'POINTER_TO_OURS',
    'bodies_in',
    'create_bucket',
    'deliveries',
    'keys_in',
    'new_bucket_name',
    'pointing_to',
    'publisher_on',
    'put',
    'send_pointer',
    'store_on',
)

BUCKET = 'bodies'
LARGE = 300_000
"""Bytes of a body that is offloaded by default."""

POINTER_TO_OURS = Pointer(BUCKET, 'a-key', 2)

_numbers = count(1)


def new_bucket_name() -> str:
    return f'bodies-{next(_numbers)}'


def create_bucket(aws: LocalAws) -> str:
    """A new bucket's name."""
    name = new_bucket_name()
    location = {'LocationConstraint': aws.region}
    aws.client('s3').create_bucket(Bucket=name, CreateBucketConfiguration=location)
    return name


def store_on(
    aws: LocalAws | FaultServer,
    bucket: str | None = None,
    *,
    read_timeout: float | None = None,
    **settings: Any,
) -> Any:
    """A store on a server, in a new bucket unless one is given."""
    if isinstance(aws, FaultServer):
        client = aws.client('s3', read_timeout or 10)
        return S3PayloadStore(bucket or BUCKET, client=client, **settings)
    return S3PayloadStore(bucket or create_bucket(aws), client=aws.client('s3'), **settings)


def publisher_on(
    aws: LocalAws | FaultServer, destination: str, store: S3PayloadStore | None = None
) -> Any:
    """A publisher to a queue's URL or a topic's ARN."""
    if destination.startswith('arn:'):
        return SnsPublisher(destination, client=aws.client('sns'), payload_store=store)
    return SqsPublisher(destination, client=aws.client('sqs'), payload_store=store)


def keys_in(aws: LocalAws, bucket: str) -> list[str]:
    found = aws.client('s3').list_objects_v2(Bucket=bucket).get('Contents', [])
    return [each['Key'] for each in found]


def bodies_in(aws: LocalAws, bucket: str) -> list[str]:
    s3 = aws.client('s3')
    found = [s3.get_object(Bucket=bucket, Key=key)['Body'] for key in keys_in(aws, bucket)]
    return [each.read().decode() for each in found]


def put(aws: LocalAws, bucket: str, body: str | bytes, key: str = 'a-key', **extra: Any) -> Pointer:
    """Put an object into a bucket as another sender would, and return its pointer."""
    content = body.encode() if isinstance(body, str) else body
    aws.client('s3').put_object(Bucket=bucket, Key=key, Body=content, **extra)
    return Pointer(bucket, key, len(content))


def send_pointer(
    aws: LocalAws, queue_url: str, *pointers: Pointer, body: str | None = None
) -> None:
    """Send messages that announce a pointer, as any sender can. `body` replaces the pointer."""
    for pointer in pointers:
        written, attributes = write_pointer(pointer)
        aws.client('sqs').send_message(
            QueueUrl=queue_url,
            MessageBody=written if body is None else body,
            MessageAttributes=attributes,
        )


def pointing_to(pointer: Pointer, number: int = 0) -> dict[str, Any]:
    """A message that carries a pointer, as ReceiveMessage returns it."""
    body, attributes = write_pointer(pointer)
    return {
        'MessageId': f'message-{number}',
        'ReceiptHandle': f'handle-{number}',
        'Body': body,
        'MessageAttributes': attributes,
        'Attributes': {'ApproximateReceiveCount': '1'},
    }


def deliveries(*messages: dict[str, Any]) -> list[Scripted]:
    """The responses of a queue with these messages, which is empty afterwards."""
    return [sqs_answer(Messages=list(messages)), sqs_answer()]
