"""SQS's operations."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeAlias

from mega.local import rules as common_rules
from mega.local.errors import AwsError, invalid_value
from mega.local.messages import (
    Attribute,
    Attributes,
    Draft,
    md5_of_attributes,
    md5_of_text,
    read_attributes,
    write_attributes,
)
from mega.local.operations import NextError, Object, Operation, results
from mega.local.sqs import rules
from mega.local.sqs.queues import Delivery, Queue, Redrive
from mega.local.state import ACCOUNT_ID, State, arn_of

__all__ = ('Sqs',)


class Sqs:
    """The operations of SQS. A ReceiveMessage does not wait: long polls are the caller's."""

    def __init__(self, state: State, base_url: str, on_change: Callable[[Queue], None]) -> None:
        self.queues: dict[str, Queue] = {}
        self.operations: dict[str, Operation] = {
            'ChangeMessageVisibility': self._change_message_visibility,
            'ChangeMessageVisibilityBatch': self._change_message_visibility_batch,
            'CreateQueue': self._create_queue,
            'DeleteMessage': self._delete_message,
            'DeleteMessageBatch': self._delete_message_batch,
            'GetQueueAttributes': self._get_queue_attributes,
            'GetQueueUrl': self._get_queue_url,
            'ReceiveMessage': self._receive_message,
            'SendMessage': self._send_message,
            'SendMessageBatch': self._send_message_batch,
        }
        self._state = state
        self._base_url = base_url
        self._on_change = on_change

    def long_poll(self, request: Object) -> tuple[Queue, int]:
        """Return the queue of a ReceiveMessage, and the seconds that it may wait for a message."""
        queue = self._queue(request['QueueUrl'])
        return queue, request.get('WaitTimeSeconds', queue.wait_time)

    def deliver(self, arn: str, draft: Draft) -> None:
        """Send a message of a topic to a queue, which may refuse it as in SendMessage."""
        queue = self._queue(f'/{arn.rpartition(":")[2]}')
        if queue.arn != arn:
            raise AwsError('QueueDoesNotExist', 'The specified queue does not exist.')
        self._send(queue, draft)

    def _create_queue(self, request: Object, next_error: NextError) -> Object:
        queue = self._new_queue(request['QueueName'], request.get('Attributes') or {})
        return {'QueueUrl': self._url(queue)}

    def _new_queue(self, name: str, attributes: Mapping[str, str]) -> Queue:
        """Create a queue, or return the existing queue with the same name and attributes."""
        if self._state.has_rules:
            rules.check_queue(name, attributes)
        if found := self.queues.get(name):
            if found.given != dict(attributes):
                problem = 'A queue already exists with the same name and a different value.'
                raise AwsError('QueueNameExists', problem)
            return found
        redrive = self._redrive(attributes.get('RedrivePolicy'))
        queue = Queue(arn_of('sqs', name), attributes, redrive, self._on_change)
        self.queues[name] = queue
        return queue

    def _redrive(self, policy: str | None) -> Redrive | None:
        if not policy:
            return None
        settings = json.loads(policy)
        target = self.queues.get(settings['deadLetterTargetArn'].rpartition(':')[2])
        if target is None:
            raise invalid_value('Value for parameter RedrivePolicy: no such dead letter target.')
        return Redrive(target, int(settings.get('maxReceiveCount', 10)))

    def _queue(self, url: str) -> Queue:
        """Return the queue with the name at the end of a URL."""
        try:
            return self.queues[url.rpartition('/')[2]]
        except KeyError:
            problem = 'The specified queue does not exist.'
            raise AwsError('QueueDoesNotExist', problem) from None

    def _url(self, queue: Queue) -> str:
        return f'{self._base_url}/{ACCOUNT_ID}/{queue.name}'

    def _get_queue_url(self, request: Object, next_error: NextError) -> Object:
        return {'QueueUrl': self._url(self._queue(request['QueueName']))}

    def _get_queue_attributes(self, request: Object, next_error: NextError) -> Object:
        queue = self._queue(request['QueueUrl'])
        names = request.get('AttributeNames') or ()
        every = {
            **queue.attributes,
            **queue.counts(self._state.clock()),
            'QueueArn': queue.arn,
        }
        return {'Attributes': {name: v for name, v in every.items() if _is_requested(name, names)}}

    def _send_message(self, request: Object, next_error: NextError) -> Object:
        queue = self._queue(request['QueueUrl'])
        return self._send(queue, _draft(request))

    def _send_message_batch(self, request: Object, next_error: NextError) -> Object:
        queue = self._queue(request['QueueUrl'])
        drafts = [(str(entry.get('Id', '')), _draft(entry)) for entry in request.get('Entries', ())]
        if self._state.has_rules:
            size = sum(
                common_rules.message_size(draft.body, draft.attributes) for _, draft in drafts
            )
            rules.check_batch([entry_id for entry_id, _ in drafts], size)
        return results(drafts, lambda draft: self._send(queue, draft), next_error)

    def _send(self, queue: Queue, draft: Draft) -> Object:
        if self._state.has_rules:
            rules.check_draft(draft, queue.is_fifo, queue.is_content_based, queue.max_size)
        message = self._state.accept(queue, draft)
        if not message.is_duplicate:
            delay = queue.delay if draft.delay_seconds is None else draft.delay_seconds
            queue.put(message, self._state.clock(), delay)
        answer = {'MessageId': message.id, 'MD5OfMessageBody': md5_of_text(draft.body)}
        if draft.attributes:
            answer['MD5OfMessageAttributes'] = md5_of_attributes(draft.attributes)
        if draft.trace_header:
            system = {'AWSTraceHeader': Attribute('String', draft.trace_header)}
            answer['MD5OfMessageSystemAttributes'] = md5_of_attributes(system)
        if message.sequence_number:
            answer['SequenceNumber'] = message.sequence_number
        return answer

    def _receive_message(self, request: Object, next_error: NextError) -> Object:
        queue, wait = self.long_poll(request)
        limit = request.get('MaxNumberOfMessages', 1)
        visibility_timeout = request.get('VisibilityTimeout', queue.visibility_timeout)
        if self._state.has_rules:
            rules.check_range('MaxNumberOfMessages', limit)
            rules.check_range('VisibilityTimeout', visibility_timeout)
            rules.check_range('WaitTimeSeconds', wait)
        names = request.get('MessageAttributeNames') or ()
        system = _system_readers(
            *(request.get('MessageSystemAttributeNames') or ()),
            *(request.get('AttributeNames') or ()),
        )
        deliveries = queue.receive(limit, visibility_timeout, self._state.clock())
        messages = [_delivered(each, names, system) for each in deliveries]
        return {'Messages': messages} if messages else {}

    def _delete_message(self, request: Object, next_error: NextError) -> Object:
        queue = self._queue(request['QueueUrl'])
        queue.delete(request['ReceiptHandle'], self._state.clock())
        return {}

    def _delete_message_batch(self, request: Object, next_error: NextError) -> Object:
        return self._for_each(request, self._delete_message, next_error)

    def _change_message_visibility(self, request: Object, next_error: NextError) -> Object:
        queue = self._queue(request['QueueUrl'])
        seconds = request.get('VisibilityTimeout', queue.visibility_timeout)
        if self._state.has_rules:
            rules.check_range('VisibilityTimeout', seconds)
        queue.change_visibility(request['ReceiptHandle'], seconds, self._state.clock())
        return {}

    def _change_message_visibility_batch(self, request: Object, next_error: NextError) -> Object:
        return self._for_each(request, self._change_message_visibility, next_error)

    def _for_each(self, request: Object, perform: Operation, next_error: NextError) -> Object:
        url = request['QueueUrl']
        self._queue(url)
        entries = [(str(entry.get('Id', '')), entry) for entry in request.get('Entries', ())]
        if self._state.has_rules:
            rules.check_batch([entry_id for entry_id, _ in entries])
        return results(
            entries, lambda entry: perform({**entry, 'QueueUrl': url}, next_error), next_error
        )


