"""The checks of a listener at its start: its settings and the attributes of its queues."""

from __future__ import annotations

from collections.abc import Iterator

from mega.aws.sqs.subscribe.preflight.advice import polling_advice
from mega.aws.sqs.subscribe.preflight.checks import check_settings
from mega.aws.sqs.subscribe.preflight.findings import Finding, Kind
from mega.cli.doctor.setup import Setup

__all__ = ('check',)


def check(setup: Setup) -> Iterator[Finding]:
    """Check that the settings fit to each other and to the queues."""
    if setup.listener is None:
        yield from _no_redrive_policy(setup)
        return
    if not setup.listener.subscribers:
        yield Kind.NO_SUBSCRIBERS.found(
            setup.queue_url,
            'has a listener without subscribers, which refuses to start',
            'Pass subscribers to the listener, or call register_subscriber before it starts.',
        )
    options = setup.listener._preflight_options()
    yield from polling_advice(setup.queue_url, options.settings, setup.aws.read_timeout)
    found: list[Finding] = []
    sent_to = (each.attributes for each in setup.dead_letter_queues if each.is_sent_to)
    check_settings(options, setup.queue or None, next(sent_to, None), found.append)
    yield from found


def _no_redrive_policy(setup: Setup) -> Iterator[Finding]:
    """Check a queue whose listener, with its dead-letter queue, is unknown."""
    if setup.queue and not setup.redrive_policy and not _is_dead_letter_queue(setup):
        yield Kind.NO_REDRIVE_POLICY.found(
            setup.queue_url,
            'has no redrive policy: a message that is never deleted is delivered again until it '
            'expires',
            'Configure a dead-letter queue, or check the listener instead of the queue.',
        )


def _is_dead_letter_queue(setup: Setup) -> bool:
    sources = setup.aws.call('list_dead_letter_source_queues', QueueUrl=setup.queue_url)
    return bool(sources.get('queueUrls'))
