"""The queue that the checks are about, and what earlier checks found out about it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from mega.aws._messages.destinations import region_of
from mega.aws._transport.client import AwsClient

if TYPE_CHECKING:
    from mega.aws.sqs.subscribe import SqsListener

__all__ = ('Attributes', 'DeadLetterQueue', 'Setup')

Attributes: TypeAlias = Mapping[str, str]
"""Attributes of a queue as GetQueueAttributes returns them. A missing one is unknown."""


@dataclass(frozen=True)
class DeadLetterQueue:
    """A dead-letter queue of the queue.

    `is_redriven_to`: the redrive policy of the queue names it. `is_sent_to`: the listener does.
    """

    url: str
    attributes: Attributes
    is_redriven_to: bool
    is_sent_to: bool


@dataclass
class Setup:
    """A queue, the listener that receives from it if there is one, and clients of AWS.

    Without a `client_of` a service, the credentials and the endpoint of `aws` apply. The fields
    after `client_of` are results of earlier checks; they are empty if AWS refused those.
    """

    aws: AwsClient
    queue_url: str
    listener: SqsListener | None = None
    client_of: Callable[[str], AwsClient] | None = None

    identity: str | None = None
    queue: Attributes = field(default_factory=dict)
    dead_letter_queues: list[DeadLetterQueue] = field(default_factory=list)
    has_subscriptions: bool = False

    _clients: dict[str, AwsClient] = field(default_factory=dict)

    @property
    def is_fifo(self) -> bool:
        return self.queue_url.endswith('.fifo')

    @property
    def is_on_aws(self) -> bool:
        """Whether the endpoint is one of AWS, which has every service."""
        return region_of(self.aws.endpoint_url) is not None

    @property
    def queue_arn(self) -> str | None:
        return self.queue.get('QueueArn')

    @property
    def redrive_policy(self) -> Mapping[str, Any]:
        """The redrive policy of the queue; empty if it has none, or if it is unknown."""
        return json_object(self.queue.get('RedrivePolicy'))

    def client(self, service: str) -> AwsClient:
        """Return the client of a service."""
        if service == 'sqs':
            return self.aws
        if service not in self._clients:
            self._clients[service] = (self.client_of or self.aws.other_service)(service)
        return self._clients[service]

    def close(self) -> None:
        """Close the connections of the clients of other services."""
        for client in self._clients.values():
            client.close()


def json_object(text: str | None) -> Mapping[str, Any]:
    """Return a JSON object of AWS; empty if there is none."""
    try:
        found = json.loads(text or '{}')
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
