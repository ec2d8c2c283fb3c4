"""What a message has besides its body: attributes, group, deduplication id, delay, subject."""

from __future__ import annotations

from typing import Any, NamedTuple

import click

from mega.aws._messages.attributes import to_aws
from mega.aws._messages.compression import Compression
from mega.aws._messages.limits import check_attributes
from mega.aws.sns.service import SNS
from mega.cli.publish.destination import Destination
from mega.errors import EncodeError

__all__ = ('MessageOptions',)

_OPTIONS = {
    'message_group_id': '--group',
    'message_deduplication_id': '--dedup',
    'delay_seconds': '--delay',
    'subject': '--subject',
}
"""The options of the command, by the names of the publishers."""


class MessageOptions(NamedTuple):
    """The attributes of each message, the options that are set, and the encoding of its body.

    `options` have the names of the publishers, such as `delay_seconds`.
    """

    attributes: dict[str, Any]
    options: dict[str, Any]
    binary_encoding: bool = False
    compression: Compression | None = None

    @classmethod
    def of_given(
        cls,
        attributes: dict[str, Any],
        binary_encoding: bool,
        compression: Compression | None,
        **options: object,
    ) -> MessageOptions:
        """Return the options that are not None."""
        given = {name: value for name, value in options.items() if value is not None}
        return cls(attributes, given, binary_encoding, compression)

    def for_aws(self, destination: Destination) -> dict[str, Any]:
        """Return the options by AWS's names.

        Raises:
            click.UsageError: for options or attributes that the destination would refuse.
        """
        names = destination.api.options
        for name in self.options.keys() - names.keys():
            kind = 'topics' if name in SNS.options else 'queues'
            raise click.UsageError(f'{_OPTIONS[name]} is for {kind} only')
        found = {names[name]: value for name, value in self.options.items()}
        try:
            destination.api.check_options(found, destination.is_fifo)
            check_attributes(to_aws(self.attributes))
        except EncodeError as error:
            option = _OPTIONS.get(error.path, f'--attribute: {error.path}')
            raise click.UsageError(f'{option} {error.problem}') from error
        return found
