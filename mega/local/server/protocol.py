"""The interface of AWS's wire protocols."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from mega.local.errors import AwsError
from mega.local.operations import Object
from mega.local.server.messages import Reply, Request

__all__ = ('Call', 'WireProtocol')


class Call(NamedTuple):
    """A call of the model, as `Account.call` takes it."""

    service: str
    operation: str
    parameters: Object


class WireProtocol(Protocol):
    """The encoding of the requests and responses of a service."""

    throttled: AwsError
    """The error of a throttled call."""

    missing: AwsError
    """The error of a call for a queue, topic or bucket that does not exist."""

    def read(self, request: Request) -> Call:
        """Return the call of a request.

        Raises:
            AwsError: for a request that the service refuses.
            ValueError: for a request that cannot be parsed.
        """

    def write(self, call: Call, response: Mapping[str, Any]) -> Reply: ...

    def write_error(self, error: AwsError) -> Reply: ...
