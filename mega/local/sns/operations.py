"""SNS's operations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mega.local import rules as common_rules
from mega.local.errors import AwsError
from mega.local.messages import Draft, read_attributes
from mega.local.operations import NextError, Object, Operation, results
from mega.local.sns import rules
from mega.local.sns.topics import Topic
from mega.local.state import State, arn_of

__all__ = ('Sns',)


class Sns:
    """The operations of SNS that publishers use."""

    def __init__(self, state: State) -> None:
        self.topics: dict[str, Topic] = {}
        self.operations: dict[str, Operation] = {
            'CreateTopic': self._create_topic,
            'GetTopicAttributes': self._get_topic_attributes,
            'Publish': self._publish,
            'PublishBatch': self._publish_batch,
        }
        self._state = state

    def _create_topic(self, request: Object, next_error: NextError) -> Object:
        attributes = request.get('Attributes') or {}
        return {'TopicArn': self._new_topic(request['Name'], attributes).arn}

    def _new_topic(self, name: str, attributes: Mapping[str, str]) -> Topic:
        """Create a topic, or return the existing topic with the same name."""
        if self._state.has_rules:
            rules.check_topic(name, attributes)
        arn = arn_of('sns', name)
        return self.topics.setdefault(arn, Topic(arn, attributes))

    def _topic(self, arn: str) -> Topic:
        try:
            return self.topics[arn]
        except KeyError:
            raise AwsError('NotFound', 'Topic does not exist', 404) from None

    def _get_topic_attributes(self, request: Object, next_error: NextError) -> Object:
        return {'Attributes': self._topic(request['TopicArn']).attributes}

    def _publish(self, request: Object, next_error: NextError) -> Object:
        topic = self._topic(request.get('TopicArn') or request.get('TargetArn', ''))
        return self._send(topic, _draft(request))

    def _publish_batch(self, request: Object, next_error: NextError) -> Object:
        topic = self._topic(request['TopicArn'])
        entries = request.get('PublishBatchRequestEntries', ())
        drafts = [(entry.get('Id', ''), _draft(entry)) for entry in entries]
        if self._state.has_rules:
            size = sum(
                common_rules.message_size(draft.body, draft.attributes) for _, draft in drafts
            )
            rules.check_batch([entry_id for entry_id, _ in drafts], size, topic.max_size)
        answer = results(drafts, lambda draft: self._send(topic, draft), next_error)
        return {'Successful': [], 'Failed': [], **answer}

    def _send(self, topic: Topic, draft: Draft) -> Object:
        if self._state.has_rules:
            rules.check_draft(draft, topic.is_fifo, topic.is_content_based, topic.max_size)
        message = self._state.accept(topic, draft)
        answer = {'MessageId': message.id}
        if message.sequence_number:
            answer['SequenceNumber'] = message.sequence_number
        return answer


def _draft(request: Mapping[str, Any]) -> Draft:
    return Draft(
        request.get('Message', ''),
        read_attributes(request.get('MessageAttributes')),
        request.get('MessageGroupId'),
        request.get('MessageDeduplicationId'),
        subject=request.get('Subject'),
    )
