"""A relay process, which reports each batch on its output: the process id, `sent`, and a number.

Its argument is JSON: the URL of the database, and the credentials of the AWS server.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from sqlalchemy import create_engine

from mega.hooks import Hook, HookGenerator, RelayedBatch
from mega.outbox import Outbox, OutboxRelay


class Report(Hook):
    """Reports the batches that sent messages."""

    def around_relay(self) -> HookGenerator[RelayedBatch]:
        batch = yield
        if batch.sent:
            os.write(1, f'{os.getpid()} sent {batch.sent}\n'.encode())
        return None


def main(options: dict[str, Any]) -> None:
    engine = create_engine(options['database_url'])
    settings = {'claim_timeout': 3, 'poll_interval': 0.1, **options['credentials']}
    with OutboxRelay(engine, Outbox(), hooks=[Report()], **settings) as relay:
        relay.run()


if __name__ == '__main__':
    main(json.loads(sys.argv[1]))
