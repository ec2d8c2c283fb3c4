"""The JSON 1.0 protocol of SQS."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

from mega.local.errors import AwsError, missing_queue, older_code
from mega.local.server.messages import Reply, Request, next_request_id
from mega.local.server.protocol import Call

__all__ = ('JsonProtocol', 'decode_binary_value', 'to_json')


class JsonProtocol:
    """JSON 1.0, compatible with the older Query protocol of SQS.

    A header has the older name of an error, which boto3 shows.
    """

    throttled = AwsError('RequestThrottled', 'Rate exceeded')
    missing = missing_queue()

    _TYPE = 'application/x-amz-json-1.0'

    def read(self, request: Request) -> Call:
        # An object hook is slow, and few messages have binary attributes.
        hook = decode_binary_value if b'"BinaryValue"' in request.body else None
        try:
            parameters = json.loads(request.body, object_hook=hook)
        except (ValueError, TypeError, RecursionError):
            parameters = None
        if not isinstance(parameters, dict):
            raise AwsError('SerializationException', 'The body of the request is not a JSON object')
        return Call('sqs', request.target.rpartition('.')[2], parameters)

    def write(self, call: Call, response: Mapping[str, Any]) -> Reply:
        return self._reply(200, response, '')

    def write_error(self, error: AwsError) -> Reply:
        fault = 'Sender' if error.sender_fault else 'Receiver'
        code = older_code(error.code)
        body = {'__type': f'com.amazonaws.sqs#{error.code}', 'message': error.message}
        return self._reply(error.status, body, f'x-amzn-query-error: {code};{fault}\r\n')

    def _reply(self, status: int, body: Mapping[str, Any], headers: str) -> Reply:
        headers += f'x-amzn-RequestId: {next_request_id()}\r\n'
        return Reply(status, self._TYPE, to_json(body), headers)


def to_json(value: Mapping[str, Any]) -> bytes:
    """Encode a response. Bytes become Base64."""
    return _ENCODER.encode(value).encode()


def decode_binary_value(attribute: dict[str, Any]) -> dict[str, Any]:
    if 'BinaryValue' in attribute:
        attribute['BinaryValue'] = b64decode(attribute['BinaryValue'])
    return attribute


def _encode_bytes(value: bytes) -> str:
    return b64encode(value).decode()


_ENCODER = json.JSONEncoder(default=_encode_bytes, separators=(',', ':'))
