"""CreateQueue, DeleteQueue, and the other operations on queues."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mega.local.errors import AwsError, invalid_value
from mega.local.operations import (
    NextError,
    Object,
    Operation,
    number,
    optional_text,
    text,
    text_map,
    texts,
)
from mega.local.pages import page_of
from mega.local.sqs import permissions, rules
from mega.local.sqs.attributes import RedrivePolicy, check_names, defaults, updated
from mega.local.sqs.queues import Queue, Redrive
from mega.local.sqs.registry import Registry
from mega.local.state import arn_of

__all__ = ('QueueOperations',)

PURGE_SECONDS = 60.0
"""The minimum seconds between two calls of PurgeQueue (model, PurgeQueueInProgress)."""

MAX_PAGE = 1_000


class QueueOperations:
    """The operations on queues."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._clock = registry.state.clock
        self.operations: dict[str, Operation] = {
            'AddPermission': self._add_permission,
            'CreateQueue': self._create_queue,
            'DeleteQueue': self._delete_queue,
            'GetQueueAttributes': self._get_queue_attributes,
            'GetQueueUrl': self._get_queue_url,
            'ListDeadLetterSourceQueues': self._list_dead_letter_source_queues,
            'ListQueueTags': self._list_queue_tags,
            'ListQueues': self._list_queues,
            'PurgeQueue': self._purge_queue,
            'RemovePermission': self._remove_permission,
            'SetQueueAttributes': self._set_queue_attributes,
            'TagQueue': self._tag_queue,
            'UntagQueue': self._untag_queue,
        }

    def _create_queue(self, request: Object, next_error: NextError) -> Object:
        """Create a queue, or return the existing queue with the same name and attributes.

        Source: model, QueueNameExists: "only if the request includes attributes whose values differ
        from those of the existing queue".
        """
        name, given = text(request, 'QueueName'), dict(text_map(request, 'Attributes'))
        is_fifo = given.get('FifoQueue') == 'true'
        if not is_fifo:
            given.pop('FifoQueue', None)
        rules.check_queue_name(name, is_fifo)
        attributes = updated(defaults(is_fifo), given, is_fifo)
        if found := self._registry.queues.get(name):
            for each, value in given.items():
                if found.attributes.get(each, '') != value:
                    problem = 'A queue already exists with the same name and a different value'
                    raise AwsError('QueueNameExists', f'{problem} for attribute {each}')
            return {'QueueUrl': self._registry.url(found)}
        redrive = self._check_policies(attributes, arn_of('sqs', name))
        queue = self._registry.create(name, attributes)
        queue.configure(attributes, redrive, queue.created_at)
        queue.tags.update(text_map(request, 'tags'))
        return {'QueueUrl': self._registry.url(queue)}

    def _set_queue_attributes(self, request: Object, next_error: NextError) -> Object:
        queue = self._registry.requested(request)
        self._change(queue, text_map(request, 'Attributes'))
        return {}

    def _change(self, queue: Queue, changes: Mapping[str, str]) -> None:
        attributes = updated(queue.attributes, changes, queue.is_fifo)
        redrive = queue.redrive
        if changes.keys() & {'RedrivePolicy', 'RedriveAllowPolicy'}:
            redrive = self._check_policies(attributes, queue.arn)
        queue.configure(attributes, redrive, self._clock())

    def _check_policies(self, attributes: Mapping[str, str], arn: str) -> Redrive | None:
        """Check both redrive policies, and return the dead-letter queue, if any."""
        if allow := attributes.get('RedriveAllowPolicy'):
            RedrivePolicy('RedriveAllowPolicy', allow).allows(arn)
        policy = attributes.get('RedrivePolicy')
        return self._registry.redrive(policy, arn) if policy else None

    def _get_queue_attributes(self, request: Object, next_error: NextError) -> Object:
        queue = self._registry.requested(request)
        names = texts(request, 'AttributeNames')
        check_names(names)
        every = {
            **queue.attributes,
            **queue.counts(self._clock()),
            'CreatedTimestamp': str(int(queue.created_at)),
            'LastModifiedTimestamp': str(int(queue.modified_at)),
            'QueueArn': queue.arn,
        }
        if 'All' in names:
            return {'Attributes': every}
        return {'Attributes': {name: every[name] for name in names if name in every}}

    def _get_queue_url(self, request: Object, next_error: NextError) -> Object:
        return {'QueueUrl': self._registry.url(self._registry.named(text(request, 'QueueName')))}

    def _delete_queue(self, request: Object, next_error: NextError) -> Object:
        self._registry.delete(self._registry.requested(request))
        return {}

    def _purge_queue(self, request: Object, next_error: NextError) -> Object:
        """Remove all messages at once. SQS takes up to 60 seconds for it."""
        queue = self._registry.requested(request)
        now = self._clock()
        if queue.purged_at is not None and now < queue.purged_at + PURGE_SECONDS:
            problem = f'Only one PurgeQueue operation on {queue.name} is allowed every 60 seconds.'
            raise AwsError('PurgeQueueInProgress', problem, 403)
        queue.purged_at = now
        queue.purge(now)
        return {}

    # Lists

    def _list_queues(self, request: Object, next_error: NextError) -> Object:
        prefix = optional_text(request, 'QueueNamePrefix') or ''
        names = (name for name in self._registry.queues if name.startswith(prefix))
        return self._page(names, request, 'QueueUrls')

    def _list_dead_letter_source_queues(self, request: Object, next_error: NextError) -> Object:
        target = self._registry.requested(request)
        queues = self._registry.queues.values()
        sources = (each.name for each in queues if each.redrive and each.redrive.target is target)
        return {'queueUrls': [], **self._page(sources, request, 'queueUrls')}

    def _page(self, names: Iterable[str], request: Object, key: str) -> Object:
        """Return the URLs of a page.

        Without MaxResults, the response has at most 1,000 URLs and no token (model, ListQueues).
        """
        size = number(request, 'MaxResults', MAX_PAGE)
        rules.check_range('MaxResults', size)
        try:
            page, token = page_of(names, optional_text(request, 'NextToken'), size)
        except ValueError:
            raise invalid_value('Value for parameter NextToken is invalid.') from None
        if not page:
            return {}
        answer: Object = {key: [self._registry.url(self._registry.named(name)) for name in page]}
        if token and request.get('MaxResults') is not None:
            answer['NextToken'] = token
        return answer

    # Tags and permissions

    def _tag_queue(self, request: Object, next_error: NextError) -> Object:
        self._registry.requested(request).tags.update(text_map(request, 'Tags'))
        return {}

    def _untag_queue(self, request: Object, next_error: NextError) -> Object:
        tags = self._registry.requested(request).tags
        for key in texts(request, 'TagKeys'):
            tags.pop(key, None)
        return {}

    def _list_queue_tags(self, request: Object, next_error: NextError) -> Object:
        tags = self._registry.requested(request).tags
        return {'Tags': dict(tags)} if tags else {}

    def _add_permission(self, request: Object, next_error: NextError) -> Object:
        queue = self._registry.requested(request)
        policy = permissions.added(
            queue.attributes.get('Policy'),
            queue.arn,
            text(request, 'Label'),
            texts(request, 'AWSAccountIds'),
            texts(request, 'Actions'),
        )
        self._change(queue, {'Policy': policy})
        return {}

    def _remove_permission(self, request: Object, next_error: NextError) -> Object:
        queue = self._registry.requested(request)
        policy = permissions.removed(queue.attributes.get('Policy'), text(request, 'Label'))
        self._change(queue, {'Policy': policy})
        return {}
