"""SNS's operations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.sqs_server import rules, sns_rules
from benchmarks.sqs_server.account import Account, Topic
from benchmarks.sqs_server.messages import Draft, from_wire
from benchmarks.sqs_server.operations import NextError, Object, Service, results
from benchmarks.sqs_server.wire import Entries, items, pairs

__all__ = ('Sns',)


class Sns(Service):
    """The operations of SNS that publishers use."""

    def __init__(self, account: Account) -> None:
        super().__init__(
            {
                'CreateTopic': self._create_topic,
                'GetTopicAttributes': self._get_topic_attributes,
                'Publish': self._publish,
                'PublishBatch': self._publish_batch,
            }
        )
        self._account = account

    def _create_topic(self, request: Object, next_error: NextError) -> Object:
        attributes = pairs(request.get('Attributes'), 'key', 'value')
        return {'TopicArn': self._account.create_topic(request['Name'], attributes).arn}

    def _get_topic_attributes(self, request: Object, next_error: NextError) -> Object:
        return {'Attributes': Entries(self._account.topic(request['TopicArn']).attributes)}

    def _publish(self, request: Object, next_error: NextError) -> Object:
        topic = self._account.topic(request.get('TopicArn') or request.get('TargetArn', ''))
        return self._send(topic, _draft(request))

    def _publish_batch(self, request: Object, next_error: NextError) -> Object:
        topic = self._account.topic(request['TopicArn'])
        entries = items(request.get('PublishBatchRequestEntries'), 'member')
        drafts = [(entry.get('Id', ''), _draft(entry)) for entry in entries]
        if self._account.has_rules:
            size = sum(rules.message_size(draft.body, draft.attributes) for _, draft in drafts)
            sns_rules.check_batch([entry_id for entry_id, _ in drafts], size, topic.max_size)
        answer = results(drafts, lambda draft: self._send(topic, draft), next_error)
        return {'Successful': [], 'Failed': [], **answer}

    def _send(self, topic: Topic, draft: Draft) -> Object:
        if self._account.has_rules:
            sns_rules.check_draft(draft, topic.is_fifo, topic.is_content_based, topic.max_size)
        message = self._account.accept(topic, draft)
        answer = {'MessageId': message.id}
        if message.sequence_number:
            answer['SequenceNumber'] = message.sequence_number
        return answer


def _draft(wire: Mapping[str, Any]) -> Draft:
    return Draft(
        wire.get('Message', ''),
        from_wire(pairs(wire.get('MessageAttributes'), 'Name', 'Value')),
        wire.get('MessageGroupId'),
        wire.get('MessageDeduplicationId'),
        subject=wire.get('Subject'),
    )
