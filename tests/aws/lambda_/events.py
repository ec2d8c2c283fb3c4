"""Events of Lambda, made from payloads."""

from __future__ import annotations

from typing import Any

from mega.aws._publishing.encoder import encode_payload
from mega.aws.lambda_.records import write_record

__all__ = ('QUEUE_ARN', 'Context', 'event_of', 'failed', 'record')

QUEUE_ARN = 'arn:aws:sqs:eu-west-1:123456789012:orders'


def record(
    payload: Any,
    id: str = 'm-1',
    *,
    arn: str = QUEUE_ARN,
    group: str | None = None,
    receives: int = 1,
    **options: Any,
) -> dict[str, Any]:
    """Return the record of a payload. `options` are of `encode_payload`."""
    body, attributes = encode_payload(
        payload, options.pop('binary_encoding', False), options or None
    )
    system = {'ApproximateReceiveCount': str(receives), 'SentTimestamp': '1545082649183'}
    if group is not None:
        system['MessageGroupId'] = group
    received = {
        'MessageId': id,
        'ReceiptHandle': f'handle of {id}',
        'Body': body,
        'Attributes': system,
        'MessageAttributes': attributes,
    }
    return write_record(received, arn)


def event_of(*payloads: Any, **options: Any) -> dict[str, Any]:
    """Return an event with payloads. Their ids are m-1, m-2, and so on."""
    return {
        'Records': [
            record(payload, f'm-{place}', **options) for place, payload in enumerate(payloads, 1)
        ]
    }


def failed(response: dict[str, list[dict[str, str]]]) -> list[str]:
    """Return the ids that a response reports."""
    assert response.keys() == {'batchItemFailures'}
    return [each['itemIdentifier'] for each in response['batchItemFailures']]


class Context:
    """A context whose remaining time a test sets, in milliseconds."""

    def __init__(self, remaining: int) -> None:
        self.remaining = remaining

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining
