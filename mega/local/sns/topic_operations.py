"""The operations on topics, and on their tags."""

from __future__ import annotations

from mega.local.errors import AwsError
from mega.local.operations import (
    NextError,
    Object,
    Operation,
    objects,
    optional_text,
    text,
    text_map,
    texts,
)
from mega.local.pages import page_of
from mega.local.sns import rules
from mega.local.sns.rules import invalid_parameter
from mega.local.sns.topics import Topic, Topics
from mega.local.state import arn_of

__all__ = ('TopicOperations', 'listed')

PAGE_SIZE = 100
"""Model, ListTopics and ListSubscriptions: each call returns at most 100 items."""

MAX_TAGS = 50
"""Guide, SNS topic tagging."""


class TopicOperations:
    """CreateTopic and the other operations on topics."""

    def __init__(self, topics: Topics) -> None:
        self._topics = topics
        self.operations: dict[str, Operation] = {
            'CreateTopic': self._create_topic,
            'DeleteTopic': self._delete_topic,
            'GetTopicAttributes': self._get_topic_attributes,
            'ListTagsForResource': self._list_tags,
            'ListTopics': self._list_topics,
            'SetTopicAttributes': self._set_topic_attributes,
            'TagResource': self._tag,
            'UntagResource': self._untag,
        }

    def _create_topic(self, request: Object, next_error: NextError) -> Object:
        """Create a topic, or return the topic with this name. It must not differ from the request.

        Source: model, CreateTopic, and recorded answers of AWS for the errors.
        """
        name, attributes = text(request, 'Name'), text_map(request, 'Attributes')
        rules.check_topic(name, attributes)
        tags = _tags(request)
        arn = arn_of('sns', name)
        topic = self._topics.by_arn.setdefault(arn, Topic(arn, attributes, tags))
        existing = topic.attributes()
        for kind, given, found in (
            ('Attributes', attributes, existing),
            ('Tags', tags, topic.tags),
        ):
            if any(found.get(each) != value for each, value in given.items()):
                problem = f'{kind} Reason: Topic already exists with different {kind.lower()}'
                raise invalid_parameter(problem)
        return {'TopicArn': arn}

    def _delete_topic(self, request: Object, next_error: NextError) -> Object:
        """Delete a topic with its subscriptions.

        Source: model, DeleteTopic: to delete a topic that does not exist is not an error.
        """
        self._topics.by_arn.pop(text(request, 'TopicArn'), None)
        return {}

    def _get_topic_attributes(self, request: Object, next_error: NextError) -> Object:
        return {'Attributes': self._topics.get(text(request, 'TopicArn')).attributes()}

    def _set_topic_attributes(self, request: Object, next_error: NextError) -> Object:
        topic = self._topics.get(text(request, 'TopicArn'))
        name = text(request, 'AttributeName')
        value = optional_text(request, 'AttributeValue') or ''
        if not rules.is_known_attribute(name, topic.is_fifo):
            raise invalid_parameter('AttributeName')
        rules.check_topic(topic.arn.rpartition(':')[2], {**topic.given, name: value})
        if name == 'MaximumMessageSize':
            rules.check_subscriptions(int(value), len(topic.subscriptions))
        topic.set(name, value)
        return {}

    def _list_topics(self, request: Object, next_error: NextError) -> Object:
        return listed('Topics', {arn: {'TopicArn': arn} for arn in self._topics.by_arn}, request)

    def _tagged(self, request: Object) -> Topic:
        topic = self._topics.by_arn.get(text(request, 'ResourceArn'))
        if topic is None:
            raise AwsError('ResourceNotFound', 'Resource does not exist', 404)
        return topic

    def _tag(self, request: Object, next_error: NextError) -> Object:
        topic = self._tagged(request)
        tags = {**topic.tags, **_tags(request)}
        if len(tags) > MAX_TAGS:
            raise AwsError('TagLimitExceeded', f'A topic can have at most {MAX_TAGS} tags')
        topic.tags = tags
        return {}

    def _untag(self, request: Object, next_error: NextError) -> Object:
        topic = self._tagged(request)
        for key in texts(request, 'TagKeys'):
            topic.tags.pop(key, None)
        return {}

    def _list_tags(self, request: Object, next_error: NextError) -> Object:
        tags = self._tagged(request).tags
        return {'Tags': [{'Key': key, 'Value': value} for key, value in tags.items()]}


def _tags(request: Object) -> dict[str, str]:
    """Return tags by key. Source: recorded answers of AWS."""
    pairs = [(text(tag, 'Key'), text(tag, 'Value')) for tag in objects(request, 'Tags')]
    tags = dict(pairs)
    if len(tags) < len(pairs):
        raise invalid_parameter('Duplicated keys are not allowed.')
    return tags


def listed(name: str, items: dict[str, Object], request: Object) -> Object:
    """Return a page of items by ARN, as the operations that list have it."""
    try:
        page, token = page_of(items, optional_text(request, 'NextToken'), PAGE_SIZE)
    except ValueError:
        raise invalid_parameter('NextToken') from None
    answer: Object = {name: [items[each] for each in page]}
    return {**answer, 'NextToken': token} if token else answer