def _draft(request: Mapping[str, Any]) -> Draft:
    system = read_attributes(request.get('MessageSystemAttributes'))
    return Draft(
        request.get('MessageBody', ''),
        read_attributes(request.get('MessageAttributes')),
        request.get('MessageGroupId'),
        request.get('MessageDeduplicationId'),
        request.get('DelaySeconds'),
        trace_header=str(system['AWSTraceHeader'].value) if system else None,
    )


def _delivered(
    delivery: Delivery, names: Collection[str], system: Mapping[str, _SystemReader]
) -> Object:
    message = delivery.message
    draft = message.draft
    answer: Object = {
        'MessageId': message.id,
        'ReceiptHandle': delivery.receipt_handle,
        'MD5OfBody': md5_of_text(draft.body),
        'Body': draft.body,
    }
    if attributes := _requested(draft.attributes, names):
        answer['MessageAttributes'] = write_attributes(attributes)
        answer['MD5OfMessageAttributes'] = md5_of_attributes(attributes)
    if system:
        read = {name: reader(delivery) for name, reader in system.items()}
        answer['Attributes'] = {name: value for name, value in read.items() if value is not None}
    return answer


_SystemReader: TypeAlias = Callable[[Delivery], 'str | None']

_SYSTEM: Mapping[str, _SystemReader] = {
    'SenderId': lambda delivery: 'AIDAEXAMPLE',
    'SentTimestamp': lambda delivery: str(int(delivery.message.at * 1000)),
    'ApproximateReceiveCount': lambda delivery: str(delivery.receives),
    'ApproximateFirstReceiveTimestamp': lambda delivery: str(int(delivery.first_received * 1000)),
    'AWSTraceHeader': lambda delivery: delivery.message.draft.trace_header,
    'MessageDeduplicationId': lambda delivery: delivery.message.draft.deduplication_id,
    'MessageGroupId': lambda delivery: delivery.message.draft.group_id,
    'SequenceNumber': lambda delivery: delivery.message.sequence_number,
    'DeadLetterQueueSourceArn': lambda delivery: delivery.extra.get('DeadLetterQueueSourceArn'),
}


def _system_readers(*names: str) -> Mapping[str, _SystemReader]:
    """Return the readers of the requested system attributes."""
    return {name: read for name, read in _SYSTEM.items() if _is_requested(name, names)}


def _requested(attributes: Attributes, names: Collection[str]) -> Attributes:
    return {name: value for name, value in attributes.items() if _is_requested(name, names)}


def _is_requested(name: str, names: Collection[str]) -> bool:
    """Return whether a name is requested: literally, by `All`, or by a prefix with `.*`."""
    return any(
        requested in (name, 'All') or (requested.endswith('.*') and name.startswith(requested[:-2]))
        for requested in names
    )
