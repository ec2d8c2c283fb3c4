"""A payload of every kind, with the payload type that it needs to arrive equal."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import bson

from mega.codec import WirePayload
from tests.event.examples import ITEM_ADDED, NOTIFICATION, USER_LOGIN, item_added, user_created

__all__ = ('CASES', 'CONFIRMATION', 'ENVELOPE', 'Case')

# As SNS writes them, but written by a user: a log of messages, for example.
ENVELOPE: dict[str, Any] = {
    'Type': 'Notification',
    'MessageId': 'dc1e94d9-56c5-5e96-808d-cc7f68faa162',
    'TopicArn': 'arn:aws:sns:us-east-2:123456789012:orders',
    'Subject': 'an order',
    'Message': '{"x":1}',
    'Timestamp': '2021-02-16T21:41:19.978Z',
    'SignatureVersion': '1',
    'Signature': 'FMG5tlZhJNHLHUXvZgtZzlk24FzVa7oX0T4P03neeXw8ZEXZx6z35j2FOTuNYShn',
    'SigningCertURL': 'https://sns.us-east-2.amazonaws.com/SimpleNotificationService-0.pem',
    'UnsubscribeURL': 'https://sns.us-east-2.amazonaws.com/?Action=Unsubscribe',
    'MessageAttributes': {'a': {'Type': 'String', 'Value': 'b'}},
}
CONFIRMATION: dict[str, Any] = {
    'Type': 'SubscriptionConfirmation',
    'MessageId': '165545c9-2a5c-472c-8df2-7ff2be2b3b1b',
    'Token': '2336412f37fb687f5d51e6e2425c464de12d',
    'TopicArn': 'arn:aws:sns:us-east-2:123456789012:orders',
    'Message': 'You have chosen to subscribe to the topic.',
    'SubscribeURL': 'https://sns.us-east-2.amazonaws.com/?Action=ConfirmSubscription',
    'Timestamp': '2012-04-26T20:45:04.751Z',
    'SignatureVersion': '1',
    'Signature': 'EXAMPLEpH+DcEwjAPg8O9mY8dReBSwksfg2S7WKQcikcNKWLQjwu6A4VbeS0QHVC',
    'SigningCertURL': 'https://sns.us-east-2.amazonaws.com/SimpleNotificationService-0.pem',
}

_RICH = {
    'moment': datetime(2020, 5, 4, 15, 53, 23, 123_000, tzinfo=timezone.utc),
    'blob': b'\x00\xff',
    'id': UUID('61fcc874-624e-40f8-8fd7-0e663c7837e8'),
    'price': Decimal('19.90'),
    'large': 2**63 - 1,
    'nothing': None,
    'nested': [{'a': [1, 2.5, True, 'é']}],
}


class Case(NamedTuple):
    """A payload, its encoding, and the payload type without which its body would be misread."""

    payload: WirePayload
    binary: bool = False
    mark: str | None = None


CASES = {
    'event': Case(item_added()),
    'event in bson': Case(item_added(), True),
    'event without attributes': Case(user_created().build()),
    'dict that is an event': Case(ITEM_ADDED),
    'dict that is an event, in bson': Case(USER_LOGIN, True),
    'data': Case(NOTIFICATION),
    'data in bson': Case(NOTIFICATION, True),
    'data of every type': Case(_RICH, True),
    'data with odd characters': Case({'a\n': '\ufffe \ud800 \x00 \U0001f600 漢', '': 10**30}),
    'no data': Case({}),
    'no data in bson': Case({}, True),
    'data like an envelope': Case(ENVELOPE, False, 'data'),
    'data like an envelope, in bson': Case(ENVELOPE, True, 'data'),
    'data like a confirmation': Case(CONFIRMATION, False, 'data'),
    'text': Case('A new order has come in'),
    'text of many lines': Case('<a href="x">\r\n\té & 漢 \U0001f600</a>\n'),
    'text of spaces': Case('  \n'),
    'text of a number': Case('123'),
    'text of an array': Case('[{"a":1}]'),
    'text like an object': Case('{"a":1}', False, 'text'),
    'text like half an object': Case(' {"a":', False, 'text'),
    'text like bson': Case('BQAAAAA=', False, 'text'),
    'text that may be base64': Case('deadbeef'),
    'blob': Case(b'\x00\xff\xfe', False, 'blob'),
    'blob of text': Case(b'{"a":1}', False, 'blob'),
    'blob of bson': Case(bson.encode({'a': 1}), False, 'blob'),
}
