"""Every private name of boto3, botocore and wrapt that this package uses. Each has a test.

A function returns None where a name is missing, and its caller does without.
"""

from __future__ import annotations

from contextlib import suppress
from types import FunctionType
from typing import Any

PRIVATE_NAMES = (
    'boto3.session.Session._session',
    'botocore.client.BaseClient._endpoint',
    'botocore.client.BaseClient._make_api_call',
    'botocore.hooks.EventAliaser._emitter',
    'botocore.hooks.HierarchicalEmitter._handlers',
    'botocore.httpsession.URLLib3Session._pool_classes_by_scheme',
    'wrapt.FunctionWrapper._self_wrapper',
)

_EVENTS = (
    *('provide-client-params', 'before-parameter-build', 'before-endpoint-resolution'),
    *('before-call', 'request-created', 'choose-signer', 'before-sign', 'before-send'),
    *('response-received', 'before-parse', 'needs-retry', 'after-call', 'after-call-error'),
)
"""The events of a call in botocore."""


def botocore_session(session: Any) -> Any:
    """Return the botocore session of a boto3 session."""
    return getattr(session, '_session', None)


def http_session(client: Any) -> tuple[Any, dict[str, Any]] | None:
    """Return what a client sends requests with, and its classes of connection pools by scheme."""
    with suppress(AttributeError):
        session = client._endpoint.http_session
        return session, session._pool_classes_by_scheme
    return None


def unwrapped(function: Any, package: str | None) -> Any:
    """Return a function of botocore without the wrappers that the modules of a package define.

    Instrumentation wraps functions with the library wrapt.
    """
    while package is not None:
        wrapper = getattr(function, '_self_wrapper', None)
        if not getattr(wrapper, '__module__', '').startswith(package):
            break
        function = function.__wrapped__
    return function


def find_observer(client: Any, method: str, package: str | None = None) -> str | None:
    """Return what observes the calls of a method, except for botocore and the package."""
    operation = client.meta.method_to_api_mapping[method]
    service = client.meta.service_model.service_id.hyphenize()
    for event in _EVENTS:
        handlers = client.meta.events._emitter._handlers
        for handler in handlers.prefix_search(f'{event}.{service}.{operation}'):
            if not handler.__module__.startswith('botocore.') or 'stub' in handler.__module__:
                return f'a handler receives {event}'
    for function in traceable_functions(client, method, package).values():
        # A wrapper copies the name and module of its function, but not its globals.
        names = getattr(function, '__globals__', {})
        if type(function) is not FunctionType or not names['__name__'].startswith('botocore.'):
            return f'{method} is wrapped'
    return None


def traceable_functions(
    client: Any, method: str, package: str | None = None
) -> dict[tuple[type, str], Any]:
    """Return the functions of a call that tracing wraps, by their class and name.

    The wrappers of the package are removed.
    """
    kind, endpoint = type(client), type(client._endpoint)
    places = ((kind, method), (kind, '_make_api_call'), (endpoint, 'make_request'))
    return {place: unwrapped(getattr(*place), package) for place in places}
