"""The direct client: SQS's JSON requests, written, signed, sent and read without botocore.

botocore derives each request from its model, its endpoint rules and a dozen events, and receives
the same result every time. A request of SQS needs little of it:

    POST / HTTP/1.1
    Content-Type: application/x-amz-json-1.0
    X-Amz-Target: AmazonSQS.ReceiveMessage
    ... Host, X-Amz-Date, Authorization (Signature Version 4), Content-Length

    {"QueueUrl":"https://sqs.eu-west-1.amazonaws.com/123456789012/orders","WaitTimeSeconds":20}

botocore still resolves region, endpoint, credentials and timeouts when the client is created. Its
parser reads each response that is not a plain success, so all errors are botocore's. Calls go
through botocore while something observes it (a log at DEBUG, a wrapped function, an event handler),
for parameters that msgspec cannot encode, and for the reasons in `_permanent_reason`.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias, TypedDict
from urllib.parse import urlsplit

import msgspec
from botocore.httpsession import get_cert_path
from botocore.parsers import create_parser
from botocore.utils import get_environ_proxies

from mega.aws._transport import botocore_private
from mega.aws._transport.connections import ConnectionPool
from mega.aws._transport.http import HttpResponse
from mega.aws._transport.signing import authorization
from mega.errors import ConfigurationError, safe_repr

__all__ = ('BotocoreCaller', 'Caller', 'choose_caller')

_LOGS = [
    logging.getLogger(f'botocore.{name}')
    for name in ('auth', 'endpoint', 'hooks', 'parsers', 'regions', 'retries.standard')
]
_TYPES = {'string': str, 'integer': int, 'long': int, 'boolean': bool, 'blob': bytes}
_PARSER = create_parser('json')


@dataclass(frozen=True, slots=True)
class BotocoreCaller:
    """Calls the methods of a boto3 client, and knows the reason why."""

    client: Any
    reason: str

    @property
    def transport(self) -> str:
        return f'botocore: {self.reason}'

    def call(self, method: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Call AWS by boto3's name of the method. It raises botocore's exceptions."""
        response: dict[str, Any] = getattr(self.client, method)(**parameters)
        return response

    def close(self) -> None:
        self.client.close()


