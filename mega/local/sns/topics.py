"""A topic of SNS."""

from __future__ import annotations

from collections.abc import Mapping

from mega.local.deduplication import Deduplication

__all__ = ('Topic',)


class Topic:
    """A topic. It has no subscriptions: it accepts and records published messages."""

    def __init__(self, arn: str, attributes: Mapping[str, str]) -> None:
        self.arn = arn
        self.given = dict(attributes)
        self.attributes = {'MaximumMessageSize': '262144', **attributes, 'TopicArn': arn}
        self.is_fifo = arn.endswith('.fifo')
        self.is_content_based = self.attributes.get('ContentBasedDeduplication') == 'true'
        self.max_size = int(self.attributes['MaximumMessageSize'])
        self.deduplication = Deduplication(self.attributes)
