"""The extended clients of others behind one interface: each in its process, with JSON between.

Their methods have the names and parameters of boto3. A test calls them as it calls an
`ExtendedClient`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.aws.s3.peers import Peer
from tests.local_aws import LocalAws

__all__ = ('PeerClient',)

_NAMES = {
    'send_message': 'send',
    'send_message_batch': 'send_batch',
    'receive_message': 'receive',
    'delete_message': 'delete',
    'delete_message_batch': 'delete_batch',
    'change_message_visibility': 'change_visibility',
}


@dataclass(frozen=True)
class PeerClient:
    """A client of another library, with its own options."""

    peer: Peer
    aws: LocalAws
    bucket: str
    options: Mapping[str, object] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        method = _NAMES[name]

        def call(**parameters: Any) -> Any:
            credentials = self.aws.credentials
            return self.peer.call(method, self.bucket, credentials, self.options, **parameters)

        return call
