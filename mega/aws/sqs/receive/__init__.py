"""Receive messages from SQS one call at a time, for scripts and cron jobs: without a listener.

    receiver.py          SqsReceiver, the public class
    received_message.py  one message, and how the script settles it
    deliveries.py        the deliveries in flight: receive, delete, release, dead-letter

The rules are those of the listener, whose parts the package uses: `subscribe/processing` opens the
messages, and parts of `subscribe/engine` decide about message groups, repetitions and time limits.
"""

from __future__ import annotations

from mega.aws.sqs.receive.received_message import ReceivedMessage
from mega.aws.sqs.receive.receiver import SqsReceiver

__all__ = ('ReceivedMessage', 'SqsReceiver')
