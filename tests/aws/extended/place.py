"""A queue and a bucket, and what an extended client leaves in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mega.aws.extended import ExtendedClient
from mega.aws.s3 import S3PayloadStore
from tests.aws.s3.making import bodies_in, create_bucket, keys_in, store_on
from tests.local_aws import LocalAws

__all__ = ('LARGE', 'Place', 'attribute')

LARGE = 'Grüße ' * 50_000
"""A body of more than 262,144 bytes, also in characters."""


def attribute(value: str | bytes | bytearray) -> dict[str, Any]:
    """A message attribute in AWS's form."""
    if isinstance(value, bytes | bytearray):
        return {'DataType': 'Binary', 'BinaryValue': value}
    return {'DataType': 'String', 'StringValue': value}


@dataclass(frozen=True)
class Place:
    aws: LocalAws
    bucket: str
    queue_url: str

    @classmethod
    def on(cls, aws: LocalAws, fifo: bool = False, **attributes: object) -> Place:
        return cls.with_bucket(create_bucket(aws), aws, fifo, **attributes)

    @classmethod
    def with_bucket(
        cls, bucket: str, aws: LocalAws, fifo: bool = False, **attributes: object
    ) -> Place:
        """A new queue, and an existing bucket."""
        return cls(aws, bucket, aws.create_queue(fifo, **attributes))

    @property
    def sqs(self) -> Any:
        """The client of boto3."""
        return self.aws.client('sqs')

    def store(self, **settings: Any) -> S3PayloadStore:
        store: S3PayloadStore = store_on(self.aws, self.bucket, **settings)
        return store

    def client(self, **settings: Any) -> ExtendedClient:
        """An extended client with these settings of its store."""
        return ExtendedClient(self.sqs, self.store(**settings))

    def send(self, client: Any, body: str = LARGE, **parameters: Any) -> Any:
        return client.send_message(QueueUrl=self.queue_url, MessageBody=body, **parameters)

    def receive(self, client: Any, **parameters: Any) -> list[dict[str, Any]]:
        """The messages that a client receives; up to ten."""
        names = parameters.setdefault('MessageAttributeNames', ['All'])
        response = client.receive_message(
            QueueUrl=self.queue_url, MaxNumberOfMessages=10, **parameters
        )
        assert parameters['MessageAttributeNames'] is names
        messages: list[dict[str, Any]] = response.get('Messages', [])
        return messages

    def raw_message(self) -> dict[str, Any]:
        """The only message in the queue, as it is on the wire. It remains visible."""
        [message] = self.receive(self.sqs, VisibilityTimeout=0)
        return message

    @property
    def is_empty(self) -> bool:
        """Whether the queue has no message, not even one in flight."""
        return self.aws.counts(self.queue_url) == (0, 0)

    @property
    def keys(self) -> list[str]:
        return keys_in(self.aws, self.bucket)

    @property
    def bodies(self) -> list[str]:
        return bodies_in(self.aws, self.bucket)
