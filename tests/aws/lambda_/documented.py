"""Events as the documentation of AWS has them, with other values.

https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-sqs.html
"""

from __future__ import annotations

from typing import Any

__all__ = ('EVENTS', 'SNS_RECORD', 'SQS_RECORD')

SQS_RECORD: dict[str, Any] = {
    'messageId': '059f36b4-87a3-44ab-83d2-661975830a7d',
    'receiptHandle': 'AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a',
    'body': '{"amount": 5}',
    'attributes': {
        'ApproximateReceiveCount': '2',
        'SentTimestamp': '1545082649183',
        'SenderId': 'AIDAIENQZJOLO23YVJ4VO',
        'ApproximateFirstReceiveTimestamp': '1545082649185',
        'MessageGroupId': 'customer-5',
    },
    'messageAttributes': {
        'priority': {
            'stringValue': '1',
            'stringListValues': [],
            'binaryListValues': [],
            'dataType': 'Number',
        },
        'key': {'binaryValue': 'AAE=', 'dataType': 'Binary'},
    },
    'md5OfBody': 'e4e68fb7bd0e697a0ae8f1bb342846b3',
    'eventSource': 'aws:sqs',
    'eventSourceARN': 'arn:aws:sqs:us-east-2:123456789012:my-queue',
    'awsRegion': 'us-east-2',
}

SNS_RECORD: dict[str, Any] = {
    'EventVersion': '1.0',
    'EventSubscriptionArn': 'arn:aws:sns:us-east-1:123456789012:events:21be56ed',
    'EventSource': 'aws:sns',
    'Sns': {
        'SignatureVersion': '1',
        'Timestamp': '2019-01-02T12:45:07.000Z',
        'Signature': 'tcc6faL2yUC6dgZdmrwh1Y4cGa/ebXEkAi6RibDsvpi+tE/1+82j',
        'SigningCertUrl': 'https://sns.us-east-1.amazonaws.com/cert.pem',
        'MessageId': '95df01b4-ee98-5cb9-9903-4c221d41eb5e',
        'Message': '{"amount": 5}',
        'MessageAttributes': {'priority': {'Type': 'Number', 'Value': '1'}},
        'Type': 'Notification',
        'UnsubscribeUrl': 'https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe',
        'TopicArn': 'arn:aws:sns:us-east-1:123456789012:events',
        'Subject': None,
    },
}

_FIFO_RECORD = {
    **SQS_RECORD,
    'messageId': '11d6ee51-4cc7-4302-9e22-7cd8afdaadf5',
    'attributes': {
        'ApproximateReceiveCount': '1',
        'SentTimestamp': '1573251510774',
        'SequenceNumber': '18849496460467696128',
        'MessageGroupId': '1',
        'SenderId': 'AIDAIO23YVJENQZJOL4VO',
        'MessageDeduplicationId': '1',
        'ApproximateFirstReceiveTimestamp': '1573251510774',
    },
    'messageAttributes': {},
    'eventSourceARN': 'arn:aws:sqs:us-east-2:123456789012:fifo.fifo',
}

EVENTS: dict[str, Any] = {
    'standard queue': {'Records': [SQS_RECORD]},
    'FIFO queue': {'Records': [_FIFO_RECORD]},
    'topic': {'Records': [SNS_RECORD]},
    'pipe': [SQS_RECORD],
}
