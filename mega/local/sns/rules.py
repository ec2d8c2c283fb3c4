"""The validation of SNS. The source `model` is the text of botocore's service model of SNS."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from unicodedata import category

from mega.local import rules
from mega.local.errors import AwsError
from mega.local.messages import Attributes, Draft

__all__ = (
    'check_attributes',
    'check_batch',
    'check_body',
    'check_deduplication',
    'check_draft',
    'check_group',
    'check_size',
    'check_subject',
    'check_subscriptions',
    'check_topic',
    'invalid_parameter',
    'is_known_attribute',
    'is_queue_arn',
)

SUBJECT_UNDER = 100  # characters
MAX_SUBSCRIPTIONS_OF_LARGE_MESSAGES = 100
_TOPIC_NAME = re.compile(r'[A-Za-z0-9_-]{1,256}')
_QUEUE_ARN = re.compile(r'arn:[\w-]+:sqs:[\w-]+:\d{12}:[\w.-]+', re.ASCII)
_BREAKS = ('Cc', 'Zl', 'Zp')  # control characters, and the separators of lines and paragraphs

_ATTRIBUTES = frozenset(
    (
        'DataProtectionPolicy', 'DeliveryPolicy', 'DisplayName', 'KmsMasterKeyId',
        'MaximumMessageSize', 'Policy', 'SignatureVersion', 'TracingConfig',
        *(
            f'{protocol}{setting}'
            for protocol in ('Application', 'Firehose', 'HTTP', 'Lambda', 'SQS')
            for setting in (
                'FailureFeedbackRoleArn', 'SuccessFeedbackRoleArn', 'SuccessFeedbackSampleRate',
            )
        ),
    )
)  # fmt: skip
_FIFO_ATTRIBUTES = frozenset(('ArchivePolicy', 'ContentBasedDeduplication', 'FifoThroughputScope'))


def check_draft(draft: Draft, is_fifo: bool, content_based: bool, limit: int) -> None:
    """Refuse an invalid message: with Publish the call, in a batch the entry.

    Source for batches: model, PublishBatch: the result of each is reported individually.
    """
    check_body(draft.body)
    check_subject(draft.subject)
    check_attributes(draft.attributes)
    check_size(rules.message_size(draft.body, draft.attributes), limit)
    check_group(draft.group_id, is_fifo)
    check_deduplication(draft.deduplication_id, is_fifo, content_based)


def check_body(body: str) -> None:
    """Refuse an empty message, and a character that SQS refuses.

    Source: model, PublishInput: messages are UTF-8 strings. The model does not say that SNS refuses
    the characters that SQS refuses, nor that the code is InvalidParameter: both are assumptions.
    """
    if not body:
        raise invalid_parameter('Empty message')
    if character := rules.forbidden_character(body):
        raise invalid_parameter(f"Message Reason: Invalid character '{character}'")


def check_size(size: int, limit: int) -> None:
    """Refuse body and attributes above the topic's MaximumMessageSize, by default 262,144 bytes.

    Source: model, PublishInput: SNS "validates the combined size of the message body and message
    attributes against this value and returns an InvalidParameter error".
    """
    if size > limit:
        raise invalid_parameter('Message too long')


def check_subject(subject: str | None) -> None:
    """Refuse a subject with 100 or more characters, a line break or a control character.

    Source: model, PublishInput, Subject. The refusal of an empty subject is an assumption.
    """
    if subject is not None and (
        not 0 < len(subject) < SUBJECT_UNDER or any(category(each) in _BREAKS for each in subject)
    ):
        raise invalid_parameter('Subject')


def check_attributes(attributes: Attributes) -> None:
    """Refuse an attribute with a problem by `rules.attribute_problem`; SNS has no maximum number.

    Source: Developer Guide, SNS message attributes. The code is from the model:
    InvalidParameterValueException.
    """
    for name, attribute in attributes.items():
        problem = rules.attribute_problem(name, attribute)
        if not problem and isinstance(attribute.value, str):
            character = rules.forbidden_character(attribute.value)
            problem = character and f"Invalid character '{character}' in message attribute {name}"
        if problem:
            raise AwsError('ParameterValueInvalid', problem)


def check_group(group_id: str | None, is_fifo: bool) -> None:
    """A FIFO topic needs a MessageGroupId; a standard one may have it, for fair queues.

    Source: model, PublishInput, MessageGroupId: "the same validation rules apply".
    """
    if group_id is None:
        if is_fifo:
            raise invalid_parameter('The MessageGroupId parameter is required for FIFO topics')
    elif problem := rules.token_problem('MessageGroupId', group_id):
        raise invalid_parameter(f'MessageGroupId Reason: {problem}')


def check_deduplication(deduplication_id: str | None, is_fifo: bool, content_based: bool) -> None:
    """A FIFO topic needs a MessageDeduplicationId or ContentBasedDeduplication; others take none.

    Source: model, PublishInput, MessageDeduplicationId, in SQS's words.
    """
    name = 'MessageDeduplicationId'
    if deduplication_id is None:
        if is_fifo and not content_based:
            raise invalid_parameter(
                'The topic should either have ContentBasedDeduplication enabled or '
                f'{name} provided explicitly'
            )
    elif problem := rules.token_problem(name, deduplication_id, is_fifo):
        raise invalid_parameter(f'{name} Reason: {problem}')


def check_batch(ids: Collection[str], size: int, limit: int) -> None:
    """Refuse a batch without 1 to 10 entries with valid ids, or above the topic's size limit.

    Source: model, PublishBatch: "The combined size of all messages in the batch, including each
    message's body and attributes, must not exceed the topic's MaximumMessageSize."
    """
    if error := rules.batch_problem(ids):
        raise error
    if size > limit:
        problem = f'The length of all the messages put together is more than the limit: {limit}.'
        raise AwsError('BatchRequestTooLong', problem)


def is_known_attribute(name: str, is_fifo: bool) -> bool:
    """Return whether a topic can have an attribute (model, SetTopicAttributesInput)."""
    return name in _ATTRIBUTES or (is_fifo and name in _FIFO_ATTRIBUTES)


def check_topic(name: str, attributes: Mapping[str, str]) -> None:
    """A topic's name has up to 256 characters, and ends with .fifo if, and only if, it is FIFO.

    Source: model, CreateTopicInput: Name, and MaximumMessageSize of 1,024 to 1,048,576.
    """
    is_fifo = attributes.get('FifoTopic') == 'true'
    stem = name.removesuffix('.fifo') if is_fifo else name
    if len(name) > 256 or not _TOPIC_NAME.fullmatch(stem) or is_fifo != name.endswith('.fifo'):
        raise invalid_parameter('Topic Name')
    for each in attributes:
        if each != 'FifoTopic' and not is_known_attribute(each, is_fifo):
            raise invalid_parameter(f'Attributes Reason: Unknown attribute {each[:80]}')
    limit = rules.whole_number(attributes.get('MaximumMessageSize', '262144'))
    if limit is None or not 1_024 <= limit <= 1_048_576:
        raise invalid_parameter('MaximumMessageSize')


def check_subscriptions(limit: int, count: int) -> None:
    """Refuse large messages for a topic with more than 100 subscriptions.

    Source: model, SetTopicAttributesInput, MaximumMessageSize above 256 KiB.
    """
    if limit > 262_144 and count > MAX_SUBSCRIPTIONS_OF_LARGE_MESSAGES:
        raise invalid_parameter('MaximumMessageSize')


def invalid_parameter(problem: str) -> AwsError:
    return AwsError('InvalidParameter', f'Invalid parameter: {problem}')


def is_queue_arn(text: object) -> bool:
    return isinstance(text, str) and _QUEUE_ARN.fullmatch(text) is not None
