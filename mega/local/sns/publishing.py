"""Publish and PublishBatch."""

from __future__ import annotations

import json

from mega.local import rules as common_rules
from mega.local.messages import Draft, read_attributes
from mega.local.operations import (
    NextError,
    Object,
    Operation,
    objects,
    optional_text,
    results,
    text,
)
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
        topic = self._topics.get(optional_text(request, parameter) or '', parameter)
        return self._send(topic, *_message(request))

    def _publish_batch(self, request: Object, next_error: NextError) -> Object:
        topic = self._topics.get(text(request, 'TopicArn'))
        entries = [
            (optional_text(entry, 'Id') or '', _message(entry))
            for entry in objects(request, 'PublishBatchRequestEntries')
        ]
        size = sum(
            common_rules.message_size(draft.body, draft.attributes) for _, (draft, _) in entries
        )
        rules.check_batch([entry_id for entry_id, _ in entries], size, topic.max_size)
        answer = results(entries, lambda message: self._send(topic, *message), next_error)
        return {'Successful': [], 'Failed': [], **answer}

    def _send(self, topic: Topic, draft: Draft, structure: str | None) -> Object:
        rules.check_draft(draft, topic.is_fifo, topic.is_content_based, topic.max_size)
        if structure:
            draft = _for_queues(draft, structure)
        message = self._state.accept(topic, draft)
        if not message.is_duplicate:
            deliver(message, topic, self._deliver)
        answer = {'MessageId': message.id}
        if message.sequence_number:
            answer['SequenceNumber'] = message.sequence_number
        return answer


def _message(request: Object) -> tuple[Draft, str | None]:
    """Return the message of a request, or of an entry of a batch, and its MessageStructure."""
    draft = Draft(
        optional_text(request, 'Message') or '',
        read_attributes(request.get('MessageAttributes')),
        optional_text(request, 'MessageGroupId'),
        optional_text(request, 'MessageDeduplicationId'),
        subject=optional_text(request, 'Subject'),
    )
    return draft, optional_text(request, 'MessageStructure')


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
    for_queues = texts.get('sqs', default)
    body = for_queues if isinstance(for_queues, str) else default
    return draft._replace(body=body, attributes={})
