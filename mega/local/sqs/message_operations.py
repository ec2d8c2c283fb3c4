"""SendMessage, ReceiveMessage, DeleteMessage, ChangeMessageVisibility, and their batches."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TypeAlias

from mega.local.messages import (
    Attribute,
    Attributes,
    Draft,
    md5_of_attributes,
    read_attributes,
    sha256_of_text,
    write_attributes,
)
from mega.local.operations import (
    NextError,
    Object,
    Operation,
    number,
    objects,
    optional_number,
    optional_text,
    results,
    text,
    texts,
)
from mega.local.rules import message_size
from mega.local.sqs import rules
from mega.local.sqs.queues import Queue
from mega.local.sqs.registry import Registry
from mega.local.sqs.stored import Receipt

__all__ = ('MessageOperations',)


class MessageOperations:
    """The operations on messages. A ReceiveMessage does not wait: long polls are the caller's."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._state = registry.state
        self.operations: dict[str, Operation] = {
            'ChangeMessageVisibility': self._change_message_visibility,
            'ChangeMessageVisibilityBatch': self._change_message_visibility_batch,
            'DeleteMessage': self._delete_message,
            'DeleteMessageBatch': self._delete_message_batch,
            'ReceiveMessage': self._receive_message,
            'SendMessage': self._send_message,
            'SendMessageBatch': self._send_message_batch,
        }

    def _send_message(self, request: Object, next_error: NextError) -> Object:
        return self.send(self._registry.requested(request), _draft(request))

    def _send_message_batch(self, request: Object, next_error: NextError) -> Object:
        queue = self._registry.requested(request)
        entries = objects(request, 'Entries')
        ids = [text(entry, 'Id') for entry in entries]
        drafts = [_draft(entry) for entry in entries]
        sizes = [message_size(draft.body, draft.attributes) for draft in drafts]
        rules.check_batch(ids, sum(sizes))
        sized = zip(ids, zip(drafts, sizes, strict=True), strict=True)
        return results(sized, lambda each: self._send(queue, *each), next_error)

    def send(self, queue: Queue, draft: Draft) -> Object:
        """Send a message to a queue, and return the response of SendMessage."""
        return self._send(queue, draft, message_size(draft.body, draft.attributes))

    def _send(self, queue: Queue, draft: Draft, size: int) -> Object:
        rules.check_size(size, queue.max_size)
        rules.check_draft(draft, queue.is_fifo, queue.is_content_based)
        message = self._state.accept(queue, draft)
        if not message.is_duplicate:
            delay = queue.delay if draft.delay_seconds is None else draft.delay_seconds
            queue.put(message, message.at, delay)
        answer = {'MessageId': message.id, 'MD5OfMessageBody': message.md5}
        if draft.attributes:
            answer['MD5OfMessageAttributes'] = md5_of_attributes(draft.attributes)
        if draft.trace_header:
            system = {'AWSTraceHeader': Attribute('String', draft.trace_header)}
            answer['MD5OfMessageSystemAttributes'] = md5_of_attributes(system)
        if message.sequence_number:
            answer['SequenceNumber'] = message.sequence_number
        return answer

    def _receive_message(self, request: Object, next_error: NextError) -> Object:
        queue = self._registry.requested(request)
        wait = number(request, 'WaitTimeSeconds', queue.wait_time)
        limit = number(request, 'MaxNumberOfMessages', 1)
        visibility_timeout = number(request, 'VisibilityTimeout', queue.visibility_timeout)
        attempt_id = optional_text(request, 'ReceiveRequestAttemptId')
        rules.check_receive(wait, limit, visibility_timeout, attempt_id, queue.is_fifo)
        names = texts(request, 'MessageAttributeNames')
        system = _system_readers(
            *texts(request, 'MessageSystemAttributeNames'), *texts(request, 'AttributeNames')
        )
        receipts = queue.receive(
            limit, visibility_timeout, self._state.clock(), attempt_id, is_short_poll=not wait
        )
        messages = [_delivered(each, names, system) for each in receipts]
        return {'Messages': messages} if messages else {}

    def _delete_message(self, request: Object, next_error: NextError) -> Object:
        self._delete(self._registry.requested(request), request, self._state.clock())
        return {}

    def _delete_message_batch(self, request: Object, next_error: NextError) -> Object:
        return self._for_each(request, self._delete, next_error)

    def _delete(self, queue: Queue, entry: Object, now: float) -> None:
        queue.delete(text(entry, 'ReceiptHandle'), now)

    def _change_message_visibility(self, request: Object, next_error: NextError) -> Object:
        self._change(self._registry.requested(request), request, self._state.clock())
        return {}

    def _change_message_visibility_batch(self, request: Object, next_error: NextError) -> Object:
        return self._for_each(request, self._change, next_error)

    def _change(self, queue: Queue, entry: Object, now: float) -> None:
        """Change a visibility timeout. Without the parameter, it is the timeout of the queue."""
        seconds = number(entry, 'VisibilityTimeout', queue.visibility_timeout)
        rules.check_range('VisibilityTimeout', seconds)
        queue.change_visibility(text(entry, 'ReceiptHandle'), seconds, now)

    def _for_each(
        self,
        request: Object,
        perform: Callable[[Queue, Object, float], None],
        next_error: NextError,
    ) -> Object:
        queue = self._registry.requested(request)
        entries = objects(request, 'Entries')
        ids = [text(entry, 'Id') for entry in entries]
        rules.check_batch(ids)
        now = self._state.clock()
        named = zip(ids, entries, strict=True)
        return results(named, lambda entry: perform(queue, entry, now), next_error)


