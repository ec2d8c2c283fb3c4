"""Responses of the fault server: as AWS writes them, and invalid ones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from threading import Barrier
from typing import TypeAlias

__all__ = (
    'ALL_DONE',
    'HTML',
    'Answer',
    'Fault',
    'Scripted',
    'Together',
    's3_error',
    's3_object',
    'sns_answer',
    'sns_error',
    'sqs_answer',
    'sqs_error',
)

HTML = b'<html><body>Please log in to the proxy</body></html>'


@dataclass(frozen=True, slots=True)
class Answer:
    """One response.

    `length` is the size in its header; None for the real size, and -1 for no header.
    With `hangs` the connection stays open after the response, and nothing else is sent.
    """

    status: int = 200
    body: bytes = field(default=b'', repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None
    hangs: bool = False


@dataclass(frozen=True, slots=True)
class Together:
    """A response that is held back until the barrier has as many requests as parties."""

    barrier: Barrier
    answer: Answer


class Fault(Enum):
    """A failure instead of a response."""

    RESET_BEFORE = 'the connection is reset before the request is read'
    RESET_AFTER = 'it is reset when the request was read: nobody knows what came of it'
    SILENCE = 'nothing comes until the server ends, or the client wants nothing more'


Scripted: TypeAlias = Answer | Fault | Together


def sqs_answer(**fields: object) -> Answer:
    """A successful response of SQS, in JSON."""
    return _json(200, fields)


def sqs_error(code: str, status: int = 400, message: str = 'as scripted') -> Answer:
    return _json(status, {'__type': f'com.amazonaws.sqs#{code}', 'message': message})


def sns_answer(**fields: str) -> Answer:
    """A successful response of SNS to Publish, in XML."""
    inner = ''.join(f'<{name}>{value}</{name}>' for name, value in fields.items())
    return _xml(200, f'<PublishResponse><PublishResult>{inner}</PublishResult></PublishResponse>')


def sns_error(code: str, status: int = 400, message: str = 'as scripted') -> Answer:
    inner = f'<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>'
    return _xml(status, f'<ErrorResponse>{inner}</ErrorResponse>')


def s3_object(
    body: bytes, *, length: int | None = None, hangs: bool = False, **metadata: str
) -> Answer:
    """A successful response of S3 to GetObject, with the metadata of the object."""
    headers = {f'x-amz-meta-{name.replace("_", "-")}': value for name, value in metadata.items()}
    return Answer(200, body, headers, length, hangs)


def s3_error(code: str, status: int, message: str = 'as scripted') -> Answer:
    return _xml(status, f'<Error><Code>{code}</Code><Message>{message}</Message></Error>')


def _json(status: int, document: Mapping[str, object]) -> Answer:
    headers = {'Content-Type': 'application/x-amz-json-1.0'}
    return Answer(status, json.dumps(document).encode(), headers)


def _xml(status: int, text: str) -> Answer:
    return Answer(status, text.encode(), {'Content-Type': 'text/xml'})


ALL_DONE = sqs_answer(Successful=[{'Id': str(place)} for place in range(10)])
"""A successful response to any batch request of a listener, which numbers its entries."""
