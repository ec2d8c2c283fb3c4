"""AsyncAPI 3 of a listener and of the messages that its service publishes.

    channels       the queue of the listener, and the queues and topics of publishers
    operations     one for each subscriber (`receive`), and for each other destination (`send`)
    messages       one for each class of payloads, and for each kind without a class
    schemas        the classes, in draft 7 of JSON Schema

AsyncAPI has no patterns. Each operation carries the pattern of its subscriber in an extension: the
Python code, as text.

    x-mega-pattern           the pattern for the payload
    x-mega-message-pattern   the pattern for the metadata of the message

Sources: https://www.asyncapi.com/docs/reference/specification/v3.0.0 and, for the bindings,
https://github.com/asyncapi/bindings (SQS 0.2.0, SNS 0.1.0).
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from mega.aws._messages.destinations import check_queue_url, check_topic_arn, queue_name
from mega.event import Payload
from mega.schema.class_schemas import REFERENCE, describe_classes, unique_name
from mega.schema.message_types import MessageType, published_type, received_types
from mega.schema.payload_schemas import payload_schema
from mega.schema.subschemas import Schema, rename_references, to_draft_7

if TYPE_CHECKING:
    from mega.aws.sqs.subscribe import SqsListener, Subscriber

__all__ = ('to_asyncapi',)

VERSION = '3.0.0'

_CONTENT_TYPES: dict[type, str] = {
    Payload: 'application/json',
    dict: 'application/json',
    str: 'text/plain',
    bytes: 'application/octet-stream',
}


def to_asyncapi(
    listener: SqsListener,
    *,
    publishes: Mapping[str, Iterable[type]] | None = None,
    title: str | None = None,
    version: str = '1.0.0',
) -> dict[str, Any]:
    """Return the AsyncAPI 3.0 document of a listener: its queue, subscribers and messages.

    `publishes` has the classes of the objects that the service publishes, for each URL of a queue
    or ARN of a topic: `{topic_arn: [ItemAdded, CheckedOut]}`. `title` and `version` describe the
    service. The default title is the name of the queue. `json.dumps` writes the document, which is
    then also YAML.

    The messages of a typed subscriber have the schema of `to_json_schema`. The messages of another
    `EventSubscriber` have the name, the domain and the version that it declares as values. All
    other conditions are in the pattern. No call to AWS is made.

    Raises:
        ConfigurationError: for a class that cannot be described, or another key of `publishes`.
    """
    document = _Document()
    queue = document.add_queue(listener.queue_url, listener.dead_letter_queue_url)
    for subscriber in listener.subscribers:
        operation = _describe_subscriber(subscriber)
        document.add_operation(
            subscriber.__name__, 'receive', queue, received_types(subscriber), operation
        )
    for destination, classes in (publishes or {}).items():
        channel = document.add_destination(destination)
        types = [published_type(cls) for cls in classes]
        document.add_operation(f'publish.{channel}', 'send', channel, types)
    return {
        'asyncapi': VERSION,
        'info': {'title': title or queue, 'version': version},
        'defaultContentType': 'application/json',
        'channels': document.channels,
        'operations': document.operations,
        'components': document.components(),
    }


class _Document:
    """The parts of a document, each with a unique key."""

    def __init__(self) -> None:
        self.channels: dict[str, Any] = {}
        self.operations: dict[str, Any] = {}
        self._messages: dict[str, MessageType] = {}

    def add_queue(self, url: str, dead_letter_queue_url: str | None = None) -> str:
        """Add the channel of a queue, and return its key."""
        binding = {'queue': _queue(url), 'bindingVersion': '0.2.0'}
        if dead_letter_queue_url is not None:
            binding['deadLetterQueue'] = _queue(dead_letter_queue_url)
        return self._add_channel(url, queue_name(url), {'sqs': binding})

    def add_destination(self, destination: str) -> str:
        """Add the channel of the URL of a queue or the ARN of a topic, and return its key."""
        if destination.startswith(('http://', 'https://')):
            return self.add_queue(check_queue_url('publishes', destination))
        name = queue_name(check_topic_arn('publishes', destination))
        ordering = {'type': 'FIFO' if name.endswith('.fifo') else 'standard'}
        return self._add_channel(destination, name, {'sns': {'name': name, 'ordering': ordering}})

    def _add_channel(self, address: str, name: str, bindings: Mapping[str, Any]) -> str:
        for key, channel in self.channels.items():
            if channel['address'] == address:
                return key
        key = _unique_key(name, self.channels)
        self.channels[key] = {'address': address, 'messages': {}, 'bindings': bindings}
        return key

    def add_operation(
        self,
        name: str,
        action: str,
        channel: str,
        types: Iterable[MessageType],
        description: Mapping[str, Any] | None = None,
    ) -> None:
        """Add an operation on a channel, and the messages of these types."""
        messages = []
        for key in map(self._add_message, types):
            of_channel = self.channels[channel]['messages']
            of_channel[key] = {'$ref': f'#/components/messages/{key}'}
            messages.append({'$ref': f'#/channels/{channel}/messages/{key}'})
        self.operations[_unique_key(name, self.operations)] = {
            'action': action,
            'channel': {'$ref': f'#/channels/{channel}'},
            **(description or {}),
            'messages': messages,
        }

    def _add_message(self, message: MessageType) -> str:
        for key, known in self._messages.items():
            if known == message:
                return key
        key = _unique_key(message.name, self._messages)
        self._messages[key] = message
        return key

    def components(self) -> dict[str, Any]:
        """Return the messages, and the schemas of their classes."""
        classes = dict.fromkeys(each for known in self._messages.values() for each in known.classes)
        schemas, definitions = describe_classes([*classes])
        return {
            'messages': {
                key: _describe_message(
                    message, _adapt(payload_schema(message, schemas, definitions), definitions)
                )
                for key, message in self._messages.items()
            },
            'schemas': {name: _adapt(each, definitions) for name, each in definitions.items()},
        }


def _describe_subscriber(subscriber: Subscriber) -> dict[str, Any]:
    """Return the members of an operation that describe a subscriber."""
    described = {}
    if subscriber.__doc__:
        described['description'] = inspect.cleandoc(subscriber.__doc__)
    if subscriber.compiled_pattern is not None:
        described['x-mega-pattern'] = repr(subscriber.compiled_pattern)
    if subscriber.compiled_message_pattern is not None:
        described['x-mega-message-pattern'] = repr(subscriber.compiled_message_pattern)
    return described


def _describe_message(message: MessageType, payload: Schema) -> dict[str, Any]:
    return {
        'name': dict(message.constants).get('name', message.name),
        'title': message.name,
        'contentType': _CONTENT_TYPES[message.kind],
        'payload': payload,
    }


def _adapt(schema: Schema, definitions: Iterable[str]) -> Schema:
    """Return a schema for the place and the dialect of AsyncAPI."""
    renamed = {REFERENCE.format(name): f'#/components/schemas/{name}' for name in definitions}
    return to_draft_7(rename_references(schema, renamed))


def _queue(url: str) -> dict[str, Any]:
    name = queue_name(url)
    return {'name': name, 'fifoQueue': name.endswith('.fifo')}


def _unique_key(name: str, taken: Collection[str]) -> str:
    """Return a name as a key of AsyncAPI, which has letters of ASCII, digits, `.`, `-` and `_`."""
    return unique_name(re.sub(r'[^\w.-]', '_', name, flags=re.ASCII), taken)
