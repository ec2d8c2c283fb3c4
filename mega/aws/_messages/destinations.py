"""The region of a queue's URL or a topic's ARN.

Source of the host names: https://docs.aws.amazon.com/general/latest/gr/sqs-service.html
"""

from __future__ import annotations

import logging
import re

__all__ = ('region_for', 'region_of')

_log = logging.getLogger(__name__)

_REGION = r'[a-z]{2}[a-z0-9-]*-\d+'
_SUFFIX = (
    r'(?:vpce\.)?(?:api\.)?(?:aws|(?:amazonaws|amazonwebservices)\.(?:com|eu)(?:\.cn)?'
    r'|c2s\.ic\.gov|sc2s\.sgov\.gov|csp\.hci\.ic\.gov|cloud\.adc-e\.uk)(?=[/:]|$)'
)
_URL = re.compile(
    rf'^https?://(?:[^/]*\.)?(?:sqs(?:-fips)?\.(?P<region>{_REGION})\.{_SUFFIX}'
    rf'|(?P<legacy_region>{_REGION})\.queue\.{_SUFFIX})'
)
_URL_OF_US_EAST_1 = re.compile(rf'^https?://queue\.{_SUFFIX}')
_ARN = re.compile(rf'^arn:[^:]*:[^:]*:(?P<region>{_REGION}):')


def region_of(destination: str | None) -> str | None:
    """Return the region that a queue's URL or a topic's ARN names; None for any other text.

    >>> region_of('https://sqs.eu-west-1.amazonaws.com/123456789012/orders')
    'eu-west-1'
    """
    if url := _URL.match(destination or ''):
        return url['region'] or url['legacy_region']
    if _URL_OF_US_EAST_1.match(destination or ''):
        return 'us-east-1'
    arn = _ARN.match(destination or '')
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
            'region_name is %r, but %s is in %r: using %r', given, destination, found, found
        )
    return found


_warned: set[tuple[str, str]] = set()
