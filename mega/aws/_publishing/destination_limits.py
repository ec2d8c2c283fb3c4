"""The largest message of a destination, which AWS is asked for once for each destination."""

from __future__ import annotations

import random

from msgspec import Struct

from mega.aws._messages.backoff import backoff
from mega.aws._messages.limits import DEFAULT_MAX_MESSAGE_BYTES
from mega.aws._publishing.service import ServiceApi
from mega.aws._transport.client import AwsClient
from mega.aws._transport.time_limits import TimeLimit, current_limit, within
from mega.errors import TransportError

__all__ = ('DestinationLimits',)

LIMIT_LOOKUP_ATTEMPTS = 3
"""Requests for the limit of a destination, at most, before its default is assumed."""

LIMIT_LOOKUP_SECONDS = 10.0
"""Seconds that these requests may take together, so that time is left to send the message."""

LIMIT_LOOKUP_PAUSE = 60.0
"""Seconds for which the default is assumed then. Otherwise each message would wait again."""


class DestinationLimits(Struct, frozen=True):
    """The limits of the destinations of one service, in bytes. Safe to share among threads.

    `known` has the limits that AWS returned. `unknown_until` has the time of the next request to a
    destination that gave no answer.
    """

    api: ServiceApi
    aws: AwsClient
    known: dict[str, int] = {}
    unknown_until: dict[str, float] = {}

    def limit_of(self, destination: str) -> int:
        """Return the largest message of a destination, in bytes."""
        limit = self.known.get(destination)
        if limit is None:
            if self.aws.clock.monotonic() < self.unknown_until.get(destination, 0.0):
                return DEFAULT_MAX_MESSAGE_BYTES
            try:
                with within(TimeLimit(LIMIT_LOOKUP_SECONDS, self.aws.clock)):
                    limit = self.known[destination] = self._fetch(destination)
            except TransportError:
                self.unknown_until[destination] = self.aws.clock.monotonic() + LIMIT_LOOKUP_PAUSE
                return DEFAULT_MAX_MESSAGE_BYTES
        return limit

    def _fetch(self, destination: str) -> int:
        attempts = 1
        while True:
            try:
                return int(self.api.fetch_max_message_bytes(self.aws, destination))  # type: ignore[call-overload, no-any-return]
            except TransportError as error:
                if not error.retriable:
                    return DEFAULT_MAX_MESSAGE_BYTES  # the publisher has no permission to ask
                seconds, time_limit = backoff(attempts, 0.2, 1.0, random.uniform), current_limit()
                is_late = time_limit is not None and seconds >= time_limit.seconds_left
                if attempts == LIMIT_LOOKUP_ATTEMPTS or is_late:
                    raise
            except (KeyError, TypeError, ValueError):
                return DEFAULT_MAX_MESSAGE_BYTES  # the answer has no limit
            self.aws.clock.sleep(seconds)
            attempts += 1
