"""A queue as the user names it: the URL, the ARN, the name, or the listener that receives from it.

https://sqs.eu-west-1.amazonaws.com/123456789012/orders
arn:aws:sqs:eu-west-1:123456789012:orders
orders                           in the account and region of the credentials
shop.worker:listener             the queue of this listener
"""

from __future__ import annotations

import re

from mega.aws._messages.destinations import check_queue_url
from mega.aws._transport.client import AwsClient, create_client
from mega.aws.sqs.subscribe.listener import SqsListener
from mega.cli.exit_status import CommandError
from mega.cli.queue_calls import queue_url_of
from mega.cli.redrive_policy import read_redrive_policy
from mega.cli.target import load_listener
from mega.errors import ConfigurationError, safe_repr

__all__ = (
    'dead_letter_queue_of',
    'find_dead_letter_queue',
    'find_queue',
    'is_target',
    'is_url',
    'name_queue',
    'queue_of_arn',
    'sqs_client',
)

_ARN = re.compile(r'arn:[a-z0-9-]+:sqs:([a-z0-9-]+):(\d{12}):([\w-]{1,80}(?:\.fifo)?)', re.A)
_NAME = re.compile(r'[\w-]{1,80}(?:\.fifo)?', re.A)


def sqs_client(destination: str | None = None) -> AwsClient:
    """Return a client of SQS, in the region of a queue URL or an ARN if one is given.

    Raises:
        ConfigurationError: for no region, or an invalid endpoint.
    """
    return create_client('sqs', destination)


def find_queue(queue: str, app_dir: str = '.') -> tuple[AwsClient, str]:
    """Return the client for a queue, and its URL.

    Raises:
        ConfigurationError: for a text that does not name a queue.
        TargetError: for a listener that cannot be loaded.
        TransportError: if SQS does not return the URL of a name or an ARN.
    """
    name = name_queue(queue, app_dir)
    if is_url(name):
        return sqs_client(name), name
    if name.startswith('arn:'):
        return queue_of_arn(name)
    aws = sqs_client()
    return aws, queue_url_of(aws, name)


def name_queue(queue: str, app_dir: str = '.') -> str:
    """Return the URL, the ARN or the name of a queue, without a call to AWS.

    Raises:
        ConfigurationError: for a text that does not name a queue.
        TargetError: for a listener that cannot be loaded.
    """
    if is_url(queue):
        return check_queue_url('QUEUE', queue)
    if queue.startswith('arn:'):
        return _match_arn(queue)[0]
    if is_target(queue):
        return load_listener(queue, app_dir).queue_url
    if not _NAME.fullmatch(queue):
        problem = 'is not a URL, an ARN or a name of a queue, or module:listener'
        raise ConfigurationError(f'{safe_repr(queue)} {problem}')
    return queue


def find_dead_letter_queue(queue: str, app_dir: str = '.') -> tuple[AwsClient, str]:
    """Return the client for a queue, and its URL. A listener stands for its dead-letter queue.

    Raises:
        CommandError: for a listener without a dead-letter queue.
        ConfigurationError, TargetError, TransportError: as `find_queue`.
    """
    if is_target(queue):
        return dead_letter_queue_of(load_listener(queue, app_dir))
    return find_queue(queue, app_dir)


def is_target(text: str) -> bool:
    """Return whether a text names a listener in the user's code, and not a queue itself."""
    if is_url(text) or text.startswith('arn:'):
        return False
    return ':' in text or ('.' in text and not _NAME.fullmatch(text))


def is_url(text: str) -> bool:
    """Return whether a text is the URL of a queue, valid or not."""
    return text.startswith(('http://', 'https://'))


def queue_of_arn(arn: str) -> tuple[AwsClient, str]:
    """Return the client for the queue of an ARN, and its URL.

    Raises:
        ConfigurationError: for a text that is not the ARN of a queue.
        TransportError: if SQS does not return the URL.
    """
    _, account, name = _match_arn(arn).groups()
    aws = sqs_client(arn)
    return aws, queue_url_of(aws, name, account)


def dead_letter_queue_of(listener: SqsListener) -> tuple[AwsClient, str]:
    """Return the client and the URL of the dead-letter queue of a listener, or of its queue.

    Raises:
        CommandError: if neither has one.
        TransportError: if SQS refuses the redrive policy of the queue.
    """
    if listener.dead_letter_queue_url is not None:
        return sqs_client(listener.dead_letter_queue_url), listener.dead_letter_queue_url
    url = listener.queue_url
    policy = read_redrive_policy(sqs_client(url), url)
    if policy is None:
        problem = 'has no dead_letter_queue_url, and its queue has no redrive policy'
        raise CommandError(f'the listener of {url} {problem}: name the queue of its dead letters')
    return queue_of_arn(policy.target)


def _match_arn(text: str) -> re.Match[str]:
    found = _ARN.fullmatch(text)
    if found is None:
        raise ConfigurationError(f'{safe_repr(text)} is not the ARN of a queue')
    return found
