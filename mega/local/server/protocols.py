"""AWS's two protocols: JSON 1.0 for SQS, and Query with XML for SNS."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Protocol
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from mega.local.errors import AwsError

__all__ = (
    'GARBAGE',
    'RESET',
    'JsonWire',
    'QueryWire',
    'Reply',
    'Wire',
    'to_json',
)

_request_ids = count(1)


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP response. Headers are whole lines.

    `pause` is a pause in seconds after half of the body. If `is_cut`, only this half is sent.
    """

    status: int
    content_type: str
    body: bytes = field(repr=False)
    headers: str = ''
    pause: float = 0.0
    is_cut: bool = False


RESET = Reply(0, '', b'')
"""No response: the server resets the connection."""

GARBAGE = Reply(200, 'text/html', b'<html><body>Please log in to the proxy</body></html>')


class Wire(Protocol):
    """The encoding of requests and responses of a service."""

    throttled: AwsError
    missing: AwsError

    def read(self, body: bytes) -> dict[str, Any]:
        """Return the parameters of a request.

        Raises:
            AwsError: for a request that the service refuses.
            ValueError: for a body that cannot be parsed.
        """

    def write(self, operation: str, answer: Mapping[str, Any]) -> Reply: ...

    def write_error(self, error: AwsError) -> Reply: ...


class JsonWire:
    """JSON 1.0, compatible with the older Query protocol of SQS.

    A header has the older name of an error, which boto3 shows.
    """

    throttled = AwsError('RequestThrottled', 'Rate exceeded')
    missing = AwsError('QueueDoesNotExist', 'The specified queue does not exist.')

    _TYPE = 'application/x-amz-json-1.0'
    _OLDER = {
        'QueueDoesNotExist': 'AWS.SimpleQueueService.NonExistentQueue',
        'QueueNameExists': 'QueueAlreadyExists',
        **{
            name: f'AWS.SimpleQueueService.{name}'
            for name in (
                'BatchEntryIdsNotDistinct',
                'BatchRequestTooLong',
                'EmptyBatchRequest',
                'InvalidBatchEntryId',
                'MessageNotInflight',
                'TooManyEntriesInBatchRequest',
            )
        },
    }

    def read(self, body: bytes) -> dict[str, Any]:
        # An object hook is slow, and few messages have binary attributes.
        hook = _decode_binary_value if b'"BinaryValue"' in body else None
        request = json.loads(body, object_hook=hook)
        if not isinstance(request, dict):
            raise AwsError('SerializationException', 'Expected an object')
        return request

    def write(self, operation: str, answer: Mapping[str, Any]) -> Reply:
        return self._reply(200, answer, '')

    def write_error(self, error: AwsError) -> Reply:
        fault = 'Sender' if error.sender_fault else 'Receiver'
        code = self._OLDER.get(error.code, error.code)
        body = {'__type': f'com.amazonaws.sqs#{error.code}', 'message': error.message}
        return self._reply(error.status, body, f'x-amzn-query-error: {code};{fault}\r\n')

    def _reply(self, status: int, body: Mapping[str, Any], headers: str) -> Reply:
        headers += f'x-amzn-RequestId: request-{next(_request_ids)}\r\n'
        return Reply(status, self._TYPE, to_json(body), headers)


def to_json(value: Mapping[str, Any]) -> bytes:
    """Encode a response. Bytes become Base64."""
    return json.dumps(value, default=_encode_bytes).encode()


class QueryWire:
    """The Query protocol: forms as requests, XML as responses."""

    throttled = AwsError('Throttled', 'Rate exceeded', 429)
    missing = AwsError('NotFound', 'Topic does not exist', 404)

    _NAMESPACE = 'http://sns.amazonaws.com/doc/2010-03-31/'

    def read(self, body: bytes) -> dict[str, Any]:
        """Return the parameters of a form: `A.member.1.B=c` is `{'A': [{'B': 'c'}]}`."""
        tree: dict[str, Any] = {}
        for name, value in parse_qsl(body.decode('ascii'), keep_blank_values=True):
            *branches, leaf = name.split('.')
            node = tree
            for branch in branches:
                node = node.setdefault(branch, {})
            node[leaf] = value
        return {name: _from_tree(value) for name, value in tree.items()}

    def write(self, operation: str, answer: Mapping[str, Any]) -> Reply:
        result = f'<{operation}Result>{_xml(answer)}</{operation}Result>'
        return self._reply(200, f'{operation}Response', result, 'ResponseMetadata')

    def write_error(self, error: AwsError) -> Reply:
        fault = 'Sender' if error.sender_fault else 'Receiver'
        fields = {'Type': fault, 'Code': error.code, 'Message': error.message}
        return self._reply(error.status, 'ErrorResponse', f'<Error>{_xml(fields)}</Error>', '')

    def _reply(self, status: int, root: str, content: str, metadata: str) -> Reply:
        request_id = f'<RequestId>request-{next(_request_ids)}</RequestId>'
        if metadata:
            request_id = f'<{metadata}>{request_id}</{metadata}>'
        text = f'<{root} xmlns="{self._NAMESPACE}">{content}{request_id}</{root}>'
        return Reply(status, 'text/xml', text.encode())


def _from_tree(tree: Any) -> Any:
    """Return a parameter of a form, which is a text, a list, a map or a structure."""
    if not isinstance(tree, dict):
        return tree
    if 'member' in tree:
        return _numbered(tree['member'])
    if 'entry' in tree:
        # The fields of an entry are `key` and `value`, or `Name` and `Value`, in this order.
        entries = (sorted(entry.items()) for entry in _numbered(tree['entry']))
        return {key: value for (_, key), (_, value) in entries}
    return _decode_binary_value({name: _from_tree(value) for name, value in tree.items()})


def _numbered(tree: Mapping[str, Any]) -> list[Any]:
    """Return the members of a list in a form, in the order of their numbers."""
    return [_from_tree(tree[number]) for number in sorted(tree, key=int)]


def _decode_binary_value(attribute: dict[str, Any]) -> dict[str, Any]:
    if 'BinaryValue' in attribute:
        attribute['BinaryValue'] = b64decode(attribute['BinaryValue'])
    return attribute


def _encode_bytes(value: bytes) -> str:
    return b64encode(value).decode()


def _xml(value: Any, name: str = '') -> str:
    if isinstance(value, Mapping):
        if name == 'Attributes':  # the only map in responses of SNS
            fields = ({'key': key, 'value': text} for key, text in value.items())
            return ''.join(f'<entry>{_xml(each)}</entry>' for each in fields)
        return ''.join(f'<{key}>{_xml(each, key)}</{key}>' for key, each in value.items())
    if isinstance(value, list):
        return ''.join(f'<member>{_xml(each)}</member>' for each in value)
    if isinstance(value, bool):
        return 'true' if value else 'false'
    return escape(str(value))
