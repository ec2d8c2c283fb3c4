"""Publishers with a store, their uploads to S3, and their messages."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from mega.aws._messages.body_attributes import LEGACY_SIZE_ATTRIBUTE, SIZE_ATTRIBUTE
from mega.aws.s3 import S3PayloadStore
from mega.aws.sns import SnsPublisher
from mega.aws.sqs import SqsPublisher
from mega.local import Accepted, Server
from tests.aws._publishing.batches import Clients
from tests.aws.fault_server import FaultServer, Request
from tests.aws.s3.making import store_on
from tests.local_aws import Service

__all__ = ('Sending', 'is_offloaded', 'key_of')


@dataclass(frozen=True)
class Sending:
    """One server accepts messages by AWS's rules, the other one stores bodies."""

    server: Server
    clients: Clients
    s3: FaultServer

    def publisher(self, service: Service, fifo: bool = False, **settings: Any) -> Any:
        """A publisher to a new queue or topic, with these settings of its store."""
        return self.publisher_with(store_on(self.s3, **settings), service, fifo)

    def publisher_with(
        self, store: S3PayloadStore, service: Service = 'sqs', fifo: bool = False, **limits: Any
    ) -> Any:
        if service == 'sqs':
            url = self.server.create_queue('orders', fifo=fifo, **limits)
            return SqsPublisher(url, client=self.clients['sqs'], payload_store=store)
        arn = self.server.create_topic('orders', fifo=fifo, **limits)
        return SnsPublisher(arn, client=self.clients['sns'], payload_store=store)

    @property
    def accepted(self) -> list[Accepted]:
        return self.server.accepted()

    def requests(self, operation: str) -> list[Request]:
        return [each for each in self.s3.requests if each.operation == operation]

    def keys(self, operation: str = 'PutObject') -> list[str]:
        return [each.path.split('/', 2)[2] for each in self.requests(operation)]

    @property
    def bodies(self) -> list[str]:
        """The uploaded bodies, in any order, because uploads are concurrent."""
        return [each.body.decode() for each in self.requests('PutObject')]


def is_offloaded(message: Accepted) -> bool:
    return SIZE_ATTRIBUTE in message.attributes or LEGACY_SIZE_ATTRIBUTE in message.attributes


def key_of(message: Accepted) -> str:
    """The key in the pointer that a message carries."""
    key: str = json.loads(message.body)[1]['s3Key']
    return key
