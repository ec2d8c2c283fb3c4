"""The server in a thread of this process."""

from __future__ import annotations

from mega._closing import Closing
from mega.local.server.control_client import Server
from mega.local.server.serving import ServerThread

__all__ = ('LocalAws',)


class LocalAws(Server, Closing):
    """SQS, SNS and S3 in memory, on loopback, in a daemon thread of this process.

        with LocalAws() as aws:
            queue_url = aws.create_queue('orders')
            SqsPublisher(queue_url, **aws.credentials).publish({'id': 1})

    The server starts with the construction, and stops with the block or `close`, which ends waiting
    receives. Threads may share it, and other processes may use it by its `endpoint_url`. `port` 0
    selects a free port. The server keeps every accepted message for `accepted`, until `forget`,
    `reset` or its end.

    Raises:
        OSError: if the port is in use.
    """

    def __init__(self, port: int = 0) -> None:
        self._thread = ServerThread(port)
        super().__init__(self._thread.url)

    def close(self) -> None:
        """Stop the server. Its port is free afterwards."""
        self._thread.close()