def _draft(request: Object) -> Draft:
    system = read_attributes(request.get('MessageSystemAttributes'))
    return Draft(
        optional_text(request, 'MessageBody') or '',
        read_attributes(request.get('MessageAttributes')),
        optional_text(request, 'MessageGroupId'),
        optional_text(request, 'MessageDeduplicationId'),
        optional_number(request, 'DelaySeconds'),
        trace_header=rules.trace_header(system) if system else None,
    )


def _delivered(
    receipt: Receipt, names: Collection[str], system: Mapping[str, _SystemReader]
) -> Object:
    message = receipt.stored.message
    draft = message.draft
    answer: Object = {
        'MessageId': message.id,
        'ReceiptHandle': receipt.handle,
        'MD5OfBody': message.md5,
        'Body': draft.body,
    }
    if names and draft.attributes and (attributes := _requested(draft.attributes, names)):
        answer['MessageAttributes'] = write_attributes(attributes)
        answer['MD5OfMessageAttributes'] = md5_of_attributes(attributes)
    if system:
        read = {name: reader(receipt) for name, reader in system.items()}
        answer['Attributes'] = {name: value for name, value in read.items() if value is not None}
    return answer


_SystemReader: TypeAlias = Callable[[Receipt], 'str | None']


def _milliseconds(seconds: float) -> str:
    return str(int(seconds * 1_000))


def _deduplication_id(receipt: Receipt) -> str | None:
    """Return the id of the producer, or the id that SQS generates from the body."""
    message = receipt.stored.message
    if message.draft.deduplication_id or not message.is_fifo:
        return message.draft.deduplication_id
    return sha256_of_text(message.draft.body)


def _receive_count(receipt: Receipt) -> str:
    """Return the number of receives "across all queues" (model, ReceiveMessage)."""
    return str(receipt.number + receipt.stored.earlier_receives)


_SYSTEM: Mapping[str, _SystemReader] = {
    'SenderId': lambda receipt: 'AIDAEXAMPLE',
    'SentTimestamp': lambda receipt: _milliseconds(receipt.stored.sent_at),
    'ApproximateReceiveCount': _receive_count,
    'ApproximateFirstReceiveTimestamp': (
        lambda receipt: _milliseconds(receipt.stored.first_received)
    ),
    'AWSTraceHeader': lambda receipt: receipt.stored.message.draft.trace_header,
    'MessageDeduplicationId': _deduplication_id,
    'MessageGroupId': lambda receipt: receipt.stored.group,
    'SequenceNumber': lambda receipt: receipt.stored.message.sequence_number,
    'DeadLetterQueueSourceArn': lambda receipt: receipt.stored.source_arn,
}


def _system_readers(*names: str) -> Mapping[str, _SystemReader]:
    """Return the readers of the requested system attributes."""
    if 'All' in names:
        return _SYSTEM
    return {name: _SYSTEM[name] for name in names if name in _SYSTEM}


def _requested(attributes: Attributes, names: Collection[str]) -> Attributes:
    """Return the requested attributes: by name, by `All`, or by a prefix with `.*`."""
    if 'All' in names or '.*' in names:
        return attributes
    prefixes = tuple(name[:-2] for name in names if name.endswith('.*'))
    return {
        name: value
        for name, value in attributes.items()
        if name in names or name.startswith(prefixes)
    }
