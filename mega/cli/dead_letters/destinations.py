"""The destination of a dead letter in a redrive.

    --to QUEUE                            if the user names one
    source_queue of MegaDeadLetter        a listener sent the message to the dead-letter queue
    DeadLetterQueueSourceArn              SQS moved it there
    the only source by redrive policies   otherwise

Any producer can write the attribute. Its queue therefore counts only in the account of the
dead-letter queue, and SQS returns its URL by its name: a message cannot choose another host.
"""

from __future__ import annotations

import re

from mega.aws._publishing.sender import Sender
from mega.aws._transport.call_errors import Origin, origin_of
from mega.aws._transport.client import AwsClient
from mega.aws.sqs.service import SQS
from mega.cli.dead_letters.kept import KeptError
from mega.cli.dead_letters.letters import DeadLetter
from mega.cli.queue_calls import call_queue, queue_url_of
from mega.errors import ConfigurationError, TransportError, safe_repr

__all__ = ('Destinations',)

_NAME = re.compile(r'[\w-]{1,80}(?:\.fifo)?', re.A)

_ACCOUNT = re.compile(r'\d{12}', re.A)

_ADVICE = 'pass --to QUEUE'


class Destinations:
    """Finds the destinations of the dead letters in one queue. `to` is that of the user, if any.

    The destination is a sender, which makes up to six attempts.
    """

    def __init__(self, aws: AwsClient, url: str, to: tuple[AwsClient, str] | None = None) -> None:
        if to is not None and to[1] == url:
            raise ConfigurationError(f'--to {url}: is the dead-letter queue itself')
        self._aws = aws
        self._url = url
        self._to = None if to is None else Sender(to[0], SQS, to[1])
        self._account = _account_and_name(url)[0]
        self._found: dict[str | None, Sender | str] = {}

    def of(self, letter: DeadLetter) -> Sender:
        """Return the destination of a dead letter. SQS is asked once for each source.

        Raises:
            KeptError: if it has none, with the remedy.
            TransportError: if SQS does not return the URL of a queue.
        """
        if self._to is not None:
            return self._to
        name = None if letter.source is None else self._name(letter.source)
        if name not in self._found:
            self._found[name] = self._only_source() if name is None else self._sender(name)
        found = self._found[name]
        if isinstance(found, str):
            raise KeptError(f'{found}: {_ADVICE}')
        return found

    def _name(self, source: str) -> str:
        """Return the name of a source in the account of the dead-letter queue."""
        account, name = _account_and_name(source)
        if not _NAME.fullmatch(name) or account != self._account:
            problem = 'is not a queue in the account of this one'
            raise KeptError(f'its source queue {safe_repr(source)} {problem}: {_ADVICE}')
        return name

    def _only_source(self) -> Sender | str:
        """Return the only queue that redrives to this one, or the problem."""
        answer = call_queue(self._aws, self._url, 'list_dead_letter_source_queues')
        urls = answer.get('queueUrls') or []
        if len(urls) != 1:
            return f'its source queue is unknown, and {len(urls):,} queues redrive to this one'
        return Sender(self._aws, SQS, urls[0])

    def _sender(self, name: str) -> Sender | str:
        """Return the queue with a name, or the problem."""
        account = self._account if _ACCOUNT.fullmatch(self._account) else None
        try:
            url = queue_url_of(self._aws, name, account)
        except TransportError as error:
            if origin_of(error) is not Origin.RESOURCE:
                raise
            return f'its source queue {name} does not exist'
        if url == self._url:
            return 'its source queue is the dead-letter queue itself'
        return Sender(self._aws, SQS, url)


def _account_and_name(queue: str) -> tuple[str, str]:
    """Return the last two parts of the URL or the ARN of a queue.

    >>> _account_and_name('arn:aws:sqs:eu-west-1:123456789012:orders')
    ('123456789012', 'orders')
    """
    _, account, name = f'::{queue}'.replace(':', '/').rsplit('/', 2)
    return account, name
