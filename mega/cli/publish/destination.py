"""The queue or the topic that the command publishes to, and its publisher."""

from __future__ import annotations

from typing import NamedTuple

from mega.aws._messages.compression import Compression
from mega.aws._publishing.encoder import is_fifo
from mega.aws._publishing.service import ServiceApi
from mega.aws._transport.call_errors import with_advice
from mega.aws.sns.publish import SnsPublisher
from mega.aws.sns.service import SNS
from mega.aws.sqs.publish import SqsPublisher
from mega.aws.sqs.service import SQS
from mega.errors import MegaError, TransportError

__all__ = ('Destination',)


class Destination(NamedTuple):
    """The URL of a queue, or the ARN of a topic. In a dry run also the ARN or name of a queue."""

    name: str
    api: ServiceApi

    @property
    def is_fifo(self) -> bool:
        return is_fifo(self.name)

    def open_publisher(self, compression: Compression | None) -> SqsPublisher | SnsPublisher:
        """Return a publisher to the destination. The caller closes it.

        Raises:
            ConfigurationError: for no region, or an invalid endpoint.
        """
        publisher = SnsPublisher if self.api is SNS else SqsPublisher
        return publisher(self.name, compression=compression)

    def advised(self, error: MegaError) -> MegaError:
        """Return an error of a publisher, with advice if the setup of a queue has to change."""
        if isinstance(error, TransportError) and self.api is SQS:
            return with_advice(error, self.name)
        return error
