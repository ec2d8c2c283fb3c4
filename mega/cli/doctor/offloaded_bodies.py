"""Checks of the bucket of offloaded bodies: they must remain as long as their messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from mega.aws.s3 import S3PayloadStore
from mega.aws.s3.bucket import lifecycle_rules
from mega.aws.sqs.subscribe.preflight.findings import Finding, Kind
from mega.cli.doctor.setup import Setup
from mega.errors import TransportError

__all__ = ('check',)

Rule: TypeAlias = Mapping[str, Any]
"""A lifecycle rule of a bucket."""

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
    rules = [rule for rule in found if _is_unconditional(rule)]
    if setup.queue:
        yield from _bodies(setup, store, rules)
    if not any('AbortIncompleteMultipartUpload' in rule for rule in _for_all(store, rules)):
        yield Kind.UPLOADS_REMAIN.found(
            store.bucket,
            'has no lifecycle rule that aborts incomplete uploads: the parts of a stream whose '
            'publisher was killed remain for ever, and S3 charges for them',
            'Add a rule with AbortIncompleteMultipartUpload and DaysAfterInitiation=1, as '
            'create_bucket() of the store does.',
        )


def _bodies(setup: Setup, store: S3PayloadStore, rules: Iterable[Rule]) -> Iterator[Finding]:
    """Compare the first expiry of the bodies with the life of their messages."""
    expiring = [rule for rule in rules if rule.get('Expiration', {}).get('Days') is not None]
    days = min(
        (int(rule['Expiration']['Days']) for rule in expiring if _overlaps(rule, store)),
        default=None,
    )
    needed = -(-_retention(setup) // _SECONDS_OF_A_DAY)  # rounded up
    if not _for_all(store, expiring):
        yield Kind.BODIES_REMAIN.found(
            store.bucket,
            'has no lifecycle rule that expires the bodies: those of messages that were '
            'dead-lettered, or went through a topic, remain for ever',
            f'Add a rule that expires them after {needed} days or more, as create_bucket() of the '
            'store does.',
        )
    if days is not None and days < needed:
        yield Kind.BODIES_EXPIRE.found(
            store.bucket,
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


def _is_unconditional(rule: Rule) -> bool:
    """Return whether a rule is in use, and needs no tag or size, which an object may not have."""
    return rule.get('Status') == 'Enabled' and rule.get('Filter', {}).keys() <= {'Prefix'}


def _for_all(store: S3PayloadStore, rules: Iterable[Rule]) -> list[Rule]:
    """Return the rules that apply to every object of a store."""
    return [rule for rule in rules if store.key_prefix.startswith(_prefix_of(rule))]


def _overlaps(rule: Rule, store: S3PayloadStore) -> bool:
    """Return whether a rule may apply to an object of a store."""
    own = _prefix_of(rule)
    return own.startswith(store.key_prefix) or store.key_prefix.startswith(own)


def _prefix_of(rule: Rule) -> str:
    prefix: str = rule.get('Filter', rule).get('Prefix', '')
    return prefix
