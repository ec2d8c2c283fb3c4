"""Calls made again: as botocore made the first of their kind, without going all its way.

At every call botocore asks its model, its rules of endpoints and those who listen to a dozen events
what the request is to be, and is always answered the same. So the first request of an operation is
botocore's. Where the one that is written here for the same call is the same, byte for byte, those
that follow are written here, and what they are answered is read here.

What is no success is given to botocore, as what came of a request of its own: all errors are its
own. It also goes its own way where somebody looks on: who listened to its events at the first call,
listens to its log now, or has put something in the place of its functions, as tracing does.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import FunctionType
from typing import Any, Protocol
from weakref import ReferenceType, ref

from mega.aws._transport.connection_pool import Exchanging, Outcome, Sent, overhearing
from mega.aws._transport.http import Answer
from mega.aws._transport.request_template import Form, Keys, form_of
from mega.aws._transport.response_parsing import Reader, is_plain, read_json, reader_of

__all__ = ('Calls', 'Repeating', 'Usual')

_EVENTS = (
    'provide-client-params',
    'before-parameter-build',
    'before-endpoint-resolution',
    'before-call',
    'request-created',
    'choose-signer',
    'before-sign',
    'before-send',
    'response-received',
    'before-parse',
    'needs-retry',
    'after-call',
    'after-call-error',
)
"""What botocore tells in the course of a call, in its order."""

_LOGS = [
    logging.getLogger(f'botocore.{name}')
    for name in ('auth', 'endpoint', 'hooks', 'parsers', 'regions', 'retries.standard')
]


class Calls(Protocol):
    """A client of boto3's, and how it is called."""

    @property
    def client(self) -> Any: ...

    def call(self, method: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Call AWS, by boto3's name of the method. Raises what botocore raises."""


@dataclass(frozen=True, slots=True)
class Usual:
    """Calls the methods of a client."""

    client: Any

    def call(self, method: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = getattr(self.client, method)(**parameters)
        return answer


class Repeating:
    """Calls the methods of a client once each, and then repeats. Safe to share among threads.

    `credentials` are those with which the client signs. It is one that tries no call twice:
    botocore counts what succeeds to know how much it may try again, and does not hear of what
    succeeds here.
    """

    def __init__(self, client: Any, credentials: Any) -> None:
        self.client = client
        self._usual = Usual(client)
        self._credentials = credentials
        self._known: dict[str, _Operation | None] = {}

    def call(self, method: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        operation = self._known.get(method)
        if method in self._known and (operation is None or operation.is_watched()):
            return self._usual.call(method, parameters)
        keys: Keys = self._credentials.get_frozen_credentials()
        pool = None if operation is None else operation.pool()
        outcome: Outcome | None = None
        if operation is not None and pool is not None:
            outcome = operation.send(pool, parameters, keys)
            if isinstance(outcome, Answer) and (found := operation.read(outcome)) is not None:
                return found
        with overhearing(outcome, pool) as ear:
            answer = self._usual.call(method, parameters)
        if ear.heard is not None:
            # What was received is there, and must not be lost to what is to be learned of it.
            with suppress(Exception):
                self._learn(method, parameters, keys, ear.heard)
        return answer

    def _learn(self, method: str, parameters: Mapping[str, Any], keys: Keys, sent: Sent) -> None:
        """Keep how a method's calls are made; None where that is for botocore to know."""
        form = form_of(sent)
        if form is not None and form.fits(sent, parameters, keys):
            self._known[method] = _operation(self.client, method, form, sent.pool)
        elif keys == self._credentials.get_frozen_credentials():  # and so, when it was signed
            self._known.setdefault(method, None)


@dataclass(frozen=True, slots=True)
class _Operation:
    """How calls of a method are made without botocore, while its `functions` are what they were.

    The pool is the client's, and closed when nobody else knows it.
    """

    form: Form
    pool: ReferenceType[Exchanging]
    reader: Reader
    functions: Mapping[tuple[type, str], FunctionType]

    def is_watched(self) -> bool:
        """Whether somebody has come who wants to see what botocore does."""
        return any(
            getattr(kind, name) is not function for (kind, name), function in self.functions.items()
        ) or any(log.isEnabledFor(logging.DEBUG) for log in _LOGS)

    def send(self, pool: Exchanging, parameters: Mapping[str, Any], keys: Keys) -> Outcome | None:
        """What comes of a request; None if none could be sent, since no connection is open."""
        request = self.form.fill_in(parameters, keys)
        try:
            return None if request is None else pool.exchanged(request)
        except Exception as error:
            return error

    def read(self, answer: Answer) -> dict[str, Any] | None:
        """What botocore makes of an answer, but for how often it tried; None if not certain."""
        if answer.status != 200:
            return None
        try:
            found: dict[str, Any] = self.reader(read_json(answer.body))
            metadata = {'HTTPStatusCode': 200, 'HTTPHeaders': answer.headers}
            found['ResponseMetadata'] = metadata
        except Exception:  # of anything that is not as it should be
            return None
        if (request_id := answer.headers.get('x-amzn-requestid')) is not None:
            metadata['RequestId'] = request_id
        return found


def _operation(client: Any, method: str, form: Form, pool: Exchanging) -> _Operation | None:
    """How a method's calls are made; None if botocore is not as it was, or somebody looks on."""
    try:
        model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[method])
        kind, endpoint = type(client), type(client._endpoint)
        places = ((kind, method), (kind, '_make_api_call'), (endpoint, 'make_request'))
        functions = {place: getattr(*place) for place in places}
        is_as_it_was = (
            'AWS_LAMBDA_FUNCTION_NAME' not in os.environ  # there each call names its trace
            and is_plain(model.input_shape)
            and all(map(_is_botocores, functions.values()))
            and not _is_heard(client.meta.events, model)
        )
        if is_as_it_was:
            return _Operation(form, ref(pool), reader_of(model.output_shape), functions)
    except (AttributeError, KeyError, NotImplementedError):
        pass
    return None


def _is_botocores(function: Any) -> bool:
    """Whether a function is one that botocore has, and not something that was put round it."""
    # Wrappers take over the name and the module of what they wrap, and some its attributes, too.
    return type(function) is FunctionType and function.__globals__['__name__'].startswith(
        'botocore.'
    )


def _is_heard(events: Any, model: Any) -> bool:
    """Whether anybody but botocore and this package listens to what botocore tells in a call."""
    service = model.service_model.service_id.hyphenize()
    handlers = [
        handler
        for event in _EVENTS
        for handler in events._emitter._handlers.prefix_search(f'{event}.{service}.{model.name}')
    ]
    return not all(
        handler.__module__.startswith(('botocore.', 'mega.aws.'))
        and handler.__module__ != 'botocore.stub'
        for handler in handlers
    )
