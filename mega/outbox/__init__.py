"""The transactional outbox: messages that commit with the user's data, and their relay.

It needs SQLAlchemy, which the extra `sql` installs.
"""

import mega._sql  # noqa: F401  # first: its error says what to install

# isort: split
from mega.outbox.outbox import Outbox
from mega.outbox.relay import OutboxRelay, RelayCounts
from mega.outbox.rows import FailedMessage

__all__ = ('FailedMessage', 'Outbox', 'OutboxRelay', 'RelayCounts')
