"""A client of a service in this process: the methods of a boto3 client, without a network.

    def call(operation, request):                       # a model of the service
        return {'MessageId': '1'}

    sqs = InProcessClient('sqs', call, SYSTEM_CLOCK)
    sqs.send_message(QueueUrl=url, MessageBody='{}')    # {'MessageId': '1', ...}

The service models of botocore define the methods, the parameters and the exceptions, so that code
cannot tell this client from one of boto3. botocore is imported when a client is created. The model
of its service is loaded when the client is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from io import BytesIO
from itertools import count
from typing import Any, NamedTuple, NoReturn, TypeAlias

from mega.aws._transport.clock import Clock
from mega.aws._transport.interruption import CallInterrupted, current_interrupter
from mega.errors import ConfigurationError

__all__ = ('InProcessCall', 'InProcessClient', 'RefusedCallError')

InProcessCall: TypeAlias = Callable[[str, dict[str, Any]], dict[str, Any]]
"""Performs an operation, with a request and a response in boto3's shapes.

It may raise `RefusedCallError`, a `TimeoutError` if the response is lost, or a `ConnectionError`.
"""


class RefusedCallError(Exception):
    """An error that the service returned.

    `code` is its code in a response, and `name` its name in the service model if that differs.
    """

    def __init__(self, code: str, message: str, status: int = 400, name: str | None = None) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.status = status
        self.name = name


class _Service(NamedTuple):
    """A service as botocore describes it."""

    model: Any
    methods: Mapping[str, str]
    exceptions: Any


@dataclass(frozen=True, slots=True)
class _Meta:
    """The attributes of a boto3 client's `meta` that do not depend on a network."""

    region_name: str
    endpoint_url: str
    service_model: Any
    method_to_api_mapping: Mapping[str, str]
    partition: str = 'aws'
    config: None = None


class InProcessClient:
    """A client of one service, with the methods of a boto3 client of that service.

    It checks parameters as boto3 does. It has no paginators, waiters, events and configuration.
    Safe to share among threads if `call` is.
    """

    def __init__(
        self,
        service: str,
        call: InProcessCall,
        clock: Clock,
        *,
        region_name: str = 'eu-west-1',
        endpoint_url: str | None = None,
    ) -> None:
        self.clock = clock
        self._name = service
        self._call = call
        self._region = region_name
        self._url = endpoint_url or f'https://{service}.{region_name}.amazonaws.com'
        self._request_ids = count(1)

    @cached_property
    def meta(self) -> _Meta:
        """The region, the endpoint, and the service model."""
        service = _service(self._name)
        return _Meta(self._region, self._url, service.model, service.methods)

    @property
    def exceptions(self) -> Any:
        """The exceptions of the service: `client.exceptions.QueueDoesNotExist`."""
        return _service(self._name).exceptions

    def can_paginate(self, method: str) -> bool:
        """Return False: this client has no paginators."""
        return False

    def close(self) -> None:
        """Do nothing, because the client has no connection."""

    def check_service(self, service: str) -> None:
        """Refuse to be the client of another service.

        Raises:
            ConfigurationError: if this is not a client of the service.
        """
        if service != self._name:
            raise ConfigurationError(
                f'client= must be a client of {service}, and is a client of {self._name}'
            )

    def __getattr__(self, method: str) -> Callable[..., dict[str, Any]]:
        operation = None if method.startswith('_') else _service(self._name).methods.get(method)
        if operation is None:
            raise AttributeError(f'{self!r} has no method {method!r}')

        def perform(**parameters: Any) -> dict[str, Any]:
            return self._perform(operation, parameters)

        perform.__name__ = method
        setattr(self, method, perform)
        return perform

    def __repr__(self) -> str:
        return f'<in-process client of {self._name}>'

    def _perform(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        model = _service(self._name).model.operation_model(operation)
        request = _checked(parameters, model)
        interrupter = current_interrupter()
        if interrupter is not None and interrupter.is_interrupting:
            raise CallInterrupted
        try:
            response = self._call(operation, request)
        except RefusedCallError as refused:
            error = self._client_error(operation, refused)
        except (TimeoutError, ConnectionError) as failure:
            self._raise_connection_error(failure)
        else:
            return {
                **response,
                **_streams(response, model),
                'ResponseMetadata': self._metadata(200),
            }
        raise error

    def _client_error(self, operation: str, refused: RefusedCallError) -> Exception:
        """Return the exception of botocore for an error of the service."""
        details = {'Message': refused.message, 'Code': refused.code}
        details['Type'] = 'Sender' if refused.status < 500 else 'Receiver'
        if refused.name is not None:
            details['QueryErrorCode'] = refused.name
        response = {'Error': details, 'ResponseMetadata': self._metadata(refused.status)}
        kind: type[Exception] = self.exceptions.from_code(refused.name or refused.code)
        return kind(response, operation)

    def _raise_connection_error(self, failure: OSError) -> NoReturn:
        from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

        kind = ReadTimeoutError if isinstance(failure, TimeoutError) else ConnectionClosedError
        raise kind(endpoint_url=self._url, error=failure)

    def _metadata(self, status: int) -> dict[str, Any]:
        return {
            'RequestId': f'request-{next(self._request_ids)}',
            'HTTPStatusCode': status,
            'HTTPHeaders': {},
            'RetryAttempts': 0,
        }


@cache
def _service(name: str) -> _Service:
    """Load the model of a service. That of S3 takes about 0.1 seconds."""
    from botocore import xform_name
    from botocore.errorfactory import ClientExceptionsFactory
    from botocore.loaders import Loader
    from botocore.model import ServiceModel

    model = ServiceModel(Loader().load_service_model(name, 'service-2'), name)
    methods = {xform_name(operation): operation for operation in model.operation_names}
    return _Service(model, methods, ClientExceptionsFactory().create_client_exceptions(model))


def _checked(parameters: dict[str, Any], model: Any) -> dict[str, Any]:
    """Return the parameters of a request, with the content of a file in place of the file.

    Raises:
        botocore.exceptions.ParamValidationError: for invalid parameters.
    """
    from botocore.validate import validate_parameters

    if model.input_shape is None:
        return parameters
    validate_parameters(parameters, model.input_shape)
    body = model.get_streaming_input()
    name = body and model.input_shape.serialization['payload']
    if name not in parameters:
        return parameters
    content = parameters[name]
    content = content.read() if hasattr(content, 'read') else content
    content = content.encode() if isinstance(content, str) else bytes(content)
    return {**parameters, name: content}


def _streams(response: dict[str, Any], model: Any) -> dict[str, Any]:
    """Return the stream of a response that has one, such as the body of an object."""
    if model.get_streaming_output() is None:
        return {}
    from botocore.response import StreamingBody

    name = model.output_shape.serialization['payload']
    content = response.get(name, b'')
    return {name: StreamingBody(BytesIO(content), len(content))}
