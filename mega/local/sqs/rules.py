"""The validation of SQS. The source `model` is the text of botocore's service model of SQS.

Error messages are AWS's where these are known, and equivalent otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from mega.local import rules
from mega.local.errors import AwsError, invalid_value, missing_parameter
from mega.local.messages import Attributes, Draft

__all__ = (
    'MAX_BATCH_BYTES',
    'check_attributes',
    'check_batch',
    'check_body',
    'check_deduplication',
    'check_delay',
    'check_draft',
    'check_group',
    'check_queue_name',
    'check_range',
    'check_receive',
    'check_size',
    'trace_header',
)

MAX_BATCH_BYTES = 1_048_576
MAX_ATTRIBUTES = 10

_QUEUE_NAME = re.compile(r'[A-Za-z0-9_-]{1,80}')
_RANGES = {
    'DelaySeconds': (0, 900),
    'MaxNumberOfMessages': (1, 10),
    'MaxNumberOfMessagesPerSecond': (1, 500),
    'MaxResults': (1, 1_000),
    'VisibilityTimeout': (0, 43_200),
    'WaitTimeSeconds': (0, 20),
}


def check_draft(draft: Draft, is_fifo: bool, content_based: bool) -> None:
    """Refuse an invalid message, except for its size: with SendMessage the call, else the entry.

    Source for batches: model, SendMessageBatch: the result of each message is reported
    individually. Its errors do not list InvalidMessageContents, so only an entry can have it.
    """
    check_body(draft.body)
    if draft.attributes:
        check_attributes(draft.attributes)
    if draft.delay_seconds is not None:
        check_delay(draft.delay_seconds, is_fifo)
    check_group(draft.group_id, is_fifo)
    check_deduplication(draft.deduplication_id, is_fifo, content_based)


def check_body(body: str) -> None:
    """Refuse an empty body, and a body with a forbidden character: InvalidMessageContents.

    Source: model, SendMessage, MessageBody. The model does not name the error of an empty body;
    that it counts as a missing parameter is an assumption.
    """
    if not body:
        raise missing_parameter('MessageBody')
    _check_characters(body, 'the message body')


def check_size(size: int, limit: int) -> None:
    """Refuse a message larger than its queue's MaximumMessageSize.

    Source: model, CreateQueue: "how many bytes a message can contain before Amazon SQS rejects it".
    """
    if size > limit:
        problem = f'Message must be shorter than {limit} bytes.'
        raise invalid_value(f'One or more parameters are invalid. Reason: {problem}')


def check_attributes(attributes: Attributes) -> None:
    """Refuse more than 10 attributes, or an attribute with a problem.

    Source: Developer Guide, SQS message metadata, for the number. A forbidden character in a value
    is InvalidMessageContents, as in a body (model: the same set of characters).
    """
    if len(attributes) > MAX_ATTRIBUTES:
        raise invalid_value(
            f'Number of message attributes [{len(attributes)}] exceeds the allowed maximum [10].'
        )
    for name, attribute in attributes.items():
        if problem := rules.attribute_problem(name, attribute):
            raise invalid_value(problem)
        if isinstance(attribute.value, str):
            _check_characters(attribute.value, f'message attribute {name}')


def _check_characters(text: str, where: str) -> None:
    if character := rules.forbidden_character(text):
        problem = f"Invalid binary character '{character}' was found in {where}."
        raise AwsError('InvalidMessageContents', problem)


def check_delay(seconds: int, is_fifo: bool) -> None:
    """Refuse a DelaySeconds outside 0 to 900, and any on a FIFO queue.

    Source: model, SendMessage: "When you set FifoQueue, you can't set DelaySeconds per message."
    That a FIFO queue accepts 0 is an assumption.
    """
    if is_fifo and seconds:
        problem = 'The request include parameter that is not valid for this queue type.'
        raise invalid_value(f'Value {seconds} for parameter DelaySeconds is invalid. {problem}')
    check_range('DelaySeconds', seconds)


def check_group(group_id: str | None, is_fifo: bool) -> None:
    """A FIFO queue needs a MessageGroupId; a standard one may have it, for fair queues.

    Source: model, SendMessage, MessageGroupId: "If you do not provide a MessageGroupId when sending
    a message to a FIFO queue, the action fails."
    """
    if group_id is None:
        if is_fifo:
            raise missing_parameter('MessageGroupId')
    elif problem := rules.token_problem('MessageGroupId', group_id):
        raise invalid_value(f'Value for parameter MessageGroupId is invalid. Reason: {problem}')


def check_deduplication(deduplication_id: str | None, is_fifo: bool, content_based: bool) -> None:
    """A FIFO queue needs a MessageDeduplicationId or ContentBasedDeduplication; others take none.

    Source: model, SendMessage, MessageDeduplicationId: it "applies only to FIFO queues"; "if you
    don't provide a MessageDeduplicationId and the queue doesn't have ContentBasedDeduplication set,
    the action fails with an error".
    """
    name = 'MessageDeduplicationId'
    if deduplication_id is None:
        if is_fifo and not content_based:
            raise invalid_value(
                'The queue should either have ContentBasedDeduplication enabled or '
                f'{name} provided explicitly'
            )
    elif problem := rules.token_problem(name, deduplication_id, is_fifo):
        raise invalid_value(f'Value for parameter {name} is invalid. Reason: {problem}')


def check_batch(ids: Collection[str], size: int = 0) -> None:
    """Refuse a batch without 1 to 10 entries with valid ids, or with more than 1 MiB.

    Source: model, SendMessageBatch: the maximum individual message size and the maximum total
    payload size are both 1,048,576 bytes, regardless of the queue's MaximumMessageSize.
    """
    if error := rules.batch_problem(ids):
        raise error
    if size > MAX_BATCH_BYTES:
        problem = f'Batch requests cannot be longer than {MAX_BATCH_BYTES} bytes.'
        raise AwsError('BatchRequestTooLong', f'{problem} You have sent {size} bytes.')


def check_range(name: str, value: int | None) -> None:
    """Refuse a number outside its range.

    Source: model: DelaySeconds 0 to 900, MaxNumberOfMessages 1 to 10, VisibilityTimeout 0 to
    43,200; WaitTimeSeconds 0 to 20 as the queue's ReceiveMessageWaitTimeSeconds. `MaxResults` is
    that of ListQueues.
    """
    low, high = _RANGES[name]
    if value is not None and not low <= value <= high:
        problem = f'Must be >= {low} and <= {high}, if provided.'
        raise invalid_value(f'Value {value} for parameter {name} is invalid. Reason: {problem}')


def check_receive(
    wait: int, limit: int, visibility_timeout: int, attempt_id: str | None, is_fifo: bool
) -> None:
    """Refuse a receive with a number outside its range, or an invalid ReceiveRequestAttemptId.

    Source: model, ReceiveMessage: the attempt id "applies only to FIFO queues", and has up to 128
    alphanumeric characters and punctuation.
    """
    check_range('WaitTimeSeconds', wait)
    check_range('MaxNumberOfMessages', limit)
    check_range('VisibilityTimeout', visibility_timeout)
    if attempt_id is not None:
        name = 'ReceiveRequestAttemptId'
        if problem := rules.token_problem(name, attempt_id, is_fifo):
            raise invalid_value(f'Value for parameter {name} is invalid. Reason: {problem}')


def trace_header(attributes: Attributes) -> str:
    """Return the AWSTraceHeader, the only system attribute that a producer may send.

    Source: model, SendMessage, MessageSystemAttributes: "Its type must be String".
    """
    for name, (data_type, value) in attributes.items():
        if name != 'AWSTraceHeader' or data_type != 'String' or not isinstance(value, str):
            raise invalid_value(
                'The message system attributes must be an AWSTraceHeader with the type String.'
            )
    return str(attributes['AWSTraceHeader'].value)


def check_queue_name(name: str, is_fifo: bool) -> None:
    """A queue's name has up to 80 characters, and ends with .fifo if, and only if, it is FIFO.

    Source: model, CreateQueue, QueueName.
    """
    stem = name.removesuffix('.fifo') if is_fifo else name
    if len(name) > 80 or not _QUEUE_NAME.fullmatch(stem) or is_fifo != name.endswith('.fifo'):
        raise invalid_value(
            'The name of a queue can only include alphanumeric characters, hyphens, or '
            'underscores, 1 to 80 in length. Only that of a FIFO queue, and always, ends in .fifo.'
        )
