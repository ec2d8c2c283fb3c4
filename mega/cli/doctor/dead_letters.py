"""Checks of the dead-letter queues: that of the redrive policy, and that of the listener."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mega.aws._transport.call_errors import Origin, advice_on, origin_of
from mega.aws.sqs.subscribe.preflight.checks import unchecked
from mega.aws.sqs.subscribe.preflight.findings import Finding, Kind
from mega.cli.doctor.access import refused_permission
from mega.cli.doctor.setup import Attributes, DeadLetterQueue, Setup, json_object
from mega.errors import TransportError

__all__ = ('check_permission', 'compare', 'find')


def find(setup: Setup) -> Iterator[Finding]:
    """Read the attributes of the dead-letter queues, which must exist."""
    found: dict[str, tuple[bool, bool]] = {}
    if arn := setup.redrive_policy.get('deadLetterTargetArn'):
        try:
            found[_url_of(setup, arn)] = (True, False)
        except TransportError as error:
            yield _not_found(arn, error)
    if setup.listener is not None and (url := setup.listener.dead_letter_queue_url):
        found[url] = (url in found, True)
    for url, uses in found.items():
        try:
            answer = setup.aws.call('get_queue_attributes', QueueUrl=url, AttributeNames=['All'])
        except TransportError as error:
            yield _not_found(url, error)
        else:
            queue = DeadLetterQueue(url, answer.get('Attributes', {}), *uses)
            setup.dead_letter_queues.append(queue)


def _url_of(setup: Setup, arn: str) -> str:
    _, account, name = arn.rsplit(':', 2)
    answer = setup.aws.call('get_queue_url', QueueName=name, QueueOwnerAWSAccountId=account)
    return str(answer['QueueUrl'])


def _not_found(subject: str, error: TransportError) -> Finding:
    advice = advice_on(error, subject)
    if origin_of(error) is not Origin.RESOURCE:
        return unchecked(subject, error, advice)
    return Kind.NO_DEAD_LETTER_QUEUE.found(
        subject,
        'is named as the dead-letter queue, and does not exist: messages that fail stay in their '
        'queue',
        'Create it, or name another queue.',
    )


def compare(setup: Setup) -> Iterator[Finding]:
    """Compare each dead-letter queue with its source."""
    for queue in setup.dead_letter_queues:
        yield from _other_type(setup, queue)
        if queue.is_redriven_to:
            yield from _retention(setup, queue.url, queue.attributes)
            yield from _allow_policy(setup, queue.url, queue.attributes)


def _other_type(setup: Setup, queue: DeadLetterQueue) -> Iterator[Finding]:
    """The dead-letter queue of a FIFO queue must be FIFO: API reference of CreateQueue."""
    is_fifo = queue.url.endswith('.fifo')
    if is_fifo != setup.is_fifo:
        kinds = {True: 'a FIFO queue', False: 'a standard queue'}
        yield Kind.OTHER_TYPE.found(
            queue.url,
            f'is {kinds[is_fifo]}, and its source is {kinds[setup.is_fifo]}: SQS refuses to '
            'redrive, and dead letters lose or gain an order',
            f'Name {kinds[setup.is_fifo]} as the dead-letter queue.',
        )


def _retention(setup: Setup, url: str, attributes: Attributes) -> Iterator[Finding]:
    """A redriven message expires by its first enqueue time. On FIFO queues the time begins anew.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/setting-up-dead-letter-queue-retention.html
    """
    own, other = (
        int(each.get('MessageRetentionPeriod') or 0) for each in (attributes, setup.queue)
    )
    if own and other and own <= other and not setup.is_fifo:
        yield Kind.DEAD_LETTERS_EXPIRE.found(
            url,
            f'keeps messages for {own:,} s, and its source for {other:,} s: SQS counts from the '
            'first send, so that a dead letter may expire soon after its redrive, or at once',
            'Raise the MessageRetentionPeriod of the dead-letter queue to 1209600 (14 days), or '
            'at least above that of the source.',
        )


def _allow_policy(setup: Setup, url: str, attributes: Attributes) -> Iterator[Finding]:
    """The redrive allow policy: API reference of SetQueueAttributes."""
    policy = json_object(attributes.get('RedriveAllowPolicy'))
    allowed = policy.get('sourceQueueArns') or ()
    kind = policy.get('redrivePermission', 'allowAll')
    if kind == 'denyAll' or (kind == 'byQueue' and setup.queue_arn not in allowed):
        yield Kind.REDRIVE_NOT_ALLOWED.found(
            url,
            f'has a redrive allow policy of {kind} that does not allow {setup.queue_arn}',
            "Add the queue's ARN to sourceQueueArns of the policy, or allow all queues.",
        )


def check_permission(setup: Setup) -> Iterable[Finding]:
    """Find out whether the listener may send dead letters, by a batch without messages.

    SQS refuses an empty batch. AWS does not document whether it tests the permission before that,
    so that the answer proves only a permission that is missing.
    """
    for queue in setup.dead_letter_queues:
        if not queue.is_sent_to:
            continue
        try:
            setup.aws.call('send_message_batch', QueueUrl=queue.url, Entries=[])
        except TransportError as error:
            if origin_of(error) in (Origin.PERMISSION, Origin.KEY):
                yield refused_permission(queue.url, error)
