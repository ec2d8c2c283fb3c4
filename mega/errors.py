"""Every way in which MEGA can fail, one tree.

    MegaError
    ├ ConfigurationError (ValueError)       something was set up in a way that cannot work
    ├ PatternError (TypeError, ValueError)  a pattern that means nothing, when it is declared
    ├ EventError (ValueError)               a MEGA event that breaks the protocol
    ├ PublishError                          payloads were not published
    │ ├ EncodeError (ValueError)            ... because no message can carry one
    │ └ PayloadTooLargeError                ... because one is larger than its destination takes
    ├ ConsumeError                          a message cannot be opened
    │ ├ DecodeError (ValueError)            ... because its body says nothing
    │ ├ EnvelopeError (ValueError)          ... because its SNS envelope is broken
    │ └ PointerError (ValueError)           ... because its pointer into S3 may not be followed
    ├ OffloadError                          S3 did not take a body, or does not give it now
    ├ TransportError                        a call to AWS failed
    └ RetriableError                        raised *by* a subscriber: bring this message again

Errors take data and write their own sentence: what was wrong, where, what to do. They never hold a
body or a secret, and show what came from outside only as a `repr`, cut short.
"""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from typing import Any, TypeAlias

__all__ = (
    'ConfigurationError',
    'ConsumeError',
    'DecodeError',
    'EncodeError',
    'EnvelopeError',
    'EventError',
    'MegaError',
    'OffloadError',
    'PatternError',
    'PayloadTooLargeError',
    'PointerError',
    'PublishError',
    'RetriableError',
    'TransportError',
    'check_int',
    'check_seconds',
    'join_path',
    'safe_repr',
    'single_line',
)

MAX_PATH = 100

_repr = reprlib.Repr()
_repr.maxstring = _repr.maxother = _repr.maxlong = 60
_repr.maxlevel = 2


def safe_repr(value: object) -> str:
    """The `repr` of something from outside, fit for an error or a log line.

    At most some 60 characters for a text, control characters escaped, and never an exception.
    """
    try:
        return _repr.repr(value)
    except Exception:  # a user's own __repr__
        return f'<{type(value).__name__}>'


def single_line(text: str, limit: int = 300) -> str:
    """A text from outside on one line, control characters escaped, cut short.

    It may go to a terminal, a log, or back to AWS.
    """
    folded = ' '.join(text.split())
    seen = ''.join(c if c.isprintable() else c.encode('unicode_escape').decode() for c in folded)
    return seen if len(seen) <= limit else f'{seen[: limit - 3]}...'


def join_path(path: str, into: str | int) -> str:
    """The path one step further in: `user` and `tags` make `user.tags`, 2 makes `user.tags[2]`."""
    if isinstance(into, int):
        return f'{path}[{into}]'
    return f'{path}.{into}' if path else into


def _printable_path(path: str) -> str:
    """A path as an error shows it: the keys in it came from outside."""
    return path if path.isprintable() and len(path) <= MAX_PATH else safe_repr(path)


class MegaError(Exception):
    """The root of every error of this library."""


class ConfigurationError(MegaError, ValueError):
    """Something was set up in a way that cannot work. The text says what, and what to do."""


class PatternError(MegaError, TypeError, ValueError):
    """A value that is no pattern, or a function given what it cannot use.

    Raised when the pattern is declared, never when a payload is matched.
    `path` leads to the value within the pattern (`''` is the pattern itself).
    """

    def __init__(self, path: str, value: object, problem: str) -> None:
        super().__init__(path, value, problem)
        self.path = path
        self.value = value
        self.problem = problem

    def __str__(self) -> str:
        where = f' at {_printable_path(self.path)}' if self.path else ''
        return f'no pattern{where}: {safe_repr(self.value)}: {self.problem}'


class EventError(MegaError, ValueError):
    """A MEGA event that breaks the protocol.

    `path` names the field, as in `event.name` or `object.current`.
    """

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path, problem)
        self.path = path
        self.problem = problem

    def __str__(self) -> str:
        return f'no MEGA event: {_printable_path(self.path)} {self.problem}'


class PublishError(MegaError):
    """Payloads were not published, or nobody can say that they were.

    `results` has one result for each payload of a batch, in the order in which they were given; it
    is empty where a single payload failed.
    """

    results: Sequence[Any] = ()

    @classmethod
    def of_batch(cls, results: Sequence[Any], problem: str = '') -> PublishError:
        """The error of a batch that was not published whole."""
        failed = [result.error for result in results if result.error is not None]
        counts = f'{len(failed)} of {len(results)} payloads were not published'
        first = f'the first says: {failed[0]}' if failed else ''
        error = cls('; '.join(filter(None, (counts, problem, first))))
        error.results = results
        return error


