"""Checks of the bucket of offloaded bodies: they must remain as long as their messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mega.aws.s3.bucket import lifecycle_rules
from mega.aws.sqs.subscribe.preflight.findings import Finding, Kind
from mega.cli.doctor.setup import Setup
from mega.errors import TransportError

__all__ = ('check',)

_SECONDS_OF_A_DAY = 86_400


def check(setup: Setup) -> Iterator[Finding]:
    """Check the lifecycle rules for the bodies of the payload store, if the listener has one."""
    store = setup.listener and setup.listener.payload_store
    if not store:
        return
    try:
        found = lifecycle_rules(store._aws, store.bucket, store._owners.get(store.bucket))
    except TransportError as error:
        if error.code != 'NoSuchBucket':
            raise
        yield Kind.NO_BUCKET.found(
            store.bucket,
            'is the bucket of the payload store, and does not exist: no body can be read',
            'Create it with create_bucket() of the store, or check its name.',
        )
        return
    rules = [rule for rule in found if _applies(rule, store.key_prefix)]
    if setup.queue:
        yield from _bodies(setup, store.bucket, rules)
    if not any('AbortIncompleteMultipartUpload' in rule for rule in rules):
        yield Kind.UPLOADS_REMAIN.found(
            store.bucket,
            'has no lifecycle rule that aborts incomplete uploads: the parts of a stream whose '
            'publisher was killed remain for ever, and S3 charges for them',
            'Add a rule with AbortIncompleteMultipartUpload and DaysAfterInitiation=1, as '
            'create_bucket() of the store does.',
        )


def _bodies(setup: Setup, bucket: str, rules: Iterable[Mapping[str, Any]]) -> Iterator[Finding]:
    """Compare the first expiry of the bodies with the life of their messages."""
    expiries = [rule.get('Expiration', {}).get('Days') for rule in rules]
    days = min((int(each) for each in expiries if each is not None), default=None)
    needed = -(-_retention(setup) // _SECONDS_OF_A_DAY)  # rounded up
    if days is None:
        yield Kind.BODIES_REMAIN.found(
            bucket,
            'has no lifecycle rule that expires the bodies: those of messages that were '
            'dead-lettered, or went through a topic, remain for ever',
            f'Add a rule that expires them after {needed} days or more, as create_bucket() of the '
            'store does.',
        )
    elif days < needed:
        yield Kind.BODIES_EXPIRE.found(
            bucket,
            f'expires bodies after {days} days, and their messages live for up to {needed} days in '
            'the queue and its dead-letter queues: the rest of such a message is lost',
            f'Raise the days of the lifecycle rule to {needed} or more.',
        )


def _retention(setup: Setup) -> int:
    """Return how many seconds a message may live: in the queue, and in a dead-letter queue."""
    own = int(setup.queue.get('MessageRetentionPeriod') or 0)
    others = [
        int(q.attributes.get('MessageRetentionPeriod') or 0) for q in setup.dead_letter_queues
    ]
    return own + max(others, default=0)


def _applies(rule: Mapping[str, Any], prefix: str) -> bool:
    """Return whether a rule applies to objects with a prefix.

    A rule that also needs a tag or a size may not apply to them, and does not count.
    """
    conditions = rule.get('Filter', {'Prefix': rule.get('Prefix', '')})
    own = conditions.get('Prefix', '')
    overlap = own.startswith(prefix) or prefix.startswith(own)
    return rule.get('Status') == 'Enabled' and conditions.keys() <= {'Prefix'} and overlap
