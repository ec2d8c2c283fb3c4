"""Publish and PublishBatch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mega.local import rules as common_rules
from mega.local.messages import Draft, read_attributes
from mega.local.operations import NextError, Object, Operation, results
from mega.local.sns import rules
from mega.local.sns.delivery import Send, deliver
from mega.local.sns.rules import invalid_parameter
from mega.local.sns.topics import Topic, Topics
from mega.local.state import State

__all__ = ('Publishing',)


class Publishing:
    """The operations that publish messages. They deliver each message at once."""

    def __init__(self, state: State, topics: Topics, send: Send) -> None:
        self._state = state
        self._topics = topics
        self._deliver = send
        self.operations: dict[str, Operation] = {
            'Publish': self._publish,
            'PublishBatch': self._publish_batch,
        }

    def _publish(self, request: Object, next_error: NextError) -> Object:
        parameter = 'TopicArn' if 'TopicArn' in request else 'TargetArn'
        topic = self._topics.get(request.get(parameter, ''), parameter)
        return self._send(topic, request)

    def _publish_batch(self, request: Object, next_error: NextError) -> Object:
        topic = self._topics.get(request['TopicArn'])
        entries = [
            (entry.get('Id', ''), entry) for entry in request.get('PublishBatchRequestEntries', ())
        ]
        rules.check_batch(
            [entry_id for entry_id, _ in entries],
            sum(_size(_draft(entry)) for _, entry in entries),
            topic.max_size,
        )
        answer = results(entries, lambda entry: self._send(topic, entry), next_error)
        return {'Successful': [], 'Failed': [], **answer}

    def _send(self, topic: Topic, request: Object) -> Object:
        draft = _draft(request)
        rules.check_draft(draft, topic.is_fifo, topic.is_content_based, topic.max_size)
        if request.get('MessageStructure'):
            draft = _for_queues(draft, request['MessageStructure'])
        message = self._state.accept(topic, draft)
        if not message.is_duplicate:
            deliver(message, topic, self._deliver)
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


def _size(draft: Draft) -> int:
    return common_rules.message_size(draft.body, draft.attributes)


def _for_queues(draft: Draft, structure: str) -> Draft:
    """Return a message with the text for queues, of a message with one text for each protocol.

    Source: model, PublishInput, MessageStructure. Attributes are not sent with this structure
    (guide, SNS message attributes).
    """
    if structure != 'json':
        raise invalid_parameter('Invalid Message Structure parameter: ' + structure[:80])
    try:
        texts = json.loads(draft.body)
    except (ValueError, RecursionError):
        problem = 'Message Structure - JSON message body failed to parse'
        raise invalid_parameter(problem) from None
    default = texts.get('default') if isinstance(texts, dict) else None
    if not isinstance(default, str):
        raise invalid_parameter('Message Structure - No default entry in JSON message body')
    text = texts.get('sqs', default)
    return Draft(
        text if isinstance(text, str) else default,
        {},
        draft.group_id,
        draft.deduplication_id,
        subject=draft.subject,
    )