class DirectCaller:
    """Calls SQS without botocore, as `BotocoreCaller` does. Safe to share among threads."""

    def __init__(self, client: Any, credentials: Any, pool: ConnectionPool) -> None:
        self.client = client
        self._credentials = credentials
        self._pool = pool
        self._host = urlsplit(client.meta.endpoint_url).netloc
        self._operations: dict[str, _Operation] = {}

    @property
    def transport(self) -> str:
        reason = self._operation('receive_message').reason_for_botocore()
        return f'botocore: {reason}' if reason else 'direct'

    def call(self, method: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        operation = self._operation(method)
        reason = operation.reason_for_botocore()
        if reason is None:
            try:
                request = self._render(operation, parameters)
            except (TypeError, ValueError):  # botocore takes it, or its error says what is wrong
                reason = 'the parameters are not plain JSON'
            else:
                return self._read(operation, self._pool.send(request))
        return BotocoreCaller(self.client, reason).call(method, parameters)

    def close(self) -> None:
        self._pool.close()
        self.client.close()

    def _operation(self, method: str) -> _Operation:
        operation = self._operations.get(method)
        if operation is None:
            operation = self._operations[method] = _describe(self.client, method)
        return operation

    def _render(self, operation: _Operation, parameters: Mapping[str, Any]) -> bytes:
        body = msgspec.json.encode(parameters)
        keys = self._credentials.get_frozen_credentials()
        time_text, target = _format_time(int(time.time())), operation.target
        signed_token = sent_token = token_name = ''
        if keys.token:
            signed_token = f'x-amz-security-token:{keys.token}\n'
            sent_token = f'X-Amz-Security-Token: {keys.token}\r\n'
            token_name = 'x-amz-security-token;'
        signed = (
            f'content-type:application/x-amz-json-1.0\nhost:{self._host}\nx-amz-date:{time_text}\n'
            f'{signed_token}x-amz-target:{target}\nx-amzn-query-mode:true\n'
        )
        names = f'content-type;host;x-amz-date;{token_name}x-amz-target;x-amzn-query-mode'
        region = self.client.meta.region_name
        signature = authorization(signed, names, body, time_text, keys, region, 'sqs')
        if not f'{signature}{keys.token}'.isprintable():
            raise ValueError('a line break in the credentials would add a header')
        head = (
            f'POST / HTTP/1.1\r\nHost: {self._host}\r\nX-Amz-Target: {target}\r\n'
            f'X-Amz-Date: {time_text}\r\n{sent_token}Authorization: {signature}\r\n'
            f'Content-Type: application/x-amz-json-1.0\r\nx-amzn-query-mode: true\r\n'
            f'User-Agent: {self.client.meta.config.user_agent}\r\n'
            f'Accept-Encoding: identity\r\nContent-Length: {len(body)}\r\n\r\n'
        )
        return head.encode('ascii') + body

    def _read(self, operation: _Operation, response: HttpResponse) -> dict[str, Any]:
        headers = response.headers
        if response.status == 200:
            try:
                found: dict[str, Any] = operation.decoder.decode(response.body)
            except ValueError:  # not of the expected types: botocore's parser reads it
                pass
            else:
                metadata: dict[str, Any] = {'HTTPStatusCode': 200, 'HTTPHeaders': headers}
                if 'x-amzn-requestid' in headers:
                    metadata['RequestId'] = headers['x-amzn-requestid']
                found['ResponseMetadata'] = metadata
                return found
        parsed: dict[str, Any] = _PARSER.parse(
            {'status_code': response.status, 'headers': headers, 'body': response.body},
            operation.model.output_shape,
        )
        if response.status < 300:
            return parsed
        error = parsed.get('Error', {})
        kind = self.client.exceptions.from_code(error.get('QueryErrorCode') or error.get('Code'))
        raise kind(parsed, operation.model.name)


@dataclass(frozen=True, slots=True)
class _Operation:
    """What a direct call needs to know. `functions`: the functions of botocore that tracing wraps.

    `permanent_reason`: why calls of this operation always go through botocore.
    """

    model: Any
    target: str
    decoder: Any = None
    functions: Mapping[tuple[type, str], Any] | None = None
    permanent_reason: str | None = None

    def reason_for_botocore(self) -> str | None:
        """Return why a call must go through botocore at the moment."""
        if self.functions is None:
            return self.permanent_reason
        for (owner, name), function in self.functions.items():
            if getattr(owner, name) is not function:
                return f'{owner.__name__}.{name} is wrapped'
        for log in _LOGS:
            if log.isEnabledFor(logging.DEBUG):
                return 'botocore logs at DEBUG'
        return None


def _describe(client: Any, method: str) -> _Operation:
    name = client.meta.method_to_api_mapping[method]
    model = client.meta.service_model.operation_model(name)
    target = f'{model.service_model.metadata["targetPrefix"]}.{name}'
    try:
        decoder = msgspec.json.Decoder(_type_of(model.output_shape))
        event = botocore_private.observed_event(client, name)
        functions = botocore_private.traced_functions(client, method)
    except (AttributeError, KeyError) as error:
        return _Operation(model, target, permanent_reason=f'botocore has changed: {error}')
    if event is not None or functions is None:
        reason = f'a handler receives {event}' if event else f'{method} is wrapped'
        return _Operation(model, target, permanent_reason=reason)
    return _Operation(model, target, decoder, functions)


def _type_of(shape: Any) -> Any:
    """Return the Python type of a shape, for msgspec to decode.

    Raises:
        KeyError: for a shape that SQS does not use.
    """
    if shape.type_name == 'structure':
        members = {
            member.serialization.get('name', name): _type_of(member)
            for name, member in shape.members.items()
        }
        if members.keys() != shape.members.keys():
            raise KeyError(shape.name)
        return TypedDict(shape.name, members, total=False)  # type: ignore[operator]
    if shape.type_name == 'list':
        return list[_type_of(shape.member)]  # type: ignore[misc]
    if shape.type_name == 'map':
        return dict[str, _type_of(shape.value)]  # type: ignore[misc]
    return _TYPES[shape.type_name]


@lru_cache(maxsize=2)
def _format_time(second: int) -> str:
    return time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(second))


Caller: TypeAlias = BotocoreCaller | DirectCaller


def choose_caller(client: Any, session: Any) -> Caller:
    """Return the direct caller for a client of SQS if nothing prevents it, else botocore's."""
    setting = os.environ.get('MEGA_TRANSPORT', 'direct')
    if setting not in ('direct', 'botocore'):
        raise ConfigurationError(
            f"MEGA_TRANSPORT={safe_repr(setting)}: must be 'direct' or 'botocore'"
        )
    core = botocore_private.core_session(session)
    reason = 'the session is not from boto3' if core is None else _permanent_reason(client, session)
    if reason is not None:
        return BotocoreCaller(client, reason)
    ca_bundle = core.get_config_variable('ca_bundle') or os.environ.get('REQUESTS_CA_BUNDLE')
    url, config = client.meta.endpoint_url, client.meta.config
    pool = ConnectionPool(url, config, ca_bundle or str(get_cert_path(True)))
    return DirectCaller(client, session.get_credentials(), pool)


def _permanent_reason(client: Any, session: Any) -> str | None:
    model, config, url = client.meta.service_model, client.meta.config, client.meta.endpoint_url
    parts, proxies = urlsplit(url), {**get_environ_proxies(url), **(config.proxies or {})}
    reasons = {
        'MEGA_TRANSPORT=botocore': os.environ.get('MEGA_TRANSPORT') == 'botocore',
        'the service is not SQS': model.service_name != 'sqs',
        'SQS is not called by JSON': model.metadata.get('jsonVersion') != '1.0',
        'AWS Lambda adds a header to each call': 'AWS_LAMBDA_FUNCTION_NAME' in os.environ,
        f'the signature is {config.signature_version}': config.signature_version != 'v4',
        'there are no credentials': session.get_credentials() is None,
        'there is a proxy': parts.scheme in proxies,
        'there is a client certificate': config.client_cert is not None,
        'the endpoint has a path': bool(parts.path.strip('/') or parts.query),
        'the user agent is not ASCII': not config.user_agent.isascii(),
    }
    return next((reason for reason, applies in reasons.items() if applies), None)
