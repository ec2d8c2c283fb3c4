"""Checks of the KMS keys of the queues.

A call to KMS does not test the use of a key by SQS: policies of keys often permit it only by way of
SQS. The state of a key is known without its use.
"""

from __future__ import annotations

from collections.abc import Iterator

from mega.aws.sqs.subscribe.preflight.findings import Finding, Kind
from mega.cli.doctor.setup import Setup

__all__ = ('check',)

_OF_AWS = 'alias/aws/sqs'


def check(setup: Setup) -> Iterator[Finding]:
    """Check the key of each queue that has one."""
    yield from _key_of_aws(setup)
    queues = {setup.queue_url: setup.queue}
    queues |= {queue.url: queue.attributes for queue in setup.dead_letter_queues}
    for url, attributes in queues.items():
        if key := attributes.get('KmsMasterKeyId'):
            found = setup.client('kms').call('describe_key', KeyId=key).get('KeyMetadata', {})
            yield from _state(url, key, found.get('KeyState', 'Enabled'))


def _key_of_aws(setup: Setup) -> Iterator[Finding]:
    """The policy of AWS's own key cannot be changed, and does not permit SNS to use it.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
    """
    if setup.has_subscriptions and setup.queue.get('KmsMasterKeyId', '').endswith(_OF_AWS):
        yield Kind.KEY_OF_AWS.found(
            setup.queue_url,
            f'is encrypted with {_OF_AWS}, which SNS cannot use: notifications of its topics do '
            'not arrive',
            'Create a customer managed key whose policy allows sns.amazonaws.com to use '
            'kms:GenerateDataKey and kms:Decrypt, or encrypt the queue with SSE-SQS.',
        )


def _state(url: str, key: str, state: str) -> Iterator[Finding]:
    if state != 'Enabled':
        yield Kind.KEY_STATE.found(
            url,
            f'is encrypted with the KMS key {key}, whose state is {state}: messages can be neither '
            'sent nor received',
            'Enable the key, cancel its deletion, or give the queue another key.',
        )
