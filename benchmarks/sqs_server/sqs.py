"""SQS's operations."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeAlias

from benchmarks.sqs_server import rules, sqs_rules
from benchmarks.sqs_server.account import ACCOUNT_ID, Account
from benchmarks.sqs_server.messages import (
    Attribute,
    Attributes,
    Draft,
    from_wire,
    md5_of_attributes,
    md5_of_text,
    to_wire,
)
from benchmarks.sqs_server.operations import NextError, Object, Operation, Service, results
from benchmarks.sqs_server.polling import Cancel, Polls
from benchmarks.sqs_server.queues import Delivery, Queue

__all__ = ('Sqs', 'queue_url')


def queue_url(base_url: str, name: str) -> str:
    return f'{base_url}/{ACCOUNT_ID}/{name}'


class Sqs(Service):
    """The operations of SQS. The server may answer a ReceiveMessage later."""

    def __init__(self, account: Account, polls: Polls, base_url: str) -> None:
        super().__init__(
            {
                'ChangeMessageVisibility': self._change_message_visibility,
                'ChangeMessageVisibilityBatch': self._change_message_visibility_batch,
                'CreateQueue': self._create_queue,
                'DeleteMessage': self._delete_message,
                'DeleteMessageBatch': self._delete_message_batch,
                'GetQueueAttributes': self._get_queue_attributes,
                'GetQueueUrl': self._get_queue_url,
                'SendMessage': self._send_message,
                'SendMessageBatch': self._send_message_batch,
            }
        )
        self._account = account
        self._polls = polls
        self._base_url = base_url

    def perform(
        self,
        operation: str,
        request: Object,
        next_error: NextError,
        answer: Callable[[Object], None],
    ) -> Cancel | None:
        if operation == 'ReceiveMessage':
            return self._receive_message(request, answer)
        return super().perform(operation, request, next_error, answer)

    def _create_queue(self, request: Object, next_error: NextError) -> Object:
        queue = self._account.create_queue(request['QueueName'], request.get('Attributes') or {})
        return {'QueueUrl': queue_url(self._base_url, queue.name)}

    def _get_queue_url(self, request: Object, next_error: NextError) -> Object:
        return {
            'QueueUrl': queue_url(self._base_url, self._account.queue(request['QueueName']).name)
        }

    def _get_queue_attributes(self, request: Object, next_error: NextError) -> Object:
        queue = self._account.queue(request['QueueUrl'])
        names = request.get('AttributeNames') or ()
        every = {
            **queue.attributes,
            **queue.counts(self._account.clock()),
            'QueueArn': queue.arn,
        }
        return {'Attributes': {name: v for name, v in every.items() if _is_requested(name, names)}}

    def _send_message(self, request: Object, next_error: NextError) -> Object:
        queue = self._account.queue(request['QueueUrl'])
        return self._send(queue, _draft(request))

    def _send_message_batch(self, request: Object, next_error: NextError) -> Object:
        queue = self._account.queue(request['QueueUrl'])
        drafts = [(str(entry.get('Id', '')), _draft(entry)) for entry in request.get('Entries', ())]
        if self._account.has_rules:
            size = sum(rules.message_size(draft.body, draft.attributes) for _, draft in drafts)
            sqs_rules.check_batch([entry_id for entry_id, _ in drafts], size)
        return results(drafts, lambda draft: self._send(queue, draft), next_error)

    def _send(self, queue: Queue, draft: Draft) -> Object:
        if self._account.has_rules:
            sqs_rules.check_draft(draft, queue.is_fifo, queue.is_content_based, queue.max_size)
        message = self._account.accept(queue, draft)
        if not message.is_duplicate:
            delay = queue.delay if draft.delay_seconds is None else draft.delay_seconds
            queue.put(message, self._account.clock(), delay)
        answer = {'MessageId': message.id, 'MD5OfMessageBody': md5_of_text(draft.body)}
        if draft.attributes:
            answer['MD5OfMessageAttributes'] = md5_of_attributes(draft.attributes)
        if draft.trace_header:
            system = {'AWSTraceHeader': Attribute('String', draft.trace_header)}
            answer['MD5OfMessageSystemAttributes'] = md5_of_attributes(system)
        if message.sequence_number:
            answer['SequenceNumber'] = message.sequence_number
        return answer

    def _receive_message(self, request: Object, answer: Callable[[Object], None]) -> Cancel | None:
        queue = self._account.queue(request['QueueUrl'])
        limit = request.get('MaxNumberOfMessages', 1)
        visibility_timeout = request.get('VisibilityTimeout', queue.visibility_timeout)
        wait = request.get('WaitTimeSeconds', queue.wait_time)
        if self._account.has_rules:
            sqs_rules.check_range('MaxNumberOfMessages', limit)
            sqs_rules.check_range('VisibilityTimeout', visibility_timeout)
            sqs_rules.check_range('WaitTimeSeconds', wait)
        names = request.get('MessageAttributeNames') or ()
        system = _system_readers(
            *(request.get('MessageSystemAttributeNames') or ()),
            *(request.get('AttributeNames') or ()),
        )

        def received(deliveries: list[Delivery]) -> None:
            messages = [_delivered(each, names, system) for each in deliveries]
            answer({'Messages': messages} if messages else {})

        return self._polls.receive(queue, limit, visibility_timeout, wait, received)

    def _delete_message(self, request: Object, next_error: NextError) -> Object:
        queue = self._account.queue(request['QueueUrl'])
        queue.delete(request['ReceiptHandle'], self._account.clock())
        return {}

    def _delete_message_batch(self, request: Object, next_error: NextError) -> Object:
        return self._for_each(request, self._delete_message, next_error)

    def _change_message_visibility(self, request: Object, next_error: NextError) -> Object:
        queue = self._account.queue(request['QueueUrl'])
        seconds = request.get('VisibilityTimeout', queue.visibility_timeout)
        if self._account.has_rules:
            sqs_rules.check_range('VisibilityTimeout', seconds)
        queue.change_visibility(request['ReceiptHandle'], seconds, self._account.clock())
        return {}

    def _change_message_visibility_batch(self, request: Object, next_error: NextError) -> Object:
        return self._for_each(request, self._change_message_visibility, next_error)

    def _for_each(self, request: Object, perform: Operation, next_error: NextError) -> Object:
        url = request['QueueUrl']
        self._account.queue(url)
        entries = [(str(entry.get('Id', '')), entry) for entry in request.get('Entries', ())]
        if self._account.has_rules:
            sqs_rules.check_batch([entry_id for entry_id, _ in entries])
        return results(
            entries, lambda entry: perform({**entry, 'QueueUrl': url}, next_error), next_error
        )


def _draft(wire: Mapping[str, Any]) -> Draft:
    system = from_wire(wire.get('MessageSystemAttributes'))
    return Draft(
        wire.get('MessageBody', ''),
        from_wire(wire.get('MessageAttributes')),
        wire.get('MessageGroupId'),
        wire.get('MessageDeduplicationId'),
        wire.get('DelaySeconds'),
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
        answer['MessageAttributes'] = to_wire(attributes)
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
