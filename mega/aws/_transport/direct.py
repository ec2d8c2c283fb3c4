"""The direct client: requests to SQS and SNS, written, signed, sent and read without botocore.

botocore derives each request from its model, its endpoint rules and a dozen events, and receives
the same result every time. SQS uses JSON, and SNS uses forms. A request of SQS needs only this:

    POST / HTTP/1.1
    content-type: application/x-amz-json-1.0
    x-amz-target: AmazonSQS.ReceiveMessage
    ... host, x-amz-date, authorization (Signature Version 4), content-length

    {"QueueUrl":"https://sqs.eu-west-1.amazonaws.com/123456789012/orders","WaitTimeSeconds":20}

botocore still resolves region, endpoint, credentials and timeouts when the client is created. Its
serializer writes SNS's forms. Its parsers read SNS's XML, and each response of SQS that is not a
plain success, so all errors are botocore's. Calls go through botocore while something observes it
(a log at DEBUG, a wrapped function, an event handler), for parameters that cannot be encoded, and
for the reasons in `_permanent_fallback_reason`.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypedDict
from urllib.parse import urlencode, urlsplit

import msgspec
from botocore.httpsession import get_cert_path
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from botocore.utils import get_environ_proxies
from msgspec import Struct

from mega.aws._transport import botocore_private
from mega.aws._transport.botocore_private import unwrapped
from mega.aws._transport.connections import ConnectionPool
from mega.aws._transport.http import HttpResponse
from mega.aws._transport.signing import authorization
from mega.errors import ConfigurationError, safe_repr

__all__ = ('DirectClient', 'direct_client')

_LOGS = [
    logging.getLogger(f'botocore.{name}')
    for name in ('auth', 'endpoint', 'hooks', 'parsers', 'regions', 'retries.standard')
]
_TYPES = {'string': str, 'integer': int, 'long': int, 'boolean': bool, 'blob': bytes}


class DirectClient:
    """Calls SQS or SNS for a boto3 client. Safe to share among threads.

    `ignored_package` has the modules whose wrappers of botocore need not see the calls.
    """

    def __init__(
        self,
        client: Any,
        credentials: Any,
        pool: ConnectionPool,
        ignored_package: str | None = None,
    ) -> None:
        self._client = client
        self._ignored_package = ignored_package
        self._credentials = credentials
        self._pool = pool
        self._host = urlsplit(client.meta.endpoint_url).netloc
        self._operations: dict[str, _Operation] = {}
        self.close = pool.close

    def fallback_reason(self) -> str | None:
        """Return why calls go through botocore at the moment."""
        method = 'publish' if hasattr(self._client, 'publish') else 'receive_message'
        return self._operation(method).fallback_reason()

    def call(self, method: str, parameters: Mapping[str, Any]) -> dict[str, Any] | None:
        """Call AWS by boto3's name of the method; return None if botocore must make the call.

        Raises:
            botocore.exceptions.ClientError: for an error response, as boto3 does.
            botocore.exceptions.HTTPClientError: without a response, as boto3 does.
        """
        operation = self._operation(method)
        if operation.fallback_reason() is not None:
            return None
        try:
            request = self._build_request(operation, parameters)
        except (TypeError, ValueError):  # botocore can send it, or its error says what is wrong
            return None
        return self._read(operation, self._pool.send(request))

    def _operation(self, method: str) -> _Operation:
        operation = self._operations.get(method)
        if operation is None:
            operation = _build_operation(self._client, method, self._ignored_package)
            self._operations[method] = operation
        return operation

    def _build_request(self, operation: _Operation, parameters: Mapping[str, Any]) -> bytes:
        body, meta = operation.encode(parameters), self._client.meta
        keys = self._credentials.get_frozen_credentials()
        headers = {
            **operation.headers,
            'host': self._host,
            'x-amz-date': time.strftime('%Y%m%dT%H%M%SZ', time.gmtime()),
        }
        if keys.token:
            headers['x-amz-security-token'] = keys.token
        scope = (meta.region_name, meta.service_model.signing_name)
        headers['authorization'] = authorization(headers, body, keys, *scope)
        headers['content-length'] = str(len(body))
        headers['user-agent'] = meta.config.user_agent
        headers['accept-encoding'] = 'identity'
        head = ''.join([f'{name}: {value}\r\n' for name, value in headers.items()])
        if head.count('\n') > len(headers) or head.count('\r') > len(headers):
            raise ValueError('a line break in the credentials would add a header')
        return f'POST / HTTP/1.1\r\n{head}\r\n'.encode('ascii') + body

    def _read(self, operation: _Operation, response: HttpResponse) -> dict[str, Any]:
        headers = response.headers
        if operation.decoder is not None and response.status == 200:
            # Not of the expected types: botocore's parser reads it. The error of msgspec is not a
            # ValueError in older releases.
            with suppress(ValueError, msgspec.MsgspecError):
                found: dict[str, Any] = operation.decoder.decode(response.body)
                metadata: dict[str, Any] = {'HTTPStatusCode': 200, 'HTTPHeaders': headers}
                if 'x-amzn-requestid' in headers:
                    metadata['RequestId'] = headers['x-amzn-requestid']
                found['ResponseMetadata'] = metadata
                return found
        received = {'status_code': response.status, 'headers': headers, 'body': response.body}
        parsed: dict[str, Any] = operation.parser.parse(received, operation.model.output_shape)
        if parsed is None:
            raise ValueError('invalid response: null')
        if response.status < 300:
            return parsed
        error = parsed.get('Error', {})
        kind = self._client.exceptions.from_code(error.get('QueryErrorCode') or error.get('Code'))
        raise kind(parsed, operation.model.name)


class _Operation(Struct, frozen=True):
    """How an operation is called directly.

    `headers`: the headers of its protocol. `decoder`: None if the parser reads every response.
    `functions`: the functions of botocore that tracing wraps. A wrapper of `ignored_package` does
    not count.
    `permanent_fallback_reason`: why calls of this operation always go through botocore.
    """

    model: Any
    headers: Mapping[str, str]
    encode: Callable[[Mapping[str, Any]], bytes]
    parser: Any
    decoder: Any
    functions: Mapping[tuple[type, str], Any]
    ignored_package: str | None = None
    permanent_fallback_reason: str | None = None

    def fallback_reason(self) -> str | None:
        if self.permanent_fallback_reason is not None:
            return self.permanent_fallback_reason
        for (owner, name), function in self.functions.items():
            found = getattr(owner, name)
            if found is not function and unwrapped(found, self.ignored_package) is not function:
                return f'{owner.__name__}.{name} is wrapped'
        for log in _LOGS:
            if log.isEnabledFor(logging.DEBUG):
                return 'botocore logs at DEBUG'
        return None


def _build_operation(client: Any, method: str, ignored_package: str | None = None) -> _Operation:
    name, service = client.meta.method_to_api_mapping[method], client.meta.service_model
    model, protocol = service.operation_model(name), service.metadata['protocol']
    parser = create_parser(protocol)
    serialize = create_serializer(protocol, include_validation=False).serialize_to_request
    headers = {name.lower(): value for name, value in serialize({}, model)['headers'].items()}
    encode: Callable[[Mapping[str, Any]], bytes] = msgspec.json.encode
    decoder, shape = None, model.output_shape
    try:
        if protocol == 'query':
            encode = lambda given: urlencode(serialize(given, model)['body']).encode()  # noqa: E731
        elif shape is not None:
            decoder = msgspec.json.Decoder(_type_of(shape))
        reason = botocore_private.find_observer(client, method, ignored_package)
        functions = botocore_private.traceable_functions(client, method, ignored_package)
    except (AttributeError, KeyError) as error:
        reason, functions = f'botocore has changed: {error}', {}
    return _Operation(model, headers, encode, parser, decoder, functions, ignored_package, reason)


def _type_of(shape: Any) -> Any:
    """Return the Python type of a shape, for msgspec to decode.

    Raises:
        KeyError: for a shape that SQS does not use.
    """
    if shape.type_name == 'structure':
        if any('name' in member.serialization for member in shape.members.values()):
            raise KeyError(shape.name)
        members = {name: _type_of(member) for name, member in shape.members.items()}
        return TypedDict(shape.name, members, total=False)  # type: ignore[operator]
    if shape.type_name == 'list':
        return list[_type_of(shape.member)]  # type: ignore[misc]
    if shape.type_name == 'map':
        return dict[str, _type_of(shape.value)]  # type: ignore[misc]
    return _TYPES[shape.type_name]


def direct_client(
    client: Any, session: Any, ignored_package: str | None = None
) -> DirectClient | str:
    """Return a direct client for a boto3 client, or why all its calls go through botocore."""
    setting = os.environ.get('MEGA_TRANSPORT', 'direct')
    if setting not in ('direct', 'botocore'):
        problem = "must be 'direct' or 'botocore'"
        raise ConfigurationError(f'MEGA_TRANSPORT={safe_repr(setting)}: {problem}')
    core = botocore_private.botocore_session(session)
    reason = (
        'the session is not from boto3'
        if core is None
        else _permanent_fallback_reason(client, session)
    )
    if reason is not None:
        return reason
    ca_bundle = core.get_config_variable('ca_bundle') or os.environ.get('REQUESTS_CA_BUNDLE')
    url, config = client.meta.endpoint_url, client.meta.config
    pool = ConnectionPool(url, config, ca_bundle or str(get_cert_path(True)))
    return DirectClient(client, session.get_credentials(), pool, ignored_package)


def _permanent_fallback_reason(client: Any, session: Any) -> str | None:
    model, config, url = client.meta.service_model, client.meta.config, client.meta.endpoint_url
    parts, proxies = urlsplit(url), {**get_environ_proxies(url), **(config.proxies or {})}
    reasons = {
        'MEGA_TRANSPORT=botocore': os.environ.get('MEGA_TRANSPORT') == 'botocore',
        'the service is not SQS or SNS': model.service_name not in ('sqs', 'sns'),
        'the protocol is unknown': model.metadata.get('protocol') not in ('json', 'query'),
        'AWS Lambda adds a header to each call': 'AWS_LAMBDA_FUNCTION_NAME' in os.environ,
        f'the signature is {config.signature_version}': config.signature_version != 'v4',
        'botocore retries the calls': config.retries.get('total_max_attempts') != 1,
        'there are no credentials': session.get_credentials() is None,
        'there is a proxy': parts.scheme in proxies,
        'there is a client certificate': config.client_cert is not None,
        'the endpoint has a path': bool(parts.path.strip('/') or parts.query),
        'the user agent is not ASCII': not config.user_agent.isascii(),
    }
    return next((reason for reason, applies in reasons.items() if applies), None)