class EncodeError(PublishError, ValueError):
    """A payload that no body can carry.

    `path` leads to the offending value within the payload (`''` is the payload itself).
    """

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path, problem)
        self.path = path
        self.problem = problem

    def __str__(self) -> str:
        return f'cannot be published: {_printable_path(self.path) or "the payload"} {self.problem}'


class PayloadTooLargeError(PublishError):
    """A message of more bytes than its destination takes, attributes included.

    Or a body of more than a payload store takes. `advice` is what to do about it, if anything.
    """

    def __init__(self, size: int, limit: int, advice: str = '') -> None:
        super().__init__(size, limit, advice)
        self.size = size
        self.limit = limit
        self.advice = advice

    def __str__(self) -> str:
        problem = f'a message of {self.size:,} bytes is over the limit of {self.limit:,}'
        return f'{problem}; {self.advice}' if self.advice else problem


class ConsumeError(MegaError):
    """A message that cannot be opened. It stays in the queue, or is dead-lettered."""


class DecodeError(ConsumeError, ValueError):
    """A body that is not what it begins as, or what its mark says."""


class EnvelopeError(ConsumeError, ValueError):
    """What looks like SNS's envelope round a body, and breaks its form."""


class PointerError(ConsumeError, ValueError):
    """A pointer into S3 that is broken, may not be followed, or leads to something else."""


class OffloadError(MegaError):
    """S3 did not take a body that was to be offloaded, or does not give one. The cause says why.

    `bucket` and `key` are where it lies or was to lie, `retriable` whether to try again may help.
    """

    def __init__(self, bucket: str, key: str, problem: str, retriable: bool = False) -> None:
        super().__init__(bucket, key, problem, retriable)
        self.bucket = bucket
        self.key = key
        self.problem = problem
        self.retriable = retriable

    def __str__(self) -> str:
        return f'offloaded body {safe_repr(self.key)} in {safe_repr(self.bucket)}: {self.problem}'


class TransportError(MegaError):
    """A call to AWS failed. The cause is botocore's own error.

    `operation` is AWS's name of the call, `code` AWS's word for what happened (or the class of
    botocore's error where AWS did not answer), `retriable` whether the same call may yet succeed.
    """

    def __init__(self, operation: str, code: str, problem: str, retriable: bool) -> None:
        super().__init__(operation, code, problem, retriable)
        self.operation = operation
        self.code = code
        self.problem = problem
        self.retriable = retriable

    def __str__(self) -> str:
        return f'{self.operation} failed ({self.code}): {self.problem}'


class RetriableError(MegaError):
    """Raised by a subscriber: leave this message in the queue, it will be processed again.

    `delay` is the wait in seconds, up to SQS's 43,200. Without one the message comes back when the
    queue says so, at the end of its visibility timeout. A text in its place is the reason alone.
    """

    def __init__(self, delay: float | str | None = None, reason: str = '') -> None:
        # An error while this one is raised would count as fatal and cost the message: so whatever
        # is given is taken here, and brought within SQS's limits where the message is settled.
        super().__init__(delay, reason)
        self.delay = None if isinstance(delay, str) else delay
        self.reason = delay if isinstance(delay, str) else reason

    def __str__(self) -> str:
        return self.reason or 'to be retried'


RangeError: TypeAlias = type[ConfigurationError] | type[EncodeError]


def check_int(
    name: str,
    value: object,
    low: int,
    high: int,
    unit: str = '',
    error: RangeError = ConfigurationError,
) -> int:
    """Return an option that must be an int from `low` to `high`. A bool is not an int here.

    Raises:
        ConfigurationError: for any other value. Or `error`, if that is another class.
    """
    if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
        return value
    raise _range_error(name, value, f'{low:,} to {high:,} {unit}'.rstrip(), error)


def check_seconds(
    name: str,
    value: object,
    low: float,
    high: float,
    error: RangeError = ConfigurationError,
) -> float:
    """Return an option that must be `low` to `high` seconds, as an int or a float.

    A bool is not a number here, and NaN is not in any range.

    Raises:
        ConfigurationError: for any other value. Or `error`, if that is another class.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high:
        return value
    raise _range_error(name, value, f'{low:,} to {high:,} seconds', error)


def _range_error(name: str, value: object, span: str, error: RangeError) -> MegaError:
    if issubclass(error, EncodeError):
        return error(name, f'is {safe_repr(value)}: must be {span}')
    return error(f'{name}={safe_repr(value)}: must be {span}')
