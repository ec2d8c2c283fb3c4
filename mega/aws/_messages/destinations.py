"""Destinations: the URL of a queue, the ARN of a topic, the name of a bucket.

SQS and SNS find a destination by its path or its ARN, and not by the host of a URL. A request with
a wrong destination may therefore reach another queue. The checks say what to pass instead:

    queue_url='orders'                             the URL, as GetQueueUrl returns it
    queue_url='arn:aws:sqs:eu-west-1:1234:orders'  https://sqs.eu-west-1.amazonaws.com/1234/orders
    queue_url='http://localhost:4566/1234/orders'  also endpoint_url=, or calls would go to AWS

Source of the host names: https://docs.aws.amazon.com/general/latest/gr/sqs-service.html
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from mega.errors import ConfigurationError, safe_repr
from mega.logging import about, get_logger

__all__ = (
    'check_bucket',
    'check_host',
    'check_queue_url',
    'check_region',
    'check_topic_arn',
    'queue_name',
    'region_for',
    'region_of',
)

_log = get_logger(__name__)

_REGION = r'[a-z]{2}[a-z0-9-]*-\d+'
_SUFFIX = (
    r'(?:vpce\.)?(?:api\.)?(?:aws|(?:amazonaws|amazonwebservices)\.(?:com|eu)(?:\.cn)?'
    r'|c2s\.ic\.gov|sc2s\.sgov\.gov|csp\.hci\.ic\.gov|cloud\.adc-e\.uk)(?=[/:]|$)'
)
# Texts, because `re` compiles one at its first use, and an import does not need it.
_URL = (
    rf'^https?://(?:[^/]*\.)?(?:sqs(?:-fips)?\.(?P<region>{_REGION})\.{_SUFFIX}'
    rf'|(?P<legacy_region>{_REGION})\.queue\.{_SUFFIX})'
)
_URL_OF_US_EAST_1 = rf'^https?://queue\.{_SUFFIX}'
_ARN = rf'^arn:[^:]*:[^:]*:(?P<region>{_REGION}):'

# Local servers have other accounts, other regions and more segments in the path.
_QUEUE_URL = re.compile(r'https?://[^/?#@\s]+(?:/[\w.-]+)*/[\w-]{1,80}(?:\.fifo)?', re.A)
_TOPIC_ARN = re.compile(r'arn:[a-z0-9-]+:sns:[\w-]+:\w+:[\w-]{1,256}(?:\.fifo)?', re.A)
_QUEUE_ARN = re.compile(r'arn:aws:sqs:([a-z0-9-]+):(\d{12}):([\w-]{1,80}(?:\.fifo)?)', re.A)
_BUCKET = re.compile(r'[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]')
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html. No ARN matches."""


def check_queue_url(name: str, url: object) -> str:
    """Return the URL of a queue.

    Raises:
        ConfigurationError: for any other value, as every check here. The error says what to pass.
    """
    advice = 'pass the URL of a queue, as GetQueueUrl returns it'
    if isinstance(url, str) and _QUEUE_URL.fullmatch(url):
        if region_of(url) is None or re.search(r'^https?://[^/]+/\d+/[^/]+$', url):
            return url
        host, queue = urlsplit(url).netloc, queue_name(url)
        advice = f'pass the URL with its account: https://{host}/ACCOUNT/{queue}'
    if arn := _QUEUE_ARN.fullmatch(url) if isinstance(url, str) else None:
        region, account, queue = arn.groups()
        advice = f'pass the URL https://sqs.{region}.amazonaws.com/{account}/{queue}'
    raise _error(name, url, advice)


def check_topic_arn(name: str, arn: object) -> str:
    """Return the ARN of a topic."""
    if isinstance(arn, str) and _TOPIC_ARN.fullmatch(arn):
        return arn
    advice = 'pass the ARN of a topic, as CreateTopic returns it'
    if isinstance(arn, str) and (_QUEUE_URL.fullmatch(arn) or _QUEUE_ARN.fullmatch(arn)):
        advice = 'it is a queue: use an SqsPublisher, or pass the ARN of a topic'
    raise _error(name, arn, advice)


def check_bucket(name: str, bucket: object) -> str:
    """Return the name of a bucket."""
    if isinstance(bucket, str) and _BUCKET.fullmatch(bucket):
        return bucket
    raise _error(name, bucket, 'must be the name of a bucket, without s3:// and not an ARN')


def check_host(name: str, url: str, endpoint_url: object) -> None:
    """Refuse the URL of a queue on another host, if calls go to AWS."""
    if region_of(url) is None and isinstance(endpoint_url, str) and region_of(endpoint_url):
        host = urlsplit(url).netloc
        problem = f'calls go to {endpoint_url}, not to {host}: pass endpoint_url= as well'
        raise ConfigurationError(f'{name}={safe_repr(url)}: {problem}')


def check_region(name: str, destination: str, own: str | None) -> None:
    """Refuse a destination in another region than that of the client."""
    region = region_of(destination)
    if region and own and region != own:
        problem = f'is in {region}, and calls go to {own}: create another object for that region'
        raise ConfigurationError(f'{name}={safe_repr(destination)} {problem}')


def _error(name: str, value: object, advice: str) -> ConfigurationError:
    # A password in a URL is not shown.
    is_secret = isinstance(value, str) and '@' in value
    shown = '<a URL with a user name>' if is_secret else safe_repr(value)
    return ConfigurationError(f'{name}={shown}: {advice}')


def queue_name(queue: str) -> str:
    """Return the name of a queue from its URL or its ARN, or of a topic from its ARN.

    >>> queue_name('https://sqs.eu-west-1.amazonaws.com/123456789012/orders')
    'orders'
    >>> queue_name('arn:aws:sqs:eu-west-1:123456789012:orders')
    'orders'
    """
    return queue.rpartition(':' if queue.startswith('arn:') else '/')[2]


def region_of(destination: str | None) -> str | None:
    """Return the region that a queue's URL or a topic's ARN names; None for any other text.

    >>> region_of('https://sqs.eu-west-1.amazonaws.com/123456789012/orders')
    'eu-west-1'
    """
    if url := re.match(_URL, destination or ''):
        return url['region'] or url['legacy_region']
    if re.match(_URL_OF_US_EAST_1, destination or ''):
        return 'us-east-1'
    arn = re.match(_ARN, destination or '')
    return arn['region'] if arn else None


def region_for(destination: str | None, given: str | None) -> str | None:
    """Return the region to call: the one of the destination if it has one, else the given one.

    A warning is logged once for each given region that differs: nothing else reaches a destination.
    """
    found = region_of(destination)
    if found is None or given is None or found == given:
        return found or given
    if (found, given) not in _warned:
        _warned.add((found, given))
        _log.warning(
            'region_name is %r, but %s is in %r: using %r',
            *(given, destination, found, found),
            code='other-region',
            extra=about(destination=destination, region=found),
        )
    return found


_warned: set[tuple[str, str]] = set()
