"""The envelope of a notification: the body of an SQS message without raw message delivery.

https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
"""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import datetime, timezone

from mega.local.messages import Attributes, Message
from mega.local.sns.topics import Subscription
from mega.local.state import REGION

__all__ = ('wrap',)

SIGNATURE = b64encode(b'The in-memory SNS has no private key.'.ljust(256, b'.')).decode()
"""The signature of every notification, as long as AWS's. It is not valid."""

_HOST = f'https://sns.{REGION}.amazonaws.com'


def wrap(message: Message, subscription: Subscription) -> str:
    """Return the envelope of a message, in SNS's layout."""
    draft = message.draft
    fields: dict[str, object] = {
        'Type': 'Notification',
        'MessageId': message.id,
        'SequenceNumber': message.sequence_number,
        'TopicArn': subscription.topic.arn,
        'Subject': draft.subject,
        'Message': draft.body,
        'Timestamp': _timestamp(message.at),
        'SignatureVersion': subscription.topic.signature_version,
        'Signature': SIGNATURE,
        'SigningCertURL': f'{_HOST}/SimpleNotificationService-{"0" * 32}.pem',
        'UnsubscribeURL': f'{_HOST}/?Action=Unsubscribe&SubscriptionArn={subscription.arn}',
        'MessageAttributes': _attributes(draft.attributes) or None,
    }
    present = {name: value for name, value in fields.items() if value is not None}
    return json.dumps(present, indent=2, separators=(',', ' : '), ensure_ascii=False)


def _timestamp(seconds: float) -> str:
    """Return a time in ISO-8601 with milliseconds."""
    moment = datetime.fromtimestamp(seconds, timezone.utc)
    return moment.isoformat(timespec='milliseconds').replace('+00:00', 'Z')


def _attributes(attributes: Attributes) -> dict[str, dict[str, str]]:
    """Return attributes as an envelope has them. A binary value is in Base64."""
    return {
        name: {
            'Type': data_type,
            'Value': b64encode(value).decode() if isinstance(value, bytes) else value,
        }
        for name, (data_type, value) in attributes.items()
    }
