"""The direct client: requests to SQS and SNS, written, signed, sent and read without botocore.

botocore derives each request from its model, its endpoint rules and a dozen events, and receives
the same result every time. A request of SQS needs little of it (one of SNS is a form):

    POST / HTTP/1.1
    Content-Type: application/x-amz-json-1.0
    X-Amz-Target: AmazonSQS.ReceiveMessage
    ... Host, X-Amz-Date, Authorization (Signature Version 4), Content-Length

    {"QueueUrl":"https://sqs.eu-west-1.amazonaws.com/123456789012/orders","WaitTimeSeconds":20}

botocore still resolves region, endpoint, credentials and timeouts when the client is created. Its
serializer writes SNS's forms. Its parsers read SNS's XML, and each response of SQS that is not a
plain success, so all errors are botocore's. Calls go through botocore while something observes it
(a log at DEBUG, a wrapped function, an event handler), for parameters that cannot be encoded, and
for the reasons in `_permanent_reason`.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias, TypedDict
from urllib.parse import urlencode, urlsplit

import msgspec
from botocore.httpsession import get_cert_path
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
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
    """Calls SQS or SNS without botocore, as `BotocoreCaller` does. Safe to share among threads."""

    def __init__(self, client: Any, credentials: Any, pool: ConnectionPool) -> None:
        self.client = client
        self._credentials = credentials
        self._pool = pool
        self._host = urlsplit(client.meta.endpoint_url).netloc
        self._operations: dict[str, _Operation] = {}

    @property
    def transport(self) -> str:
        method = 'publish' if hasattr(self.client, 'publish') else 'receive_message'
        reason = self._operation(method).reason_for_botocore()
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
        body = operation.encode(parameters)
        keys = self._credentials.get_frozen_credentials()
        time_text, meta = _format_time(int(time.time())), self.client.meta
        token = f'x-amz-security-token:{keys.token}\n' if keys.token else ''
        rest = f'x-amz-date:{time_text}\n{token}{operation.headers}'
        signed = f'content-type:{operation.content_type}\nhost:{self._host}\n{rest}'
        token_name = 'x-amz-security-token;' if token else ''
        names = f'content-type;host;x-amz-date;{token_name}{operation.names}'.rstrip(';')
        scope = (meta.region_name, meta.service_model.signing_name)
        signature = authorization(signed, names, body, time_text, keys, *scope)
        if not f'{signature}{keys.token}'.isprintable():
            raise ValueError('a line break in the credentials would add a header')
        sent = rest.replace(':', ': ').replace('\n', '\r\n')
        head = (
            f'POST / HTTP/1.1\r\nHost: {self._host}\r\nContent-Type: {operation.content_type}\r\n'
            f'{sent}Authorization: {signature}\r\nContent-Length: {len(body)}\r\n'
            f'User-Agent: {meta.config.user_agent}\r\nAccept-Encoding: identity\r\n\r\n'
        )
        return head.encode('ascii') + body

    def _read(self, operation: _Operation, response: HttpResponse) -> dict[str, Any]:
        headers = response.headers
        if operation.decoder is not None and response.status == 200:
            with suppress(ValueError):  # not of the expected types: botocore's parser reads it
                found: dict[str, Any] = operation.decoder.decode(response.body)
                metadata: dict[str, Any] = {'HTTPStatusCode': 200, 'HTTPHeaders': headers}
                if 'x-amzn-requestid' in headers:
                    metadata['RequestId'] = headers['x-amzn-requestid']
                found['ResponseMetadata'] = metadata
                return found
        received = {'status_code': response.status, 'headers': headers, 'body': response.body}
        parsed: dict[str, Any] = operation.parser.parse(received, operation.model.output_shape)
        if response.status < 300:
            return parsed
        error = parsed.get('Error', {})
        kind = self.client.exceptions.from_code(error.get('QueryErrorCode') or error.get('Code'))
        raise kind(parsed, operation.model.name)


@dataclass(frozen=True, slots=True)
class _Operation:
    """How an operation is called directly.

    `headers`, `names`: the headers of its protocol in the form that is signed, and their names.
    `decoder`: None if the parser reads every response.
    `functions`: the functions of botocore that tracing wraps.
    `permanent_reason`: why calls of this operation always go through botocore.
    """

    model: Any
    encode: Callable[[Mapping[str, Any]], bytes] = msgspec.json.encode
    content_type: str = 'application/x-amz-json-1.0'
    headers: str = ''
    names: str = ''
    parser: Any = None
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
    metadata = client.meta.service_model.metadata
    try:
        event = botocore_private.observed_event(client, name)
        functions = botocore_private.traced_functions(client, method)
        if event is not None or functions is None:
            reason = f'a handler receives {event}' if event else f'{method} is wrapped'
            return _Operation(model, permanent_reason=reason)
        parser = create_parser(metadata['protocol'])
        if metadata['protocol'] == 'query':
            serialize = create_serializer('query', include_validation=False).serialize_to_request
            return _Operation(
                model,
                lambda parameters: urlencode(serialize(parameters, model)['body']).encode(),
                'application/x-www-form-urlencoded; charset=utf-8',
                parser=parser,
                functions=functions,
            )
        headers = f'x-amz-target:{metadata["targetPrefix"]}.{name}\nx-amzn-query-mode:true\n'
        shape = model.output_shape
        return _Operation(
            model,
            headers=headers,
            names='x-amz-target;x-amzn-query-mode',
            parser=parser,
            decoder=msgspec.json.Decoder(_type_of(shape)) if shape else None,
            functions=functions,
        )
    except (AttributeError, KeyError) as error:
        return _Operation(model, permanent_reason=f'botocore has changed: {error}')


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
    """Return the direct caller for SQS and SNS if nothing prevents it, else botocore's."""
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
