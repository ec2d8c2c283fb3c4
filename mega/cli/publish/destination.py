"""The queue or the topic that the command publishes to, and its publisher."""

from __future__ import annotations

from typing import NamedTuple

from mega.aws._messages.compression import Compression
from mega.aws._publishing.encoder import is_fifo
from mega.aws._publishing.service import ServiceApi
from mega.aws.sns.publish import SnsPublisher
from mega.aws.sns.service import SNS
from mega.aws.sqs.publish import SqsPublisher

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
