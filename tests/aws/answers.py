"""What a fault server may answer, in the words of AWS and in nobody's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

__all__ = (
    'ALL_DONE',
    'HTML',
    'Answer',
    'Fault',
    'sns_answer',
    'sns_error',
    'sqs_answer',
    'sqs_error',
)

HTML = b'<html><body>Please log in to the proxy</body></html>'


@dataclass(frozen=True, slots=True)
class Answer:
    """One response. `length` is the size that it claims, where that is not its own."""

    status: int = 200
    body: bytes = field(default=b'', repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None


class Fault(Enum):
    """What may come instead of a response."""

    RESET_BEFORE = 'the connection is reset before the request is read'
    RESET_AFTER = 'it is reset when the request was read: nobody knows what came of it'
    SILENCE = 'nothing comes until the server ends, or the client wants nothing more'


def sqs_answer(**fields: object) -> Answer:
    """A success in the JSON that SQS speaks."""
    return _json(200, fields)


def sqs_error(code: str, status: int = 400, message: str = 'as scripted') -> Answer:
    return _json(status, {'__type': f'com.amazonaws.sqs#{code}', 'message': message})


def sns_answer(**fields: str) -> Answer:
    """A success of Publish in the XML that SNS speaks."""
    inner = ''.join(f'<{name}>{value}</{name}>' for name, value in fields.items())
    return _xml(200, f'<PublishResponse><PublishResult>{inner}</PublishResult></PublishResponse>')


def sns_error(code: str, status: int = 400, message: str = 'as scripted') -> Answer:
    inner = f'<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>'
    return _xml(status, f'<ErrorResponse>{inner}</ErrorResponse>')


def _json(status: int, document: Mapping[str, object]) -> Answer:
    headers = {'Content-Type': 'application/x-amz-json-1.0'}
    return Answer(status, json.dumps(document).encode(), headers)


def _xml(status: int, text: str) -> Answer:
    return Answer(status, text.encode(), {'Content-Type': 'text/xml'})


ALL_DONE = sqs_answer(Successful=[{'Id': str(place)} for place in range(10)])
"""A success of any batch call of a listener, which numbers its entries."""
