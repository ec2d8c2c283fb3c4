"""Tracebacks without secrets. Crash reporters record the local variables of each frame.

    SqsListener.__init__     aws_secret_access_key='wJalr...'
    DirectClient.call        request=b'POST / HTTP/1.1 ... x-amz-security-token: FwoGZ...'
    botocore's frames        request=<AWSPreparedRequest ... headers={'X-Amz-Security-Token': ...}>

The frames remain in the traceback, with their files and lines, but without local variables.
"""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, TypeVar

__all__ = ('handled_exception', 'remove_secrets', 'without_secrets_in_tracebacks')

F = TypeVar('F', bound=Callable[..., Any])

# Python shows the value of a header that it cannot send: the value may be a session token.
_SECRET_IN_TEXT = re.compile('Invalid header value.*', re.DOTALL)


def handled_exception() -> BaseException | None:
    """Return the exception that the caller is handling at the moment."""
    return sys.exc_info()[1]


def remove_secrets(error: BaseException, handled: BaseException | None) -> None:
    """Remove the secrets from an exception and from the exceptions that led to it.

    The frames that have ended lose their local variables, and botocore's errors their request.
    `handled`: the exception that the caller was handling before. It does not change.
    """
    for each in _with_causes(error, handled):
        traceback.clear_frames(each.__traceback__)
        if getattr(each, 'request', None) is not None:
            each.request = None  # type: ignore[attr-defined]
        each.args = tuple(map(_without_header, each.args))


def without_secrets_in_tracebacks(function: F) -> F:
    """Decorate a function that takes secrets as keyword arguments, and may raise."""

    @wraps(function)
    def call(*arguments: Any, **secrets: Any) -> Any:
        handled = handled_exception()
        try:
            return function(*arguments, **secrets)
        except BaseException as error:
            secrets.clear()
            remove_secrets(error, handled)
            raise

    return call  # type: ignore[return-value]


def _with_causes(error: BaseException, handled: BaseException | None) -> Iterator[BaseException]:
    pending: list[Any] = [error]
    seen = {id(None), id(handled)}
    while pending:
        each = pending.pop()
        if id(each) not in seen:
            seen.add(id(each))
            yield each
            pending += [each.__cause__, each.__context__]


def _without_header(text: object) -> object:
    return _SECRET_IN_TEXT.sub('an invalid header value', text) if isinstance(text, str) else text
